"""Compiled writers of round trips and of the order log.

Rows beyond a table's end are counted and not written, so the caller can allocate exactly and run
again; a table without rows switches the log off.
"""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels import margins
from trading_pipeline.backtest.kernels.compilation import copy_in, inner

__all__ = [
    "add_to_trade",
    "close_trade",
    "log_order",
    "log_pending",
    "log_weight",
    "open_trade",
]


@inner
def log_order(
    orders: FloatArray, row: int, asset: int, decided: int, bar: int, at: int, side: float,
    is_entry: bool, kind: int, requested: float, filled: float, price: float, fee: float,
    slip: float, reason: int,
) -> int:  # fmt: skip
    """Write one row of the order log; returns the next row's number."""
    if row < orders.shape[0]:
        orders[row, c.O_ASSET] = asset
        orders[row, c.O_DECIDED_BAR] = decided
        orders[row, c.O_BAR] = bar
        orders[row, c.O_AT] = at
        orders[row, c.O_SIDE] = side
        orders[row, c.O_IS_ENTRY] = 1.0 if is_entry else 0.0
        orders[row, c.O_KIND] = kind
        orders[row, c.O_REQUESTED] = requested
        orders[row, c.O_FILLED] = filled
        orders[row, c.O_PRICE] = price
        orders[row, c.O_FEE] = fee
        orders[row, c.O_SLIPPAGE] = slip
        orders[row, c.O_REASON] = reason
    return row + 1


@inner
def open_trade(
    trades: FloatArray, row: int, asset: int, side: float, quantity: float, bar: int, at: int,
    price: float, fee: float, slip: float,
) -> None:  # fmt: skip
    """Write the entry half of a trade's row."""
    copy_in()
    if row < trades.shape[0]:
        trades[row, c.T_ASSET] = asset
        trades[row, c.T_SIDE] = side
        trades[row, c.T_QUANTITY] = quantity
        trades[row, c.T_ENTRY_BAR] = bar
        trades[row, c.T_ENTRY_AT] = at
        trades[row, c.T_ENTRY_PRICE] = price
        trades[row, c.T_FEES] = fee
        trades[row, c.T_SLIPPAGE] = slip


@inner
def add_to_trade(
    trades: FloatArray, row: int, bought: float, scale: float, price: float, fee: float, slip: float
) -> None:
    """Add to a trade at the average price, in terms of the first entry's shares.

    `scale`: shares now that one share of the first entry has become.
    """
    copy_in()
    if row < trades.shape[0]:
        paid = trades[row, c.T_QUANTITY] * trades[row, c.T_ENTRY_PRICE] + bought * price
        trades[row, c.T_QUANTITY] += (
            bought if scale == 1.0 else bought / scale
        )  # no division to wait for
        trades[row, c.T_ENTRY_PRICE] = paid / trades[row, c.T_QUANTITY]
        trades[row, c.T_FEES] += fee
        trades[row, c.T_SLIPPAGE] += slip


@inner
def close_trade(
    trades: FloatArray, row: int, bar: int, at: int, price: float, quantity: float, fee: float,
    slip: float, income: float, point: float, reason: int,
) -> None:  # fmt: skip
    """Write the exit half of the trade's row; pnl is what its cash flows add up to."""
    if row >= trades.shape[0]:
        return
    trades[row, c.T_EXIT_BAR] = bar
    trades[row, c.T_EXIT_AT] = at
    trades[row, c.T_EXIT_PRICE] = price
    trades[row, c.T_EXIT_QUANTITY] = quantity
    trades[row, c.T_FEES] += fee
    trades[row, c.T_SLIPPAGE] += slip
    trades[row, c.T_INCOME] = income
    gross = (quantity * price - trades[row, c.T_QUANTITY] * trades[row, c.T_ENTRY_PRICE]) * point
    trades[row, c.T_PNL] = trades[row, c.T_SIDE] * gross - trades[row, c.T_FEES] + income
    trades[row, c.T_REASON] = reason


@inner
def log_pending(
    orders: FloatArray, row: int, asset: int, act: int, bar: int, quantity: float
) -> int:
    """Log the orders that the last bar's decision leaves without a bar to fill in."""
    opposite = 0
    if quantity > 0.0:
        opposite = act & (c.EXIT_LONG | c.ENTER_SHORT)
    elif quantity < 0.0:
        opposite = act & (c.EXIT_SHORT | c.ENTER_LONG)
    if opposite:
        row = log_order(
            orders, row, asset, bar, -1, c.AT_OPEN, -np.sign(quantity), False, c.K_MARKET,
            abs(quantity), 0.0, np.nan, 0.0, 0.0, c.R_NO_NEXT_BAR,
        )  # fmt: skip
    if act & (c.ENTER_LONG | c.ENTER_SHORT) and (quantity == 0.0 or opposite):
        side = 1.0 if act & c.ENTER_LONG else -1.0
        row = log_order(
            orders, row, asset, bar, -1, c.AT_OPEN, side, True, c.K_MARKET, np.nan, 0.0, np.nan,
            0.0, 0.0, c.R_NO_NEXT_BAR,
        )  # fmt: skip
    return row


@inner
def log_weight(
    orders: FloatArray, row: int, asset: int, decided: int, goal: float, equity: float, mark: float,
    point: float, quantity: float,
) -> int:  # fmt: skip
    """Log the order of a target weight that is left without a bar to fill in, at the last mark."""
    change = np.nan
    if mark > 0.0:
        change = goal * equity / (mark * point) - quantity
        if abs(change) <= margins.QUANTITY * abs(quantity):
            return row
    elif goal == 0.0:
        return row
    side = np.sign(change) if change == change else np.sign(goal)
    return log_order(
        orders, row, asset, decided, -1, c.AT_OPEN, side, quantity * side >= 0.0, c.K_MARKET,
        abs(change), 0.0, np.nan, 0.0, 0.0, c.R_NO_NEXT_BAR,
    )  # fmt: skip
