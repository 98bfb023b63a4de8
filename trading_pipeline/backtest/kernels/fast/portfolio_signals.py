"""This file holds the fastest form of the account's loop: market orders by signals, nothing else.

It writes the order of events of `simulate_account` out for what is left of it under the settings that
`portfolio_signals.takes` lets pass: every instrument has every bar, fills are at the next open, whole
positions are opened and closed, and nothing else touches cash or units. Numbers are those of
`simulate_account` bit for bit, since every product and sum is made in the same order.

Decisions are walked bar by bar, but positions are marked afterwards, one instrument after another over
all bars at once: a bar's equity is the same sum in the same order, and eight bars are added at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.compilation import inner
from trading_pipeline.backtest.kernels.equity_statistics import equity_statistics
from trading_pipeline.backtest.kernels.fills import (
    commission,
    entry_quantity,
    fill_at_market,
)
from trading_pipeline.backtest.kernels.records import close_trade, log_order, log_pending
from trading_pipeline.backtest.kernels.vectors import LANES, add_values, fetch_early, lowest

__all__ = ["simulate_signals"]

Array = Any


@inner
def _at_open(cash: float, prices: Array, units: Array, points: Array, held: Array) -> Any:
    """(equity, notional) at the given prices, summed in the order of the instruments."""
    equity, gross, one = cash, 0.0, np.uint64(1)
    for word in range(held.shape[0]):
        bits = held[word]
        while bits != 0:
            k = 64 * word + int(lowest(bits))
            bits &= bits - one
            value = units[k] * prices[k] * points[k]
            equity += value
            gross += abs(value)
    return equity, gross


@njit(cache=True, nogil=True, error_model="numpy")
def simulate_signals(  # noqa: PLR0912, PLR0915 - the order of events stands in one place
    open_: Array, highest: Array, close: Array, event_ptr: Array, event_asset: Array, event_code: Array, p: Array,
    stats: Array, equity_out: Array, cash_out: Array, trades: Array, orders: Array,
) -> None:  # fmt: skip
    """Run an account; everything comes back in the out arrays.

    `open_`: (bars, instruments), `highest` of each instrument; `close`: (instruments, bars). Events and settings are those of
    `simulate_account`, but `p` may have one row only where all instruments share the account's settings.
    `trades` and `orders` need a row for each decision to enter, and two.
    """
    n, m = open_.shape
    alike = p.shape[0] == 1
    rules = p[p.shape[0] - 1].copy()
    cash, fees, n_trades, n_orders = rules[c.P_INITIAL_CASH], 0.0, 0, 0
    units, points, trade_of = np.zeros(m), np.empty(m), np.full(m, -1)
    earlier = np.empty(trades.shape[0], dtype=np.int64)  # the same instrument's trade before
    held, n_held, bars_held = np.zeros((m + 63) // 64, dtype=np.uint64), 0, 0
    # What the positions can be worth at most; not an exact sum, so it is only asked with a margin.
    n_short, at_most, by_cash = 0, 0.0, alike and int(rules[c.P_SIZING]) == c.SIZE_CASH
    one = np.uint64(1)
    for k in range(m):
        points[k] = p[0 if alike else k, c.P_POINT]
    cash_out[0] = cash
    for i in range(1, n):
        first, last = event_ptr[i - 1], event_ptr[i]
        if i + 1 < n:
            if not by_cash and last < event_ptr[i + 1]:  # sizes ask for the sum of all positions
                for k in range(0, m, LANES):
                    fetch_early(open_, i + 1, k)
            for event in range(last, event_ptr[i + 1]):
                k = event_asset[event]
                fetch_early(open_, i + 1, k)
                if trade_of[k] >= 0:
                    fetch_early(trades, trade_of[k], c.T_EXIT_BAR)
        n_entries = 0
        # Exits of all instruments, then entries in the order of priority, sized on what is there then.
        for event in range(first, last):
            k, act = event_asset[event], event_code[event]
            quantity, code = units[k], 0
            if quantity > 0.0:
                code = act & (c.EXIT_LONG | c.ENTER_SHORT)
            elif quantity < 0.0:
                code = act & (c.EXIT_SHORT | c.ENTER_LONG)
            n_entries += act & c.ANY_ENTRY != 0
            if code == 0:
                continue
            if not alike:
                for place in range(rules.shape[0]):
                    rules[place] = p[k, place]
            why = c.R_SIGNAL
            if code & c.ENTER_LONG or (code & c.ENTER_SHORT and rules[c.P_ALLOW_SHORT] > 0.0):
                why = c.R_REVERSAL
            sold, side, ref, point = (
                abs(quantity),
                1.0 if quantity > 0.0 else -1.0,
                open_[i, k],
                points[k],
            )
            price = fill_at_market(ref, -side, rules)
            fee = commission(sold, price, False, rules) + rules[c.P_ROUND_TRIP]
            slip = abs(price - ref) * sold * point
            cash += side * sold * price * point - fee
            fees += fee
            close_trade(trades, trade_of[k], i, c.AT_OPEN, price, sold, fee, slip, 0.0, point, why)
            orders[n_orders, c.O_ASSET] = k
            n_orders = log_order(
                orders, n_orders, i - 1, i, c.AT_OPEN, -side, False, c.K_MARKET, sold, sold, price,
                fee, slip, why,
            )  # fmt: skip
            n_short -= quantity < 0.0
            at_most -= sold * highest[k] * point
            units[k] = 0.0
            held[k >> 6] &= ~(one << np.uint64(k & 63))
            n_held -= 1
        if n_entries:
            equity, gross = cash, 0.0
            # Entries of a fixed amount that the cash pays for many times over ask no sum: of long
            # positions none takes more from the room for others than it adds to the equity.
            asks = n_entries * rules[c.P_AMOUNT] * (1.0 + 1e-6) + 1e-9 * (abs(cash) + abs(at_most))
            if not (by_cash and n_short == 0 and cash >= asks):
                equity, gross = _at_open(cash, open_[i], units, points, held)
            for event in range(first, last):
                k, act = event_asset[event], event_code[event]
                if not act & c.ANY_ENTRY:
                    continue
                side = 1.0 if act & (c.ENTER_LONG | c.CANCELLED_LONG) else -1.0
                cancelled = act & (c.CANCELLED_LONG | c.CANCELLED_SHORT) != 0
                if units[k] * side > 0.0 or (cancelled and units[k] != 0.0):
                    continue
                if not alike:
                    for place in range(rules.shape[0]):
                        rules[place] = p[k, place]
                ref, point = open_[i, k], points[k]
                asked, bought, price, fee, slip = np.nan, 0.0, np.nan, 0.0, 0.0
                if cancelled:
                    reason = c.R_CONTRADICTION
                elif side < 0.0 and not rules[c.P_ALLOW_SHORT] > 0.0:
                    reason = c.R_SHORT_NOT_ALLOWED
                else:
                    price = fill_at_market(ref, side, rules)
                    asked, bought, reason = entry_quantity(
                        equity, price, rules[c.P_AMOUNT], np.nan, rules, gross
                    )
                if bought > 0.0:
                    fee = commission(bought, price, False, rules)
                    slip = abs(price - ref) * bought * point
                    cash -= side * bought * price * point + fee
                    fees += fee
                    gross += bought * price * point + fee
                    units[k] = side * bought
                    n_short += side < 0.0
                    at_most += bought * highest[k] * point
                    held[k >> 6] |= one << np.uint64(k & 63)
                    n_held += 1
                    trades[n_trades, c.T_ASSET] = k
                    trades[n_trades, c.T_SIDE] = side
                    trades[n_trades, c.T_QUANTITY] = bought
                    trades[n_trades, c.T_ENTRY_BAR] = i
                    trades[n_trades, c.T_ENTRY_AT] = c.AT_OPEN
                    trades[n_trades, c.T_ENTRY_PRICE] = price
                    trades[n_trades, c.T_FEES] = fee
                    trades[n_trades, c.T_SLIPPAGE] = slip
                    earlier[n_trades], trade_of[k] = trade_of[k], n_trades
                    n_trades += 1
                else:
                    price, bought = np.nan, 0.0
                orders[n_orders, c.O_ASSET] = k
                n_orders = log_order(
                    orders, n_orders, i - 1, i, c.AT_OPEN, side, True, c.K_MARKET, asked, bought,
                    price, fee, slip, reason,
                )  # fmt: skip
        cash_out[i] = cash
        bars_held += n_held > 0
    # Marks: cash, then the positions' values in the order of the instruments.
    equity_out[:] = cash_out
    for k in range(m):
        point, row, end = points[k], trade_of[k], n
        if units[k] == 0.0 and row >= 0:
            end = int(trades[row, c.T_EXIT_BAR])
        while row >= 0:
            quantity = trades[row, c.T_SIDE] * trades[row, c.T_QUANTITY]
            i, closes = int(trades[row, c.T_ENTRY_BAR]), close[k]
            while i < end and i + LANES <= n:
                add_values(equity_out, closes, i, end, quantity, point)
                i += LANES
            while i < end:
                equity_out[i] += quantity * closes[i] * point
                i += 1
            row = earlier[row]
            if row >= 0:
                end = int(trades[row, c.T_EXIT_BAR])
        if units[k] != 0.0:
            close_trade(
                trades, trade_of[k], n - 1, c.AT_CLOSE, close[k, n - 1], abs(units[k]), 0.0, 0.0,
                0.0, point, c.R_OPEN,
            )  # fmt: skip
    equity_statistics(equity_out, p[p.shape[0] - 1], np.zeros(4 * LANES), stats)
    for event in range(event_ptr[n - 1], event_ptr[n]):
        k, row = event_asset[event], n_orders
        n_orders = log_pending(orders, row, int(event_code[event]), n - 1, units[k])
        for logged in range(row, n_orders):
            orders[logged, c.O_ASSET] = k
    stats[c.S_TRADES], stats[c.S_ORDERS] = n_trades, n_orders
    stats[c.S_BARS_IN_POSITION], stats[c.S_FEES], stats[c.S_INTEREST] = bars_held, fees, 0.0
