"""This file holds the compiled loop over combinations of a crossing plan.

Each combination is turned into events and goes through `simulate`, the loop of the single run. The
function holds no lock of Python while it runs, so that threads share the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from trading_pipeline.backtest.kernel import simulate
from trading_pipeline.backtest.kernel_fills import marked_bars

__all__ = ["crossing_events", "sweep_crossings"]

Array = Any


@njit(cache=True, nogil=True, error_model="numpy")
def crossing_events(
    first: Array, second: Array, lead: int, up: int, down: int, marks: Array
) -> Any:
    """(bars, codes) of the crosses of two rows; `marks` is a buffer of bytes, a multiple of 8 long."""
    n = first.shape[0]
    for t in range(1, n):
        rose = (first[t] > second[t]) & (first[t - 1] <= second[t - 1])
        fell = (first[t] < second[t]) & (first[t - 1] >= second[t - 1])
        marks[t - lead] = np.uint8(rose) * np.uint8(up) + np.uint8(fell) * np.uint8(down)
    event_bar = marked_bars(marks)
    event_code = np.empty(event_bar.shape[0], dtype=np.uint8)
    for row in range(event_bar.shape[0]):
        event_code[row] = marks[event_bar[row]]
    return event_bar, event_code


@njit(cache=True, nogil=True, error_model="numpy")
def sweep_crossings(
    open_: Array, high: Array, low: Array, close: Array, rows: Array, pairs: Array, lead: int,
    up: int, down: int, levels: Any, action_bar: Array, action_effect: Array, p: Array,
    stats: Array, no_trades: Array, no_orders: Array,
) -> None:  # fmt: skip
    """Statistics of each pair, one row each; nothing else is kept."""
    marks = np.zeros(8 * ((close.shape[0] + 7) // 8), dtype=np.uint8)
    nothing = np.empty(0)
    for number in range(pairs.shape[0]):
        event_bar, event_code = crossing_events(
            rows[pairs[number, 0]], rows[pairs[number, 1]], lead, up, down, marks
        )
        simulate(
            open_, high, low, close, event_bar, event_code, None, levels, action_bar,
            action_effect, p, stats[number], nothing, nothing, nothing, no_trades, no_orders,
        )  # fmt: skip
