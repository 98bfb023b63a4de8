"""This file holds rolling statistics that depend on their window alone.

Each is computed from the window's values afresh, in two passes where squares are summed, so that a
value has no memory of earlier bars: running sums keep the rounding of a large value long after it
has left the window. The first `window - 1` rows are NaN, and NaN in a window gives NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import ConfigurationError

__all__ = [
    "FloatArray",
    "lagged",
    "rolling_max",
    "rolling_mean",
    "rolling_mean_deviation",
    "rolling_min",
    "rolling_std",
    "rolling_sum",
    "rolling_z_score",
]

FloatArray = npt.NDArray[np.float64]


def lagged(values: FloatArray, bars: int) -> FloatArray:
    """The value `bars` rows earlier; NaN on the first `bars` rows.

    >>> lagged(np.array([1.0, 2.0, 3.0]), 1)
    array([nan,  1.,  2.])
    """
    _check(bars)
    result = np.full(len(values), np.nan)
    result[bars:] = values[: max(len(values) - bars, 0)]
    return result


def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Sum over the last `window` rows.

    >>> rolling_sum(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    array([nan,  3.,  5.,  7.])
    """
    return _reduce(values, window, np.add)


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean over the last `window` rows."""
    return rolling_sum(values, window) / window


def rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Greatest of the last `window` rows."""
    return _reduce(values, window, np.maximum)


def rolling_min(values: FloatArray, window: int) -> FloatArray:
    """Smallest of the last `window` rows."""
    return _reduce(values, window, np.minimum)


def rolling_std(values: FloatArray, window: int, *, ddof: int = 1) -> FloatArray:
    """Standard deviation over the last `window` rows; exactly 0 where they are all equal.

    `ddof=1` for a sample, `ddof=0` for the population, as Bollinger bands take it.
    """
    if window <= ddof:
        raise ConfigurationError(
            f"A standard deviation with ddof={ddof} needs more than {ddof} rows, was {window}.",
            window=window,
        )
    squares = _sum_about_mean(values, window, np.square)
    return np.sqrt(squares / (window - ddof))


def rolling_mean_deviation(values: FloatArray, window: int) -> FloatArray:
    """Mean absolute deviation from the window's mean; exactly 0 where all rows are equal."""
    return _sum_about_mean(values, window, np.abs) / window


def rolling_z_score(values: FloatArray, window: int) -> FloatArray:
    """Sample standard deviations of the last row from its window's mean; 0 where all are equal.

    >>> rolling_z_score(np.array([1.0, 2.0, 3.0, 3.0, 3.0]), 3)
    array([       nan,        nan, 1.        , 0.57735027, 0.        ])
    """
    deviation = rolling_std(values, window)
    distance = values - rolling_mean(values, window)
    # NaN must stay NaN, so only a spread of exactly 0 is replaced
    return np.where(deviation == 0.0, 0.0, distance / np.where(deviation == 0.0, 1.0, deviation))


def _sum_about_mean(
    values: FloatArray, window: int, transform: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    result = np.full(len(values), np.nan)
    rows = len(values) - window + 1
    mean = rolling_mean(values, window)[window - 1 :]
    if rows <= 0:
        return result
    total = np.zeros(rows)
    for offset in range(window):
        total += transform(values[offset : offset + rows] - mean)
    result[window - 1 :] = total
    # the mean of equal values can be off by a rounding error, which would pass for a spread
    flat = rolling_max(values, window) == rolling_min(values, window)
    result[flat] = 0.0
    return result


def _reduce(values: FloatArray, window: int, ufunc: Any) -> FloatArray:
    _check(window)
    result = np.full(len(values), np.nan)
    rows = len(values) - window + 1
    if rows <= 0:
        return result
    reduced = np.array(values[:rows], dtype="float64")
    for offset in range(1, window):
        ufunc(reduced, values[offset : offset + rows], out=reduced)
    result[window - 1 :] = reduced
    return result


def _check(window: int) -> None:
    if window < 1:
        raise ConfigurationError(f"A window of {window} rows is not possible; give 1 or more.")
