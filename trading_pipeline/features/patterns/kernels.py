"""Compiled search for chart patterns in a zigzag.

Every shape is written once, for the kind that begins at the top, and searched for twice: in the
prices (`sign` +1) and in their negatives (-1), which gives the mirrored kind. Distances are in ATRs
of the bar at which the last pivot is known. The constants are part of a pattern's meaning.

In the shapes, `x` and `q` are the rows and (signed) prices of the pivots, `a` the ATR, and `out`
takes a pattern as `_record` writes it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.features.arrays import FloatArray, IntArray

__all__ = ["search_flags", "search_swings"]

# codes: 2 * shape for sign +1, 2 * shape + 1 for sign -1; their names are in kinds.py
HEAD_SHOULDERS, DOUBLE, TRIPLE, RECTANGLE, BROADENING = 0, 1, 2, 3, 4
FLAT_TRIANGLE, SYMMETRICAL, WEDGE, CHANNEL, FLAG, PENNANT, CUP = 5, 6, 7, 8, 9, 10, 11

EVEN = 1.0  # of their mean: Lo, Mamaysky and Wang's 1.5 % of price, about a daily ATR of a stock
LEVEL = 0.5  # of their mean: their 0.75 %
STEP = 0.5  # less than this apart, two pivots are at one level
HEAD = 1.0  # head above both shoulders
PRIOR = 1.0  # how far the move into a double or triple begins below its neckline
APART = 22  # bars between the tops of a double (theirs: a month of trading days)
SLOPED = 1.5  # change of a line over the pattern that makes it rise
FLAT = 0.75
OFF_LINE = 0.75  # greatest distance of a pivot from its line
CONVERGED = 0.75  # width at the end over width at the start
PARALLEL = 0.33
POLE, POLE_BARS, FLAG_BARS = 5.0, 20, 25
CUP_DEPTH, CUP_BARS, ROUND = 4.0, 20, 0.55
MAX_SPAN = 250


@njit(cache=True, nogil=True)
def _line(x: FloatArray, q: FloatArray, first: int, last: int) -> tuple[float, float, float]:
    """Least squares through every second pivot: value at `x[first]`, slope, greatest residual."""
    count = 0
    mean_x = mean_q = 0.0
    for i in range(first, last, 2):
        count += 1
        mean_x += x[i]
        mean_q += q[i]
    mean_x /= count
    mean_q /= count
    covariance = variance = 0.0
    for i in range(first, last, 2):
        covariance += (x[i] - mean_x) * (q[i] - mean_q)
        variance += (x[i] - mean_x) ** 2
    slope = covariance / variance
    off = 0.0
    for i in range(first, last, 2):
        off = max(off, abs(q[i] - mean_q - slope * (x[i] - mean_x)))
    return mean_q + slope * (x[first] - mean_x), slope, off


@njit(cache=True, nogil=True)
def _balance(first: float, second: float) -> float:
    return min(first, second) / max(first, second)


@njit(cache=True, nogil=True)
def _record(
    out: FloatArray,
    quality: float,
    upper: tuple[float, float, float],
    lower: tuple[float, float, float],
    height: float,
) -> bool:
    """Write a pattern: quality, row, price and slope of the upper and of the lower line, height."""
    out[0] = quality
    out[1:4] = upper
    out[4:7] = lower
    out[7] = height
    return True


@njit(cache=True, nogil=True)
def _head_shoulders(x: FloatArray, q: FloatArray, a: float, out: FloatArray) -> bool:
    if q[2] - max(q[0], q[4]) < HEAD * a:
        return False
    shoulders, neck = abs(q[0] - q[4]) / (2.0 * EVEN * a), abs(q[1] - q[3]) / (2.0 * EVEN * a)
    if shoulders > 1.0 or neck > 1.0:
        return False
    slope = (q[3] - q[1]) / (x[3] - x[1])
    return _record(
        out,
        (3.0 - shoulders - neck - 1.0 + _balance(x[2] - x[0], x[4] - x[2])) / 3.0,
        (x[2], q[2], 0.0),
        (x[1], q[1], slope),
        q[2] - (q[1] + slope * (x[2] - x[1])),
    )


@njit(cache=True, nogil=True)
def _double(x: FloatArray, q: FloatArray, a: float, out: FloatArray) -> bool:
    tops = abs(q[1] - q[3]) / (2.0 * LEVEL * a)
    if q[2] - q[0] < PRIOR * a or tops > 1.0 or x[3] - x[1] < APART:
        return False
    height = 0.5 * (q[1] + q[3]) - q[2]
    return _record(
        out,
        (1.0 - tops + _balance(x[2] - x[1], x[3] - x[2]) + min(height / (5.0 * a), 1.0)) / 3.0,
        (x[1], q[1], (q[3] - q[1]) / (x[3] - x[1])),
        (x[2], q[2], 0.0),
        height,
    )


@njit(cache=True, nogil=True)
def _spread(q: FloatArray, first: int, last: int) -> tuple[float, float]:
    """Mean of every second pivot and the greatest distance from it."""
    mean = 0.0
    count = 0
    for i in range(first, last, 2):
        mean += q[i]
        count += 1
    mean /= count
    off = 0.0
    for i in range(first, last, 2):
        off = max(off, abs(q[i] - mean))
    return mean, off


@njit(cache=True, nogil=True)
def _triple(x: FloatArray, q: FloatArray, a: float, out: FloatArray) -> bool:
    tops, off = _spread(q, 1, 6)
    neck = abs(q[2] - q[4]) / (2.0 * EVEN * a)
    if min(q[2], q[4]) - q[0] < PRIOR * a or off > LEVEL * a or neck > 1.0:
        return False
    slope = (q[4] - q[2]) / (x[4] - x[2])
    return _record(
        out,
        (2.0 - off / (LEVEL * a) - neck + _balance(x[3] - x[1], x[5] - x[3])) / 3.0,
        (x[1], tops, 0.0),
        (x[2], q[2], slope),
        tops - 0.5 * (q[2] + q[4]),
    )


@njit(cache=True, nogil=True)
def _rectangle(x: FloatArray, q: FloatArray, a: float, out: FloatArray) -> bool:
    tops, off = _spread(q, 0, 5)
    bottoms, below = _spread(q, 1, 5)
    lowest_top, highest_bottom = min(q[0], q[2], q[4]), max(q[1], q[3])
    if off > LEVEL * a or below > LEVEL * a or lowest_top <= highest_bottom:
        return False
    return _record(
        out,
        1.0 - 0.5 * (off + below) / (LEVEL * a),
        (x[0], tops, 0.0),
        (x[1], bottoms, 0.0),
        tops - bottoms,
    )


@njit(cache=True, nogil=True)
def _broadening(x: FloatArray, q: FloatArray, a: float, out: FloatArray) -> bool:
    step = STEP * a
    if q[2] - q[0] < step or q[4] - q[2] < step or q[1] - q[3] < step:
        return False
    top, rise, off = _line(x, q, 0, 5)
    fall = (q[3] - q[1]) / (x[3] - x[1])
    return _record(
        out,
        0.5 * (max(1.0 - off / (2.0 * OFF_LINE * a), 0.0) + _balance(rise, -fall)),
        (x[0], top, rise),
        (x[1], q[1], fall),
        top + rise * (x[4] - x[0]) - (q[1] + fall * (x[4] - x[1])),
    )


@njit(cache=True, nogil=True)
def _between_lines(
    x: FloatArray, q: FloatArray, a: float, begins_high: bool, sign: float, out: FloatArray
) -> int:
    """Triangle, wedge or channel of five pivots: its shape, or -1."""
    high = 0 if begins_high else 1
    top, rise, off = _line(x, q, high, 5)
    bottom, lift, below = _line(x, q, 1 - high, 5)
    span = x[4] - x[0]
    off = max(off, below) / (OFF_LINE * a)
    up, down = rise * span / a, lift * span / a
    start = top + rise * (x[0] - x[high]) - (bottom + lift * (x[0] - x[1 - high]))
    end = start + (rise - lift) * span
    if off > 1.0 or start <= 0.0 or end <= 0.0:
        return -1
    narrows = end <= CONVERGED * start
    shape, fit = -1, 0.0
    if narrows and abs(up) <= FLAT and down >= SLOPED:
        shape, fit = FLAT_TRIANGLE, 1.0 - abs(up) / FLAT
    elif narrows and up <= -1.0 and down >= 1.0:
        shape, fit = SYMMETRICAL if sign > 0.0 else -1, _balance(-up, down)
    elif narrows and up >= 1.0 and down >= up + 1.0:
        shape, fit = WEDGE, 1.0 - end / start
    elif up >= SLOPED and down >= SLOPED and abs(start - end) <= PARALLEL * start:
        shape, fit = CHANNEL, 1.0 - abs(start - end) / (PARALLEL * start)
    _record(out, 0.5 * (1.0 - off + fit), (x[high], top, rise), (x[1 - high], bottom, lift), start)
    return shape


@njit(cache=True, nogil=True)
def _cup(
    x: FloatArray, q: FloatArray, a: float, close: FloatArray, sign: float, out: FloatArray
) -> bool:
    depth = 0.5 * (q[1] + q[3]) - q[2]
    bars = x[3] - x[1]
    rims = abs(q[1] - q[3]) / (2.0 * EVEN * a)
    if depth < CUP_DEPTH * a or rims > 1.0 or bars < CUP_BARS or q[0] > q[2]:
        return False
    if q[3] - q[4] > 0.5 * depth or x[4] - x[3] > 0.5 * bars:
        return False
    slope = (q[3] - q[1]) / bars
    filled = 0.0
    first = int(x[1])
    for row in range(first, int(x[3]) + 1):
        filled += q[1] + slope * (row - first) - sign * close[row]
    filled /= depth * (bars + 1.0)  # 1/2 for a V, 2/3 for a parabola
    if filled < ROUND:
        return False
    return _record(
        out,
        (
            1.0
            - rims
            + min((filled - ROUND) / (2.0 / 3.0 - ROUND), 1.0)
            + _balance(x[2] - x[1], x[3] - x[2])
        )
        / 3.0,
        (x[1], q[1], slope),
        (x[4], q[4], 0.0),
        depth,
    )


@njit(cache=True, nogil=True)
def _flag(x: FloatArray, q: FloatArray, a: float, out: FloatArray) -> int:
    """Flag or pennant after a pole: its shape, or -1."""
    pole = q[1] - q[0]
    if pole < POLE * a or x[1] - x[0] > POLE_BARS or x[4] - x[1] > FLAG_BARS:
        return -1
    if min(q[2], q[4]) < q[1] - 0.5 * pole or q[3] > q[1] + STEP * a:
        return -1
    rise, lift = (q[3] - q[1]) / (x[3] - x[1]), (q[4] - q[2]) / (x[4] - x[2])
    span = x[4] - x[1]
    start = q[1] - (q[2] + lift * (x[1] - x[2]))
    end = start + (rise - lift) * span
    if start <= 0.0 or end <= 0.0:
        return -1
    shape, fit = -1, 0.0
    if rise < 0.0 and lift > 0.0 and end < (1.0 - PARALLEL) * start:
        shape, fit = PENNANT, _balance(-rise, lift)
    elif rise * span <= STEP * a and abs(start - end) <= PARALLEL * start:
        shape, fit = FLAG, 1.0 - abs(start - end) / (PARALLEL * start)
    depth = (q[1] - min(q[2], q[4])) / (0.5 * pole)
    _record(
        out,
        (fit + 1.0 - depth + min(pole / (10.0 * a), 1.0)) / 3.0,
        (x[1], q[1], rise),
        (x[2], q[2], lift),
        pole,
    )
    return shape


@njit(cache=True, nogil=True)
def _add(
    whole: IntArray,
    parts: FloatArray,
    count: int,
    shape: int,
    sign: float,
    pivots: tuple[int, int],
    known: int,
    out: FloatArray,
) -> tuple[IntArray, FloatArray, int]:
    """Append a pattern; `pivots` are its first and last.

    `out` is in prices times the sign, so upper and lower line change places for -1.
    """
    if count == len(whole):
        more, longer = np.empty((2 * count, 4), np.int64), np.empty((2 * count, 8))
        more[:count], longer[:count] = whole, parts
        whole, parts = more, longer
    mirrored = sign < 0.0
    whole[count] = 2 * shape + (1 if mirrored else 0), pivots[0], pivots[1], known
    parts[count] = out
    if mirrored:
        parts[count, 1], parts[count, 2], parts[count, 3] = out[4], -out[5], -out[6]
        parts[count, 4], parts[count, 5], parts[count, 6] = out[1], -out[2], -out[3]
    return whole, parts, count + 1


@njit(cache=True, nogil=True)
def _from_the_top(
    size: int,
    begins_high: bool,
    x: FloatArray,
    q: FloatArray,
    a: float,
    close: FloatArray,
    sign: float,
    out: FloatArray,
) -> int:
    """Shape of `size` pivots, other than those of `_between_lines`, or -1."""
    if size == 5 and begins_high:
        if _head_shoulders(x, q, a, out):
            return HEAD_SHOULDERS
        if _rectangle(x, q, a, out):
            return RECTANGLE
        return BROADENING if _broadening(x, q, a, out) else -1
    if begins_high:
        return -1
    if size == 4:
        return DOUBLE if _double(x, q, a, out) else -1
    if size == 6:
        return TRIPLE if _triple(x, q, a, out) else -1
    return CUP if _cup(x, q, a, close, sign, out) else -1


@njit(cache=True, nogil=True)
def search_swings(
    rows: IntArray,
    kinds: IntArray,
    prices: FloatArray,
    known: IntArray,
    atr: FloatArray,
    close: FloatArray,
) -> tuple[IntArray, FloatArray]:
    """Every pattern but flags and pennants, judged at each pivot from it and up to five before.

    First result: code, first and last pivot, known row; second: quality, row, price and slope of
    the upper and of the lower line, height.
    """
    whole, parts = np.empty((64 + len(rows), 4), np.int64), np.empty((64 + len(rows), 8))
    count = 0
    x, q, out = np.empty(6), np.empty(6), np.empty(8)
    for last in range(3, len(rows)):
        a = atr[known[last]]
        for sign in (1.0, -1.0):
            for size in (4, 5, 6):
                first = last - size + 1
                if first < 0 or rows[last] - rows[first] > MAX_SPAN:
                    continue
                for i in range(size):
                    x[i], q[i] = rows[first + i], sign * prices[first + i]
                begins_high = kinds[first] * sign > 0
                shape = _from_the_top(size, begins_high, x, q, a, close, sign, out)
                begin = (
                    first + 1 if shape in (DOUBLE, TRIPLE, CUP) else first
                )  # without the move into it
                if shape >= 0:
                    whole, parts, count = _add(
                        whole, parts, count, shape, sign, (begin, last), known[last], out
                    )
                if size == 5:
                    shape = _between_lines(x, q, a, begins_high, sign, out)
                    if shape >= 0:
                        whole, parts, count = _add(
                            whole, parts, count, shape, sign, (first, last), known[last], out
                        )
    return whole[:count], parts[:count]


@njit(cache=True, nogil=True)
def search_flags(
    rows: IntArray, kinds: IntArray, prices: FloatArray, known: IntArray, atr: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Flags and pennants in a finer zigzag; results as of `search_swings`."""
    whole, parts = np.empty((64 + len(rows), 4), np.int64), np.empty((64 + len(rows), 8))
    count = 0
    x, q, out = np.empty(5), np.empty(5), np.empty(8)
    for last in range(4, len(rows)):
        sign = -1.0 if kinds[last] > 0 else 1.0
        for i in range(5):
            x[i], q[i] = rows[last - 4 + i], sign * prices[last - 4 + i]
        shape = _flag(x, q, atr[known[last]], out)
        if shape >= 0:
            whole, parts, count = _add(
                whole, parts, count, shape, sign, (last - 4, last), known[last], out
            )
    return whole[:count], parts[:count]
