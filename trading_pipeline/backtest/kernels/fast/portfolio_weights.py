"""The fast loop for target weights: many instruments, plain settings, corporate actions.

It writes the order of events of `simulate_account` out for what is left of it where `eligibility` lets
this loop run: every instrument has every bar, fills are at the next open, and only the orders of the
weights and corporate actions touch cash or units. Numbers are those of `simulate_account` bit for bit,
since every product and sum is made in the same order.

Units and cash change at the opens of rebalances and actions only. The bars between two of them are
marked together, eight at a time, each by its own sum over the instruments.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.compilation import inner
from trading_pipeline.backtest.kernels.equity_statistics import equity_statistics
from trading_pipeline.backtest.kernels.fills import whole_exit
from trading_pipeline.backtest.kernels.rebalancing import restore_weights
from trading_pipeline.backtest.kernels.records import close_trade, log_weight
from trading_pipeline.backtest.kernels.state import (
    Actions,
    Logs,
    Rebalances,
    Results,
    State,
    Table,
)
from trading_pipeline.backtest.kernels.vectors import LANES

__all__ = ["simulate_weights"]


@njit(cache=True, nogil=True, error_model="numpy")
def simulate_weights(
    open_: Table, close: Table, plan: Rebalances, actions: Actions, p: Table, account: State,
    progress: State, s: State, results: Results, unit_bar: npt.NDArray[np.int64], logs: Logs,
    control: npt.NDArray[np.int64],
) -> bool:  # fmt: skip
    """Run an account; everything comes back in `results` and `logs`.

    Parameters
    ----------
    open_, close
        Prices (bars, instruments).
    p
        Settings vectors, one row an instrument or one for all of them, then the account's.
    account, progress, s
        State of the account, of this loop and of the instruments, as `rebalances` makes it.
    results, unit_bar
        `results.quantity` holds the units from the open of the bar in `unit_bar` on.
    control
        As in `simulate_account`.

    Returns
    -------
    bool
        False where a table may not hold what comes next: called again with longer ones, of the same
        beginning, and the same state, the loop goes on from there. It needs a row of units, a row of
        trades for each instrument and three of orders.
    """
    n, m = close.shape
    own = 0 if p.shape[0] == 2 else 1
    a, at, equity = account[0], progress[0], results.equity
    while at.bar < n:
        bar = at.bar
        control[0] = bar
        if control[1] != 0:
            return True
        if at.due or (at.action < actions.bar.shape[0] and actions.bar[at.action] <= bar):
            if (
                at.rows == unit_bar.shape[0]
                or at.trades + m > logs.trades.shape[0]
                or at.orders + 3 * m > logs.orders.shape[0]
            ):
                return False
            changed = _apply_actions(bar, actions, s, a, at)
            if at.due:
                restore_weights(bar, open_[bar], p, own, a, at, s, logs)
            if at.due or changed:
                unit_bar[at.rows], at.holds = bar, 0
                for k in range(m):
                    results.quantity[at.rows, k] = s[k].units
                    if s[k].units != 0.0:
                        at.holds = 1
                at.rows += 1
        # The bars up to the next decision or action, or to the first at whose close a weight is off.
        decides = at.decision < plan.bar.shape[0]
        end = plan.bar[at.decision] + 1 if decides else n
        if at.action < actions.bar.shape[0] and actions.bar[at.action] < end:
            end, decides = actions.bar[at.action], False
        drift, begin = -1, bar
        if plan.threshold > 0.0:
            stop = end - 1 if decides else end
            while begin < stop and drift < 0:
                upto = min(begin + 8, stop)
                _mark(close, s, begin, upto, a.cash, equity)
                drift = _off_at(close, s, begin, upto, plan.threshold, equity)
                begin = upto
        if drift >= 0:
            end = drift + 1
        else:
            _mark(close, s, begin, end, a.cash, equity)
        at.due = drift >= 0
        if decides and drift < 0:
            row = plan.row[at.decision]
            if row >= 0:
                for k in range(m):
                    given = plan.values[row, k]
                    s[k].goal = given if given == given else s[k].goal
            restoring = plan.due[at.decision] != 0 and equity[end - 1] > 0.0
            if plan.threshold > 0.0 and not restoring:
                restoring = _off_at(close, s, end - 1, end, plan.threshold, equity) >= 0
            at.due = restoring
            at.decision += 1
        at.bars_held += (end - bar) * at.holds
        results.cash[bar:end] = a.cash
        at.bar = end
    if at.orders + m > logs.orders.shape[0]:
        return False
    stats = results.stats
    equity_statistics(equity, p[p.shape[0] - 1], np.zeros(4 * LANES), stats)
    _finish(close, equity[n - 1], at, s, logs)
    stats[c.S_TRADES], stats[c.S_ORDERS] = at.trades, at.orders
    stats[c.S_BARS_IN_POSITION], stats[c.S_INTEREST] = at.bars_held, 0.0
    stats[c.S_FEES] = a.fees
    return True


@inner
def _apply_actions(bar: int, actions: Actions, s: State, a: State, at: State) -> bool:
    """Splits and dividends up to a bar's open; True where one of them changes units."""
    changed = False
    while at.action < actions.bar.shape[0] and actions.bar[at.action] <= bar:
        held, split = s[actions.asset[at.action]], actions.effect[at.action, 0]
        held.units *= split
        held.exited *= split
        held.scale *= split
        paid = held.units * actions.effect[at.action, 1] * held.point
        a.cash += paid
        held.income += paid
        changed = changed or split != 1.0
        at.action += 1
    return changed


