"""This file holds how the loops over an account begin and end: empty state, open trades, statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.account_open import log_goal
from trading_pipeline.backtest.kernels.account_orders import withdraw
from trading_pipeline.backtest.kernels.compilation import inner, inner_maker, keep_apart
from trading_pipeline.backtest.kernels.fills import return_statistics
from trading_pipeline.backtest.kernels.records import close_trade, log_pending

__all__ = ["finish_account", "start_account"]

Array = Any


@inner_maker
def start_account(m: int, main: Array) -> Any:
    """State of `m` instruments and of their account, before the first bar."""
    w, a = np.zeros((m, c.W_COUNT)), np.zeros(c.A_COUNT)
    a[c.A_CASH], a[c.A_DAY] = main[c.P_INITIAL_CASH], -1e18
    for k in range(m):
        w[k, c.W_STOP], w[k, c.W_TARGET], w[k, c.W_TRAIL] = np.nan, np.nan, np.nan
        w[k, c.W_GOAL], w[k, c.W_RATIO], w[k, c.W_TARGET_WEIGHT] = np.nan, 1.0, np.nan
    return w, a


@inner
def finish_account(
    w: Array, a: Array, n: int, sums: Array, p: Array, stats: Array, trades: Array, orders: Array,
) -> None:  # fmt: skip
    """Mark open trades at the last close, log orders without a bar to fill in, write the statistics.

    The loop has written what it counted itself: final equity, drawdown, bars in position, ruin.
    """
    keep_apart()
    m, main = w.shape[0], p[p.shape[0] - 1]
    for k in range(m):
        if w[k, c.W_QUANTITY] != 0.0:
            units, mean = abs(w[k, c.W_QUANTITY]), w[k, c.W_MARK]
            if w[k, c.W_EXITED] > 0.0:
                units += w[k, c.W_EXITED]
                mean = (w[k, c.W_PROCEEDS] + abs(w[k, c.W_QUANTITY]) * w[k, c.W_MARK]) / units
            close_trade(
                trades, int(w[k, c.W_TRADE]), n - 1, c.AT_CLOSE, mean, units, 0.0, 0.0,
                w[k, c.W_INCOME], p[k, c.P_POINT], c.R_OPEN,
            )  # fmt: skip
        if w[k, c.W_PENDING] != 0.0:
            row = int(a[c.A_ORDERS])
            a[c.A_ORDERS] = log_pending(
                orders, row, int(w[k, c.W_PENDING]), int(w[k, c.W_PENDING_ROW]),
                w[k, c.W_QUANTITY],
            )  # fmt: skip
            for logged in range(row, min(int(a[c.A_ORDERS]), orders.shape[0])):
                orders[logged, c.O_ASSET] = k
        elif w[k, c.W_GOAL] == w[k, c.W_GOAL]:
            log_goal(w[k], a, k, stats[c.S_FINAL_EQUITY], p[k], orders)
        if w[k, c.W_REST] != c.NO_REST:
            withdraw(w[k], a, k, n - 1, c.AT_CLOSE, orders, c.R_STILL_WORKING)
    stats[c.S_TRADES], stats[c.S_ORDERS] = a[c.A_TRADES], a[c.A_ORDERS]
    mean, sd, skew, kurtosis, sharpe = return_statistics(n, sums, main[c.P_PERIODS])
    stats[c.S_MEAN], stats[c.S_SD], stats[c.S_SKEW] = mean, sd, skew
    stats[c.S_KURTOSIS], stats[c.S_SHARPE] = kurtosis, sharpe
    stats[c.S_FEES], stats[c.S_INTEREST] = a[c.A_FEES], a[c.A_INTEREST]
