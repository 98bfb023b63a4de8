"""How the flags of signals become events: bars with a decision, and what was decided.

Flags are bools, so bytes of 0 or 1; eight of them are looked at as one word, as decisions are few.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.backtest.arrays import BoolArray, CodeArray, IntArray
from trading_pipeline.backtest.kernels.codes import (
    CANCELLED_LONG,
    CANCELLED_SHORT,
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
)
from trading_pipeline.backtest.kernels.vectors import lowest

__all__ = ["pack_code", "pack_intents"]


@njit(cache=True, nogil=True, error_model="numpy")
def pack_code(el: bool, xl: bool, es: bool, xs: bool) -> int:
    """The code of one bar's flags: entry and exit of longs, entry and exit of shorts."""
    code = 0
    if el:
        code |= CANCELLED_LONG if (xl or es) else ENTER_LONG
    if es:
        code |= CANCELLED_SHORT if (xs or el) else ENTER_SHORT
    if xl:
        code |= EXIT_LONG
    if xs:
        code |= EXIT_SHORT
    return code


@njit(cache=True, nogil=True, error_model="numpy")
def pack_intents(
    entry_long: BoolArray, exit_long: BoolArray, entry_short: BoolArray, exit_short: BoolArray
) -> tuple[IntArray, CodeArray, int]:
    """(bars with a decision, their codes, how many bars can start a trade or a log row).

    An exit cancels the entry of its own side; entries of both sides cancel each other.
    """
    n = entry_long.shape[0]
    whole = n & ~7
    el, xl = entry_long[:whole].view(np.uint64), exit_long[:whole].view(np.uint64)
    es, xs = entry_short[:whole].view(np.uint64), exit_short[:whole].view(np.uint64)
    most = n - whole
    for word in range(el.shape[0]):
        most += 8 * int((el[word] | xl[word] | es[word] | xs[word]) != 0)
    bars, codes = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.uint8)
    count, entries, one = 0, 0, np.uint64(1)
    for word in range(el.shape[0]):
        bits = (el[word] | xl[word] | es[word] | xs[word]) & np.uint64(0x0101010101010101)
        while bits != 0:
            t = 8 * word + (int(lowest(bits)) >> 3)
            bits &= bits - one
            bars[count] = t
            codes[count] = pack_code(entry_long[t], exit_long[t], entry_short[t], exit_short[t])
            entries += int(entry_long[t]) + int(entry_short[t])
            count += 1
    for t in range(whole, n):
        if entry_long[t] | exit_long[t] | entry_short[t] | exit_short[t]:
            bars[count] = t
            codes[count] = pack_code(entry_long[t], exit_long[t], entry_short[t], exit_short[t])
            entries += int(entry_long[t]) + int(entry_short[t])
            count += 1
    return bars[:count], codes[:count], entries
