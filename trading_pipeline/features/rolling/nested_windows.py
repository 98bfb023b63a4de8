"""This file holds rolling statistics of several windows at once, longer ones joined of shorter ones.

A window of 60 rows is one of 30 and the 30 before it. Where a window is the sum of two shorter ones that are
wanted too, its statistic is theirs joined, one step a row; others are computed as in `rolling`. Either
way a value is made of the rows in its window alone, and no running sum is kept. What `rolling` says of NaN,
flat windows and the rows before a full window holds here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features.rolling import joined_kernels as joins
from trading_pipeline.features.rolling import kernels as rolling_kernels
from trading_pipeline.features.rolling import windows as rolling
from trading_pipeline.features.rolling.windows import FloatArray, Line

__all__ = [
    "Moments",
    "nested_correlations",
    "nested_extreme_positions",
    "nested_extremes",
    "nested_lines",
    "nested_moments",
    "nested_sums",
]

_Statistic = TypeVar("_Statistic")


class Moments(NamedTuple):
    """Mean of a window, and sum of the squares of the distances from it."""

    mean: FloatArray
    squares: FloatArray

    def deviation(self, window: int) -> FloatArray:
        """Standard deviation of a sample of `window` rows."""
        return np.sqrt(self.squares / (window - 1))


def nested_sums(values: FloatArray, windows: tuple[int, ...]) -> dict[int, FloatArray]:
    """`rolling_sum` of each window.

    >>> nested_sums(np.array([1.0, 2.0, 3.0, 4.0]), (1, 2))[2]
    array([nan,  3.,  5.,  7.])
    """

    def joined(newer: int, older: int, found: dict[int, FloatArray]) -> FloatArray:
        result = np.empty(len(values))
        joins.joined_sums(found[newer], found[older], newer, older, result)
        return result

    return _nested(windows, lambda window: rolling.rolling_sum(values, window), joined)


def nested_extremes(
    values: FloatArray, windows: tuple[int, ...], *, greatest: bool
) -> dict[int, FloatArray]:
    """`rolling_max`, or `rolling_min` where not `greatest`, of each window."""
    sign, single = (1.0, rolling.rolling_max) if greatest else (-1.0, rolling.rolling_min)

    def joined(newer: int, older: int, found: dict[int, FloatArray]) -> FloatArray:
        result = np.empty(len(values))
        joins.joined_extremes(found[newer], found[older], newer, older, sign, result)
        return result

    return _nested(windows, lambda window: single(values, window), joined)


def nested_extreme_positions(
    values: FloatArray, windows: tuple[int, ...], *, greatest: bool
) -> dict[int, FloatArray]:
    """`rolling_position_of_max`, or of the minimum where not `greatest`, of each window."""
    sign = 1.0 if greatest else -1.0
    single = rolling.rolling_position_of_max if greatest else rolling.rolling_position_of_min
    best = nested_extremes(values, windows, greatest=greatest)

    def joined(newer: int, older: int, found: dict[int, FloatArray]) -> FloatArray:
        result = np.empty(len(values))
        joins.joined_positions(
            best[newer], best[older], found[newer], found[older], newer, older, sign, result
        )
        return result

    return _nested(windows, lambda window: single(values, window), joined)


def nested_moments(values: FloatArray, windows: tuple[int, ...]) -> dict[int, Moments]:
    """Mean and sum of squares about it of each window; the squares of a flat one are exactly 0."""
    rows = len(values)

    def single(window: int) -> Moments:
        found = Moments(np.empty(rows), np.empty(rows))
        rolling_kernels.window_moments(np.ascontiguousarray(values), window, *found)
        return found

    def joined(newer: int, older: int, found: dict[int, Moments]) -> Moments:
        both = Moments(np.empty(rows), np.empty(rows))
        joins.joined_moments(*found[newer], *found[older], newer, older, *both)
        return both

    return _nested(windows, single, joined)


def nested_lines(
    values: FloatArray, windows: tuple[int, ...], moments: dict[int, Moments]
) -> dict[int, Line]:
    """`rolling_line` of each window; `moments` are those of the same values and windows."""
    rows = len(values)
    lines: dict[int, Line] = {}
    prices, numbers = np.ascontiguousarray(values), np.arange(float(rows))

    def single(window: int) -> FloatArray:
        result, middles = np.empty(rows), numbers - 0.5 * (window - 1)
        rolling_kernels.window_products(
            prices, numbers, moments[window].mean, middles, window, result
        )
        return result

    def joined(newer: int, older: int, found: dict[int, FloatArray]) -> FloatArray:
        result = np.empty(rows)
        means, others = moments[newer].mean, moments[older].mean
        joins.joined_trends(found[newer], found[older], means, others, newer, older, result)
        return result

    for window, products in _nested(windows, single, joined).items():
        lines[window] = Line(np.empty(rows), np.empty(rows), np.empty(rows))
        joins.lines_of(prices, *moments[window], products, window, *lines[window])
    return lines


def nested_correlations(
    left: FloatArray, right: FloatArray, windows: tuple[int, ...]
) -> dict[int, FloatArray]:
    """`rolling_correlation` of each window."""
    rows = len(left)
    of_left, of_right = nested_moments(left, windows), nested_moments(right, windows)

    def single(window: int) -> FloatArray:
        result = np.empty(rows)
        means = of_left[window].mean, of_right[window].mean
        rolling_kernels.window_products(
            np.ascontiguousarray(left), np.ascontiguousarray(right), *means, window, result
        )
        return result

    def joined(newer: int, older: int, found: dict[int, FloatArray]) -> FloatArray:
        result = np.empty(rows)
        joins.joined_products(
            found[newer],
            found[older],
            of_left[newer].mean,
            of_left[older].mean,
            of_right[newer].mean,
            of_right[older].mean,
            newer,
            older,
            result,
        )
        return result

    products = _nested(windows, single, joined)
    found: dict[int, FloatArray] = {}
    for window, product in products.items():
        found[window] = np.empty(rows)
        squares = of_left[window].squares, of_right[window].squares
        joins.correlations_of(*squares, product, found[window])
    return found


def _nested(
    windows: tuple[int, ...],
    single: Callable[[int], _Statistic],
    joined: Callable[[int, int, dict[int, _Statistic]], _Statistic],
) -> dict[int, _Statistic]:
    """Of each window what `single` gives, or `joined` of a newer and an older window already found."""
    found: dict[int, _Statistic] = {}
    for window in sorted(set(windows)):
        if window < 1:
            raise ConfigurationError(f"A window of {window} rows is not possible; give 1 or more.")
        newer = max((one for one in found if window - one in found), default=None)
        found[window] = single(window) if newer is None else joined(newer, window - newer, found)
    return found
