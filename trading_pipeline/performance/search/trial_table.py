"""The returns of trials side by side, and which of them can be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance.bar_returns import FloatArray

__all__ = ["TrialTable", "usable_trials"]


_FLAT = 1e-12
"""Deviation over the largest return, below which returns do not vary but for rounding."""


@dataclass(frozen=True, eq=False)
class TrialTable:
    """Returns of the trials that can be compared, (bars, trials), and their columns before."""

    returns: FloatArray
    columns: npt.NDArray[np.int64]
    left_out: int


def usable_trials(returns: npt.ArrayLike) -> TrialTable:
    """Trials whose returns are all finite and vary; the others are counted.

    Raises `DataQualityError` for anything but a table of numbers, (bars, trials).

    >>> table = usable_trials([[0.1, 0.0, np.nan], [0.2, 0.0, 0.1]])
    >>> table.columns.tolist(), table.left_out
    ([0], 2)
    """
    try:
        values = np.asarray(returns, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataQualityError(
            f"The returns of the trials are not numbers ({error}); give a table of simple "
            "returns, one row a bar and one column a trial."
        ) from error
    if values.ndim != 2:
        raise DataQualityError(
            f"The returns of the trials have the shape {values.shape}; give a table, one row a "
            "bar and one column a trial.",
            shape=values.shape,
        )
    finite = np.isfinite(values).all(axis=0)
    safe = np.where(finite, values, 0.0)
    spread = safe.std(axis=0) if len(safe) else np.zeros(values.shape[1])
    scale = np.abs(safe).max(axis=0, initial=0.0)
    columns = np.flatnonzero(finite & (spread > _FLAT * scale))
    return TrialTable(
        returns=np.ascontiguousarray(values[:, columns]),
        columns=columns.astype(np.int64),
        left_out=int(values.shape[1] - columns.size),
    )
