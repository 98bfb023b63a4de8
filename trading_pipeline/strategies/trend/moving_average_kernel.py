"""The compiled loops of the moving average, imported only when an average is first computed."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["SIDE_BY_SIDE", "rolling_mean", "rolling_means"]

FloatArray = npt.NDArray[np.float64]
SIDE_BY_SIDE: Final = 16
"""Windows computed at once."""
_BARS_A_BLOCK = 128  # a block of all windows fits in the first cache


@njit(cache=True, nogil=True)
def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean of the last `window` values, NaN on the first `window - 1` rows; needs finite values."""
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
def rolling_means(values: FloatArray, windows: npt.NDArray[np.int64], means: FloatArray) -> None:
    """Write `rolling_mean` of each window, one a row, equal bit for bit.

    Many windows are summed at a time: within one window each addition depends on the one before, so
    a single window leaves most of the processor idle.
    """
    rows, count = values.shape[0], windows.shape[0]
    longest = min(windows.max(), rows) if count else 0
    gone = np.zeros(longest + rows)  # what leaves a window; nothing before the first value
    for row in range(rows):
        gone[longest + row] = -values[row]
    high, low = np.empty(SIDE_BY_SIDE), np.empty(SIDE_BY_SIDE)
    leaving, back = np.empty(SIDE_BY_SIDE), np.empty(SIDE_BY_SIDE, dtype=np.int64)
    block = np.empty((_BARS_A_BLOCK, SIDE_BY_SIDE))
    for first in range(0, count, SIDE_BY_SIDE):
        high[:], low[:] = 0.0, 0.0
        for k in range(SIDE_BY_SIDE):  # lanes beyond the last window repeat it
            back[k] = longest - min(windows[min(first + k, count - 1)], longest)
        for start in range(0, rows, _BARS_A_BLOCK):
            bars = min(_BARS_A_BLOCK, rows - start)
            for bar in range(bars):
                entering = values[start + bar]
                for k in range(SIDE_BY_SIDE):
                    leaving[k] = gone[start + bar + back[k]]
                for k in range(SIDE_BY_SIDE):
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
                    block[bar, k] = sum_high
            for k in range(min(SIDE_BY_SIDE, count - first)):
                window = windows[first + k]
                for bar in range(bars):
                    known = start + bar >= window - 1
                    means[first + k, start + bar] = block[bar, k] / window if known else np.nan
