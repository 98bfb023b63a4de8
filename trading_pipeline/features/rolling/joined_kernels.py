"""This file holds the compiled loops that join statistics of two windows to those of both together.

The older window ends where the newer begins: row r of the older one's is read at r - newer. Rows of
results before a full window are NaN, and NaN in either gives NaN. All arrays are float64 and equally long;
`newer` and `older` are rows, 1 or more. No loop carries anything from row to row, and all read their arrays
from one place on: so the compiler works on several rows at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

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
def joined_sums(values: Any, others: Any, newer: int, older: int, result: Any) -> None:
    """Sums of both windows into `result`; `values` are those of the newer, `others` of the older."""
    new, old, joined = _pair(values, others, newer, older, result)
    for row in range(joined.shape[0]):
        joined[row] = old[row] + new[row]


@njit(cache=True, nogil=True, error_model="numpy")
def joined_extremes(
    values: Any, others: Any, newer: int, older: int, sign: float, result: Any
) -> None:
    """Greatest (`sign` 1.0) or smallest (-1.0) of both windows into `result`."""
    new, old, joined = _pair(values, others, newer, older, result)
    for row in range(joined.shape[0]):
        # a comparison with NaN is False: NaN as the newer is taken, NaN as the older is kept
        kept = (sign * old[row] >= sign * new[row]) | (old[row] != old[row])
        joined[row] = old[row] if kept else new[row]


@njit(cache=True, nogil=True, error_model="numpy")
def joined_positions(
    values: Any,
    others: Any,
    places: Any,
    other_places: Any,
    newer: int,
    older: int,
    sign: float,
    result: Any,
) -> None:
    """Place of the first extreme of both windows, from 1 for the oldest row on; values are finite.

    `values` and `others`: extremes of the newer and the older window; `places` are theirs.
    """
    new, old, joined = _pair(values, others, newer, older, result)
    late, early, _ = _pair(places, other_places, newer, older, result)
    for row in range(joined.shape[0]):
        # of equal ones the older
        first = sign * old[row] >= sign * new[row]
        joined[row] = early[row] if first else late[row] + older


@njit(cache=True, nogil=True, error_model="numpy")
def joined_moments(
    means: Any,
    squares: Any,
    other_means: Any,
    other_squares: Any,
    newer: int,
    older: int,
    both_means: Any,
    both_squares: Any,
) -> None:
    """Mean, and sum of squares about it (Chan, Golub and LeVeque 1983); a flat window has exactly 0."""
    new, old, joined = _pair(means, other_means, newer, older, both_means)
    late, early, spread = _pair(squares, other_squares, newer, older, both_squares)
    share, weight = newer / (newer + older), newer * older / (newer + older)
    for row in range(joined.shape[0]):
        apart = new[row] - old[row]
        joined[row] = old[row] + apart * share
        spread[row] = early[row] + late[row] + apart * apart * weight


@njit(cache=True, nogil=True, error_model="numpy")
def joined_products(
    products: Any,
    other_products: Any,
    left: Any,
    other_left: Any,
    right: Any,
    other_right: Any,
    newer: int,
    older: int,
    result: Any,
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
    products: Any,
    other_products: Any,
    means: Any,
    other_means: Any,
    newer: int,
    older: int,
    result: Any,
) -> None:
    """As `joined_products` with the rows' numbers as one of the two, whose means are half of both apart."""
    new, old, joined = _pair(products, other_products, newer, older, result)
    late, early, _ = _pair(means, other_means, newer, older, result)
    weight = 0.5 * newer * older
    for row in range(joined.shape[0]):
        joined[row] = old[row] + new[row] + (late[row] - early[row]) * weight


@njit(cache=True, nogil=True)
def _pair(values: Any, others: Any, newer: int, older: int, result: Any) -> Any:
    """Of each row from the first full window on: the newer, the older and what is to be written."""
    rows = result.shape[0]
    begin = min(newer + older - 1, rows)
    result[:begin] = np.nan
    old = others[max(begin - newer, 0) : max(rows - newer, 0)]
    return values[begin:], old, result[begin:]


@njit(cache=True, nogil=True, error_model="numpy")
def correlations_of(left: Any, right: Any, products: Any, result: Any) -> None:
    """Pearson's correlation from sums of squares and products about the means; 0 where one is still."""
    for row in range(result.shape[0]):
        # a root of each: the product of two small squares can fall below the smallest number
        spread = np.sqrt(left[row]) * np.sqrt(right[row])
        found = products[row] / (spread if spread != 0.0 else 1.0)
        found = found if spread != 0.0 else 0.0
        found = 1.0 if found > 1.0 else found
        result[row] = -1.0 if found < -1.0 else found


@njit(cache=True, nogil=True, error_model="numpy")
def lines_of(
    values: Any,
    means: Any,
    squares: Any,
    products: Any,
    window: int,
    slopes: Any,
    explained: Any,
    residuals: Any,
) -> None:
    """Slope, share explained and last residual of lines, from moments of windows of `window` rows."""
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