@inner
def _mark(close: Table, s: State, begin: int, end: int, cash: float, equity: Table) -> None:
    """Equity at the closes of bars `begin` to `end - 1`: cash, then the positions in their order.

    Up to seven bars beyond the end are written too, which their own marks replace.
    """
    n, m = close.shape
    i = begin
    while i < end:
        if i + 8 > n:
            value = cash
            for k in range(m):
                value += s[k].units * close[i, k] * s[k].point
            equity[i] = value
            i += 1
            continue
        v0, v1, v2, v3, v4, v5, v6, v7 = cash, cash, cash, cash, cash, cash, cash, cash
        for k in range(m):
            units, point = s[k].units, s[k].point
            v0 += units * close[i, k] * point
            v1 += units * close[i + 1, k] * point
            v2 += units * close[i + 2, k] * point
            v3 += units * close[i + 3, k] * point
            v4 += units * close[i + 4, k] * point
            v5 += units * close[i + 5, k] * point
            v6 += units * close[i + 6, k] * point
            v7 += units * close[i + 7, k] * point
        equity[i], equity[i + 1], equity[i + 2], equity[i + 3] = v0, v1, v2, v3
        equity[i + 4], equity[i + 5], equity[i + 6], equity[i + 7] = v4, v5, v6, v7
        i += 8


@inner
def _off_at(close: Table, s: State, begin: int, end: int, threshold: float, equity: Table) -> int:
    """First of the bars at whose close the weight of an instrument is off by more; -1 for none."""
    for i in range(begin, end):
        if not equity[i] > 0.0:
            continue
        for k in range(close.shape[1]):
            value = s[k].units * close[i, k] * s[k].point
            if abs(value / equity[i] - s[k].goal) > threshold:
                return i
    return -1


@inner
def _finish(close: Table, equity: float, at: State, s: State, logs: Logs) -> None:
    """Mark open trades at the last close; log the orders of weights that the last bar restores."""
    last = close.shape[0] - 1
    for k in range(close.shape[1]):
        held, mark = s[k], close[last, k]
        if held.units != 0.0:
            units, mean = whole_exit(abs(held.units), mark, held.exited, held.proceeds)
            close_trade(
                logs.trades, held.trade, last, c.AT_CLOSE, mean, units, 0.0, 0.0, held.income,
                held.point, c.R_OPEN,
            )  # fmt: skip
        if at.due and held.goal == held.goal:
            at.orders = log_weight(
                logs.orders, at.orders, k, last, held.goal, equity, mark, held.point, held.units
            )
