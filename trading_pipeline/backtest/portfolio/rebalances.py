"""How a portfolio of plain target weights runs by its fast loop.

The numbers are those of the exact loop, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from trading_pipeline.backtest.account_inputs import read_only
from trading_pipeline.backtest.account_run import AccountRun, UnitsHeld, used_rows
from trading_pipeline.backtest.arrays import FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.eligibility import may_run
from trading_pipeline.backtest.kernels.fast.portfolio_weights import simulate_weights
from trading_pipeline.backtest.kernels.state import (
    PLACE,
    Actions,
    Logs,
    Rebalances,
    new_account,
    new_holdings,
    new_results,
)
from trading_pipeline.backtest.portfolio.tables import PriceTables
from trading_pipeline.backtest.portfolio.weights import WeightPlan
from trading_pipeline.backtest.run_control import Cancelled, Progress, run_watched
from trading_pipeline.backtest.settings_vector import rules_of
from trading_pipeline.domain.table_memory import empty_tables
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["run_rebalances"]

_Number = TypeVar("_Number", bound=np.generic)

_DRIFTS = 64  # rebalances by threshold that there is room for at first


def run_rebalances(
    tables: PriceTables,
    plan: WeightPlan,
    account: BacktestSettings,
    settings: Mapping[str, BacktestSettings],
    actions: tuple[IntArray, IntArray, FloatArray],
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> AccountRun | None:
    """Run an account, or None where these inputs need the exact loop.

    `settings`: one for each instrument, in the order of their priority. `actions`: see `Actions`.
    Raises `RunCancelledError` when stopped.
    """
    own = list(settings.values())
    if all(each is own[0] for each in own):
        own = own[:1]
    rules = [rules_of(each) for each in (*own, account)]
    demands = (each.demands for each in rules)
    if not may_run("weights", demands, complete=tables.complete):
        return None
    vectors = np.stack([each.vector for each in rules])
    n, m = tables.close.shape
    decisions = _decisions(plan)
    state = new_account(vectors[-1]), np.zeros(1, dtype=PLACE)
    holdings = new_holdings(np.broadcast_to(vectors[:-1, codes.P_POINT], m))
    # Room for what most runs write; all of a row is written, so that it need not be zeroed.
    rows = int(decisions.due.sum()) + (1 if plan.threshold == 0.0 else _DRIFTS)
    rows += len(np.unique(actions[0][actions[2][:, 0] != 1.0]))
    first_bar = np.empty(rows, dtype=np.int64)
    stats = np.empty(codes.S_COUNT)
    equity, cash, units, trades, orders = empty_tables(
        (n,), (n,), (rows, m), (4 * m, codes.T_COUNT), ((rows + 3) * m, codes.O_COUNT)
    )
    inputs = (tables.open, tables.close, decisions, Actions(*actions), vectors, *state, holdings)
    at = state[1][0]

    def work(control: IntArray) -> None:
        nonlocal first_bar, units, trades, orders
        while not simulate_weights(
            *inputs,
            new_results(stats, equity, cash, units),
            first_bar,
            Logs(trades, orders),
            control,
        ):
            if at["rows"] == len(units):
                first_bar, units = _longer(first_bar), _longer(units)
            if at["trades"] + m > len(trades):
                trades = _longer(trades)
            if at["orders"] + 3 * m > len(orders):
                orders = _longer(orders)

    run_watched(work, n, progress, cancelled)
    changes = int(at["rows"])
    return AccountRun(
        equity=equity,
        cash=cash,
        quantity=UnitsHeld(used_rows(first_bar, changes), used_rows(units, changes)),
        trade_rows=used_rows(trades, int(at["trades"])),
        order_rows=used_rows(orders, int(at["orders"])),
        stats=stats,
    )


def _decisions(plan: WeightPlan) -> Rebalances:
    """The bars that give or restore weights, and what they give."""
    row_of = np.full(len(plan.rebalance), -1)
    row_of[plan.rows] = np.arange(len(plan.rows))
    at = np.flatnonzero((row_of >= 0) | (plan.rebalance != 0))
    return Rebalances(at, row_of[at], plan.rebalance[at], read_only(plan.values), plan.threshold)


def _longer(table: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The table with room for as many rows again."""
    longer = np.empty((2 * len(table), *table.shape[1:]), dtype=table.dtype)
    longer[: len(table)] = table
    return longer
