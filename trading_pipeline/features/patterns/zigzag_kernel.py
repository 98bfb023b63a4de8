"""Compiled loop of the zigzag. Prices in one unit; rows count from 0."""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.features.arrays import FloatArray, IntArray

__all__ = ["zigzag_loop"]


@njit(cache=True, nogil=True)
def zigzag_loop(
    high: FloatArray, low: FloatArray, atr: FloatArray, reversal_atrs: float
) -> tuple[IntArray, IntArray, IntArray]:
    """Pivots: row, kind (+1 high, -1 low) and row of confirmation; none where `atr` is NaN.

    A high is confirmed by the first later bar whose low is `reversal_atrs` times that bar's ATR
    below it, a low by a high as far above it. A bar that makes a new extreme confirms nothing:
    which of its prices came first is not known.
    """
    size = len(high)
    rows, kinds, known = (
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
    )
    count = direction = top = bottom = 0
    for t in range(1, size):
        reversal = reversal_atrs * atr[t]
        fresh_top = direction >= 0 and high[t] > high[top]
        fresh_bottom = direction <= 0 and low[t] < low[bottom]
        if fresh_top:
            top = t
        if fresh_bottom:
            bottom = t
        fell = direction >= 0 and not fresh_top and high[top] - low[t] >= reversal > 0.0
        rose = direction <= 0 and not fresh_bottom and high[t] - low[bottom] >= reversal > 0.0
        if fell == rose:
            continue  # neither; or both, before the first pivot: either could have come first
        rows[count], kinds[count], known[count] = (top, 1, t) if fell else (bottom, -1, t)
        count += 1
        direction = -1 if fell else 1
        if fell:
            bottom = t
        else:
            top = t
    return rows[:count], kinds[:count], known[:count]
