"""The compiled loop of exponential averages, imported only when one is first computed."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from trading_pipeline.strategies.eight_lanes import LANES, smooth_eight

__all__ = ["SIDE_BY_SIDE", "smoothed"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
SIDE_BY_SIDE: Final = 2 * LANES
"""Rows computed at once, as two vectors: each step waits for the one before."""


@njit(cache=True, nogil=True, error_model="numpy")
def smoothed(
    lines: FloatArray, which: IntArray, windows: IntArray, begins: IntArray, found: FloatArray
) -> None:
    """Write exponential averages, one a row, each of the row `which` of `lines` from `begins` on.

    The first value is the mean of the first `window` values, at the last of them; before it NaN.
    Then `(value - average) * 2 / (window + 1) + average`. Both tables are contiguous.
    """
    bars, count = lines.shape[1], windows.shape[0]
    lanes = count + SIDE_BY_SIDE
    average, weight = np.zeros(lanes), np.zeros(lanes)
    source = np.zeros(lanes, dtype=np.int64)  # lanes beyond the last row compute nothing of use
    for row in range(count):
        source[row] = which[row]
    for first in range(0, count, SIDE_BY_SIDE):
        last, begin = min(first + SIDE_BY_SIDE, count), 0
        for row in range(first, last):
            begin = max(begin, min(begins[row] + windows[row], bars))
        for row in range(first, last):
            weight[row] = 2.0 / (windows[row] + 1.0)
            average[row] = _begun(
                lines[which[row]], begins[row], windows[row], weight[row], begin, found[row]
            )
        whole = begin + (bars - begin) // LANES * LANES
        for bar in range(begin, whole, LANES):
            for row in range(first, last, LANES):
                smooth_eight(lines, source, bar, average, weight, found, row)
        for row in range(first, last):
            _moved(lines[which[row]], average[row], weight[row], whole, bars, found[row])


@njit(cache=True, nogil=True, error_model="numpy")
def _begun(
    line: FloatArray, begins: int, window: int, weight: float, until: int, found: FloatArray
) -> float:
    """Write one average up to the bar `until`, at which it is needed; returns the last value."""
    first = begins + window - 1
    for bar in range(min(first, until)):
        found[bar] = np.nan
    if first >= line.shape[0]:
        return np.nan
    total = 0.0
    for bar in range(begins, first + 1):
        total += line[bar]
    found[first] = total / window
    return _moved(line, found[first], weight, first + 1, until, found)


@njit(cache=True, nogil=True, error_model="numpy")
def _moved(
    line: FloatArray, average: float, weight: float, first: int, until: int, found: FloatArray
) -> float:
    """Write one average from `first` to `until`; returns the last value."""
    for bar in range(first, until):
        average = (line[bar] - average) * weight + average
        found[bar] = average
    return average
