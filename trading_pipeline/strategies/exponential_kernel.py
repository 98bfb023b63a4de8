"""The compiled loop of exponential averages, imported only when one is first computed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["smoothed"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_SIDE_BY_SIDE = 16
_BARS_A_BLOCK = 128  # a block of all lanes fits in the first cache


@njit(cache=True, nogil=True, error_model="numpy")
def smoothed(
    lines: FloatArray, which: IntArray, windows: IntArray, begins: IntArray, found: FloatArray
) -> None:
    """Write exponential averages, one a row, each of the row `which` of `lines` from `begins` on.

    The first value is the mean of the first `window` values, at the last of them; before it NaN.
    Then `(value - average) * 2 / (window + 1) + average`. Many are computed side by side: each step
    waits for the one before.
    """
    bars, count = lines.shape[1], windows.shape[0]
    average, weight = np.empty(_SIDE_BY_SIDE), np.empty(_SIDE_BY_SIDE)
    seed, first_bar = np.empty(_SIDE_BY_SIDE), np.empty(_SIDE_BY_SIDE, dtype=np.int64)
    source = np.empty(_SIDE_BY_SIDE, dtype=np.int64)
    block = np.empty((_BARS_A_BLOCK, _SIDE_BY_SIDE))
    for first in range(0, count, _SIDE_BY_SIDE):
        for k in range(_SIDE_BY_SIDE):
            row = min(first + k, count - 1)  # lanes beyond the last row repeat it
            source[k], weight[k] = which[row], 2.0 / (windows[row] + 1.0)
            first_bar[k] = begins[row] + windows[row] - 1
            total = 0.0
            if first_bar[k] < bars:
                for bar in range(begins[row], first_bar[k] + 1):
                    total += lines[source[k], bar]
            seed[k] = total / windows[row]
            average[k] = seed[k]
        for start in range(0, bars, _BARS_A_BLOCK):
            length = min(_BARS_A_BLOCK, bars - start)
            for at in range(length):
                bar = start + at
                for k in range(_SIDE_BY_SIDE):
                    block[at, k] = lines[source[k], bar]
                for k in range(_SIDE_BY_SIDE):
                    moved = (block[at, k] - average[k]) * weight[k] + average[k]
                    average[k] = moved if bar > first_bar[k] else seed[k]
                    block[at, k] = average[k]
            for k in range(min(_SIDE_BY_SIDE, count - first)):
                for at in range(length):
                    known = start + at >= first_bar[k]
                    found[first + k, start + at] = block[at, k] if known else np.nan
