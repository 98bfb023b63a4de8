"""This file holds the compiled loops of rolling statistics; rows before a full window are NaN.

No loop keeps a running sum. A window is the end of one block of `window` rows and the beginning of
the next (van Herk 1992, Gil and Werman 1993), so a sum, extreme or moment of it is one of the block's
tails joined with one of the next block's heads: O(n), and no value outside the window enters. NaN in
a window gives NaN. `window` is 1 or more and values are float64, both as the caller has checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = [
    "window_correlations",
    "window_extreme_positions",
    "window_extremes",
    "window_lines",
    "window_mean_deviations",
    "window_moments",
    "window_order_statistics",
    "window_products",
    "window_sums",
]

_LANES = 256
"""Rows that one pass works on side by side: their sums stay in the processor's cache."""
_REGISTERS = 16
"""Numbers that the processor compares in one go."""


@njit(cache=True, nogil=True)
def window_sums(values: Any, window: int, result: Any) -> None:
    """Sums of the last `window` rows into `result`."""
    rows = values.shape[0]
    result[: min(window - 1, rows)] = np.nan
    if rows < window:
        return
    tails = np.empty(window)
    for begin in range(0, rows - window + 1, window):
        total = 0.0
        for place in range(window - 1, -1, -1):
            total += values[begin + place]
            tails[place] = total
        result[begin + window - 1] = tails[0]
        total = 0.0
        for place in range(1, min(window, rows - begin - window + 1)):
            total += values[begin + window - 1 + place]
            result[begin + window - 1 + place] = tails[place] + total


@njit(cache=True, nogil=True)
def window_extremes(values: Any, window: int, sign: float, result: Any) -> None:
    """Greatest (`sign` 1.0) or smallest (-1.0) of the last `window` rows into `result`."""
    rows = values.shape[0]
    result[: min(window - 1, rows)] = np.nan
    if rows < window:
        return
    tails = np.empty(window)
    for begin in range(0, rows - window + 1, window):
        best = sign * values[begin + window - 1]
        tails[window - 1] = best
        for place in range(window - 2, -1, -1):
            value = sign * values[begin + place]
            # a comparison with NaN is False: NaN as value is taken, NaN as best is kept
            best = best if best >= value or best != best else value
            tails[place] = best
        result[begin + window - 1] = sign * tails[0]
        best = -np.inf
        for place in range(1, min(window, rows - begin - window + 1)):
            value = sign * values[begin + window - 1 + place]
            best = best if best >= value or best != best else value
            tail = tails[place]
            joined = tail if tail >= best or tail != tail else best
            result[begin + window - 1 + place] = sign * joined


@njit(cache=True, nogil=True)
def window_extreme_positions(values: Any, window: int, sign: float, result: Any) -> None:
    """Place of the window's first greatest (or smallest) value: 1 is its oldest row, `window` its last.

    Values must be finite. As `window_extremes`, with the places carried along.
    """
    rows = values.shape[0]
    result[: min(window - 1, rows)] = np.nan
    if rows < window:
        return
    tails, places = np.empty(window), np.empty(window)
    for begin in range(0, rows - window + 1, window):
        best, where = -np.inf, 0.0
        for place in range(window - 1, -1, -1):
            value = sign * values[begin + place]
            # of equal ones the older, which is met later here
            where = place if value >= best else where
            best = value if value >= best else best
            tails[place], places[place] = best, where
        result[begin + window - 1] = places[0] + 1.0
        best, where = -np.inf, 0.0
        for place in range(1, min(window, rows - begin - window + 1)):
            value = sign * values[begin + window - 1 + place]
            where = window - 1.0 + place if value > best else where
            best = value if value > best else best
            found = places[place] if tails[place] >= best else where
            result[begin + window - 1 + place] = found - place + 1.0


@njit(cache=True, nogil=True)
def window_moments(values: Any, window: int, means: Any, squares: Any) -> None:
    """Mean, and sum of squares about it, of the last `window` rows; a flat window has exactly 0.

    Tails and heads by Welford (1962), joined by Chan, Golub and LeVeque (1983).
    """
    rows = values.shape[0]
    means[: min(window - 1, rows)] = np.nan
    squares[: min(window - 1, rows)] = np.nan
    if rows < window:
        return
    shares = np.empty(window + 1)
    for count in range(1, window + 1):
        shares[count] = 1.0 / count
    tail_means, tail_squares = np.empty(window), np.empty(window)
    whole = 1.0 / window
    for begin in range(0, rows - window + 1, window):
        mean, square = 0.0, 0.0
        for place in range(window - 1, -1, -1):
            value = values[begin + place]
            distance = value - mean
            # by the reciprocal the first step is exact, and so are all of a flat window
            mean += distance * shares[window - place]
            square += distance * (value - mean)
            tail_means[place], tail_squares[place] = mean, square
        means[begin + window - 1], squares[begin + window - 1] = tail_means[0], tail_squares[0]
        mean, square = 0.0, 0.0
        for place in range(1, min(window, rows - begin - window + 1)):
            row = begin + window - 1 + place
            value = values[row]
            distance = value - mean
            mean += distance * shares[place]
            square += distance * (value - mean)
            apart = mean - tail_means[place]
            means[row] = tail_means[place] + apart * (place * whole)
            squares[row] = (
                tail_squares[place] + square + apart * apart * (place * (window - place) * whole)
            )


