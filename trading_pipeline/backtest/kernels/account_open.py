"""This file holds what happens to an account at a bar's open: sizing, exits first, then entries.

Part of the compiled loop of `kernel_account`; arrays are laid out as `kernel_codes` says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.account_fills import enter, leave, refuse, rest
from trading_pipeline.backtest.kernels.account_orders import (
    fill_resting,
    keep_rest,
    withdraw,
)
from trading_pipeline.backtest.kernels.compilation import inner, keep_apart
from trading_pipeline.backtest.kernels.fills import (
    affordable_quantity,
    fill_at_market,
)
from trading_pipeline.backtest.kernels.records import log_order

__all__ = [
    "desired",
    "due_orders",
    "enter_due",
    "exits_first",
    "forced_exits",
    "log_goal",
    "size_up",
]

Array = Any


@inner
def size_up(w: Array, a: Array, p: Array) -> None:
    """Equity and notional of the account at the present marks, on which entries are sized."""
    a[c.A_EQUITY], a[c.A_GROSS] = a[c.A_CASH], 0.0
    for k in range(w.shape[0]):
        value = w[k, c.W_QUANTITY] * w[k, c.W_MARK] * p[k, c.P_POINT]
        if value != 0.0:
            a[c.A_EQUITY] += value
            a[c.A_GROSS] += abs(value)


@inner
def forced_exits(
    prices: Array, volume: Array, i: int, p: Array, w: Array, a: Array, trades: Array, orders: Array
) -> None:
    """Margin calls of the close before, and exits that volume left unfinished, at the open."""
    for k in range(w.shape[0]):
        if prices[k] == prices[k]:
            if w[k, c.W_FORCED] > 0.0 and w[k, c.W_QUANTITY] != 0.0:
                leave(
                    w[k], a, k, int(w[k, c.W_FORCED_ROW]), i, c.AT_OPEN, prices[k],
                    int(w[k, c.W_FORCED]), np.nan, volume[k], p[k], trades, orders,
                )  # fmt: skip
            if w[k, c.W_QUANTITY] == 0.0:
                w[k, c.W_FORCED] = 0.0


@inner
def exits_first(  # noqa: PLR0912
    who: Array, prices: Array, volume: Array, i: int, at: int, amounts: Array, p: Array, w: Array, a: Array,
    trades: Array, orders: Array,
) -> bool:  # fmt: skip
    """Exits that are due, of the instruments in `who`; True where entries may follow."""
    keep_apart()
    entries = False
    for place in range(who.shape[0]):
        k = who[place]
        price = prices[k]
        if price != price:
            continue
        act, t = int(w[k, c.W_PENDING]), int(w[k, c.W_PENDING_ROW])
        if act != 0:
            quantity, code = w[k, c.W_QUANTITY], 0
            if quantity > 0.0:
                code = act & (c.EXIT_LONG | c.ENTER_SHORT)
            elif quantity < 0.0:
                code = act & (c.EXIT_SHORT | c.ENTER_LONG)
            if code != 0 and w[k, c.W_FORCED] == 0.0:
                reverses = (code & c.ENTER_LONG) != 0 or (
                    (code & c.ENTER_SHORT) != 0 and p[k, c.P_ALLOW_SHORT] > 0.0
                )
                why = c.R_REVERSAL if reverses else c.R_SIGNAL
                leave(w[k], a, k, t, i, at, price, why, np.nan, volume[k], p[k], trades, orders)
            if w[k, c.W_REST] != c.NO_REST:
                new = act & (c.ENTER_LONG | c.ENTER_SHORT)
                against = c.EXIT_LONG if w[k, c.W_REST_SIDE] > 0.0 else c.EXIT_SHORT
                if new:
                    withdraw(w[k], a, k, i, at, orders, c.R_REPLACED)
                elif act & against:
                    withdraw(w[k], a, k, i, at, orders, c.R_WITHDRAWN)
            if int(p[k, c.P_SIZING]) == c.SIZE_WEIGHT and act & (c.ENTER_LONG | c.ENTER_SHORT):
                amount = p[k, c.P_AMOUNT]
                given = amounts[k, t if amounts.shape[1] > 1 else 0]
                if given == given:
                    amount = given
                w[k, c.W_GOAL] = amount if act & c.ENTER_LONG else -amount
            entries = True
        goal, quantity = w[k, c.W_GOAL], w[k, c.W_QUANTITY]
        if goal == goal:
            entries = True
            if w[k, c.W_REST] != c.NO_REST:
                withdraw(w[k], a, k, i, at, orders, c.R_REPLACED)
            if quantity * goal < 0.0 or (goal == 0.0 and quantity != 0.0):
                done = leave(
                    w[k], a, k, t, i, at, price, c.R_REBALANCE, np.nan, volume[k], p[k], trades,
                    orders,
                )  # fmt: skip
                if not done and p[k, c.P_KEEP_UNFILLED] > 0.0:
                    w[k, c.W_FORCED], w[k, c.W_FORCED_ROW] = c.R_REBALANCE, t
        elif w[k, c.W_REST] != c.NO_REST:
            entries = True
    return entries


@inner
def desired(k: int, price: float, p: Array, w: Array, a: Array) -> float:
    """Quantity, without sign, that the goal's weight of the equity buys at this price."""
    goal = w[k, c.W_GOAL]
    side = 1.0 if goal > 0.0 else -1.0
    filled = fill_at_market(price, side, p[k])
    return float(affordable_quantity(a[c.A_EQUITY] * abs(goal), filled, p[k]))


