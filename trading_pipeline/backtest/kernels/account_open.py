"""Compiled orders due at one moment of an account: exits, then reductions, then entries."""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels import margins
from trading_pipeline.backtest.kernels.account_fills import enter, leave, refuse, rest
from trading_pipeline.backtest.kernels.account_orders import (
    amount_at,
    fill_resting,
    keep_rest,
    withdraw,
)
from trading_pipeline.backtest.kernels.compilation import inner, keep_apart
from trading_pipeline.backtest.kernels.fills import (
    affordable_quantity,
    fill_at_market,
    sellable_quantity,
)
from trading_pipeline.backtest.kernels.records import log_order
from trading_pipeline.backtest.kernels.state import (
    Account,
    Bar,
    Instrument,
    Levels,
    Logs,
    Moment,
    Rows,
)

__all__ = ["due_orders", "forced_exits", "size_up"]


@inner
def size_up(w: Rows[Instrument], a: Account, p: FloatArray) -> None:
    """Equity and notional of the account at the present marks, on which entries are sized."""
    a.equity, a.gross = a.cash, 0.0
    for k in range(w.shape[0]):
        value = w[k].quantity * w[k].mark * p[k, c.P_POINT]
        if value != 0.0:
            a.equity += value
            a.gross += abs(value)


@inner
def forced_exits(
    prices: FloatArray,
    volume: FloatArray,
    i: int,
    p: FloatArray,
    w: Rows[Instrument],
    a: Account,
    logs: Logs,
) -> None:
    """Margin calls of the close before, and exits that volume left unfinished, at the open."""
    for k in range(w.shape[0]):
        if prices[k] == prices[k]:
            if w[k].forced > 0 and w[k].quantity != 0.0:
                now = Moment(i, c.AT_OPEN, prices[k], volume[k])
                leave(w[k], a, w[k].forced_row, now, w[k].forced, np.nan, p[k], logs)
            if w[k].quantity == 0.0:
                w[k].forced = 0


@inner
def due_orders(
    prices: FloatArray, volume: FloatArray, i: int, at: int, levels: Levels, close: FloatArray,
    p: FloatArray, w: Rows[Instrument], a: Account, logs: Logs,
) -> None:  # fmt: skip
    """All orders of one moment: exits of all instruments, then reductions, then entries by
    priority.
    """
    keep_apart()
    due = False
    for k in range(w.shape[0]):
        waits = w[k].pending != 0 or w[k].goal == w[k].goal or w[k].rest != c.NO_REST
        if waits and prices[k] == prices[k]:
            due = True
            now = Moment(i, at, prices[k], volume[k])
            _exit_first(w[k], a, now, levels.amounts[k], p[k], logs)
    if not due:
        return
    size_up(w, a, p)
    for k in range(w.shape[0]):
        goal, quantity = w[k].goal, w[k].quantity
        if goal == goal and quantity * goal > 0.0 and prices[k] == prices[k]:
            surplus = abs(quantity) - _desired(w[k], a, prices[k], p[k])
            if surplus > margins.QUANTITY * abs(quantity):
                _reduce(w[k], a, Moment(i, at, prices[k], volume[k]), surplus, p[k], logs)
                w[k].goal, w[k].pending = np.nan, 0
    for k in range(w.shape[0]):
        price = prices[k]
        if price != price:
            continue
        now, by_bar = Moment(i, at, price, volume[k]), levels.amounts[k]
        risk = (levels.stops[k], levels.targets[k], levels.trails[k])
        act, goal = w[k].pending, w[k].goal
        if goal == goal and goal != 0.0:
            _bring_about(w[k], a, now, goal, risk, p[k], logs)
        else:
            w[k].pending, w[k].goal = 0, np.nan
            if act & c.ANY_ENTRY:
                t = w[k].pending_row
                limit = levels.limits[k, t if levels.limits.shape[1] > 1 else 0]
                trigger = levels.triggers[k, t if levels.triggers.shape[1] > 1 else 0]
                _enter_by_signal(
                    w[k], a, now, act, close[t, k], limit, trigger, by_bar, risk, p[k], logs
                )
            if w[k].rest != c.NO_REST and at == c.AT_OPEN and w[k].rest_row < i:
                bar = Bar(price, price, price, price)
                fill_resting(w[k], a, i, at, bar, volume[k], by_bar, risk, p[k], logs)


