"""Compiled evaluation of the conditions of a rule plan: from rows to the events of a combination.

Eight bars are compared at once, and the answers are kept as one byte for each eight bars.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from trading_pipeline.backtest.arrays import CodeArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels.codes import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT
from trading_pipeline.backtest.kernels.compilation import inner
from trading_pipeline.backtest.kernels.events import pack_code
from trading_pipeline.backtest.kernels.vectors import LANES, lowest, relations

__all__ = [
    "ABOVE", "AT_OR_ABOVE", "AT_OR_BELOW", "BELOW", "CROSSES_ABOVE", "CROSSES_BELOW", "TERM_FIELDS",
    "decide", "rule_events",
]  # fmt: skip

ABOVE, AT_OR_ABOVE, BELOW, AT_OR_BELOW, CROSSES_ABOVE, CROSSES_BELOW = range(6)
TERM_FIELDS: Final = 3
"""Of a row of `terms`: the intent's number, whether an alternative begins, the relation."""
_BYTE: Final = 0xFF


@inner
def _holding(found: int, relation: int, before: int) -> tuple[int, int]:
    """(bits of the bars at which the relation holds, what the next eight bars must know)."""
    above, below, equal = found & _BYTE, found >> LANES & _BYTE, found >> 2 * LANES
    if relation == ABOVE:
        return above, 0
    if relation == BELOW:
        return below, 0
    if relation == AT_OR_ABOVE:
        return above | equal, 0
    if relation == AT_OR_BELOW:
        return below | equal, 0
    now, not_yet = (above, below | equal) if relation == CROSSES_ABOVE else (below, above | equal)
    return now & (not_yet << 1 | before), not_yet >> (LANES - 1)


@inner
def _last_bars(
    left: FloatArray, base: FloatArray, number: float, spread: FloatArray, form: int, first: int
) -> int:
    """`relations` of the bars from `first` on, fewer than eight, one by one."""
    found = 0
    for lane in range(left.shape[0] - first):
        t = first + lane
        other = number if form == 0 else base[t]
        if form == 2:
            other = base[t] + number * spread[t]
        found |= int(left[t] > other) << lane
        found |= int(left[t] < other) << (LANES + lane)
        found |= int(left[t] == other) << (2 * LANES + lane)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def decide(
    rows: FloatArray, terms: IntArray, places: IntArray, numbers: FloatArray, masks: CodeArray
) -> None:
    """Fill `masks` (four intents and one for work, a byte for each eight bars) for a combination.

    `terms`: see `TERM_FIELDS`. `places`: row numbers of left, base and spread of each term, -1 for
    none; `numbers`: its number.
    """
    n = rows.shape[1]
    whole = n // LANES
    masks[:4] = 0
    group = masks[4]
    for term in range(terms.shape[0]):
        intent, begins, relation = terms[term, 0], terms[term, 1], terms[term, 2]
        number = numbers[term]
        left = rows[places[term, 0]]
        base, spread = rows[max(places[term, 1], 0)], rows[max(places[term, 2], 0)]
        form = int(places[term, 1] >= 0) + int(places[term, 2] >= 0)
        before = 0
        for block in range(masks.shape[1]):
            t = block * LANES
            if block == whole:
                found = _last_bars(left, base, number, spread, form, t)
            elif form == 0:
                found = relations(left, None, number, None, t)
            elif form == 1:
                found = relations(left, base, number, None, t)
            else:
                found = relations(left, base, number, spread, t)
            bits, before = _holding(found, relation, before)
            group[block] = bits if begins else group[block] & bits
        if term + 1 == terms.shape[0] or terms[term + 1, 1]:
            for block in range(masks.shape[1]):
                masks[intent, block] |= group[block]


@njit(cache=True, nogil=True, error_model="numpy")
def rule_events(masks: CodeArray, lead: int, event_bar: IntArray, event_code: CodeArray) -> int:
    """Write bars and codes of the decisions that can change a position; returns their number.

    An exit that comes again without an entry of its side in between closes nothing, so it is left
    out: a state such as "above the mean" holds on half of all bars.
    """
    count, long_may_be_held, short_may_be_held = 0, False, False
    for block in range(masks.shape[1]):
        el, xl = int(masks[0, block]), int(masks[1, block])
        es, xs = int(masks[2, block]), int(masks[3, block])
        rest = _BYTE
        if block == 0 and lead:
            rest -= 1
        while True:
            bits = el | es
            if long_may_be_held:
                bits |= xl
            if short_may_be_held:
                bits |= xs
            bits &= rest
            if bits == 0:
                break
            lane = int(lowest(np.uint64(bits)))
            code = pack_code(
                (el >> lane & 1) != 0, (xl >> lane & 1) != 0, (es >> lane & 1) != 0,
                (xs >> lane & 1) != 0,
            )  # fmt: skip
            event_bar[count], event_code[count] = block * LANES + lane - lead, code
            count += 1
            if code & EXIT_LONG:
                long_may_be_held = False
            elif code & ENTER_LONG:
                long_may_be_held = True
            if code & EXIT_SHORT:
                short_may_be_held = False
            elif code & ENTER_SHORT:
                short_may_be_held = True
            rest = _BYTE & ~((2 << lane) - 1)
    return count
