"""This file holds the fastest form of the account's loop: target weights, nothing else.

It writes the order of events of `simulate_account` out for what is left of it under the settings that
`portfolio_rebalances` lets pass: every instrument has every bar, fills are at the next open, and nothing
but the orders of the weights touches cash or units. Numbers are those of `simulate_account` bit for bit,
since every product and sum is made in the same order.

Units change at the opens of rebalances only. The bars between two of them are marked together, eight at a
time, each by its own sum over the instruments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.compilation import inner
from trading_pipeline.backtest.kernels.equity_statistics import equity_statistics
from trading_pipeline.backtest.kernels.rebalancing import (
    H_EXITED,
    H_GOAL,
    H_POINT,
    H_PROCEEDS,
    H_UNITS,
    N_BAR,
    N_DECISION,
    N_DUE,
    N_HELD,
    N_ORDERS,
    N_REBALANCES,
    N_TRADES,
    restore_weights,
)
from trading_pipeline.backtest.kernels.records import close_trade, log_order
from trading_pipeline.backtest.kernels.vectors import LANES

__all__ = ["simulate_weights"]

Array = Any


@njit(cache=True, nogil=True, error_model="numpy")
def simulate_weights(  # noqa: PLR0912
    open_: Array, close: Array, at: Array, row_of: Array, due: Array, values: Array,
    threshold: float, p: Array, a: Array, counts: Array, s: Array, trade_of: Array, stats: Array,
    equity_out: Array, cash_out: Array, unit_bar: Array, unit_rows: Array, trades: Array,
    orders: Array,
) -> bool:  # fmt: skip
    """Run an account; everything comes back in the out arrays.

    False where a table may not hold what the next rebalance writes: called again with longer ones, of
    the same beginning, and the same state, it goes on from there. One needs a row of units, a row of
    trades for each instrument and three of orders.

    Prices: (bars, instruments). `at`: bars at whose close weights are given or restored, rising;
    `row_of`: the row of `values` that each of them gives, -1 for none; `due`: 1 where the weights known
    by then are restored at the next open; `threshold`: so too where a weight is off by more (0: never).
    `p`: settings, one row an instrument or one for all of them, then the account's. State as
    `portfolio_rebalances` makes it. `unit_rows`: units held from the open of the bar in `unit_bar` on.
    """
    n, m = close.shape
    own = 0 if p.shape[0] == 2 else 1
    while counts[N_BAR] < n:
        bar, row = counts[N_BAR], counts[N_REBALANCES]
        if counts[N_DUE]:
            if (
                row == unit_bar.shape[0]
                or counts[N_TRADES] + m > trades.shape[0]
                or counts[N_ORDERS] + 3 * m > orders.shape[0]
            ):
                return False
            restore_weights(bar, open_[bar], p, own, a, counts, s, trade_of, trades, orders)
            unit_bar[row] = bar
            for k in range(m):
                unit_rows[row, k] = s[H_UNITS, k]
            counts[N_REBALANCES] += 1
        # The bars up to the next decision, or to the first at whose close a weight is off.
        place = counts[N_DECISION]
        decides = place < at.shape[0]
        end = at[place] + 1 if decides else n
        drift, begin = -1, bar
        if threshold > 0.0:
            stop = end - 1 if decides else end
            while begin < stop and drift < 0:
                upto = min(begin + 8, stop)
                _mark(close, s, begin, upto, a[c.A_CASH], equity_out)
                drift = _off_at(close, s, begin, upto, threshold, equity_out)
                begin = upto
        if drift >= 0:
            end = drift + 1
        else:
            _mark(close, s, begin, end, a[c.A_CASH], equity_out)
        counts[N_DUE] = drift >= 0
        if decides and drift < 0:
            if row_of[place] >= 0:
                for k in range(m):
                    given = values[row_of[place], k]
                    s[H_GOAL, k] = given if given == given else s[H_GOAL, k]
            restoring = due[place] != 0 and equity_out[end - 1] > 0.0
            if threshold > 0.0 and not restoring:
                restoring = _off_at(close, s, end - 1, end, threshold, equity_out) >= 0
            counts[N_DUE] = restoring
            counts[N_DECISION] += 1
        held = False
        for k in range(m):
            held = held or s[H_UNITS, k] != 0.0
        counts[N_HELD] += (end - bar) * held
        cash_out[bar:end] = a[c.A_CASH]
        counts[N_BAR] = end
    if counts[N_ORDERS] + m > orders.shape[0]:
        return False
    equity_statistics(equity_out, p[p.shape[0] - 1], np.zeros(4 * LANES), stats)
    _finish(close, counts[N_DUE] != 0, equity_out[n - 1], counts, s, trade_of, trades, orders)
    stats[c.S_TRADES], stats[c.S_ORDERS] = counts[N_TRADES], counts[N_ORDERS]
    stats[c.S_BARS_IN_POSITION], stats[c.S_INTEREST] = counts[N_HELD], 0.0
    stats[c.S_FEES] = a[c.A_FEES]
    return True


@inner
def _mark(close: Array, s: Array, begin: int, end: int, cash: float, equity_out: Array) -> None:
    """Equity at the closes of bars `begin` to `end - 1`: cash, then the positions in their order."""
    m, i = close.shape[1], begin
    while i < end:
        if end - begin < 8:
            value = cash
            for k in range(m):
                value += s[H_UNITS, k] * close[i, k] * s[H_POINT, k]
            equity_out[i] = value
            i += 1
            continue
        i = min(i, end - 8)  # the last eight may have been marked in part: the same numbers again
        v0, v1, v2, v3, v4, v5, v6, v7 = cash, cash, cash, cash, cash, cash, cash, cash
        for k in range(m):
            units, point = s[H_UNITS, k], s[H_POINT, k]
            v0 += units * close[i, k] * point
            v1 += units * close[i + 1, k] * point
            v2 += units * close[i + 2, k] * point
            v3 += units * close[i + 3, k] * point
            v4 += units * close[i + 4, k] * point
            v5 += units * close[i + 5, k] * point
            v6 += units * close[i + 6, k] * point
            v7 += units * close[i + 7, k] * point
        equity_out[i], equity_out[i + 1], equity_out[i + 2], equity_out[i + 3] = v0, v1, v2, v3
        equity_out[i + 4], equity_out[i + 5], equity_out[i + 6], equity_out[i + 7] = v4, v5, v6, v7
        i += 8


@inner
def _off_at(
    close: Array, s: Array, begin: int, end: int, threshold: float, equity: Array
) -> int:  # fmt: skip
    """First of the bars at whose close the weight of an instrument is off by more; -1 for none."""
    for i in range(begin, end):
        if not equity[i] > 0.0:
            continue
        for k in range(close.shape[1]):
            value = s[H_UNITS, k] * close[i, k] * s[H_POINT, k]
            if abs(value / equity[i] - s[H_GOAL, k]) > threshold:
                return i
    return -1


@inner
def _finish(
    close: Array, restoring: bool, equity: float, counts: Array, s: Array, trade_of: Array,
    trades: Array, orders: Array,
) -> None:  # fmt: skip
    """Mark open trades at the last close; log the orders of weights that the last bar is to restore."""
    last = close.shape[0] - 1
    for k in range(close.shape[1]):
        quantity, goal, mark, point = s[H_UNITS, k], s[H_GOAL, k], close[last, k], s[H_POINT, k]
        if quantity != 0.0:
            units, mean = abs(quantity), mark
            if s[H_EXITED, k] > 0.0:
                units += s[H_EXITED, k]
                mean = (s[H_PROCEEDS, k] + abs(quantity) * mark) / units
            close_trade(
                trades, trade_of[k], last, c.AT_CLOSE, mean, units, 0.0, 0.0, 0.0, point, c.R_OPEN
            )
        if restoring and goal == goal:
            change = goal * equity / (mark * point) - quantity
            if abs(change) <= 1e-9 * abs(quantity):
                continue
            side = np.sign(change) if change == change else np.sign(goal)
            row = counts[N_ORDERS]
            orders[row, c.O_ASSET] = k
            counts[N_ORDERS] = log_order(
                orders, row, last, -1, c.AT_OPEN, side, quantity * side >= 0.0, c.K_MARKET,
                abs(change), 0.0, np.nan, 0.0, 0.0, c.R_NO_NEXT_BAR,
            )  # fmt: skip
