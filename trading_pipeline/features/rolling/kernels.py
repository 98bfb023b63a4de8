"""Compiled loops of rolling statistics; rows before a full window are NaN.

No loop keeps a running sum. A window is the end of one block of `window` rows and the beginning of
the next (van Herk 1992, Gil and Werman 1993), so its sum, extreme or moment joins one of the first
block's tails with one of the second block's heads: O(n), and no value outside the window enters.
NaN in a window gives NaN. Callers check that `window` is 1 or more and that values are float64.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.features.arrays import FloatArray

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
_SMALLEST_PRODUCT = 1e-290
"""Below this, a product of two sums of squares may have lost digits to underflow."""


@njit(cache=True, nogil=True)
def window_sums(values: FloatArray, window: int, result: FloatArray) -> None:
    """Sums of the last `window` rows into `result`."""
    rows = values.shape[0]
    result[: window - 1] = np.nan
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
def window_extremes(values: FloatArray, window: int, sign: float, result: FloatArray) -> None:
    """Greatest (`sign` 1.0) or smallest (-1.0) of the last `window` rows into `result`."""
    rows = values.shape[0]
    result[: window - 1] = np.nan
    tails = np.empty(min(window, rows))
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
def window_extreme_positions(
    values: FloatArray, window: int, sign: float, result: FloatArray
) -> None:
    """Place of the window's first greatest (or smallest) value: 1 is its oldest row.

    Values must be finite. As `window_extremes`, with the places carried along.
    """
    rows = values.shape[0]
    result[: window - 1] = np.nan
    tails, places = np.empty(min(window, rows)), np.empty(min(window, rows))
    for begin in range(0, rows - window + 1, window):
        best, where = -np.inf, 0.0
        for place in range(window - 1, -1, -1):
            value = sign * values[begin + place]
            # of equal values the older wins; here it is met later
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
def window_moments(values: FloatArray, window: int, means: FloatArray, squares: FloatArray) -> None:
    """Mean of the last `window` rows, and sum of squares about it; exactly 0 in a flat window.

    Tails and heads by Welford (1962), joined by Chan, Golub and LeVeque (1983).
    """
    rows = values.shape[0]
    means[: window - 1] = np.nan
    squares[: window - 1] = np.nan
    shares = _shares(min(window, rows))
    tail_means, tail_squares = np.empty(len(shares)), np.empty(len(shares))
    whole = 1.0 / window
    for begin in range(0, rows - window + 1, window):
        mean, square = 0.0, 0.0
        for place in range(window - 1, -1, -1):
            mean, square = _welford(mean, square, values[begin + place], shares[window - place])
            tail_means[place], tail_squares[place] = mean, square
        means[begin + window - 1], squares[begin + window - 1] = tail_means[0], tail_squares[0]
        mean, square = 0.0, 0.0
        for place in range(1, min(window, rows - begin - window + 1)):
            row = begin + window - 1 + place
            mean, square = _welford(mean, square, values[row], shares[place])
            apart = mean - tail_means[place]
            means[row] = tail_means[place] + apart * (place * whole)
            squares[row] = (
                tail_squares[place] + square + apart * apart * (place * (window - place) * whole)
            )


@njit(cache=True, nogil=True)
def _shares(most: int) -> FloatArray:
    """1 / n at place n: by the reciprocal, the first Welford step and those of a flat window are
    exact."""
    shares = np.empty(most + 1)
    for count in range(1, most + 1):
        shares[count] = 1.0 / count
    return shares


@njit(cache=True, nogil=True)
def _welford(mean: float, square: float, value: float, share: float) -> tuple[float, float]:
    """Mean and sum of squares about it once `value`, which is `share` of the rows, is added."""
    distance = value - mean
    mean += distance * share
    return mean, square + distance * (value - mean)


@njit(cache=True, nogil=True)
def window_mean_deviations(
    values: FloatArray, means: FloatArray, window: int, result: FloatArray
) -> None:
    """Mean absolute distance from the window's mean, of the last `window` rows into `result`."""
    rows = values.shape[0]
    result[: window - 1] = np.nan
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
    left: FloatArray,
    right: FloatArray,
    left_means: FloatArray,
    right_means: FloatArray,
    window: int,
    result: FloatArray,
) -> None:
    """Sum of the products of two series' distances from their windows' means."""
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
def window_correlations(
    left: FloatArray, right: FloatArray, window: int, result: FloatArray
) -> None:
    """Pearson's correlation of two series over the last `window` rows; 0 where one is constant.

    Joined as in `window_moments`, for pairs (Chan, Golub and LeVeque 1983).
    """
    rows = left.shape[0]
    result[: window - 1] = np.nan
    shares = _shares(min(window, rows))
    tails = np.empty((len(shares), 5))
    whole = 1.0 / window
    for begin in range(0, rows - window + 1, window):
        first = begin + window - 1
        moments = (0.0, 0.0, 0.0, 0.0, 0.0)
        for place in range(window - 1, -1, -1):
            x, y = left[begin + place], right[begin + place]
            moments = _welford_pair(moments, x, y, shares[window - place])
            for column in range(5):
                tails[place, column] = moments[column]
        result[first] = _correlation(moments[2], moments[3], moments[4])
        moments = (0.0, 0.0, 0.0, 0.0, 0.0)
        for place in range(1, min(window, rows - begin - window + 1)):
            moments = _welford_pair(
                moments, left[first + place], right[first + place], shares[place]
            )
            mean_x, mean_y, xx, yy, xy = moments
            apart_x, apart_y = mean_x - tails[place, 0], mean_y - tails[place, 1]
            weight = place * (window - place) * whole
            result[first + place] = _correlation(
                tails[place, 2] + xx + apart_x * apart_x * weight,
                tails[place, 3] + yy + apart_y * apart_y * weight,
                tails[place, 4] + xy + apart_x * apart_y * weight,
            )


