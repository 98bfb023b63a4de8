"""This file holds the compiled life of resting orders and of levels inside a bar, for one instrument.

A stop-limit order whose stop is reached inside a bar fills at the stop where its limit allows that, and
rests as a limit order from the next bar on where it does not. Inside a bar there is an exit or an entry,
never both, except that a position opened inside a bar can be stopped in what is left of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

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

__all__ = ["fill_resting", "intrabar_exit", "keep_rest", "withdraw"]

Array = Any


@inner
def withdraw(w: Array, a: Array, asset: int, i: int, at: int, orders: Array, reason: int) -> None:
    """Take a resting order back and log why."""
    keep_apart()
    refuse(
        a, orders, asset, int(w[c.W_REST_ROW]), i, at, w[c.W_REST_SIDE], rest_kind(w[c.W_REST]),
        w[c.W_REST_LEFT], reason,
    )  # fmt: skip
    w[c.W_REST] = c.NO_REST


@inner
def keep_rest(w: Array, t: int, side: float, left: float, kind: int, p: Array) -> None:
    """What a fill left over for lack of volume works on, where the settings keep it."""
    if left > 0.0 and p[c.P_KEEP_UNFILLED] > 0.0:
        if w[c.W_REST] == c.NO_REST:
            w[c.W_REST_BARS], w[c.W_REST_DAY] = 0.0, -1.0
            w[c.W_REST_RATIO], w[c.W_REST_ROW] = w[c.W_RATIO], t
            w[c.W_REST_LIMIT], w[c.W_REST_STOP] = np.nan, np.nan
        w[c.W_REST], w[c.W_REST_SIDE], w[c.W_REST_LEFT] = kind, side, left
    else:
        w[c.W_REST] = c.NO_REST


@inner
def intrabar_exit(
    w: Array, a: Array, asset: int, i: int, o: float, h: float, low: float, volume: float,
    p: Array, trades: Array, orders: Array,
) -> bool:  # fmt: skip
    """Stop, target or trail of a held position inside one bar; True where one of them acted."""
    keep_apart()
    side = 1.0 if w[c.W_QUANTITY] > 0.0 else -1.0
    code, ref = exit_trigger(
        side, o, h, low, w[c.W_STOP], w[c.W_TARGET], int(p[c.P_INTRABAR]), p[c.P_TOUCH] > 0.0
    )
    if code != 0:
        why = int(w[c.W_STOP_REASON]) if code == 1 else c.R_TAKE_PROFIT
        at = c.AT_OPEN if ref == o else c.AT_INTRABAR
        leave(w, a, asset, int(w[c.W_DECIDED]), i, at, ref, why, np.nan, volume, p, trades, orders)
        return True
    if w[c.W_TRAIL] == w[c.W_TRAIL]:
        moved = trail_level(h if side > 0.0 else low, side, w[c.W_TRAIL], p)
        if np.isnan(w[c.W_STOP]) or side * (moved - w[c.W_STOP]) > 0.0:
            w[c.W_STOP], w[c.W_STOP_REASON] = moved, c.R_TRAILING_STOP
    return False


@inner
def _reached(
    w: Array, at: int, o: float, h: float, low: float, p: Array
) -> tuple[bool, float, int]:
    """(fills, price before slippage, kind of the fill) of a resting order at the open or inside the bar."""
    side, rest = w[c.W_REST_SIDE], w[c.W_REST]
    limit, trigger = w[c.W_REST_LIMIT], w[c.W_REST_STOP]
    if rest == c.REST_MARKET:
        return at == c.AT_OPEN, o, c.K_MARKET
    if at == c.AT_OPEN:
        if rest == c.REST_STOP:
            return side * (o - trigger) >= 0.0, o, c.K_STOP
        if rest == c.REST_STOP_LIMIT:
            if side * (o - trigger) < 0.0:
                return False, o, c.K_STOP_LIMIT
            w[c.W_REST] = c.REST_LIMIT
            return side * (o - limit) <= 0.0, o, c.K_STOP_LIMIT
        return side * (o - limit) <= 0.0, o, c.K_LIMIT
    far, near = (h, low) if side > 0.0 else (low, h)
    if rest == c.REST_LIMIT:
        through = side * (near - limit)
        return through < 0.0 or (p[c.P_TOUCH] > 0.0 and through == 0.0), limit, c.K_LIMIT
    if side * (far - trigger) < 0.0:
        return False, o, c.K_STOP
    if rest == c.REST_STOP:
        return True, trigger, c.K_STOP
    w[c.W_REST] = c.REST_LIMIT
    return side * (trigger - limit) <= 0.0, trigger, c.K_STOP_LIMIT


@inner
def fill_resting(
    w: Array, a: Array, asset: int, i: int, at: int, o: float, h: float, low: float, close: float,
    amounts: Array, levels: Any, volume: float, p: Array, trades: Array, orders: Array,
) -> None:  # fmt: skip
    """Fill the resting order if its price is there; then the stop of what was opened inside the bar."""
    keep_apart()
    side, held = w[c.W_REST_SIDE], w[c.W_QUANTITY]
    if held * side < 0.0:
        return
    fixed = w[c.W_REST_LEFT]
    if fixed == fixed and (w[c.W_USED] > 0.0 or not volume_room(w, volume, p) > 0.0):
        return  # a remainder waits for a bar of its own
    adds = held != 0.0 and np.isnan(fixed)
    if adds and w[c.W_ENTRIES] + 1.0 >= p[c.P_PYRAMIDING]:
        withdraw(w, a, asset, i, at, orders, c.R_PYRAMIDING)
        return
    fills, ref, kind = _reached(w, at, o, h, low, p)
    if not fills:
        return
    t = int(w[c.W_REST_ROW])
    limit = np.nan if kind in (c.K_STOP, c.K_MARKET) else w[c.W_REST_LIMIT]
    amount = p[c.P_AMOUNT]
    given = amounts[t if amounts.shape[0] > 1 else 0]
    if given == given:
        amount = given
    left = enter(
        w, a, asset, t, i, at, ref, side, kind, limit, amount, fixed, levels, w[c.W_REST_RATIO],
        volume, p, trades, orders,
    )  # fmt: skip
    if adds and abs(w[c.W_QUANTITY]) > abs(held):
        w[c.W_ENTRIES] += 1.0
    keep_rest(w, t, side, left, c.REST_LIMIT if limit == limit else c.REST_MARKET, p)
    if at == c.AT_OPEN or held != 0.0 or w[c.W_QUANTITY] == 0.0:
        return
    worst = low if side > 0.0 else h
    if kind != c.K_LIMIT:
        after = p[c.P_INTRABAR] == c.OPTIMISTIC
        if p[c.P_INTRABAR] == c.OHLC_PATH:
            after = ((h - o) < (o - low)) != (side > 0.0)
        if after:  # the path from the entry on holds nothing worse than the close
            worst = close
    if side * (worst - w[c.W_STOP]) <= 0.0:
        price = w[c.W_STOP] if side * (ref - w[c.W_STOP]) > 0.0 else ref
        gross = a[c.A_GROSS]
        leave(
            w, a, asset, t, i, c.AT_INTRABAR, price, int(w[c.W_STOP_REASON]), np.nan, volume, p,
            trades, orders,
        )  # fmt: skip
        a[c.A_GROSS] = gross  # what this sets free is spent from the next open on