@njit(cache=True, nogil=True)
def window_mean_deviations(values: Any, means: Any, window: int, result: Any) -> None:
    """Mean absolute distance from the window's mean, of the last `window` rows into `result`."""
    rows = values.shape[0]
    result[: min(window - 1, rows)] = np.nan
    totals = np.empty(_LANES)
    for first in range(window - 1, rows, _LANES):
        lanes = min(_LANES, rows - first)
        totals[:] = 0.0
        for back in range(window - 1, -1, -1):
            for lane in range(lanes):
                totals[lane] += abs(values[first - back + lane] - means[first + lane])
        for lane in range(lanes):
            result[first + lane] = totals[lane] / window


@njit(cache=True, nogil=True)
def window_products(
    left: Any, right: Any, left_means: Any, right_means: Any, window: int, result: Any
) -> None:
    """Sum of the products of two series' distances from their windows' means, over `window` rows."""
    rows = left.shape[0]
    begin = min(window - 1, rows)
    result[:begin] = np.nan
    result[begin:] = 0.0
    for first in range(begin, rows, _LANES):
        lanes = min(_LANES, rows - first)
        totals = result[first : first + lanes]
        of_x, of_y = left_means[first : first + lanes], right_means[first : first + lanes]
        for back in range(window):
            x = left[first - back : first - back + lanes]
            y = right[first - back : first - back + lanes]
            for lane in range(lanes):
                totals[lane] += (x[lane] - of_x[lane]) * (y[lane] - of_y[lane])


@njit(cache=True, nogil=True)
def window_correlations(left: Any, right: Any, window: int, result: Any) -> None:
    """Pearson's correlation of two series over the last `window` rows; 0 where one stands still.

    The joins of `window_moments`, for pairs (Chan, Golub and LeVeque 1983).
    """
    rows = left.shape[0]
    result[: min(window - 1, rows)] = np.nan
    if rows < window:
        return
    shares = np.empty(window + 1)
    for count in range(1, window + 1):
        shares[count] = 1.0 / count
    tails = np.empty((window, 5))
    whole = 1.0 / window
    for begin in range(0, rows - window + 1, window):
        mean_x, mean_y, xx, yy, xy = 0.0, 0.0, 0.0, 0.0, 0.0
        for place in range(window - 1, -1, -1):
            x, y = left[begin + place], right[begin + place]
            share = shares[window - place]
            from_x, from_y = x - mean_x, y - mean_y
            mean_x += from_x * share
            mean_y += from_y * share
            xx += from_x * (x - mean_x)
            yy += from_y * (y - mean_y)
            xy += from_x * (y - mean_y)
            tails[place, 0], tails[place, 1] = mean_x, mean_y
            tails[place, 2], tails[place, 3], tails[place, 4] = xx, yy, xy
        first = begin + window - 1
        result[first] = _correlation(xx, yy, xy)
        mean_x, mean_y, xx, yy, xy = 0.0, 0.0, 0.0, 0.0, 0.0
        for place in range(1, min(window, rows - begin - window + 1)):
            x, y = left[first + place], right[first + place]
            share = shares[place]
            from_x, from_y = x - mean_x, y - mean_y
            mean_x += from_x * share
            mean_y += from_y * share
            xx += from_x * (x - mean_x)
            yy += from_y * (y - mean_y)
            xy += from_x * (y - mean_y)
            apart_x, apart_y = mean_x - tails[place, 0], mean_y - tails[place, 1]
            weight = place * (window - place) * whole
            result[first + place] = _correlation(
                tails[place, 2] + xx + apart_x * apart_x * weight,
                tails[place, 3] + yy + apart_y * apart_y * weight,
                tails[place, 4] + xy + apart_x * apart_y * weight,
            )


@njit(cache=True, nogil=True)
def _correlation(xx: float, yy: float, xy: float) -> float:
    product = xx * yy
    # the product of two small squares can fall below the smallest number: then a root of each
    spread = np.sqrt(product) if product > 1e-290 else np.sqrt(xx) * np.sqrt(yy)
    if spread == 0.0:
        return 0.0
    found = xy / spread
    return 1.0 if found > 1.0 else (-1.0 if found < -1.0 else found)


