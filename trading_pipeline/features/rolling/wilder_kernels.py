"""Compiled loops of Wilder's ratios, with an explicit rule for a market that does not move.

Wilder's averages (weight 1/n) all decay at the same rate while nothing moves, so their ratio stays
what it was when the market stopped, and never forgets what came before. A ratio therefore counts by
its denominator's share of the price: not at all up to `STILL`, in full from twice `STILL` on, and
in proportion between, so that no value jumps at a threshold. The rest is the neutral value.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.features.arrays import FloatArray

__all__ = ["STILL", "directional_values", "strength_values"]

STILL = 1e-7
"""Average move per bar, as a share of the price, up to which a market counts as not moving.

Far below the moves of a market that trades: after a single tick of a cent at a price of 100, 14-bar
ratios count in full for 48 more bars, and after one of 1e-5 at 1.1 for 15. It cannot be much
smaller with a warm-up of 400 bars: a first average of 5% of the price still weighs (13/14)^400 *
0.05 = 7e-15 by then, which is 7e-8 of `STILL`.
"""


@njit(cache=True, nogil=True)
def strength_values(close: FloatArray, period: int, result: FloatArray) -> None:
    """Wilder's relative strength index from 0 to 1 into `result`; 0.5 where the close is constant.

    Rows before `period` are NaN. The first averages are means of `period` changes.
    """
    rows = close.shape[0]
    result[:period] = np.nan
    if rows <= period:
        return
    share = 1.0 / period
    keep = 1.0 - share
    rise, fall = 0.0, 0.0
    for row in range(1, period + 1):
        change = close[row] - close[row - 1]
        rise += share * max(change, 0.0)
        fall += share * max(-change, 0.0)
    result[period] = _part(rise, rise + fall, close[period], 0.5)
    for row in range(period + 1, rows):
        change = close[row] - close[row - 1]
        rise = keep * rise + share * max(change, 0.0)
        fall = keep * fall + share * max(-change, 0.0)
        result[row] = _part(rise, rise + fall, close[row], 0.5)


@njit(cache=True, nogil=True)
def directional_values(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    period: int,
    differences: FloatArray,
    indices: FloatArray,
) -> None:
    """Wilder's +DI less -DI (-1 to 1), and his average directional index (0 to 1).

    A difference is 0 where the average true range counts as still. The index is Wilder's average of
    the difference of up and down moves over their sum, which is 0 where that sum counts as still.
    `differences` are NaN before row `period`, `indices` before row `2 * period - 1`.
    """
    rows = close.shape[0]
    differences[:period] = np.nan
    indices[: 2 * period - 1] = np.nan
    share = 1.0 / period
    keep = 1.0 - share
    up, down, reach, index = 0.0, 0.0, 0.0, 0.0
    for row in range(1, rows):
        before = close[row - 1]
        rise, fall = high[row] - high[row - 1], low[row - 1] - low[row]
        span = max(high[row] - low[row], abs(high[row] - before), abs(low[row] - before))
        # as published, the first period - 1 moves are summed in full
        fade = keep if row >= period else 1.0
        up = fade * up + share * (rise if rise > fall and rise > 0.0 else 0.0)
        down = fade * down + share * (fall if fall > rise and fall > 0.0 else 0.0)
        reach = fade * reach + share * span
        if row < period:
            continue
        differences[row] = _part(up - down, reach, high[row], 0.0)
        direction = _part(abs(up - down), up + down, high[row], 0.0)
        if row < 2 * period:
            # the mean of the first `period` directions
            index += share * direction
        else:
            index = keep * index + share * direction
        if row >= 2 * period - 1:
            indices[row] = index


@njit(cache=True, nogil=True)
def _part(numerator: float, denominator: float, price: float, neutral: float) -> float:
    still = STILL * price
    if denominator >= 2.0 * still:
        return numerator / denominator
    if denominator <= still:
        return neutral
    weight = denominator / still - 1.0
    return neutral + weight * (numerator / denominator - neutral)