@njit(cache=True, nogil=True)
def _welford_pair(
    moments: tuple[float, float, float, float, float], x: float, y: float, share: float
) -> tuple[float, float, float, float, float]:
    """`_welford` of two series: both means, both sums of squares, and the sum of products."""
    mean_x, mean_y, xx, yy, xy = moments
    from_x = x - mean_x
    mean_x, xx = _welford(mean_x, xx, x, share)
    mean_y, yy = _welford(mean_y, yy, y, share)
    return mean_x, mean_y, xx, yy, xy + from_x * (y - mean_y)


@njit(cache=True, nogil=True)
def _correlation(xx: float, yy: float, xy: float) -> float:
    product = xx * yy
    spread = np.sqrt(product) if product > _SMALLEST_PRODUCT else np.sqrt(xx) * np.sqrt(yy)
    if spread == 0.0:
        return 0.0
    found = xy / spread
    return 1.0 if found > 1.0 else (-1.0 if found < -1.0 else found)


@njit(cache=True, nogil=True)
def window_lines(
    values: FloatArray,
    window: int,
    slopes: FloatArray,
    explained: FloatArray,
    residuals: FloatArray,
) -> None:
    """Least-squares line through the last `window` rows: slope, share explained, last residual.

    As `window_correlations` with the row numbers, whose means are known, as one of the series.
    """
    rows = values.shape[0]
    for each in (slopes, explained, residuals):
        each[: window - 1] = np.nan
    shares = _shares(min(window, rows))
    tails = np.empty((len(shares), 3))
    whole = 1.0 / window
    for begin in range(0, rows - window + 1, window):
        first = begin + window - 1
        mean, square, product = 0.0, 0.0, 0.0
        for place in range(window - 1, -1, -1):
            value = values[begin + place]
            mean, square = _welford(mean, square, value, shares[window - place])
            # the mean number of the rows after this one is (place + window) / 2
            product += 0.5 * (place - window) * (value - mean)
            tails[place, 0], tails[place, 1], tails[place, 2] = mean, square, product
        slopes[first], explained[first], residuals[first] = _line(
            values[first], mean, square, product, window
        )
        mean, square, product = 0.0, 0.0, 0.0
        for place in range(1, min(window, rows - begin - window + 1)):
            row = first + place
            value = values[row]
            mean, square = _welford(mean, square, value, shares[place])
            product += 0.5 * place * (value - mean)
            apart = mean - tails[place, 0]
            weight = place * (window - place) * whole
            # the mean row numbers of tail and head are half a window apart
            slopes[row], explained[row], residuals[row] = _line(
                value,
                tails[place, 0] + apart * (place * whole),
                tails[place, 1] + square + apart * apart * weight,
                tails[place, 2] + product + 0.5 * window * apart * weight,
                window,
            )


@njit(cache=True, nogil=True)
def _line(
    value: float, mean: float, squares: float, products: float, window: int
) -> tuple[float, float, float]:
    """Slope, share explained and residual of the last `value`, from the window's moments."""
    if squares == 0.0:
        return 0.0, 0.0, 0.0
    slope = products / (window * (window * window - 1.0) / 12.0)
    share = slope * products / squares
    return slope, 1.0 if share > 1.0 else share, value - mean - slope * (0.5 * (window - 1))


@njit(cache=True, nogil=True)
def window_order_statistics(
    values: FloatArray,
    window: int,
    low: float,
    high: float,
    lows: FloatArray,
    highs: FloatArray,
    ranks: FloatArray,
) -> None:
    """Two quantiles (linear between neighbours) and the last row's rank as a share of the window.

    Values must be finite; equal ones share their mean rank, so `ranks` lies in (0, 1]. A sorted
    copy of the window drops its oldest row and takes the new one in, all places side by side and
    without a branch: for windows of a few hundred rows that is faster than a search. The copy lies
    between minus and plus infinity, and two arrays hold it in turns.
    """
    rows = values.shape[0]
    for each in (lows, highs, ranks):
        each[: window - 1] = np.nan
    if rows < window:
        return
    low_place, high_place = low * (window - 1), high * (window - 1)
    low_floor, high_floor = int(low_place), int(high_place)
    low_share, high_share = low_place - low_floor, high_place - high_floor
    low_next, high_next = min(low_floor + 1, window - 1), min(high_floor + 1, window - 1)
    # rounded up to whole registers; the places beyond the window are infinite
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
def _replaced(ordered: FloatArray, other: FloatArray, old: float, value: float, places: int) -> int:
    """Write `ordered` with `value` in place of `old` into `other`.

    Returns the count of places below `value` plus the count of those at most `value`.
    """
    below = 0
    for place in range(1, places + 1):
        here = ordered[place]
        # without `old`, all from it on move down by one; the median of three is where `value` goes
        left = ordered[place - 1] if ordered[place - 1] < old else here
        right = here if here < old else ordered[place + 1]
        least = right if right < value else value
        taken = left if left > least else least
        other[place] = taken
        below += taken < value
        below += taken <= value
    return below
