"""Compiled loops that join the statistics of two adjacent windows into those of both together.

The older window ends where the newer one begins, so for row r its statistic is read at r - newer.
Rows before a full window are NaN, and NaN in either gives NaN. All arrays are float64 and equally
long; `newer` and `older` are numbers of rows, 1 or more. No loop carries anything from row to row
and all arrays are read from their first element on, so the compiler works on several rows at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.features.arrays import FloatArray, FloatArrays

__all__ = [
    "correlations_of",
    "joined_extremes",
    "joined_moments",
    "joined_positions",
    "joined_products",
    "joined_sums",
    "joined_trends",
    "lines_of",
]


@njit(cache=True, nogil=True, error_model="numpy")
def joined_sums(
    values: FloatArray, others: FloatArray, newer: int, older: int, result: FloatArray
) -> None:
    """Sums over both windows; `values` are sums of the newer one, `others` of the older."""
    new, old, joined = _pair(values, others, newer, older, result)
    for row in range(joined.shape[0]):
        joined[row] = old[row] + new[row]


@njit(cache=True, nogil=True, error_model="numpy")
def joined_extremes(
    values: FloatArray, others: FloatArray, newer: int, older: int, sign: float, result: FloatArray
) -> None:
    """Greatest (`sign` 1.0) or smallest (-1.0) of both windows into `result`."""
    new, old, joined = _pair(values, others, newer, older, result)
    for row in range(joined.shape[0]):
        # a comparison with NaN is False: NaN as the newer is taken, NaN as the older is kept
        kept = (sign * old[row] >= sign * new[row]) | (old[row] != old[row])
        joined[row] = old[row] if kept else new[row]


@njit(cache=True, nogil=True, error_model="numpy")
def joined_positions(
    values: FloatArray,
    others: FloatArray,
    places: FloatArray,
    other_places: FloatArray,
    newer: int,
    older: int,
    sign: float,
    result: FloatArray,
) -> None:
    """Place of the first extreme of both windows, 1 for the oldest row; values are finite.

    `values` and `others` are the extremes of the newer and the older window, `places` and
    `other_places` where these stand.
    """
    new, old, joined = _pair(values, others, newer, older, result)
    late, early, _ = _pair(places, other_places, newer, older, result)
    for row in range(joined.shape[0]):
        # of equal values the older
        first = sign * old[row] >= sign * new[row]
        joined[row] = early[row] if first else late[row] + older


@njit(cache=True, nogil=True, error_model="numpy")
def joined_moments(
    means: FloatArray,
    squares: FloatArray,
    other_means: FloatArray,
    other_squares: FloatArray,
    newer: int,
    older: int,
    both_means: FloatArray,
    both_squares: FloatArray,
) -> None:
    """Mean, and sum of squares about it: exactly 0 in a flat window (Chan et al. 1983)."""
    new, old, joined = _pair(means, other_means, newer, older, both_means)
    late, early, spread = _pair(squares, other_squares, newer, older, both_squares)
    share, weight = newer / (newer + older), newer * older / (newer + older)
    for row in range(joined.shape[0]):
        apart = new[row] - old[row]
        joined[row] = old[row] + apart * share
        spread[row] = early[row] + late[row] + apart * apart * weight


@njit(cache=True, nogil=True, error_model="numpy")
def joined_products(
    products: FloatArray,
    other_products: FloatArray,
    left: FloatArray,
    other_left: FloatArray,
    right: FloatArray,
    other_right: FloatArray,
    newer: int,
    older: int,
    result: FloatArray,
) -> None:
    """Sums of products about both means; `left` and `right` are means of the newer window."""
    new, old, joined = _pair(products, other_products, newer, older, result)
    new_left, old_left, _ = _pair(left, other_left, newer, older, result)
    new_right, old_right, _ = _pair(right, other_right, newer, older, result)
    weight = newer * older / (newer + older)
    for row in range(joined.shape[0]):
        apart = (new_left[row] - old_left[row]) * (new_right[row] - old_right[row])
        joined[row] = old[row] + new[row] + apart * weight


@njit(cache=True, nogil=True, error_model="numpy")
def joined_trends(
    products: FloatArray,
    other_products: FloatArray,
    means: FloatArray,
    other_means: FloatArray,
    newer: int,
    older: int,
    result: FloatArray,
) -> None:
    """As `joined_products` with the row numbers as one series, whose means are known."""
    new, old, joined = _pair(products, other_products, newer, older, result)
    late, early, _ = _pair(means, other_means, newer, older, result)
    weight = 0.5 * newer * older
    for row in range(joined.shape[0]):
        joined[row] = old[row] + new[row] + (late[row] - early[row]) * weight


@njit(cache=True, nogil=True)
def _pair(
    values: FloatArray, others: FloatArray, newer: int, older: int, result: FloatArray
) -> FloatArrays:
    """From the first full window on: the newer statistic, the older one and where to write."""
    rows = result.shape[0]
    begin = min(newer + older - 1, rows)
    result[:begin] = np.nan
    old = others[max(begin - newer, 0) : max(rows - newer, 0)]
    return values[begin:], old, result[begin:]


@njit(cache=True, nogil=True, error_model="numpy")
def correlations_of(
    left: FloatArray, right: FloatArray, products: FloatArray, result: FloatArray
) -> None:
    """Pearson's correlation from sums about the means; 0 where one series is constant."""
    for row in range(result.shape[0]):
        # a root of each, since the product of two small squares can fall below the smallest number
        spread = np.sqrt(left[row]) * np.sqrt(right[row])
        found = products[row] / (spread if spread != 0.0 else 1.0)
        found = found if spread != 0.0 else 0.0
        found = 1.0 if found > 1.0 else found
        result[row] = -1.0 if found < -1.0 else found


@njit(cache=True, nogil=True, error_model="numpy")
def lines_of(
    values: FloatArray,
    means: FloatArray,
    squares: FloatArray,
    products: FloatArray,
    window: int,
    slopes: FloatArray,
    explained: FloatArray,
    residuals: FloatArray,
) -> None:
    """Slope, share explained and last residual of lines, from the moments of windows."""
    one, middle = 12.0 / (window * (window * window - 1.0)), 0.5 * (window - 1)
    for row in range(values.shape[0]):
        square = squares[row]
        flat = square == 0.0
        slope = products[row] * one
        slope = 0.0 if flat else slope
        share = slope * products[row] / (1.0 if flat else square)
        slopes[row] = slope
        explained[row] = 1.0 if share > 1.0 else share
        residual = values[row] - means[row] - slope * middle
        residuals[row] = 0.0 if flat else residual
