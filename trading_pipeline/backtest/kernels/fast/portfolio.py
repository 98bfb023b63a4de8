"""This file holds the fast form of the account's loop, for plain settings on one calendar.

Orders are carried out by the functions of the account's loop, so that the numbers are equal bit for bit;
what is left out is the work on instruments that have no order at a bar. Tables are those of
`simulate_account`. `is_plain` (account_inputs) says when it may run: every instrument has every bar,
fills at the next open, no levels, no limit or stop orders, no limits by volume, no financing, no forced exits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.account_actions import apply_action
from trading_pipeline.backtest.kernels.account_end import finish_account, start_account
from trading_pipeline.backtest.kernels.account_open import enter_due, exits_first
from trading_pipeline.backtest.kernels.fills import add_powers
from trading_pipeline.backtest.kernels.vectors import LANES

__all__ = ["simulate_portfolio"]

Array = Any


@njit(cache=True, nogil=True, error_model="numpy")
def _note_holding(k: int, quantity: float, units: Array, held: Array, count: int) -> int:
    """Bring one instrument's units up to date, and its place among the held ones, which stay sorted."""
    before, units[k] = units[k], quantity
    if (before != 0.0) == (quantity != 0.0):
        return count
    at = 0
    while at < count and held[at] < k:
        at += 1
    if quantity != 0.0:
        for place in range(count, at, -1):
            held[place] = held[place - 1]
        held[at] = k
        return count + 1
    for place in range(at, count - 1):
        held[place] = held[place + 1]
    return count - 1


@njit(cache=True, nogil=True, error_model="numpy")
def _sized_up(cash: float, prices: Array, units: Array, points: Array, held: Array) -> Any:
    """(equity, notional) at the given prices, summed in the order of the instruments."""
    equity, gross = cash, 0.0
    for place in range(held.shape[0]):
        k = held[place]
        value = units[k] * prices[k] * points[k]
        equity += value
        gross += abs(value)
    return equity, gross


@njit(cache=True, nogil=True, error_model="numpy")
def _weights_due(
    row: Array, restore: bool, threshold: float, equity: float, prices: Array, units: Array,
    points: Array, goals: Array,
) -> bool:  # fmt: skip
    """Take over the weights that a bar gives; True where all are to be restored at the next open."""
    due = restore
    for k in range(row.shape[0]):
        if row[k] == row[k]:
            goals[k] = row[k]
    if threshold > 0.0 and not due:
        for k in range(row.shape[0]):
            due = due or abs(units[k] * prices[k] * points[k] / equity - goals[k]) > threshold
    return due


@njit(cache=True, nogil=True, error_model="numpy")
def simulate_portfolio(
    open_: Array, high: Array, low: Array, close: Array, volume: Array, event_ptr: Array,
    event_asset: Array, event_code: Array, amounts: Array, limits: Array, triggers: Array,
    stops: Array, targets: Array, trails: Array, action_bar: Array, action_asset: Array,
    action_effect: Array, day: Array, session_end: Array, weights: Array, rebalance: Array,
    threshold: float, p: Array, stats: Array, equity_out: Array, cash_out: Array,
    quantity_out: Array, trades: Array, orders: Array, control: Array,
) -> None:  # fmt: skip
    """`simulate_account` for plain settings; the same tables, the same results."""
    n, m = close.shape
    main = p[p.shape[0] - 1]
    w, a = start_account(m, main)
    units, points, goals = np.zeros(m), np.empty(m), np.full(m, np.nan)
    everyone, held, count = np.arange(m), np.empty(m, dtype=np.int64), 0
    for k in range(m):
        points[k] = p[k, c.P_POINT]
    previous, next_action, restoring = a[c.A_CASH], 0, False
    peak, trough, drawdown = previous, previous, 0.0
    sums, bars_held, ruin = np.zeros(4 * LANES), 0, -1
    keep = equity_out.shape[0] == n
    for i in range(n):
        control[0] = i
        if control[1] != 0:
            return
        while next_action < action_bar.shape[0] and action_bar[next_action] <= i:
            k = action_asset[next_action]
            apply_action(w[k], a, action_effect[next_action], p[k])
            units[k] = w[k, c.W_QUANTITY]
            next_action += 1
        # Orders of the bar before; the instruments stand in the order of their priority.
        who = everyone
        if not restoring:
            first, last = (event_ptr[i - 1], event_ptr[i]) if i > 0 else (0, 0)
            who = event_asset[first:last]
        if who.shape[0]:
            if exits_first(
                who, open_[i], volume[i], i, c.AT_OPEN, amounts, p, w, a, trades, orders
            ):
                for place in range(who.shape[0]):
                    k = who[place]
                    count = _note_holding(k, w[k, c.W_QUANTITY], units, held, count)
                a[c.A_EQUITY], a[c.A_GROSS] = _sized_up(
                    a[c.A_CASH], open_[i], units, points, held[:count]
                )
                enter_due(
                    who, open_[i], volume[i], i, c.AT_OPEN, amounts, limits, triggers, stops,
                    targets, trails, close, p, w, a, trades, orders,
                )  # fmt: skip
            for place in range(who.shape[0]):
                k = who[place]
                count = _note_holding(k, w[k, c.W_QUANTITY], units, held, count)
        for event in range(event_ptr[i], event_ptr[i + 1]):
            k = event_asset[event]
            w[k, c.W_PENDING], w[k, c.W_PENDING_ROW] = event_code[event], i
            w[k, c.W_RATIO] = 1.0
        equity, _ = _sized_up(a[c.A_CASH], close[i], units, points, held[:count])
        restoring = False
        if weights.shape[0]:
            due = _weights_due(
                weights[i], rebalance[i] != 0, threshold, equity, close[i], units, points, goals
            )
            if due and equity > 0.0:
                restoring = True
                for k in range(m):
                    w[k, c.W_GOAL], w[k, c.W_PENDING_ROW], w[k, c.W_RATIO] = goals[k], i, 1.0
        if keep:
            equity_out[i], cash_out[i] = equity, a[c.A_CASH]
            quantity_out[i, :] = units
        bars_held += count > 0
        if equity <= 0.0 and ruin < 0:
            ruin = i
        add_powers(sums, i, equity / previous - 1.0 if ruin < 0 or ruin == i else np.nan)
        previous = equity
        if equity > peak:
            drawdown = min(drawdown, trough / peak - 1.0)
            peak, trough = equity, equity
        trough = min(trough, equity)
    for k in range(m):
        w[k, c.W_MARK] = close[n - 1, k]
    drawdown = min(drawdown, trough / peak - 1.0)
    stats[c.S_FINAL_EQUITY], stats[c.S_MAX_DRAWDOWN] = previous, drawdown
    stats[c.S_BARS_IN_POSITION], stats[c.S_FIRST_RUIN] = bars_held, ruin
    finish_account(w, a, n, sums, p, stats, trades, orders)
