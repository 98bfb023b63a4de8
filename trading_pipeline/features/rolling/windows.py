"""Rolling statistics that depend on their window alone.

Each is computed from the window's values, without a running sum, which would keep the rounding
error of a large value long after it has left the window. The first `window - 1` rows are NaN, and
NaN in a window gives NaN. A window counts rows; one below 1 is a `ConfigurationError`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.arrays import FloatArray, FloatArrays
from trading_pipeline.features.rolling import kernels

__all__ = [
    "Line",
    "OrderStatistics",
    "filled",
    "lagged",
    "rolling_correlation",
    "rolling_line",
    "rolling_max",
    "rolling_mean",
    "rolling_mean_and_std",
    "rolling_mean_deviation",
    "rolling_min",
    "rolling_order_statistics",
    "rolling_position_of_max",
    "rolling_position_of_min",
    "rolling_std",
    "rolling_sum",
    "rolling_z_score",
]


class Line(NamedTuple):
    """Least-squares line through a window: slope per row, share explained, last row's residual."""

    slope: FloatArray
    r_squared: FloatArray
    residual: FloatArray


class OrderStatistics(NamedTuple):
    """Two quantiles of a window, and the last row's rank in it as a share (0 to 1]."""

    low: FloatArray
    high: FloatArray
    rank: FloatArray


def lagged(values: FloatArray, bars: int) -> FloatArray:
    """The value `bars` rows earlier; NaN on the first `bars` rows.

    >>> lagged(np.array([1.0, 2.0, 3.0]), 1)
    array([nan,  1.,  2.])
    """
    if bars:
        _check(bars)
    result = np.empty(len(values))
    result[:bars] = np.nan
    result[bars:] = values[: max(len(values) - bars, 0)]
    return result


def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Sum over the last `window` rows.

    >>> rolling_sum(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    array([nan,  3.,  5.,  7.])
    """
    return _over(kernels.window_sums, values, window)[0]


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean over the last `window` rows."""
    result = rolling_sum(values, window)
    result /= window
    return result


def rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Greatest of the last `window` rows."""
    return _over(kernels.window_extremes, values, window, 1.0)[0]


def rolling_min(values: FloatArray, window: int) -> FloatArray:
    """Smallest of the last `window` rows."""
    return _over(kernels.window_extremes, values, window, -1.0)[0]


def rolling_position_of_max(values: FloatArray, window: int) -> FloatArray:
    """Place of the window's first greatest value: 1 for its oldest row, `window` for its last.

    >>> rolling_position_of_max(np.array([3.0, 1.0, 3.0, 2.0]), 3)
    array([nan, nan,  1.,  2.])
    """
    return _over(kernels.window_extreme_positions, _finite(values), window, 1.0)[0]


def rolling_position_of_min(values: FloatArray, window: int) -> FloatArray:
    """Place of the window's first smallest value: 1 for its oldest row, `window` for its last."""
    return _over(kernels.window_extreme_positions, _finite(values), window, -1.0)[0]


def rolling_std(values: FloatArray, window: int, *, ddof: int = 1) -> FloatArray:
    """Standard deviation over the last `window` rows; exactly 0 where they are all equal.

    `ddof=1` for a sample, `ddof=0` for the population, as Bollinger bands use.
    """
    return rolling_mean_and_std(values, window, ddof=ddof)[1]


def rolling_mean_and_std(
    values: FloatArray, window: int, *, ddof: int = 1
) -> tuple[FloatArray, FloatArray]:
    """`rolling_mean` and `rolling_std` in one pass."""
    if window <= ddof:
        raise ConfigurationError(
            f"A standard deviation with ddof={ddof} needs more than {ddof} rows, was {window}.",
            window=window,
        )
    means, squares = _over(kernels.window_moments, values, window, parts=2)
    squares /= window - ddof
    return means, np.sqrt(squares, out=squares)


def rolling_mean_deviation(values: FloatArray, window: int) -> FloatArray:
    """Mean absolute deviation from the window's mean; exactly 0 where all rows are equal."""
    means, _ = _over(kernels.window_moments, values, window, parts=2)
    return filled(kernels.window_mean_deviations, _contiguous(values), means, window)[0]


def rolling_z_score(values: FloatArray, window: int) -> FloatArray:
    """Sample standard deviations of the last row from its window's mean; 0 where all are equal.

    >>> rolling_z_score(np.array([1.0, 2.0, 3.0, 3.0, 3.0]), 3)
    array([       nan,        nan, 1.        , 0.57735027, 0.        ])
    """
    means, deviation = rolling_mean_and_std(values, window)
    # NaN must stay NaN, so only a deviation of exactly 0 is replaced
    return np.where(deviation == 0.0, 0.0, (values - means) / np.where(deviation, deviation, 1.0))


def rolling_correlation(left: FloatArray, right: FloatArray, window: int) -> FloatArray:
    """Pearson's correlation over the last `window` rows; 0 where one of the two is constant."""
    _check(window)
    return filled(kernels.window_correlations, _contiguous(left), _contiguous(right), window)[0]


def rolling_line(values: FloatArray, window: int) -> Line:
    """Least-squares line through the last `window` rows against the row number.

    A flat window has slope, explained share and residual 0. The residual is the last row's.

    >>> rolling_line(np.array([1.0, 2.0, 3.0, 4.0]), 3).slope
    array([nan, nan,  1.,  1.])
    """
    if window < 2:
        raise ConfigurationError(f"A line needs 2 rows or more, was {window}.", window=window)
    return Line(*_over(kernels.window_lines, values, window, parts=3))


def rolling_order_statistics(
    values: FloatArray, window: int, *, low: float, high: float
) -> OrderStatistics:
    """Quantiles `low` and `high` (linear between neighbours) and the last row's rank.

    Equal values share their mean rank. Raises `DataQualityError` for values that are not finite.
    """
    _check(window)
    if not (0.0 <= low <= 1.0 and 0.0 <= high <= 1.0):
        raise ConfigurationError(f"Quantiles lie between 0 and 1, were {low} and {high}.")
    return OrderStatistics(
        *_over(kernels.window_order_statistics, _finite(values), window, low, high, parts=3)
    )


def filled(
    kernel: Callable[..., None], first: FloatArray, *others: FloatArray | float, parts: int = 1
) -> FloatArrays:
    """`parts` new arrays as long as `first`, filled by `kernel(first, *others, *arrays)`."""
    results = tuple(np.empty(len(first)) for _ in range(parts))
    kernel(first, *others, *results)
    return results


def _over(
    kernel: Callable[..., None], values: FloatArray, window: int, *others: float, parts: int = 1
) -> FloatArrays:
    _check(window)
    return filled(kernel, _contiguous(values), window, *others, parts=parts)


def _contiguous(values: FloatArray) -> FloatArray:
    return np.ascontiguousarray(values, dtype="float64")


def _finite(values: FloatArray) -> FloatArray:
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise DataQualityError(
            f"Ranks and places need finite values; row {wrong[0]} is {values[wrong[0]]}. Cut the "
            "leading rows off, or fix the gap first.",
            row=int(wrong[0]),
        )
    return values


def _check(window: int) -> None:
    if window < 1:
        raise ConfigurationError(f"A window of {window} rows is not possible; give 1 or more.")
