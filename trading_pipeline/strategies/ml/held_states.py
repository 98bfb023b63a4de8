"""States that last from a beginning to an end, and the sides that signals open."""

from __future__ import annotations

import numpy as np

from trading_pipeline.domain.signals import BoolArray, FloatArray, Signals

__all__ = ["edges", "held", "opened_sides"]


def held(begins: BoolArray, ends: BoolArray) -> BoolArray:
    """True from each beginning until the next end; a row with both counts as a beginning."""
    rows = np.arange(begins.shape[0])
    last_begin = np.maximum.accumulate(np.where(begins, rows, -1))
    last_end = np.maximum.accumulate(np.where(ends, rows, -1))
    state: BoolArray = (last_begin >= 0) & (last_begin >= last_end)
    return state


def edges(state: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Rows where the state begins, and rows where it has ended."""
    before = np.concatenate(([False], state[:-1])) if state.size else state
    return state & ~before, ~state & before


def opened_sides(signals: Signals) -> FloatArray:
    """1.0 where the signals open a long side, -1.0 where a short one, NaN elsewhere.

    A side is open from its entry to its exit or an entry of the other side. An entry of a side that
    is open already opens nothing. Contradictions count as `Signals` says. Stops and targets are
    not known here.

    >>> yes, no = np.array([True, True, False]), np.array([False, False, True])
    >>> opened_sides(Signals.long_only(yes, no)).tolist()
    [1.0, nan, nan]
    """
    long, short = (
        signals.entry_long & ~signals.exit_long,
        signals.entry_short & ~signals.exit_short,
    )
    long, short = long & ~short, short & ~long
    sides = np.full(len(signals), np.nan)
    sides[edges(held(long, signals.exit_long | short))[0]] = 1.0
    sides[edges(held(short, signals.exit_short | long))[0]] = -1.0
    return sides
