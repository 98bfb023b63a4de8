"""Compiled loops over found patterns: their breakouts, and their columns in a feature set.

`whole` and `parts` are the integers and numbers of each pattern, as `kernels.py` gives them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.features.arrays import FloatArray, IntArray

__all__ = ["WAIT", "fill_columns", "first_breaks"]

WAIT = 60
"""Bars within which a breakout counts, and during which a pattern shows in the features."""


@njit(cache=True, nogil=True)
def first_breaks(
    whole: IntArray, parts: FloatArray, close: FloatArray
) -> tuple[IntArray, IntArray]:
    """Row and direction of the first close outside the lines from the known bar on, or -1 and 0.

    The search ends `WAIT` bars after the known bar, or where the lines meet.
    """
    rows, directions = np.full(len(whole), -1, np.int64), np.zeros(len(whole), np.int64)
    for i in range(len(whole)):
        known = whole[i, 3]
        for t in range(known, min(known + WAIT + 1, len(close))):
            upper, lower = _lines_at(parts[i], t)
            if upper <= lower:
                break
            if close[t] > upper or close[t] < lower:
                rows[i], directions[i] = t, 1 if close[t] > upper else -1
                break
    return rows, directions


@njit(cache=True, nogil=True)
def fill_columns(
    whole: IntArray,
    parts: FloatArray,
    breaks: IntArray,
    broke: IntArray,
    families: IntArray,
    expected: IntArray,
    close: FloatArray,
    atr: FloatArray,
    table: FloatArray,
) -> None:
    """Fill the columns of each family: age, direction, quality and distance, bar by bar.

    Patterns come in the order of their known rows. A pattern counts for `WAIT` bars, or until a
    newer one of its family is known.

    Parameters
    ----------
    breaks, broke
        Row and direction of each pattern's breakout, as `first_breaks` gives them.
    families, expected
        Number of the family, and expected direction, by code.
    table
        Four columns a family, filled with an age of 1 and zeros.
    """
    size = len(close)
    for i in range(len(whole)):
        column = 4 * families[whole[i, 0]]
        known = whole[i, 3]
        for t in range(known, min(known + WAIT, size)):
            direction = expected[whole[i, 0]]
            if breaks[i] >= 0 and t >= breaks[i]:
                direction = broke[i]
            upper, lower = _lines_at(parts[i], t)
            above, below = close[t] - upper, lower - close[t]
            beyond = max(above, below)
            if direction > 0:
                beyond = above
            elif direction < 0:
                beyond = below
            table[t, column] = (t - known) / WAIT
            table[t, column + 1] = direction
            table[t, column + 2] = parts[i, 0]
            scaled = beyond / atr[t] if atr[t] > 0.0 else 0.0
            table[t, column + 3] = min(max(scaled, -10.0), 10.0)


@njit(cache=True, nogil=True)
def _lines_at(pattern: FloatArray, row: int) -> tuple[float, float]:
    """Upper and lower line at a row."""
    upper = pattern[2] + pattern[3] * (row - pattern[1])
    return upper, pattern[5] + pattern[6] * (row - pattern[4])