@inner
def _log_unsold(
    w: Array, a: Array, asset: int, i: int, at: int, asked: float, reason: int, orders: Array
) -> None:  # fmt: skip
    """Log a reduction that is too small to be sold."""
    row = int(a[c.A_ORDERS])
    if row < orders.shape[0]:
        orders[row, c.O_ASSET] = asset
    side = -1.0 if w[c.W_QUANTITY] > 0.0 else 1.0
    a[c.A_ORDERS] = log_order(
        orders, row, int(w[c.W_PENDING_ROW]), i, at, side, False, c.K_MARKET, asked, 0.0, np.nan,
        0.0, 0.0, reason,
    )  # fmt: skip


@inner
def log_goal(w: Array, a: Array, asset: int, equity: float, p: Array, orders: Array) -> None:
    """Log the order of a target weight that is left without a bar to fill in, at the last mark."""
    goal, quantity, mark = w[c.W_GOAL], w[c.W_QUANTITY], w[c.W_MARK]
    change = np.nan
    if mark > 0.0:
        change = goal * equity / (mark * p[c.P_POINT]) - quantity
        if abs(change) <= 1e-9 * abs(quantity):
            return
    elif goal == 0.0:
        return
    side = np.sign(change) if change == change else np.sign(goal)
    row = int(a[c.A_ORDERS])
    if row < orders.shape[0]:
        orders[row, c.O_ASSET] = asset
    a[c.A_ORDERS] = log_order(
        orders, row, int(w[c.W_PENDING_ROW]), -1, c.AT_OPEN, side, quantity * side >= 0.0,
        c.K_MARKET, abs(change), 0.0, np.nan, 0.0, 0.0, c.R_NO_NEXT_BAR,
    )  # fmt: skip


@inner
def due_orders(
    who: Array, prices: Array, volume: Array, i: int, at: int, amounts: Array, limits: Array, triggers: Array, stops: Array, targets: Array, trails: Array, close: Array,
    p: Array, w: Array, a: Array, trades: Array, orders: Array,
) -> None:  # fmt: skip
    """All orders of one moment: exits, then reductions, then entries by priority.

    `who`: the instruments that may have one, rising; others are left as they are.
    """
    if not exits_first(who, prices, volume, i, at, amounts, p, w, a, trades, orders):
        return
    size_up(w, a, p)
    enter_due(
        who, prices, volume, i, at, amounts, limits, triggers, stops, targets, trails, close, p, w,
        a, trades, orders,
    )  # fmt: skip


