"""This file holds the compiled loop of the zigzag. Prices in one unit; rows count from 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["zigzag_loop"]


@njit(cache=True, nogil=True)
def zigzag_loop(high: Any, low: Any, atr: Any, reversal_atrs: float) -> tuple[Any, Any, Any]:
    """Pivots: row, kind (+1 high, -1 low) and row of confirmation; none where `atr` is NaN.

    A high is confirmed by the first later bar whose low is `reversal_atrs` times that bar's ATR
    below it, a low by a high as far above. A bar that makes a new extreme confirms nothing: which
    of its prices came first is not known.
    """
    size = len(high)
    rows = np.empty(size, np.int64)
    kinds = np.empty(size, np.int64)
    known = np.empty(size, np.int64)
    count = 0
    direction = 0
    top = bottom = 0
    for t in range(1, size):
        reversal = reversal_atrs * atr[t]
        fresh_top = direction >= 0 and high[t] > high[top]
        fresh_bottom = direction <= 0 and low[t] < low[bottom]
        if fresh_top:
            top = t
        if fresh_bottom:
            bottom = t
        fell = (
            direction >= 0 and reversal > 0.0 and not fresh_top and high[top] - low[t] >= reversal
        )
        rose = (
            direction <= 0
            and reversal > 0.0
            and not fresh_bottom
            and high[t] - low[bottom] >= reversal
        )
        if fell and rose:
            continue  # before the first pivot, and either could have come first
        if fell:
            rows[count], kinds[count], known[count] = top, 1, t
            count += 1
            direction = -1
            bottom = t
        elif rose:
            rows[count], kinds[count], known[count] = bottom, -1, t
            count += 1
            direction = 1
            top = t
    return rows[:count], kinds[:count], known[:count]