@njit(cache=True, nogil=True)
def window_lines(values: Any, window: int, slopes: Any, explained: Any, residuals: Any) -> None:
    """Least-squares line through the last `window` rows: slope, share explained, last residual.

    As `window_correlations` with the rows' numbers as one of the series, whose means are known.
    """
    rows = values.shape[0]
    for each in (slopes, explained, residuals):
        each[: min(window - 1, rows)] = np.nan
    if rows < window:
        return
    shares = np.empty(window + 1)
    for count in range(1, window + 1):
        shares[count] = 1.0 / count
    tails = np.empty((window, 3))
    whole, middle = 1.0 / window, 0.5 * (window - 1)
    spread = window * (window * window - 1.0) / 12.0
    for begin in range(0, rows - window + 1, window):
        mean, square, product = 0.0, 0.0, 0.0
        for place in range(window - 1, -1, -1):
            value = values[begin + place]
            distance = value - mean
            mean += distance * shares[window - place]
            square += distance * (value - mean)
            # the rows after this one have the mean number (place + window) / 2
            product += 0.5 * (place - window) * (value - mean)
            tails[place, 0], tails[place, 1], tails[place, 2] = mean, square, product
        first = begin + window - 1
        slopes[first], explained[first] = _line(square, product, spread)
        residuals[first] = values[first] - mean - slopes[first] * middle if square != 0.0 else 0.0
        mean, square, product = 0.0, 0.0, 0.0
        for place in range(1, min(window, rows - begin - window + 1)):
            row = first + place
            value = values[row]
            distance = value - mean
            mean += distance * shares[place]
            square += distance * (value - mean)
            product += 0.5 * place * (value - mean)
            apart = mean - tails[place, 0]
            weight = place * (window - place) * whole
            squares = tails[place, 1] + square + apart * apart * weight
            # the mean numbers of tail and head are half a window apart
            products = tails[place, 2] + product + 0.5 * window * apart * weight
            slopes[row], explained[row] = _line(squares, products, spread)
            centre = tails[place, 0] + apart * (place * whole)
            residuals[row] = value - centre - slopes[row] * middle if squares != 0.0 else 0.0


@njit(cache=True, nogil=True)
def _line(squares: float, products: float, spread: float) -> tuple[float, float]:
    if squares == 0.0:
        return 0.0, 0.0
    slope = products / spread
    share = slope * products / squares
    return slope, 1.0 if share > 1.0 else share


@njit(cache=True, nogil=True)
def window_order_statistics(
    values: Any, window: int, low: float, high: float, lows: Any, highs: Any, ranks: Any
) -> None:
    """Two quantiles (linear between neighbours) and the last row's rank as a share of the window.

    Values must be finite; equal ones share their mean rank, so `ranks` lies in (0, 1]. A sorted copy of
    the window loses its oldest row and takes the new one in, all places side by side and without a branch:
    for windows of some hundred rows that is faster than a search. `window` places between minus and plus
    infinity hold it, in two copies in turns.
    """
    rows = values.shape[0]
    for each in (lows, highs, ranks):
        each[: min(window - 1, rows)] = np.nan
    if rows < window:
        return
    low_place, high_place = low * (window - 1), high * (window - 1)
    low_floor, high_floor = int(low_place), int(high_place)
    low_share, high_share = low_place - low_floor, high_place - high_floor
    low_next, high_next = min(low_floor + 1, window - 1), min(high_floor + 1, window - 1)
    # as many as fit whole registers, the last of them infinite
    places = (window + _REGISTERS - 1) // _REGISTERS * _REGISTERS
    ordered, other = np.full(places + 2, np.inf), np.full(places + 2, np.inf)
    ordered[0], other[0] = -np.inf, -np.inf
    ordered[1 : window + 1] = np.sort(values[:window])
    for row in range(window - 1, rows):
        value = values[row]
        # the first row of the loop takes its own value out again
        old = values[row - window] if row >= window else value
        below = _replaced(ordered, other, old, value, places)
        ordered, other = other, ordered
        ranks[row] = 0.5 * (below + 1) / window
        bottom, top = ordered[low_floor + 1], ordered[high_floor + 1]
        lows[row] = bottom + low_share * (ordered[low_next + 1] - bottom)
        highs[row] = top + high_share * (ordered[high_next + 1] - top)


@njit(cache=True, nogil=True)
def _replaced(ordered: Any, other: Any, old: float, value: float, places: int) -> int:
    """`ordered` with `value` in place of `old` into `other`; how many are below, and at most, `value`."""
    below = 0
    for place in range(1, places + 1):
        here = ordered[place]
        # without `old`, all from there on move down by one; the middle of three is where the value goes
        left = ordered[place - 1] if ordered[place - 1] < old else here
        right = here if here < old else ordered[place + 1]
        least = right if right < value else value
        taken = left if left > least else least
        other[place] = taken
        below += taken < value
        below += taken <= value
    return below