@inner
def enter_due(  # noqa: PLR0912, PLR0915
    who: Array, prices: Array, volume: Array, i: int, at: int, amounts: Array, limits: Array,
    triggers: Array, stops: Array, targets: Array, trails: Array, close: Array, p: Array, w: Array,
    a: Array, trades: Array, orders: Array,
) -> None:  # fmt: skip
    """Reductions, then entries of the instruments in `who`, on the account as it was sized up."""
    keep_apart()
    for place in range(who.shape[0]):
        k = who[place]
        goal, price, quantity = w[k, c.W_GOAL], prices[k], w[k, c.W_QUANTITY]
        if price == price and goal == goal and quantity * goal > 0.0:
            surplus = abs(quantity) - desired(k, price, p, w, a)
            if surplus > 1e-9 * abs(quantity):
                lot, asked, why = p[k, c.P_LOT], surplus, 0
                if lot > 0.0:
                    surplus = np.floor(surplus / lot + 1e-9) * lot
                    if surplus <= 0.0:
                        why = c.R_BELOW_ONE_LOT
                if surplus * price * p[k, c.P_POINT] < p[k, c.P_MIN_NOTIONAL] and why == 0:
                    why = c.R_BELOW_MIN_NOTIONAL
                if why == 0:
                    leave(
                        w[k], a, k, int(w[k, c.W_PENDING_ROW]), i, at, price, c.R_REBALANCE,
                        surplus, volume[k], p[k], trades, orders,
                    )  # fmt: skip
                else:
                    _log_unsold(w[k], a, k, i, at, asked, why, orders)
                w[k, c.W_GOAL] = np.nan
                w[k, c.W_PENDING] = 0.0
    for place in range(who.shape[0]):
        k = who[place]
        price = prices[k]
        if price != price:
            continue
        act, t = int(w[k, c.W_PENDING]), int(w[k, c.W_PENDING_ROW])
        levels, goal = (stops[k], targets[k], trails[k]), w[k, c.W_GOAL]
        quantity = w[k, c.W_QUANTITY]
        more = desired(k, price, p, w, a) - abs(quantity) if goal == goal else 0.0
        w[k, c.W_PENDING], w[k, c.W_GOAL] = 0.0, np.nan
        side = 1.0 if act & (c.ENTER_LONG | c.CANCELLED_LONG) else -1.0
        if goal == goal and goal != 0.0:
            act, side = 0, 1.0 if goal > 0.0 else -1.0
            if quantity * side < 0.0:
                refuse(a, orders, k, t, i, at, side, c.K_MARKET, np.nan, c.R_EXIT_UNFILLED)
            elif more > 1e-9 * abs(quantity):
                if a[c.A_HALTED] > 0.0:
                    refuse(a, orders, k, t, i, at, side, c.K_MARKET, more, c.R_DAILY_HALT)
                elif side < 0.0 and not p[k, c.P_ALLOW_SHORT] > 0.0:
                    refuse(
                        a, orders, k, t, i, at, side, c.K_MARKET, np.nan,
                        c.R_SHORT_NOT_ALLOWED,
                    )  # fmt: skip
                else:
                    left = enter(
                        w[k], a, k, t, i, at, price, side, c.K_MARKET, np.nan, np.nan, more, levels,
                        w[k, c.W_RATIO], volume[k], p[k], trades, orders,
                    )  # fmt: skip
                    keep_rest(w[k], t, side, left, c.REST_MARKET, p[k])
            continue
        if act & c.ANY_ENTRY:
            adds = quantity * side > 0.0 and p[k, c.P_PYRAMIDING] > 1.0
            if act & (c.CANCELLED_LONG | c.CANCELLED_SHORT):
                if quantity == 0.0:
                    refuse(a, orders, k, t, i, at, side, c.K_MARKET, np.nan, c.R_CONTRADICTION)
            elif quantity * side > 0.0 and not adds:
                pass
            elif side < 0.0 and not p[k, c.P_ALLOW_SHORT] > 0.0:
                refuse(a, orders, k, t, i, at, side, c.K_MARKET, np.nan, c.R_SHORT_NOT_ALLOWED)
            elif quantity * side < 0.0:
                refuse(a, orders, k, t, i, at, side, c.K_MARKET, np.nan, c.R_EXIT_UNFILLED)
            elif adds and w[k, c.W_ENTRIES] + 1.0 >= p[k, c.P_PYRAMIDING]:
                refuse(a, orders, k, t, i, at, side, c.K_MARKET, np.nan, c.R_PYRAMIDING)
            elif a[c.A_HALTED] > 0.0:
                refuse(a, orders, k, t, i, at, side, c.K_MARKET, np.nan, c.R_DAILY_HALT)
            elif rest(
                w[k], t, side, close[t, k], limits[k, t if limits.shape[1] > 1 else 0],
                triggers[k, t if triggers.shape[1] > 1 else 0], p[k],
            ):  # fmt: skip
                w[k, c.W_REST_RATIO] = w[k, c.W_RATIO]
                w[k, c.W_REST_LIMIT] /= w[k, c.W_RATIO]
                w[k, c.W_REST_STOP] /= w[k, c.W_RATIO]
            else:
                amount = p[k, c.P_AMOUNT]
                given = amounts[k, t if amounts.shape[1] > 1 else 0]
                if given == given:
                    amount = given
                left = enter(
                    w[k], a, k, t, i, at, price, side, c.K_MARKET, np.nan, amount, np.nan, levels,
                    w[k, c.W_RATIO], volume[k], p[k], trades, orders,
                )  # fmt: skip
                if adds and abs(w[k, c.W_QUANTITY]) > abs(quantity):
                    w[k, c.W_ENTRIES] += 1.0
                keep_rest(w[k], t, side, left, c.REST_MARKET, p[k])
        if w[k, c.W_REST] != c.NO_REST and at == c.AT_OPEN and int(w[k, c.W_REST_ROW]) < i:
            fill_resting(
                w[k], a, k, i, c.AT_OPEN, price, price, price, price, amounts[k], levels, volume[k],
                p[k], trades, orders,
            )  # fmt: skip
