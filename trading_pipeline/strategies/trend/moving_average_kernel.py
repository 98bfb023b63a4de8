"""Compiled loop of the moving average, imported when first needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["rolling_mean", "rolling_means"]

_SIDE_BY_SIDE = 8
_BARS_A_BLOCK = 256  # short enough for the first cache


@njit(cache=True, nogil=True)
def rolling_mean(values: Any, window: int) -> Any:
    """Mean of the last `window` values, NaN before there are that many; values must be finite."""
    # high + low is the sum: each addition keeps its rounding error (Knuth's two-sum) in low.
    rows = values.shape[0]
    means = np.full(rows, np.nan)
    high = 0.0
    low = 0.0
    for row in range(rows):
        for added in (values[row], -values[row - window] if row >= window else 0.0):
            total = high + added
            part = total - high
            error = (high - (total - part)) + (added - part)
            low += error
            high = total + low
            low -= high - total
        if row >= window - 1:
            means[row] = high / window
    return means


@njit(cache=True, nogil=True, error_model="numpy")
def rolling_means(values: Any, windows: Any) -> Any:
    """`rolling_mean` of each window, one a row, with equal bits.

    The windows go through the bars side by side: each addition waits for the one before it, so one
    window alone leaves most of the processor idle.
    """
    rows, count = values.shape[0], windows.shape[0]
    means = np.empty((count, rows))
    for first in range(0, count, _SIDE_BY_SIDE):
        last = min(first + _SIDE_BY_SIDE, count)
        high, low = np.zeros(_SIDE_BY_SIDE), np.zeros(_SIDE_BY_SIDE)
        leaving = np.zeros(_SIDE_BY_SIDE)
        block = np.empty((_SIDE_BY_SIDE, _BARS_A_BLOCK))
        for start in range(0, rows, _BARS_A_BLOCK):
            bars = min(_BARS_A_BLOCK, rows - start)
            for bar in range(bars):
                row = start + bar
                for k in range(last - first):
                    gone = row - windows[first + k]
                    leaving[k] = -values[gone] if gone >= 0 else 0.0
                entering = values[row]
                for k in range(_SIDE_BY_SIDE):
                    sum_high, sum_low = high[k], low[k]
                    total = sum_high + entering
                    part = total - sum_high
                    sum_low += (sum_high - (total - part)) + (entering - part)
                    sum_high = total + sum_low
                    sum_low -= sum_high - total
                    total = sum_high + leaving[k]
                    part = total - sum_high
                    sum_low += (sum_high - (total - part)) + (leaving[k] - part)
                    sum_high = total + sum_low
                    sum_low -= sum_high - total
                    high[k], low[k] = sum_high, sum_low
                for k in range(last - first):
                    block[k, bar] = high[k]
            for k in range(last - first):
                window = windows[first + k]
                for bar in range(bars):
                    known = start + bar >= window - 1
                    means[first + k, start + bar] = block[k, bar] / window if known else np.nan
    return means
