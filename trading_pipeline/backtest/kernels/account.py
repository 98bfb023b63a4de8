"""This file holds the compiled loop over an account: any number of instruments on shared cash.

It carries out every rule of the engine; `simulate` is its fast form for one instrument with plain
settings, and equals it bit for bit. Prices are tables (bars, instruments), NaN where an instrument has
no bar; levels are tables (instruments, bars or 1). Instruments stand in the order of their priority.
An instrument without a bar keeps its last mark, pays no financing, and its orders wait.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.account_actions import apply_action
from trading_pipeline.backtest.kernels.account_end import finish_account, start_account
from trading_pipeline.backtest.kernels.account_fills import leave
from trading_pipeline.backtest.kernels.account_open import due_orders, forced_exits, size_up
from trading_pipeline.backtest.kernels.account_orders import (
    fill_resting,
    intrabar_exit,
    withdraw,
)
from trading_pipeline.backtest.kernels.fills import add_powers
from trading_pipeline.backtest.kernels.vectors import LANES

__all__ = ["simulate_account"]

Array = Any


@njit(cache=True, nogil=True, error_model="numpy")
def simulate_account(  # noqa: PLR0912, PLR0915 - the order of events stands in one place
    open_: Array, high: Array, low: Array, close: Array, volume: Array, event_ptr: Array,
    event_asset: Array, event_code: Array, amounts: Array, limits: Array, triggers: Array,
    stops: Array, targets: Array, trails: Array, action_bar: Array, action_asset: Array,
    action_effect: Array, day: Array, session_end: Array, weights: Array, rebalance: Array,
    threshold: float, p: Array, stats: Array, equity_out: Array, cash_out: Array,
    quantity_out: Array, trades: Array, orders: Array, control: Array,
) -> None:  # fmt: skip
    """Run an account through the order of events; everything comes back in the out arrays.

    `event_ptr[i]` to `event_ptr[i + 1]`: decisions at bar i. `weights`: rows of target weights by bar
    (or none), of which NaN leaves an instrument's weight as it is; `rebalance`: 1 where the weights
    known by then are to be restored at the next open; `threshold`: so too where the weight of an
    instrument that has a bar is off by more. `p`: settings, one row an instrument, and the account's
    in the last row (which may be the only instrument's). `control`: the loop writes the bar it is at
    into the first place and ends early, without a result, once the second is not 0.
    """
    n, m = close.shape
    main = p[p.shape[0] - 1]
    w, a = start_account(m, main)
    everyone = np.arange(m)
    left = np.zeros(m, dtype=np.bool_)
    delay = 0 if main[c.P_SAME_CLOSE] > 0.0 else 1
    keep, next_action = equity_out.shape[0] == n, 0
    previous, peak, trough, drawdown = a[c.A_CASH], a[c.A_CASH], a[c.A_CASH], 0.0
    sums, held, ruin = np.zeros(4 * LANES), 0, -1
    for i in range(n):
        control[0] = i
        if control[1] != 0:
            return
        if a[c.A_DAY] != day[i]:
            a[c.A_DAY], a[c.A_DAY_START], a[c.A_HALTED] = day[i], previous, 0.0
        # 0. Before the open: corporate actions, orders whose time is over.
        while next_action < action_bar.shape[0] and action_bar[next_action] <= i:
            k = action_asset[next_action]
            apply_action(w[k], a, action_effect[next_action], p[k])
            next_action += 1
        for k in range(m):
            if close[i, k] == close[i, k]:
                w[k, c.W_USED], w[k, c.W_MARK] = 0.0, open_[i, k]
                if w[k, c.W_REST] != c.NO_REST:
                    over = p[k, c.P_ORDER_BARS]
                    late = over > 0.0 and w[k, c.W_REST_BARS] >= over
                    if p[k, c.P_DAY_ORDERS] > 0.0 and w[k, c.W_REST_DAY] >= 0.0:
                        late = late or w[k, c.W_REST_DAY] != day[i]
                    if late:
                        withdraw(w[k], a, k, i, c.AT_OPEN, orders, c.R_EXPIRED)
        # 1. The open.
        forced_exits(open_[i], volume[i], i, p, w, a, trades, orders)
        if delay == 1:
            due_orders(
                everyone, open_[i], volume[i], i, c.AT_OPEN, amounts, limits, triggers, stops,
                targets, trails, close, p, w, a, trades, orders,
            )  # fmt: skip
        # 2. Inside the bar: exits of all instruments, then entries by priority. Nobody knows which
        # came first, so entries are sized on the account as it stood after the open.
        inside = False
        for k in range(m):
            due = w[k, c.W_REST] != c.NO_REST and int(w[k, c.W_REST_ROW]) < i
            if close[i, k] == close[i, k] and due:
                if not inside:
                    size_up(w, a, p)
                inside = True
                if delay == 0:
                    fill_resting(
                        w[k], a, k, i, c.AT_OPEN, open_[i, k], open_[i, k], open_[i, k],
                        open_[i, k], amounts[k], (stops[k], targets[k], trails[k]), volume[i, k],
                        p[k], trades, orders,
                    )  # fmt: skip
        if inside and delay == 0:
            size_up(w, a, p)
        gross = a[c.A_GROSS]
        for k in range(m):
            left[k] = False
            if close[i, k] == close[i, k] and w[k, c.W_QUANTITY] != 0.0:
                left[k] = intrabar_exit(
                    w[k], a, k, i, open_[i, k], high[i, k], low[i, k], volume[i, k], p[k], trades,
                    orders,
                )  # fmt: skip
        a[c.A_GROSS] = gross  # what exits inside the bar set free is spent from the next open on
        for k in range(m):
            if close[i, k] != close[i, k]:
                continue
            if w[k, c.W_REST] != c.NO_REST and int(w[k, c.W_REST_ROW]) < i:
                if w[k, c.W_REST_DAY] < 0.0:
                    w[k, c.W_REST_DAY] = day[i]
                w[k, c.W_REST_BARS] += 1.0
                if not left[k] and w[k, c.W_REST] != c.REST_MARKET:
                    fill_resting(
                        w[k], a, k, i, c.AT_INTRABAR, open_[i, k], high[i, k], low[i, k],
                        close[i, k], amounts[k], (stops[k], targets[k], trails[k]), volume[i, k],
                        p[k], trades, orders,
                    )  # fmt: skip
            if w[k, c.W_QUANTITY] != 0.0:
                w[k, c.W_LIVED] += 1.0
        for k in range(m):
            if close[i, k] == close[i, k]:
                w[k, c.W_MARK] = close[i, k]
        # 3. Forced exits at the close.
        reason = int(a[c.A_HALTED])  # a limit that was reached holds for the rest of the day
        if main[c.P_DAILY_TARGET] > 0.0 or main[c.P_DAILY_LOSS] > 0.0:
            size_up(w, a, p)
            gained = a[c.A_EQUITY] - a[c.A_DAY_START]
            if main[c.P_DAILY_TARGET] > 0.0 and gained >= main[c.P_DAILY_TARGET]:
                reason = c.R_DAILY_TARGET
            elif main[c.P_DAILY_LOSS] > 0.0 and gained <= -main[c.P_DAILY_LOSS]:
                reason = c.R_DAILY_LOSS
            a[c.A_HALTED] = reason
        for k in range(m):
            if a[c.A_HALTED] > 0.0 and w[k, c.W_REST] != c.NO_REST:
                withdraw(w[k], a, k, i, c.AT_CLOSE, orders, c.R_DAILY_HALT)
            if close[i, k] != close[i, k]:
                continue
            why = reason
            if not why and session_end.shape[0] and session_end[i, k]:
                why = c.R_SESSION_CLOSE
            longest = p[k, c.P_MAX_HOLDING]
            if not why and longest > 0.0 and w[k, c.W_LIVED] >= longest:
                why = c.R_MAX_HOLDING
            if why and w[k, c.W_QUANTITY] != 0.0:
                leave(
                    w[k], a, k, i, i, c.AT_CLOSE, close[i, k], why, np.nan, volume[i, k], p[k],
                    trades, orders,
                )  # fmt: skip
        # 4. Financing.
        for k in range(m):
            quantity = w[k, c.W_QUANTITY]
            if quantity != 0.0 and close[i, k] == close[i, k]:
                value = quantity * w[k, c.W_MARK] * p[k, c.P_POINT] / p[k, c.P_PERIODS]
                cost = value * p[k, c.P_FUNDING]
                if quantity < 0.0:
                    cost -= value * p[k, c.P_BORROW]
                if cost != 0.0:
                    a[c.A_CASH] -= cost
                    w[k, c.W_INCOME] -= cost
        if a[c.A_CASH] < 0.0 and main[c.P_CASH_RATE] > 0.0:
            interest = a[c.A_CASH] * main[c.P_CASH_RATE] / main[c.P_PERIODS]
            a[c.A_CASH] += interest
            a[c.A_INTEREST] -= interest
        # 5. The strategy decides; mark at the close; margin check.
        for event in range(event_ptr[i], event_ptr[i + 1]):
            k = event_asset[event]
            w[k, c.W_PENDING], w[k, c.W_PENDING_ROW] = event_code[event], i
            w[k, c.W_RATIO] = 1.0
        if weights.shape[0]:
            due = rebalance[i] != 0
            size_up(w, a, p)
            for k in range(m):
                if weights[i, k] == weights[i, k]:
                    w[k, c.W_TARGET_WEIGHT] = weights[i, k]
                value = w[k, c.W_QUANTITY] * w[k, c.W_MARK] * p[k, c.P_POINT]
                off = abs(value / a[c.A_EQUITY] - w[k, c.W_TARGET_WEIGHT])
                here = close[i, k] == close[i, k]
                due = due or (here and threshold > 0.0 and off > threshold)
            if due and a[c.A_EQUITY] > 0.0:
                for k in range(m):
                    w[k, c.W_GOAL], w[k, c.W_PENDING_ROW] = w[k, c.W_TARGET_WEIGHT], i
                    w[k, c.W_RATIO] = 1.0
        if delay == 0:
            due_orders(
                everyone, close[i], volume[i], i, c.AT_CLOSE, amounts, limits, triggers, stops,
                targets, trails, close, p, w, a, trades, orders,
            )  # fmt: skip
        notional = 0.0
        equity, any_held = a[c.A_CASH], False
        for k in range(m):
            quantity = w[k, c.W_QUANTITY]
            if quantity != 0.0:
                any_held = True
                value = quantity * w[k, c.W_MARK] * p[k, c.P_POINT]
                equity += value
                notional += abs(value)
            if keep:
                quantity_out[i, k] = quantity
        if any_held:
            held += 1
            if main[c.P_MAINTENANCE] > 0.0 and equity < main[c.P_MAINTENANCE] * notional:
                for k in range(m):
                    if w[k, c.W_QUANTITY] != 0.0:
                        w[k, c.W_FORCED], w[k, c.W_FORCED_ROW] = c.R_MARGIN_CALL, i
        if keep:
            equity_out[i] = equity
            cash_out[i] = a[c.A_CASH]
        if equity <= 0.0 and ruin < 0:
            ruin = i
        change = equity / previous - 1.0 if ruin < 0 or ruin == i else np.nan
        previous = equity
        add_powers(sums, i, change)
        if equity > peak:
            drawdown = min(drawdown, trough / peak - 1.0)
            peak, trough = equity, equity
        trough = min(trough, equity)
    drawdown = min(drawdown, trough / peak - 1.0)
    stats[c.S_FINAL_EQUITY], stats[c.S_MAX_DRAWDOWN] = previous, drawdown
    stats[c.S_BARS_IN_POSITION], stats[c.S_FIRST_RUIN] = held, ruin
    finish_account(w, a, n, sums, p, stats, trades, orders)
