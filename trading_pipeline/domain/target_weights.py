"""Target weights: the share of equity that each instrument should hold.

A weight of 0.25 is a quarter of the equity, -0.25 a short position of that size; row t is decided
at the close of bar t. NaN keeps an instrument's previous weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import utc_index
from trading_pipeline.errors import DataQualityError, InsufficientDataError, StrategyError

__all__ = ["TargetWeights"]


@dataclass(frozen=True, eq=False)
class TargetWeights:
    """Target weights of a portfolio, a frame of bars by instruments.

    `frame`: one column an instrument, with an increasing aware UTC index; at each stamp at least
    one instrument has a bar. NaN keeps the instrument's last weight (none before its first), 0
    closes its position. Rows need not cover every bar.

    Raises `InsufficientDataError` for a frame without rows or columns, and `StrategyError`, which
    names the row and its values, for stamps that do not increase or have no zone, for a repeated
    instrument, and for a weight that is infinite or not a number.

    >>> days = pd.date_range("2024-01-01", periods=2, tz="UTC")
    >>> weights = TargetWeights(pd.DataFrame({"A_1d": [0.5, np.nan], "B_1d": [0.5, 0.25]}, days))
    >>> weights.instruments, weights.values.shape
    (('A_1d', 'B_1d'), (2, 2))
    """

    frame: pd.DataFrame

    def __post_init__(self) -> None:
        """Check the frame and keep a copy of it in the contract's types."""
        given = self.frame
        if not isinstance(given, pd.DataFrame):
            raise StrategyError(
                f"Target weights are a {type(given).__name__}; give a DataFrame with an aware UTC "
                "index and one column an instrument."
            )
        if not given.size:
            raise InsufficientDataError(
                f"The target weights have {len(given)} rows and {given.shape[1]} instruments; give "
                "at least one of each.",
                rows=len(given),
                instruments=given.shape[1],
            )
        try:
            index = utc_index(given.index)
        except DataQualityError as error:
            raise StrategyError(
                f"The index of the target weights cannot be used. {error}"
            ) from error
        twice = sorted({str(name) for name in given.columns[given.columns.duplicated()]})
        if twice:
            raise StrategyError(
                f"The target weights name {', '.join(twice)} twice; give one column an instrument.",
                instruments=twice,
            )
        late = np.flatnonzero(~(index[1:] > index[:-1]))
        if len(late) or index.hasnans:
            row = int(late[0]) + 1 if len(late) else 0
            raise StrategyError(
                f"Row {row} of the target weights ({index[row]}) does not lie after the row before "
                f"it; stamps must rise, each once. Sort the frame and drop doubles.",
                row=row,
                ts=index[row],
            )
        object.__setattr__(self, "frame", _checked(given, index))

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)

    @property
    def index(self) -> pd.DatetimeIndex:
        """Aware UTC stamps of the bars at whose close the rows were decided."""
        index: pd.DatetimeIndex = self.frame.index  # type: ignore[assignment]
        return index

    @cached_property
    def instruments(self) -> tuple[str, ...]:
        """Instruments, in the order of the columns."""
        return tuple(self.frame.columns)

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """Weights as an array (rows, instruments)."""
        return self.frame.to_numpy(dtype=np.float64)

    @classmethod
    def fixed(cls, weights: dict[str, float], at: pd.Timestamp) -> TargetWeights:
        """The same weights from the bar `at` on; the rebalancing decides when to restore them.

        >>> TargetWeights.fixed({"A_1d": 0.6}, pd.Timestamp("2024-01-01", tz="UTC")).values.tolist()
        [[0.6]]
        """
        return cls(pd.DataFrame([weights], index=pd.DatetimeIndex([at])))


def _checked(given: pd.DataFrame, index: pd.DatetimeIndex) -> pd.DataFrame:
    names = [str(name) for name in given.columns]
    try:
        values = given.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise StrategyError(f"The target weights are not all numbers: {error}.") from error
    wrong = np.argwhere(np.isinf(values))
    if len(wrong):
        row, column = map(int, wrong[0])
        raise StrategyError(
            f"Row {row} ({index[row]}) gives {names[column]} a target weight of "
            f"{values[row, column]}; give a finite number, or NaN to leave it as it is.",
            row=row,
            ts=index[row],
            instrument=names[column],
            value=float(values[row, column]),
        )
    return pd.DataFrame(values.copy(), index=index, columns=names)
