"""This file holds the compiled loops of Wilder's ratios, with a declared rule for a market that stands still.

Wilder's averages (weight 1/n) decay alike while nothing moves, so that their ratio stays what it was
when the stillness began, and what came before it is never forgotten. So a ratio counts by its
denominator's share of the price: not at all up to `STILL`, in full from twice `STILL` on, and in
proportion between, so that no value hangs on which side of a border it is. What does not count is the
neutral value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["STILL", "directional_values", "strength_values"]

STILL = 1e-7
"""Average move by bar, as a share of the price, up to which a market counts as standing still.

Far below what a market does that trades: after a lone tick of a cent at a price of 100, 14 bars' ratios
count in full for 48 bars more, and after one of 1e-5 at 1.1 for 15. Much smaller is not possible with a
warm-up of 400 bars: a first average of 5% of the price weighs (13/14)^400 * 0.05 = 7e-15 by then, which
is 7e-8 of `STILL`.
"""


@njit(cache=True, nogil=True)
def strength_values(close: Any, period: int, result: Any) -> None:
    """Wilder's relative strength index from 0 to 1 into `result`; 0.5 where the close stands still.

    Rows before `period` are NaN. The first averages are means of `period` changes.
    """
    rows = close.shape[0]
    result[: min(period, rows)] = np.nan
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
    high: Any, low: Any, close: Any, period: int, differences: Any, indices: Any
) -> None:
    """Wilder's +DI less -DI (-1 to 1), and his average directional index (0 to 1).

    A difference is 0 where the average true range is still. The index averages, by Wilder's weights, what
    the movements' difference is of their sum, which is 0 where that sum is still. `differences` are NaN
    before row `period`, `indices` before row `2 * period - 1`.
    """
    rows = close.shape[0]
    differences[: min(period, rows)] = np.nan
    indices[: min(2 * period - 1, rows)] = np.nan
    share = 1.0 / period
    keep = 1.0 - share
    up, down, reach, index = 0.0, 0.0, 0.0, 0.0
    for row in range(1, rows):
        before = close[row - 1]
        rise, fall = high[row] - high[row - 1], low[row - 1] - low[row]
        span = max(high[row] - low[row], abs(high[row] - before), abs(low[row] - before))
        # the sums of the first period - 1 moves are whole, as published; so are the means they make
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
