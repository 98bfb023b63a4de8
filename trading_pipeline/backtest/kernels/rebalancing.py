"""Compiled rebalancing of an account at one open: exits, reductions, then buys.

The order and the sums are those of the exact loop (`due_orders`), so the numbers are equal bit for bit.
`s`: state of the instruments (`Holding`), `a`: the account's (`Account`), `at`: where the loop stands
(`Place`).
"""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels import margins
from trading_pipeline.backtest.kernels.compilation import copy_in, inner
from trading_pipeline.backtest.kernels.fills import (
    affordable_quantity,
    commission,
    fill_at_market,
    fitting_quantity,
    sellable_quantity,
    whole_exit,
)
from trading_pipeline.backtest.kernels.records import (
    add_to_trade,
    close_trade,
    log_order,
    open_trade,
)
from trading_pipeline.backtest.kernels.state import Account, Holding, Logs, Place, Rows

__all__ = ["restore_weights"]


@inner
def restore_weights(
    i: int,
    prices: FloatArray,
    p: FloatArray,
    own: int,
    a: Account,
    at: Place,
    s: Rows[Holding],
    logs: Logs,
) -> None:
    """Bring all instruments to their weights at the open of bar i: exits, reductions, then buys.

    `own`: 1 where `p` has a row for each instrument, 0 where all share the first. The tables must have
    room for a trade and two orders of each instrument.
    """
    m = prices.shape[0]
    for k in range(m):
        units, goal = s[k].units, s[k].goal
        if units * goal < 0.0 or (goal == 0.0 and units != 0.0):
            _sell(i, k, abs(units), prices[k], p[own * k], a, at, s[k], logs)
    equity, a.gross = a.cash, 0.0
    for k in range(m):
        value = s[k].units * prices[k] * s[k].point
        equity += value
        a.gross += abs(value)
    for k in range(m):
        rules, goal = p[own * k], s[k].goal
        s[k].fill = fill_at_market(prices[k], 1.0 if goal > 0.0 else -1.0, rules)
        s[k].aim = affordable_quantity(equity * abs(goal), s[k].fill, rules)
    for k in range(m):
        units = s[k].units
        surplus = abs(units) - s[k].aim
        if not (surplus > margins.QUANTITY * abs(units) and units * s[k].goal > 0.0):
            continue
        sold, why = sellable_quantity(surplus, prices[k], p[own * k])
        if why == 0:
            _sell(i, k, sold, prices[k], p[own * k], a, at, s[k], logs)
        else:
            side = -1.0 if units > 0.0 else 1.0
            _log(i, k, side, False, surplus, 0.0, np.nan, 0.0, 0.0, why, at, logs)
        s[k].aim = -1.0  # nothing is left to buy
    for k in range(m):
        goal, units = s[k].goal, s[k].units
        if goal != goal or goal == 0.0:
            continue
        side, more = 1.0 if goal > 0.0 else -1.0, s[k].aim - abs(units)
        if units * side < 0.0:  # a weight so small that its product with the units was 0
            _log(i, k, side, True, np.nan, 0.0, np.nan, 0.0, 0.0, c.R_EXIT_UNFILLED, at, logs)
        elif more > margins.QUANTITY * abs(units):
            _buy(i, k, side, more, prices[k], equity, p[own * k], a, at, s[k], logs)


@inner
def _sell(
    i: int, k: int, wanted: float, ref: float, rules: FloatArray, a: Account, at: Place, held: Holding, logs: Logs
) -> None:  # fmt: skip
    """Close the position, or `wanted` of it."""
    copy_in()
    quantity, point = abs(held.units), held.point
    side = 1.0 if held.units > 0.0 else -1.0
    asked = min(wanted, quantity)
    closes = asked >= quantity * (1.0 - margins.ORDER)
    sold = quantity if closes else asked
    price = fill_at_market(ref, -side, rules)
    fee = commission(sold, price, False, rules)
    if closes:
        fee += rules[c.P_ROUND_TRIP]
    slip = abs(price - ref) * sold * point
    a.cash += side * sold * price * point - fee
    a.fees += fee
    a.gross -= sold * price * point - fee
    if closes:
        units, mean = whole_exit(sold, price, held.exited, held.proceeds)
        close_trade(
            logs.trades, held.trade, i, c.AT_OPEN, mean, units, fee, slip, held.income, point,
            c.R_REBALANCE,
        )  # fmt: skip
        held.units, held.income = 0.0, 0.0
    else:
        held.units -= side * sold
        held.exited += sold
        held.proceeds += sold * price
        logs.trades[held.trade, c.T_FEES] += fee
        logs.trades[held.trade, c.T_SLIPPAGE] += slip
    _log(i, k, -side, False, asked, sold, price, fee, slip, c.R_REBALANCE, at, logs)


@inner
def _buy(
    i: int, k: int, side: float, wanted: float, ref: float, equity: float, rules: FloatArray, a: Account,
    at: Place, held: Holding, logs: Logs,
) -> None:  # fmt: skip
    """Open a position (a short one too) or add to it, as far as cash, lot and notional allow."""
    copy_in()
    price, point, fee, slip = held.fill, held.point, 0.0, 0.0
    asked, bought, reason = wanted, 0.0, c.R_SHORT_NOT_ALLOWED
    if side < 0.0 and not rules[c.P_ALLOW_SHORT] > 0.0:
        asked = np.nan
    elif not price > 0.0:
        asked, reason = 0.0, c.R_NO_SIZE
    else:
        room = affordable_quantity(equity * rules[c.P_LEVERAGE] - a.gross, price, rules)
        bought, reason = fitting_quantity(wanted, room, price, rules)
    if bought > 0.0:
        fee = commission(bought, price, False, rules)
        slip = abs(price - ref) * bought * point
        a.cash -= side * bought * price * point + fee
        a.fees += fee
        a.gross += bought * price * point + fee
        opens = held.units == 0.0
        held.units += side * bought
        if opens:
            held.trade = at.trades
            held.exited, held.proceeds, held.income, held.scale = 0.0, 0.0, 0.0, 1.0
            at.trades += 1
            open_trade(logs.trades, held.trade, k, side, bought, i, c.AT_OPEN, price, fee, slip)
        else:
            add_to_trade(logs.trades, held.trade, bought, held.scale, price, fee, slip)
    else:
        price = np.nan
    _log(i, k, side, True, asked, bought, price, fee, slip, reason, at, logs)


@inner
def _log(
    i: int, k: int, side: float, is_entry: bool, asked: float, filled: float, price: float,
    fee: float, slip: float, reason: int, at: Place, logs: Logs,
) -> None:  # fmt: skip
    """Write an order that is due at the open of bar i, decided at the close before."""
    copy_in()
    at.orders = log_order(
        logs.orders, at.orders, k, i - 1, i, c.AT_OPEN, side, is_entry, c.K_MARKET, asked, filled,
        price, fee, slip, reason,
    )  # fmt: skip
