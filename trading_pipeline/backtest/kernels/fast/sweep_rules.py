"""The compiled loop over combinations of a rule plan.

As in `kernels.fast.sweep` each combination goes through `simulate`, the loop of the single run.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.backtest.arrays import BoolArray, CodeArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels.codes import ENTER_LONG, ENTER_SHORT
from trading_pipeline.backtest.kernels.compilation import inner
from trading_pipeline.backtest.kernels.fast.plain import simulate
from trading_pipeline.backtest.kernels.fast.rule_events import decide, rule_events
from trading_pipeline.backtest.kernels.vectors import LANES

__all__ = ["sweep_rules"]


@inner
def _place_levels(
    sided: FloatArray, event_bar: IntArray, event_code: CodeArray, count: int, placed: FloatArray
) -> None:
    """Write the level of each entry's side at the bar that decides it; others are never read."""
    for number in range(count):
        if event_code[number] & (ENTER_LONG | ENTER_SHORT):
            t = event_bar[number]
            placed[t] = sided[1 if event_code[number] & ENTER_SHORT else 0, t]


@inner
def _is_refused(refused: BoolArray, event_bar: IntArray, event_code: CodeArray, count: int) -> bool:
    """True where an entry has a level on the wrong side of its price."""
    for number in range(count):
        t = event_bar[number]
        if (event_code[number] & ENTER_LONG and refused[0, t]) or (
            event_code[number] & ENTER_SHORT and refused[1, t]
        ):
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def sweep_rules(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, rows: FloatArray,
    terms: IntArray, places: IntArray, numbers: FloatArray, lead: int,
    levels: tuple[FloatArray, FloatArray, FloatArray] | None, placed: FloatArray, sided: FloatArray,
    is_sided: BoolArray, refused: BoolArray, action_bar: IntArray | None,
    action_effect: FloatArray, p: FloatArray, stats: FloatArray, equity: FloatArray,
    is_refused: BoolArray,
) -> None:  # fmt: skip
    """Statistics of each combination, one row each, and its equity where `equity` has its rows.

    `places`, `numbers`: see `decide`, first axis the combinations. `levels`: stop, target and
    trail; those of `is_sided` depend on the side and are views of rows of `placed`, which are
    written here from `sided` (level, side, bar). `refused` (side, bar): entries that
    `check_levels` would refuse, without bars where there are none; `is_refused` tells which
    combinations have one.
    """
    n = close.shape[0]
    bars, codes = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.uint8)
    masks = np.empty((5, (n + lead + LANES - 1) // LANES), dtype=np.uint8)
    nothing, no_holdings = np.empty(0), np.empty((0, 3))
    for number in range(places.shape[0]):
        decide(rows, terms, places[number], numbers[number], masks)
        count = rule_events(masks, lead, bars, codes)
        if refused.shape[1] > 0:
            is_refused[number] = _is_refused(refused, bars, codes, count)
        for level in range(3):
            if is_sided[level]:
                _place_levels(sided[level], bars, codes, count, placed[level])
        simulate(
            open_, high, low, close, bars[:count], codes[:count], None, levels, action_bar,
            action_effect, p, stats[number], equity[number] if equity.shape[0] else nothing,
            no_holdings, None, None,
        )  # fmt: skip