@inner
def _exit_first(
    w: Instrument, a: Account, now: Moment, amounts: FloatArray, p: FloatArray, logs: Logs
) -> None:
    """Carry out the exit that is due, and withdraw what the new decision ends."""
    keep_apart()
    act, t = w.pending, w.pending_row
    if act != 0:
        quantity, code = w.quantity, 0
        if quantity > 0.0:
            code = act & (c.EXIT_LONG | c.ENTER_SHORT)
        elif quantity < 0.0:
            code = act & (c.EXIT_SHORT | c.ENTER_LONG)
        if code != 0 and w.forced == 0:
            reverses = (code & c.ENTER_LONG) != 0 or (
                (code & c.ENTER_SHORT) != 0 and p[c.P_ALLOW_SHORT] > 0.0
            )
            why = c.R_REVERSAL if reverses else c.R_SIGNAL
            leave(w, a, t, now, why, np.nan, p, logs)
        enters = act & (c.ENTER_LONG | c.ENTER_SHORT)
        if w.rest != c.NO_REST:
            against = c.EXIT_LONG if w.rest_side > 0.0 else c.EXIT_SHORT
            if enters:
                withdraw(w, a, now, c.R_REPLACED, logs)
            elif act & against:
                withdraw(w, a, now, c.R_WITHDRAWN, logs)
        if int(p[c.P_SIZING]) == c.SIZE_WEIGHT and enters:
            amount = amount_at(amounts, t, p)
            w.goal = amount if act & c.ENTER_LONG else -amount
    goal = w.goal
    if goal == goal:
        if w.rest != c.NO_REST:
            withdraw(w, a, now, c.R_REPLACED, logs)
        if w.quantity * goal < 0.0 or (goal == 0.0 and w.quantity != 0.0):
            done = leave(w, a, t, now, c.R_REBALANCE, np.nan, p, logs)
            if not done and p[c.P_KEEP_UNFILLED] > 0.0:
                w.forced, w.forced_row = c.R_REBALANCE, t


@inner
def _desired(w: Instrument, a: Account, price: float, p: FloatArray) -> float:
    """Quantity, without sign, that the goal's weight of the equity buys at this price."""
    filled = fill_at_market(price, 1.0 if w.goal > 0.0 else -1.0, p)
    return float(affordable_quantity(a.equity * abs(w.goal), filled, p))


@inner
def _reduce(
    w: Instrument, a: Account, now: Moment, surplus: float, p: FloatArray, logs: Logs
) -> None:
    """Sell what is held beyond the goal, or log that it is too small to be sold."""
    keep_apart()
    sold, why = sellable_quantity(surplus, now.price, p)
    if why == 0:
        leave(w, a, w.pending_row, now, c.R_REBALANCE, sold, p, logs)
    else:
        a.orders = log_order(
            logs.orders, a.orders, w.asset, w.pending_row, now.bar, now.at,
            -1.0 if w.quantity > 0.0 else 1.0, False, c.K_MARKET, surplus, 0.0, np.nan, 0.0, 0.0,
            why,
        )  # fmt: skip


@inner
def _bring_about(
    w: Instrument, a: Account, now: Moment, goal: float,
    risk: tuple[FloatArray, FloatArray, FloatArray], p: FloatArray, logs: Logs,
) -> None:  # fmt: skip
    """Buy (or sell short) what is missing to the goal's weight."""
    keep_apart()
    t, quantity, side = w.pending_row, w.quantity, 1.0 if goal > 0.0 else -1.0
    more = _desired(w, a, now.price, p) - abs(quantity)
    w.pending, w.goal = 0, np.nan
    if quantity * side < 0.0:
        refuse(w, a, t, now, side, c.K_MARKET, np.nan, c.R_EXIT_UNFILLED, logs)
    elif more > margins.QUANTITY * abs(quantity):
        if a.halted > 0:
            refuse(w, a, t, now, side, c.K_MARKET, more, c.R_DAILY_HALT, logs)
        elif side < 0.0 and not p[c.P_ALLOW_SHORT] > 0.0:
            refuse(w, a, t, now, side, c.K_MARKET, np.nan, c.R_SHORT_NOT_ALLOWED, logs)
        else:
            left = enter(
                w, a, t, now, side, c.K_MARKET, np.nan, np.nan, more, risk, w.ratio, p, logs
            )
            keep_rest(w, t, side, left, c.REST_MARKET, p)


@inner
def _enter_by_signal(
    w: Instrument, a: Account, now: Moment, act: int, close: float, limit: float, trigger: float,
    amounts: FloatArray, risk: tuple[FloatArray, FloatArray, FloatArray], p: FloatArray, logs: Logs,
) -> None:  # fmt: skip
    """Carry out a decision to enter: refuse it, keep it as a resting order, or fill it."""
    keep_apart()
    t, quantity = w.pending_row, w.quantity
    side = 1.0 if act & (c.ENTER_LONG | c.CANCELLED_LONG) else -1.0
    adds = quantity * side > 0.0 and p[c.P_PYRAMIDING] > 1.0
    why = 0
    if act & (c.CANCELLED_LONG | c.CANCELLED_SHORT):
        if quantity != 0.0:
            return
        why = c.R_CONTRADICTION
    elif quantity * side > 0.0 and not adds:
        return
    elif side < 0.0 and not p[c.P_ALLOW_SHORT] > 0.0:
        why = c.R_SHORT_NOT_ALLOWED
    elif quantity * side < 0.0:
        why = c.R_EXIT_UNFILLED
    elif adds and w.entries + 1.0 >= p[c.P_PYRAMIDING]:
        why = c.R_PYRAMIDING
    elif a.halted > 0:
        why = c.R_DAILY_HALT
    if why:
        refuse(w, a, t, now, side, c.K_MARKET, np.nan, why, logs)
    elif not rest(w, t, side, close, limit, trigger, p):
        left = enter(
            w, a, t, now, side, c.K_MARKET, np.nan, amount_at(amounts, t, p), np.nan, risk, w.ratio,
            p, logs,
        )  # fmt: skip
        if adds and abs(w.quantity) > abs(quantity):
            w.entries += 1
        keep_rest(w, t, side, left, c.REST_MARKET, p)
