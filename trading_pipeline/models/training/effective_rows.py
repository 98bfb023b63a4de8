"""What overlapping labels are worth as independent rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.features.labels.reports import uniqueness
from trading_pipeline.settings.model_spec import TrainingSpec

__all__ = ["fit_weights", "label_clock", "row_uniqueness"]


def label_clock(labels: pd.DataFrame) -> pd.DatetimeIndex:
    """Moments at which any label of the columns t0 and t1 begins or ends, increasing.

    Of a series that has a label at every bar these are the bars. Give all labels, also those that
    are not trained on: a bar at which none begins or ends is not counted as one.
    """
    return pd.DatetimeIndex(labels["t0"]).union(pd.DatetimeIndex(labels["t1"])).unique()


def row_uniqueness(rows: pd.DataFrame, clock: pd.DatetimeIndex) -> npt.NDArray[np.float64]:
    """Average uniqueness of each label among `rows`, above 0 and at most 1.

    The sum is the number of effective rows. A label that overlaps no other has 1.0, and labels over
    h bars at every bar have about 1/h. Lopez de Prado (2018), section 4.4.

    Parameters
    ----------
    rows
        Columns t0 and t1 (aware UTC), in any order; a label lives in `t0 < time <= t1`.
    clock
        When each bar is known, increasing, with every t0 and t1 among them.

    Raises
    ------
    DataQualityError
        For a label that does not end after it begins, and for a t0 or t1 that is not in `clock`.

    >>> days = pd.date_range("2024-01-01", periods=9, tz="UTC")
    >>> rows = pd.DataFrame({"t0": days[[0, 2, 7]], "t1": days[[4, 6, 8]]})
    >>> row_uniqueness(rows, days).tolist()
    [0.75, 0.75, 1.0]
    """
    if not len(rows):
        return np.empty(0)
    # a share is a difference of cumulated sums, so that 1.0 can come out a rounding above it
    return np.minimum(uniqueness(rows, clock), 1.0)


def fit_weights(
    training: TrainingSpec, rows: pd.DataFrame, clock: pd.DatetimeIndex
) -> npt.NDArray[np.float64]:
    """What each row of labels counts in a fit: its uniqueness or 1, halved by age.

    The newest row of a fit with `half_life_bars` keeps its weight; one that many bars of `clock`
    older has half of it. `rows`, `clock`: as `row_uniqueness` takes them.
    """
    weights = np.ones(len(rows)) if training.weights == "equal" else row_uniqueness(rows, clock)
    if training.half_life_bars is None or not len(rows):
        return weights
    at = clock.searchsorted(pd.DatetimeIndex(rows["t0"]))
    faded: npt.NDArray[np.float64] = weights * 0.5 ** ((at.max() - at) / training.half_life_bars)
    return faded
