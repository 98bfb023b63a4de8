"""The compiled loop over combinations of a crossing plan.

Each combination is turned into events and goes through `simulate`, the loop of the single run. The
function holds no lock of Python while it runs, so threads share the work.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from trading_pipeline.backtest.arrays import CodeArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels.fast.plain import simulate
from trading_pipeline.backtest.kernels.vectors import at_or_above, lowest

__all__ = ["crossing_events", "sweep_crossings"]

_BARS_AT_ONCE: Final = 64


@njit(cache=True, nogil=True, error_model="numpy")
def crossing_events(
    first: FloatArray, second: FloatArray, lead: int, up: int, down: int, event_bar: IntArray,
    event_code: CodeArray, in_state: bool = False,
) -> int:  # fmt: skip
    """Write bars and codes of the crosses of two rows, rising; returns their number.

    With `in_state`, the first traded bar at which both rows are known counts as a cross to the side
    that holds there. The buffers have a place for each bar. 64 bars are compared at once; only
    where one of them has a cross is there more to do.
    """
    n, count = first.shape[0], 0
    t = 1
    if in_state:
        t = lead
        while t < n and (np.isnan(first[t]) or np.isnan(second[t])):
            t += 1
        if t < n and first[t] != second[t]:
            event_bar[count], event_code[count] = t - lead, up if first[t] > second[t] else down
            count += 1
        t += 1
    one, last = np.uint64(1), np.uint64(_BARS_AT_ONCE - 1)
    was_above, was_below = np.uint64(0), np.uint64(0)  # or equal, at the bar before
    if t <= n:
        was_above = one if first[t - 1] >= second[t - 1] else was_above
        was_below = one if first[t - 1] <= second[t - 1] else was_below
    while t + _BARS_AT_ONCE <= n:
        above, below = at_or_above(first, second, t), at_or_above(second, first, t)
        ups = above & ~below & (below << one | was_below)
        crossed = ups | below & ~above & (above << one | was_above)
        while crossed != 0:
            lane = lowest(crossed)
            event_bar[count] = t + np.int64(lane) - lead
            event_code[count] = up if ups >> lane & one else down
            count += 1
            crossed &= crossed - one
        was_above, was_below = above >> last, below >> last
        t += _BARS_AT_ONCE
    while t < n:
        if first[t] > second[t] and first[t - 1] <= second[t - 1]:
            event_bar[count], event_code[count] = t - lead, up
            count += 1
        elif first[t] < second[t] and first[t - 1] >= second[t - 1]:
            event_bar[count], event_code[count] = t - lead, down
            count += 1
        t += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def sweep_crossings(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, rows: FloatArray,
    pairs: IntArray, lead: int, up: int, down: int,
    levels: tuple[FloatArray, FloatArray, FloatArray] | None, action_bar: IntArray | None,
    action_effect: FloatArray, p: FloatArray, stats: FloatArray, equity: FloatArray,
    in_state: bool,
) -> None:  # fmt: skip
    """Statistics of each pair, one row each, and its equity where `equity` has its rows."""
    n = close.shape[0]
    bars, codes = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.uint8)
    nothing, no_holdings = np.empty(0), np.empty((0, 3))
    for number in range(pairs.shape[0]):
        count = crossing_events(
            rows[pairs[number, 0]], rows[pairs[number, 1]], lead, up, down, bars, codes, in_state
        )
        simulate(
            open_, high, low, close, bars[:count], codes[:count], None, levels, action_bar,
            action_effect, p, stats[number], equity[number] if equity.shape[0] else nothing,
            no_holdings, None, None,
        )  # fmt: skip
