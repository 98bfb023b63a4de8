"""This file holds the compiled writers of round trips and of the order log.

Rows beyond a table's end are counted but not written, so that the caller can allocate exactly and run
again; a table without rows switches the log off.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trading_pipeline.backtest.kernels.codes import (
    AT_OPEN,
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    K_MARKET,
    O_AT,
    O_BAR,
    O_DECIDED_BAR,
    O_FEE,
    O_FILLED,
    O_IS_ENTRY,
    O_KIND,
    O_PRICE,
    O_REASON,
    O_REQUESTED,
    O_SIDE,
    O_SLIPPAGE,
    R_NO_NEXT_BAR,
    T_ENTRY_PRICE,
    T_EXIT_AT,
    T_EXIT_BAR,
    T_EXIT_PRICE,
    T_EXIT_QUANTITY,
    T_FEES,
    T_INCOME,
    T_PNL,
    T_QUANTITY,
    T_REASON,
    T_SIDE,
    T_SLIPPAGE,
)
from trading_pipeline.backtest.kernels.compilation import inner

__all__ = [
    "close_trade",
    "log_order",
    "log_pending",
]

Array = Any


@inner
def log_order(
    orders: Array, row: int, decided: int, bar: int, at: int, side: float, is_entry: bool,
    kind: int, requested: float, filled: float, price: float, fee: float, slip: float, reason: int,
) -> int:  # fmt: skip
    """Write one row of the order log; returns the next row's number."""
    if row < orders.shape[0]:
        orders[row, O_DECIDED_BAR] = decided
        orders[row, O_BAR] = bar
        orders[row, O_AT] = at
        orders[row, O_SIDE] = side
        orders[row, O_IS_ENTRY] = 1.0 if is_entry else 0.0
        orders[row, O_KIND] = kind
        orders[row, O_REQUESTED] = requested
        orders[row, O_FILLED] = filled
        orders[row, O_PRICE] = price
        orders[row, O_FEE] = fee
        orders[row, O_SLIPPAGE] = slip
        orders[row, O_REASON] = reason
    return row + 1


@inner
def close_trade(
    trades: Array, row: int, bar: int, at: int, price: float, quantity: float, fee: float,
    slip: float, income: float, point: float, reason: int,
) -> None:  # fmt: skip
    """Write the exit half of the trade's row; pnl is what its cash flows add up to."""
    if row >= trades.shape[0]:
        return
    trades[row, T_EXIT_BAR] = bar
    trades[row, T_EXIT_AT] = at
    trades[row, T_EXIT_PRICE] = price
    trades[row, T_EXIT_QUANTITY] = quantity
    trades[row, T_FEES] += fee
    trades[row, T_SLIPPAGE] += slip
    trades[row, T_INCOME] = income
    gross = (quantity * price - trades[row, T_QUANTITY] * trades[row, T_ENTRY_PRICE]) * point
    trades[row, T_PNL] = trades[row, T_SIDE] * gross - trades[row, T_FEES] + income
    trades[row, T_REASON] = reason


@inner
def log_pending(orders: Array, row: int, act: int, bar: int, quantity: float) -> int:
    """Log the orders that the last bar's decision leaves without a bar to fill in."""
    opposite = 0
    if quantity > 0.0:
        opposite = act & (EXIT_LONG | ENTER_SHORT)
    elif quantity < 0.0:
        opposite = act & (EXIT_SHORT | ENTER_LONG)
    if opposite:
        row = log_order(
            orders, row, bar, -1, AT_OPEN, -np.sign(quantity), False, K_MARKET, abs(quantity), 0.0,
            np.nan, 0.0, 0.0, R_NO_NEXT_BAR,
        )  # fmt: skip
    if act & (ENTER_LONG | ENTER_SHORT) and (quantity == 0.0 or opposite):
        side = 1.0 if act & ENTER_LONG else -1.0
        row = log_order(
            orders, row, bar, -1, AT_OPEN, side, True, K_MARKET, np.nan, 0.0, np.nan, 0.0, 0.0,
            R_NO_NEXT_BAR,
        )  # fmt: skip
    return row
