"""This file holds when and how a portfolio of plain target weights runs by the fastest loop.

The numbers are those of the general loop, bit for bit; only what is asked for decides the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trading_pipeline.backtest import kernel_codes as codes
from trading_pipeline.backtest.account_inputs import BEYOND_PLAIN
from trading_pipeline.backtest.account_run import AccountRun, UnitsHeld
from trading_pipeline.backtest.kernel_portfolio_weights import simulate_weights
from trading_pipeline.backtest.portfolio_tables import PriceTables
from trading_pipeline.backtest.portfolio_weights import WeightPlan
from trading_pipeline.backtest.settings_vector import settings_vector
from trading_pipeline.domain.signals import Signals
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["run_rebalances"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_Number = TypeVar("_Number", bound=np.generic)

_LEVELS = ("stop_loss", "take_profit", "trailing_stop", "session_close")
_NO_SIGNALS = Signals.long_only(np.zeros(1, dtype=np.bool_), np.zeros(1, dtype=np.bool_))
_DRIFTS = 256  # rebalances by threshold that there is room for at first


def run_rebalances(
    tables: PriceTables,
    plan: WeightPlan,
    account: BacktestSettings,
    settings: Mapping[str, BacktestSettings],
) -> AccountRun | None:
    """Run an account without corporate actions, or None where these inputs need another loop.

    `settings`: one for each instrument, in the order of their priority.
    """
    vectors = _vectors(account, settings)
    if vectors is None or not tables.complete:
        return None
    n, m = tables.close.shape
    at, row_of, due = _decisions(plan)
    rebalances = int(due.sum()) + (_DRIFTS if plan.threshold > 0.0 else 0)
    trade_rows, order_rows = rebalances * m, (2 * rebalances + 1) * m
    while True:
        # What is counted is written whole, so that the places need not be zeroed.
        stats, equity, cash = np.empty(codes.S_COUNT), np.empty(n), np.empty(n)
        first_bar, units = np.empty(rebalances, dtype=np.int64), np.empty((rebalances, m))
        trades = np.empty((trade_rows, codes.T_COUNT))
        orders = np.empty((order_rows, codes.O_COUNT))
        used = simulate_weights(
            tables.open, tables.close, at, row_of, due, _read_only(plan.values), plan.threshold,
            vectors, stats, equity, cash, first_bar, units, trades, orders,
        )  # fmt: skip
        used_trades, used_orders = int(stats[codes.S_TRADES]), int(stats[codes.S_ORDERS])
        if used <= rebalances and used_trades <= trade_rows and used_orders <= order_rows:
            break
        rebalances, trade_rows, order_rows = used, used_trades, used_orders
    run = AccountRun(
        equity=equity,
        cash=cash,
        quantity=UnitsHeld(_cut(first_bar, used), _cut(units, used)),
        trade_rows=_cut(trades, used_trades),
        order_rows=_cut(orders, used_orders),
        stats=stats,
    )
    run.freeze()
    return run


def _vectors(
    account: BacktestSettings, settings: Mapping[str, BacktestSettings]
) -> FloatArray | None:
    """Settings vectors of the instruments (one where all share one) and of the account at last.

    None where they ask for more than this loop does.
    """
    each = list(settings.values())
    if all(own is each[0] for own in each):
        each = each[:1]
    if any(getattr(own, name) is not None for own in each for name in _LEVELS):
        return None
    vectors = np.stack([settings_vector(own, _NO_SIGNALS) for own in (*each, account)])
    return None if vectors[:, BEYOND_PLAIN].any() else vectors


def _decisions(plan: WeightPlan) -> tuple[IntArray, IntArray, npt.NDArray[np.uint8]]:
    """(bars that give or restore weights, the row of weights that each gives or -1, 1 where due)."""
    row_of = np.full(len(plan.rebalance), -1)
    row_of[plan.rows] = np.arange(len(plan.rows))
    at = np.flatnonzero((row_of >= 0) | (plan.rebalance != 0))
    return at, row_of[at], plan.rebalance[at]


def _cut(table: npt.NDArray[_Number], rows: int) -> npt.NDArray[_Number]:
    """The table with its first rows only; the rest goes back to the system without a copy."""
    table.resize((rows, *table.shape[1:]), refcheck=False)  # nobody else knows the table yet
    return table


def _read_only(values: FloatArray) -> FloatArray:
    """A view that cannot be written: one type for the compiler, however the array came about."""
    view = np.ascontiguousarray(values).view()
    view.setflags(write=False)
    return view
