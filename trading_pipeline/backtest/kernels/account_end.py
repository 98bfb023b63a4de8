"""How the exact loop of an account ends: open trades marked, waiting orders logged, statistics."""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.account_orders import withdraw
from trading_pipeline.backtest.kernels.compilation import inner, keep_apart
from trading_pipeline.backtest.kernels.fills import whole_exit
from trading_pipeline.backtest.kernels.records import close_trade, log_pending, log_weight
from trading_pipeline.backtest.kernels.state import Account, Instrument, Logs, Moment, Rows

__all__ = ["finish_account"]


@inner
def finish_account(
    w: Rows[Instrument], a: Account, n: int, p: FloatArray, stats: FloatArray, logs: Logs
) -> None:
    """Mark open trades at the last close, log orders without a bar to fill in, write the counts.

    `stats` must hold the final equity already.
    """
    keep_apart()
    for k in range(w.shape[0]):
        state, point = w[k], p[k, c.P_POINT]
        if state.quantity != 0.0:
            units, mean = whole_exit(
                abs(state.quantity), state.mark, state.exited, state.proceeds
            )  # fmt: skip
            close_trade(
                logs.trades, state.trade, n - 1, c.AT_CLOSE, mean, units, 0.0, 0.0, state.income,
                point, c.R_OPEN,
            )  # fmt: skip
        if state.pending != 0:
            a.orders = log_pending(
                logs.orders, a.orders, k, state.pending, state.pending_row, state.quantity
            )
        elif state.goal == state.goal:
            a.orders = log_weight(
                logs.orders, a.orders, k, state.pending_row, state.goal, stats[c.S_FINAL_EQUITY],
                state.mark, point, state.quantity,
            )  # fmt: skip
        if state.rest != c.NO_REST:
            withdraw(
                state, a, Moment(n - 1, c.AT_CLOSE, np.nan, np.nan), c.R_STILL_WORKING, logs
            )  # fmt: skip
    stats[c.S_TRADES], stats[c.S_ORDERS] = a.trades, a.orders
    stats[c.S_FEES], stats[c.S_INTEREST] = a.fees, a.interest
