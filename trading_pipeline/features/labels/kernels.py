"""Compiled loop of the barriers that end a label."""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.features.arrays import BoolArray, FloatArray, IntArray

__all__ = ["barrier_loop"]


@njit(cache=True, nogil=True)
def barrier_loop(
    opened: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    above: FloatArray,
    below: FloatArray,
    horizon: int,
) -> tuple[IntArray, IntArray, BoolArray, FloatArray]:
    """Exit row, touch, ambiguity and exit price of each bar t, entered at the open of t + 1.

    `above`, `below`: log distances of the barriers from the entry; NaN gives no label. Touch: 1
    above, -1 below, 0 none by the close of t + horizon, or both within one bar (ambiguous, exit
    price NaN). Exit row -1: no label, or not known yet. Where a bar opens beyond a barrier, its
    open is the exit.
    """
    size = len(close)
    rows = np.full(size, -1, np.int64)
    touches = np.zeros(size, np.int64)
    ambiguous = np.zeros(size, np.bool_)
    prices = np.full(size, np.nan)
    for t in range(size - 1):
        if not (above[t] > 0.0 and below[t] > 0.0):
            continue
        entry = opened[t + 1]
        upper, lower = entry * np.exp(above[t]), entry * np.exp(-below[t])
        last = min(t + horizon, size - 1)
        for k in range(t + 1, last + 1):
            up, down = high[k] >= upper, low[k] <= lower
            if opened[k] >= upper or opened[k] <= lower:
                rows[t], prices[t] = k, opened[k]
                touches[t] = 1 if opened[k] >= upper else -1
                break
            if up and down:
                rows[t], ambiguous[t] = k, True
                break
            if up or down:
                rows[t], touches[t] = k, 1 if up else -1
                prices[t] = upper if up else lower
                break
        if rows[t] < 0 and t + horizon < size:
            rows[t], prices[t] = t + horizon, close[t + horizon]
    return rows, touches, ambiguous, prices
