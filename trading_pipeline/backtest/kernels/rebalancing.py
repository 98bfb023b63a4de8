"""This file holds the compiled rebalancing of an account at one open: exits, reductions, then buys.

The order and the sums are those of the account's loop (`due_orders`), so that the numbers are equal bit
for bit. `s`: state of the instruments (`H_*`), one row a field; `a`: the account's (`A_*`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.compilation import copy_in, inner
from trading_pipeline.backtest.kernels.fills import affordable_quantity, commission, fill_at_market
from trading_pipeline.backtest.kernels.records import close_trade, log_order

__all__ = [
    "H_AIM",
    "H_COUNT",
    "H_EXITED",
    "H_FILL",
    "H_GOAL",
    "H_POINT",
    "H_PROCEEDS",
    "H_UNITS",
    "N_BAR",
    "N_COUNT",
    "N_DECISION",
    "N_DUE",
    "N_HELD",
    "N_ORDERS",
    "N_REBALANCES",
    "N_TRADES",
    "restore_weights",
]

Array = Any

# State of one instrument: units held, units sold so far of its open trade and what they brought, value
# of a point, weight in force, and the units and the price that the weight comes to at this open.
H_UNITS, H_EXITED, H_PROCEEDS, H_POINT, H_GOAL, H_AIM, H_FILL, H_COUNT = range(8)
# Where an account's loop stands: rows of its logs and of its units, the bar and the decision that come
# next, bars with a position so far, 1 where the bar's open is to restore the weights.
N_TRADES, N_ORDERS, N_REBALANCES, N_BAR, N_DECISION, N_HELD, N_DUE, N_COUNT = range(8)


@inner
def restore_weights(  # noqa: PLR0912 - the order of events stands in one place
    i: int, prices: Array, p: Array, own: int, a: Array, counts: Array, s: Array, trade_of: Array,
    trades: Array, orders: Array,
) -> None:  # fmt: skip
    """Bring all instruments to their weights at the open of bar i: exits, reductions, then buys.

    `own`: 1 where `p` has a row for each instrument, 0 where all share the first. The tables must have
    room for a trade and two orders of each instrument.
    """
    m = prices.shape[0]
    for k in range(m):
        units, goal = s[H_UNITS, k], s[H_GOAL, k]
        if units * goal < 0.0 or (goal == 0.0 and units != 0.0):
            _sell(i, k, abs(units), prices[k], p[own * k], a, counts, s, trade_of, trades, orders)
    equity, gross = a[c.A_CASH], 0.0
    for k in range(m):
        value = s[H_UNITS, k] * prices[k] * s[H_POINT, k]
        equity += value
        gross += abs(value)
    a[c.A_GROSS] = gross
    for k in range(m):
        rules, goal = p[own * k], s[H_GOAL, k]
        price = fill_at_market(prices[k], 1.0 if goal > 0.0 else -1.0, rules)
        s[H_FILL, k], s[H_AIM, k] = price, affordable_quantity(equity * abs(goal), price, rules)
    for k in range(m):
        quantity = abs(s[H_UNITS, k])
        surplus = quantity - s[H_AIM, k]
        if not (surplus > 1e-9 * quantity and s[H_UNITS, k] * s[H_GOAL, k] > 0.0):
            continue
        rules, asked, why = p[own * k], surplus, 0
        lot = rules[c.P_LOT]
        if lot > 0.0:
            surplus = np.floor(surplus / lot + 1e-9) * lot
            if surplus <= 0.0:
                why = c.R_BELOW_ONE_LOT
        if surplus * prices[k] * s[H_POINT, k] < rules[c.P_MIN_NOTIONAL] and why == 0:
            why = c.R_BELOW_MIN_NOTIONAL
        if why == 0:
            _sell(i, k, surplus, prices[k], rules, a, counts, s, trade_of, trades, orders)
        else:
            _log(
                i, k, -1.0 if s[H_UNITS, k] > 0.0 else 1.0, False, asked, 0.0, np.nan, 0.0, 0.0, why,
                counts, orders,
            )  # fmt: skip
        s[H_AIM, k] = -1.0  # nothing is left to buy
    for k in range(m):
        goal, units = s[H_GOAL, k], s[H_UNITS, k]
        more = s[H_AIM, k] - abs(units)
        if goal != goal or goal == 0.0:
            continue
        side = 1.0 if goal > 0.0 else -1.0
        if units * side < 0.0:  # a weight so small that its product with the units was 0
            _log(i, k, side, True, np.nan, 0.0, np.nan, 0.0, 0.0, c.R_EXIT_UNFILLED, counts, orders)
        elif more > 1e-9 * abs(units):
            _buy(
                i, k, side, more, prices[k], equity, p[own * k], a, counts, s, trade_of, trades, orders,
            )  # fmt: skip


@inner
def _sell(
    i: int, k: int, wanted: float, ref: float, rules: Array, a: Array, counts: Array, s: Array,
    trade_of: Array, trades: Array, orders: Array,
) -> None:  # fmt: skip
    """Close the position, or `wanted` of it."""
    copy_in()
    held, point, trade = abs(s[H_UNITS, k]), s[H_POINT, k], trade_of[k]
    side = 1.0 if s[H_UNITS, k] > 0.0 else -1.0
    asked = min(wanted, held)
    closes = asked >= held * (1.0 - 1e-12)
    sold = held if closes else asked
    price = fill_at_market(ref, -side, rules)
    fee = commission(sold, price, False, rules)
    if closes:
        fee += rules[c.P_ROUND_TRIP]
    slip = abs(price - ref) * sold * point
    a[c.A_CASH] += side * sold * price * point - fee
    a[c.A_FEES] += fee
    a[c.A_GROSS] -= sold * price * point - fee
    if closes:
        units, mean = sold, price
        if s[H_EXITED, k] > 0.0:
            units = sold + s[H_EXITED, k]
            mean = (s[H_PROCEEDS, k] + sold * price) / units
        close_trade(trades, trade, i, c.AT_OPEN, mean, units, fee, slip, 0.0, point, c.R_REBALANCE)
        s[H_UNITS, k] = 0.0
    else:
        s[H_UNITS, k] -= side * sold
        s[H_EXITED, k] += sold
        s[H_PROCEEDS, k] += sold * price
        trades[trade, c.T_FEES] += fee
        trades[trade, c.T_SLIPPAGE] += slip
    _log(i, k, -side, False, asked, sold, price, fee, slip, c.R_REBALANCE, counts, orders)


@inner
def _buy(  # noqa: PLR0912, PLR0915 - one order from its size to its log row
    i: int, k: int, side: float, wanted: float, ref: float, equity: float, rules: Array, a: Array,
    counts: Array, s: Array, trade_of: Array, trades: Array, orders: Array,
) -> None:  # fmt: skip
    """Open a position (a short one too) or add to it, as far as cash, lot and notional allow."""
    copy_in()
    price, point, fee, slip = s[H_FILL, k], s[H_POINT, k], 0.0, 0.0
    asked, bought, reason = wanted, wanted, c.R_FILLED
    if side < 0.0 and not rules[c.P_ALLOW_SHORT] > 0.0:
        asked, bought, reason = np.nan, 0.0, c.R_SHORT_NOT_ALLOWED
    elif not price > 0.0:
        asked, bought, reason = 0.0, 0.0, c.R_NO_SIZE
    else:
        room = affordable_quantity(equity * rules[c.P_LEVERAGE] - a[c.A_GROSS], price, rules)
        if wanted > room * (1.0 + 1e-12):
            bought, reason = room, c.R_CLIPPED_TO_CASH
        if bought <= 0.0:
            reason = c.R_NO_CASH
        lot = rules[c.P_LOT]
        if lot > 0.0 and bought > 0.0:
            rounded = np.floor(bought / lot + 1e-9) * lot
            if rounded <= 0.0:
                reason = c.R_BELOW_ONE_LOT
            elif reason == c.R_FILLED and abs(rounded - bought) > 1e-9 * bought:
                reason = c.R_ROUNDED_TO_LOT
            bought = rounded
        if bought > 0.0 and bought * price * point < rules[c.P_MIN_NOTIONAL]:
            bought, reason = 0.0, c.R_BELOW_MIN_NOTIONAL
    if bought > 0.0:
        fee = commission(bought, price, False, rules)
        slip = abs(price - ref) * bought * point
        a[c.A_CASH] -= side * bought * price * point + fee
        a[c.A_FEES] += fee
        a[c.A_GROSS] += bought * price * point + fee
        opens = s[H_UNITS, k] == 0.0
        s[H_UNITS, k] += side * bought
        if opens:
            trade_of[k] = counts[N_TRADES]
            counts[N_TRADES] += 1
            s[H_EXITED, k], s[H_PROCEEDS, k] = 0.0, 0.0
        row = trade_of[k]
        if opens:
            trades[row, c.T_ASSET], trades[row, c.T_SIDE] = k, side
            trades[row, c.T_QUANTITY], trades[row, c.T_ENTRY_PRICE] = bought, price
            trades[row, c.T_ENTRY_BAR], trades[row, c.T_ENTRY_AT] = i, c.AT_OPEN
            trades[row, c.T_FEES], trades[row, c.T_SLIPPAGE] = fee, slip
        else:
            paid = trades[row, c.T_QUANTITY] * trades[row, c.T_ENTRY_PRICE] + bought * price
            trades[row, c.T_QUANTITY] += bought
            trades[row, c.T_ENTRY_PRICE] = paid / trades[row, c.T_QUANTITY]
            trades[row, c.T_FEES] += fee
            trades[row, c.T_SLIPPAGE] += slip
    else:
        price, bought = np.nan, 0.0
    _log(i, k, side, True, asked, bought, price, fee, slip, reason, counts, orders)


@inner
def _log(
    i: int, k: int, side: float, is_entry: bool, asked: float, filled: float, price: float,
    fee: float, slip: float, reason: int, counts: Array, orders: Array,
) -> None:  # fmt: skip
    """Write an order that is due at the open of bar i, decided at the close before."""
    copy_in()
    row = counts[N_ORDERS]
    orders[row, c.O_ASSET] = k
    counts[N_ORDERS] = log_order(
        orders, row, i - 1, i, c.AT_OPEN, side, is_entry, c.K_MARKET, asked, filled, price, fee,
        slip, reason,
    )  # fmt: skip
