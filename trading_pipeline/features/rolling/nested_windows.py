"""Rolling statistics of several windows at once, the longer ones joined from shorter ones.

A window of 60 rows is one of 30 and the 30 before it. Where a window is the sum of two shorter ones
that are wanted too, its statistic is theirs joined, one step a row; the others are computed as in
`windows`. Either way a value depends on the rows in its window alone, and no running sum is kept.
NaN, flat windows and rows before a full window are treated as in `windows`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.rolling import joined_kernels as joins
from trading_pipeline.features.rolling import kernels
from trading_pipeline.features.rolling import windows as rolling
from trading_pipeline.features.rolling.windows import Line, filled

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
    """Mean of a window, and sum of the squared distances from it."""

    mean: FloatArray
    squares: FloatArray

    def deviation(self, window: int) -> FloatArray:
        """Sample standard deviation of `window` rows."""
        return np.sqrt(self.squares / (window - 1))


def nested_sums(values: FloatArray, windows: tuple[int, ...]) -> dict[int, FloatArray]:
    """`rolling_sum` of each window.

    >>> nested_sums(np.array([1.0, 2.0, 3.0, 4.0]), (1, 2))[2]
    array([nan,  3.,  5.,  7.])
    """
    return _nested(
        windows,
        lambda window: rolling.rolling_sum(values, window),
        lambda newer, older, found: filled(
            joins.joined_sums, found[newer], found[older], newer, older
        )[0],
    )


def nested_extremes(
    values: FloatArray, windows: tuple[int, ...], *, greatest: bool
) -> dict[int, FloatArray]:
    """`rolling_max`, or `rolling_min` where not `greatest`, of each window."""
    sign, single = (1.0, rolling.rolling_max) if greatest else (-1.0, rolling.rolling_min)
    return _nested(
        windows,
        lambda window: single(values, window),
        lambda newer, older, found: filled(
            joins.joined_extremes, found[newer], found[older], newer, older, sign
        )[0],
    )


def nested_extreme_positions(
    values: FloatArray, windows: tuple[int, ...], *, greatest: bool
) -> dict[int, FloatArray]:
    """`rolling_position_of_max`, or of the minimum where not `greatest`, of each window."""
    sign = 1.0 if greatest else -1.0
    single = rolling.rolling_position_of_max if greatest else rolling.rolling_position_of_min
    best = nested_extremes(values, windows, greatest=greatest)

    def joined(newer: int, older: int, found: dict[int, FloatArray]) -> FloatArray:
        pairs = best[newer], best[older], found[newer], found[older]
        return filled(joins.joined_positions, *pairs, newer, older, sign)[0]

    return _nested(windows, lambda window: single(values, window), joined)


def nested_moments(values: FloatArray, windows: tuple[int, ...]) -> dict[int, Moments]:
    """Mean and sum of squares about it of each window; the squares of a flat one are exactly 0."""
    values = np.ascontiguousarray(values)

    def joined(newer: int, older: int, found: dict[int, Moments]) -> Moments:
        pairs = *found[newer], *found[older]
        return Moments(*filled(joins.joined_moments, *pairs, newer, older, parts=2))

    return _nested(
        windows,
        lambda window: Moments(*filled(kernels.window_moments, values, window, parts=2)),
        joined,
    )


def nested_lines(
    values: FloatArray, windows: tuple[int, ...], moments: dict[int, Moments]
) -> dict[int, Line]:
    """`rolling_line` of each window; `moments` are those of the same values and windows."""
    prices, numbers = np.ascontiguousarray(values), np.arange(float(len(values)))

    def single(window: int) -> FloatArray:
        middles = numbers - 0.5 * (window - 1)
        return filled(
            kernels.window_products, prices, numbers, moments[window].mean, middles, window
        )[0]

    def joined(newer: int, older: int, found: dict[int, FloatArray]) -> FloatArray:
        pairs = found[newer], found[older], moments[newer].mean, moments[older].mean
        return filled(joins.joined_trends, *pairs, newer, older)[0]

    return {
        window: Line(*filled(joins.lines_of, prices, *moments[window], products, window, parts=3))
        for window, products in _nested(windows, single, joined).items()
    }


def nested_correlations(
    left: FloatArray, right: FloatArray, windows: tuple[int, ...]
) -> dict[int, FloatArray]:
    """`rolling_correlation` of each window."""
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    of_left, of_right = nested_moments(left, windows), nested_moments(right, windows)

    def single(window: int) -> FloatArray:
        means = of_left[window].mean, of_right[window].mean
        return filled(kernels.window_products, left, right, *means, window)[0]

    def joined(newer: int, older: int, found: dict[int, FloatArray]) -> FloatArray:
        products = found[newer], found[older]
        means = (of[window].mean for of in (of_left, of_right) for window in (newer, older))
        return filled(joins.joined_products, *products, *means, newer, older)[0]

    return {
        window: filled(
            joins.correlations_of, of_left[window].squares, of_right[window].squares, products
        )[0]
        for window, products in _nested(windows, single, joined).items()
    }


def _nested(
    windows: tuple[int, ...],
    single: Callable[[int], _Statistic],
    joined: Callable[[int, int, dict[int, _Statistic]], _Statistic],
) -> dict[int, _Statistic]:
    """What `single` gives for each window, or `joined` where it is the sum of two found before."""
    found: dict[int, _Statistic] = {}
    for window in sorted(set(windows)):
        if window < 1:
            raise ConfigurationError(f"A window of {window} rows is not possible; give 1 or more.")
        newer = max((one for one in found if window - one in found), default=None)
        found[window] = single(window) if newer is None else joined(newer, window - newer, found)
    return found
