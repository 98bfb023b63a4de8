"""Compiled life of resting orders, and of levels inside a bar, for one instrument.

A stop-limit order whose stop is reached inside a bar fills at the stop where its limit allows that, and
rests as a limit order from the next bar on where it does not. Inside a bar there is an exit or an entry,
never both, except that a position opened inside a bar can be stopped in what is left of it.
"""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.account_fills import (
    enter,
    leave,
    refuse,
    rest_kind,
    volume_room,
)
from trading_pipeline.backtest.kernels.compilation import inner, keep_apart
from trading_pipeline.backtest.kernels.fills import exit_trigger, trail_level
from trading_pipeline.backtest.kernels.state import Account, Bar, Instrument, Logs, Moment

__all__ = ["amount_at", "fill_resting", "intrabar_exit", "keep_rest", "withdraw"]


@inner
def amount_at(amounts: FloatArray, t: int, p: FloatArray) -> float:
    """Size of an entry decided at bar t: its own, or that of the settings where it has none."""
    given = amounts[t if amounts.shape[0] > 1 else 0]
    return float(given if given == given else p[c.P_AMOUNT])


@inner
def withdraw(w: Instrument, a: Account, now: Moment, reason: int, logs: Logs) -> None:
    """Take a resting order back and log why."""
    keep_apart()
    refuse(w, a, w.rest_row, now, w.rest_side, rest_kind(w.rest), w.rest_left, reason, logs)
    w.rest = c.NO_REST


@inner
def keep_rest(w: Instrument, t: int, side: float, left: float, kind: int, p: FloatArray) -> None:
    """What a fill left over for lack of volume works on, where the settings keep it."""
    if left > 0.0 and p[c.P_KEEP_UNFILLED] > 0.0:
        if w.rest == c.NO_REST:
            w.rest_bars, w.rest_day = 0, -1
            w.rest_ratio, w.rest_row = w.ratio, t
            w.rest_limit, w.rest_stop = np.nan, np.nan
        w.rest, w.rest_side, w.rest_left = kind, side, left
    else:
        w.rest = c.NO_REST


@inner
def intrabar_exit(
    w: Instrument, a: Account, i: int, bar: Bar, volume: float, p: FloatArray, logs: Logs
) -> bool:
    """Stop, target or trail of a held position inside one bar; True where one of them acted."""
    keep_apart()
    side = 1.0 if w.quantity > 0.0 else -1.0
    code, ref = exit_trigger(
        side, bar.open, bar.high, bar.low, w.stop, w.target, int(p[c.P_INTRABAR]),
        p[c.P_TOUCH] > 0.0,
    )  # fmt: skip
    if code != 0:
        why = w.stop_reason if code == 1 else c.R_TAKE_PROFIT
        at = c.AT_OPEN if ref == bar.open else c.AT_INTRABAR
        leave(w, a, w.decided, Moment(i, at, ref, volume), why, np.nan, p, logs)
        return True
    if w.trail == w.trail:
        moved = trail_level(bar.high if side > 0.0 else bar.low, side, w.trail, p)
        if np.isnan(w.stop) or side * (moved - w.stop) > 0.0:
            w.stop, w.stop_reason = moved, c.R_TRAILING_STOP
    return False


@inner
def _reached(w: Instrument, at: int, bar: Bar, p: FloatArray) -> tuple[bool, float, int]:
    """(fills, price before slippage, kind of the fill) of a resting order at the open or inside a bar."""
    side, limit, trigger = w.rest_side, w.rest_limit, w.rest_stop
    if w.rest == c.REST_MARKET:
        return at == c.AT_OPEN, bar.open, c.K_MARKET
    if at == c.AT_OPEN:
        if w.rest == c.REST_STOP:
            return side * (bar.open - trigger) >= 0.0, bar.open, c.K_STOP
        if w.rest == c.REST_STOP_LIMIT:
            if side * (bar.open - trigger) < 0.0:
                return False, bar.open, c.K_STOP_LIMIT
            w.rest = c.REST_LIMIT
            return side * (bar.open - limit) <= 0.0, bar.open, c.K_STOP_LIMIT
        return side * (bar.open - limit) <= 0.0, bar.open, c.K_LIMIT
    far, near = (bar.high, bar.low) if side > 0.0 else (bar.low, bar.high)
    if w.rest == c.REST_LIMIT:
        through = side * (near - limit)
        return through < 0.0 or (p[c.P_TOUCH] > 0.0 and through == 0.0), limit, c.K_LIMIT
    if side * (far - trigger) < 0.0:
        return False, bar.open, c.K_STOP
    if w.rest == c.REST_STOP:
        return True, trigger, c.K_STOP
    w.rest = c.REST_LIMIT
    return side * (trigger - limit) <= 0.0, trigger, c.K_STOP_LIMIT


@inner
def fill_resting(
    w: Instrument, a: Account, i: int, at: int, bar: Bar, volume: float, amounts: FloatArray,
    levels: tuple[FloatArray, FloatArray, FloatArray], p: FloatArray, logs: Logs,
) -> None:  # fmt: skip
    """Fill the resting order if its price is there; then the stop of what was opened inside the bar."""
    keep_apart()
    side, held = w.rest_side, w.quantity
    if held * side < 0.0:
        return
    fixed = w.rest_left
    if fixed == fixed and (w.used > 0.0 or not volume_room(w, volume, p) > 0.0):
        return  # a remainder waits for a bar of its own
    adds = held != 0.0 and np.isnan(fixed)
    if adds and w.entries + 1.0 >= p[c.P_PYRAMIDING]:
        withdraw(w, a, Moment(i, at, np.nan, volume), c.R_PYRAMIDING, logs)
        return
    fills, ref, kind = _reached(w, at, bar, p)
    if not fills:
        return
    t = w.rest_row
    limit = np.nan if kind in (c.K_STOP, c.K_MARKET) else w.rest_limit
    left = enter(
        w, a, t, Moment(i, at, ref, volume), side, kind, limit, amount_at(amounts, t, p), fixed,
        levels, w.rest_ratio, p, logs,
    )  # fmt: skip
    if adds and abs(w.quantity) > abs(held):
        w.entries += 1
    keep_rest(w, t, side, left, c.REST_LIMIT if limit == limit else c.REST_MARKET, p)
    if at == c.AT_OPEN or held != 0.0 or w.quantity == 0.0:
        return
    worst = bar.low if side > 0.0 else bar.high
    if kind != c.K_LIMIT:
        after = p[c.P_INTRABAR] == c.OPTIMISTIC
        if p[c.P_INTRABAR] == c.OHLC_PATH:
            after = ((bar.high - bar.open) < (bar.open - bar.low)) != (side > 0.0)
        if after:  # the path from the entry on holds nothing worse than the close
            worst = bar.close
    if side * (worst - w.stop) <= 0.0:
        price = w.stop if side * (ref - w.stop) > 0.0 else ref
        gross = a.gross
        leave(w, a, t, Moment(i, c.AT_INTRABAR, price, volume), w.stop_reason, np.nan, p, logs)
        a.gross = gross  # what this sets free is spent from the next open on
