"""This file holds the compiled loops over found patterns: their breakouts, and columns of features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["WAIT", "fill_columns", "first_breaks"]

WAIT = 60
"""Bars for which a breakout is waited for, and for which a pattern speaks as a feature."""


@njit(cache=True, nogil=True)
def first_breaks(whole: Any, parts: Any, close: Any) -> tuple[Any, Any]:
    """Row and direction of the first close outside the lines from the known bar on; -1 and 0: none.

    The wait ends `WAIT` bars after the known bar, and where the lines meet.
    """
    rows, directions = np.full(len(whole), -1, np.int64), np.zeros(len(whole), np.int64)
    for i in range(len(whole)):
        known = whole[i, 3]
        for t in range(known, min(known + WAIT + 1, len(close))):
            upper = parts[i, 2] + parts[i, 3] * (t - parts[i, 1])
            lower = parts[i, 5] + parts[i, 6] * (t - parts[i, 4])
            if upper <= lower:
                break
            if close[t] > upper or close[t] < lower:
                rows[i], directions[i] = t, 1 if close[t] > upper else -1
                break
    return rows, directions


@njit(cache=True, nogil=True)
def fill_columns(
    whole: Any,
    parts: Any,
    breaks: Any,
    broke: Any,
    families: Any,
    expected: Any,
    close: Any,
    atr: Any,
    table: Any,
) -> None:
    """Columns of each family over the bars: age, direction, quality, distance; patterns by known row.

    `table` has four columns a family and comes with an age of 1 and zeros. A pattern speaks for
    `WAIT` bars, or until a newer one of its family is known.
    """
    size = len(close)
    for i in range(len(whole)):
        column = 4 * families[whole[i, 0]]
        known = whole[i, 3]
        for t in range(known, min(known + WAIT, size)):
            direction = expected[whole[i, 0]]
            if breaks[i] >= 0 and t >= breaks[i]:
                direction = broke[i]
            above = close[t] - (parts[i, 2] + parts[i, 3] * (t - parts[i, 1]))
            below = parts[i, 5] + parts[i, 6] * (t - parts[i, 4]) - close[t]
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
