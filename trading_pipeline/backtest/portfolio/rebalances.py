"""This file holds when and how a portfolio of plain target weights runs by the fastest loop.

The numbers are those of the general loop, bit for bit; only what is asked for decides the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trading_pipeline.backtest.account_inputs import BEYOND_PLAIN
from trading_pipeline.backtest.account_run import AccountRun, UnitsHeld
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels import rebalancing as kernel
from trading_pipeline.backtest.kernels.fast.portfolio_weights import simulate_weights
from trading_pipeline.backtest.portfolio.tables import PriceTables
from trading_pipeline.backtest.portfolio.weights import WeightPlan
from trading_pipeline.backtest.settings_vector import settings_vector
from trading_pipeline.backtest.table_memory import empty_tables
from trading_pipeline.domain.signals import Signals
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["run_rebalances"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_Number = TypeVar("_Number", bound=np.generic)

_LEVELS = ("stop_loss", "take_profit", "trailing_stop", "session_close")
_NO_SIGNALS = Signals.long_only(np.zeros(1, dtype=np.bool_), np.zeros(1, dtype=np.bool_))
_DRIFTS = 64  # rebalances by threshold that there is room for at first


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
    state = _state(vectors, m)
    stats = np.empty(codes.S_COUNT)
    # Room for what most runs write; all of a row is written, so that it need not be zeroed.
    rebalances = int(due.sum()) + (1 if plan.threshold == 0.0 else _DRIFTS)
    first_bar = np.empty(rebalances, dtype=np.int64)
    equity, cash, units, trades, orders = empty_tables(
        (n,), (n,), (rebalances, m), (4 * m, codes.T_COUNT), ((rebalances + 3) * m, codes.O_COUNT)
    )
    while not simulate_weights(
        tables.open, tables.close, at, row_of, due, _read_only(plan.values), plan.threshold,
        vectors, *state, stats, equity, cash, first_bar, units, trades, orders,
    ):  # fmt: skip
        used = state[1]
        if used[kernel.N_REBALANCES] == len(units):
            first_bar, units = _longer(first_bar), _longer(units)
        if used[kernel.N_TRADES] + m > len(trades):
            trades = _longer(trades)
        if used[kernel.N_ORDERS] + 3 * m > len(orders):
            orders = _longer(orders)
    used = state[1]
    changes = int(used[kernel.N_REBALANCES])
    run = AccountRun(
        equity=equity,
        cash=cash,
        quantity=UnitsHeld(_used(first_bar, changes), _used(units, changes)),
        trade_rows=_used(trades, int(used[kernel.N_TRADES])),
        order_rows=_used(orders, int(used[kernel.N_ORDERS])),
        stats=stats,
    )
    run.freeze()
    return run


def _state(vectors: FloatArray, m: int) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """(of the account, where its loop stands, of the instruments, their last trades) before the first bar."""
    account = np.zeros(codes.A_COUNT)
    account[codes.A_CASH] = vectors[-1, codes.P_INITIAL_CASH]
    held = np.zeros((kernel.H_COUNT, m))
    held[kernel.H_POINT] = vectors[:-1, codes.P_POINT]
    held[kernel.H_GOAL] = np.nan
    return account, np.zeros(kernel.N_COUNT, dtype=np.int64), held, np.full(m, -1)


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


def _longer(table: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The table with room for as many rows again."""
    longer = np.empty((2 * len(table), *table.shape[1:]), dtype=table.dtype)
    longer[: len(table)] = table
    return longer


def _used(table: npt.NDArray[_Number], rows: int) -> npt.NDArray[_Number]:
    """The rows that were written; copied where the rest would keep much memory from being freed."""
    return table[:rows] if 10 * rows >= 9 * len(table) else table[:rows].copy()


def _read_only(values: FloatArray) -> FloatArray:
    """A view that cannot be written: one type for the compiler, however the array came about."""
    view = np.ascontiguousarray(values).view()
    view.setflags(write=False)
    return view
