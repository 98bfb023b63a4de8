"""The fast loop for target weights: many instruments, plain settings, corporate actions.

It writes the order of events of `simulate_account` out for what is left of it where `eligibility` lets
this loop run: every instrument has every bar, fills are at the next open, and only the orders of the
weights and corporate actions touch cash or units. Numbers are those of `simulate_account` bit for bit,
since every product and sum is made in the same order.

Units change at the opens of rebalances and splits only. The bars between two of them are marked
together, eight at a time, each by its own sum over the instruments.
"""

from __future__ import annotations

from trading_pipeline.backtest.arrays import FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.compilation import inner, rule
from trading_pipeline.backtest.kernels.equity_statistics import equity_statistics
from trading_pipeline.backtest.kernels.fills import whole_exit
from trading_pipeline.backtest.kernels.rebalancing import restore_weights
from trading_pipeline.backtest.kernels.records import close_trade, log_weight
from trading_pipeline.backtest.kernels.state import (
    Account,
    Actions,
    Holding,
    Logs,
    Place,
    Rebalances,
    Results,
    Rows,
)

__all__ = ["simulate_weights"]


@rule
def simulate_weights(  # noqa: PLR0912, PLR0915 - the order of events stands in one place
    open_: FloatArray, close: FloatArray, plan: Rebalances, actions: Actions, p: FloatArray, account: Rows[Account],
    place: Rows[Place], s: Rows[Holding], results: Results, unit_bar: IntArray, logs: Logs,
    control: IntArray,
) -> bool:  # fmt: skip
    """Run an account; everything comes back in `results` and `logs`.

    Parameters
    ----------
    open_, close
        Prices (bars, instruments).
    p
        Settings vectors, one row an instrument or one for all of them, then the account's.
    account, place, s
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
    a, at, equity = account[0], place[0], results.equity
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
            changed = False
            while at.action < actions.bar.shape[0] and actions.bar[at.action] <= bar:
                changed |= _apply_next(actions, s, a, at)
            if at.due:
                restore_weights(bar, open_[bar], p, own, a, at, s, logs)
            if at.due or changed:
                unit_bar[at.rows], at.holds = bar, 0
                for k in range(m):
                    results.quantity[at.rows, k] = s[k].units
                    if s[k].units != 0.0:
                        at.holds = 1
                at.rows += 1
        # The bars up to the next decision or split, or to the first at whose close a weight is off.
        decides = at.decision < plan.bar.shape[0]
        end = plan.bar[at.decision] + 1 if decides else n
        paid_to = bar
        while at.action < actions.bar.shape[0] and actions.bar[at.action] < end:
            ex_bar = actions.bar[at.action]
            if plan.threshold > 0.0 or actions.effect[at.action, 0] != 1.0:
                end, decides = ex_bar, False
                break
            _fill(results.cash, paid_to, ex_bar, a.cash)
            paid_to = ex_bar
            _apply_next(actions, s, a, at)
        _fill(results.cash, paid_to, end, a.cash)
        drift, begin = -1, bar
        if plan.threshold > 0.0:
            stop = end - 1 if decides else end
            while begin < stop and drift < 0:
                upto = min(begin + 8, stop)
                _mark(close, s, begin, upto, results.cash, equity)
                drift = _off_at(close, s, begin, upto, plan.threshold, equity)
                begin = upto
        if drift >= 0:
            end = drift + 1
        else:
            _mark(close, s, begin, end, results.cash, equity)
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
        at.bar = end
    if at.orders + m > logs.orders.shape[0]:
        return False
    stats = results.stats
    equity_statistics(equity, p[p.shape[0] - 1], results.sums, stats)
    _finish(close, equity[n - 1], at, s, logs)
    stats[c.S_TRADES], stats[c.S_ORDERS] = at.trades, at.orders
    stats[c.S_BARS_IN_POSITION], stats[c.S_INTEREST] = at.bars_held, 0.0
    stats[c.S_FEES] = a.fees
    return True


@inner
def _apply_next(actions: Actions, s: Rows[Holding], a: Account, at: Place) -> bool:
    """The split or dividend that comes next; True where it changes units."""
    held, split = s[actions.asset[at.action]], actions.effect[at.action, 0]
    held.units *= split
    held.exited *= split
    held.scale *= split
    paid = held.units * actions.effect[at.action, 1] * held.point
    a.cash += paid
    held.income += paid
    at.action += 1
    return bool(split != 1.0)


@inner
def _fill(cash: FloatArray, begin: int, end: int, value: float) -> None:
    for i in range(begin, end):
        cash[i] = value


@inner
def _mark(
    close: FloatArray, s: Rows[Holding], begin: int, end: int, cash: FloatArray, equity: FloatArray
) -> None:
    """Equity at the closes of bars `begin` to `end - 1`: cash, then the positions in their order.

    Up to seven bars beyond the end are written too, which their own marks replace.
    """
    n, m = close.shape
    i = begin
    while i < end:
        if i + 8 > n:
            value = cash[i]
            for k in range(m):
                value += s[k].units * close[i, k] * s[k].point
            equity[i] = value
            i += 1
            continue
        v0, v1, v2, v3 = cash[i], cash[i + 1], cash[i + 2], cash[i + 3]
        v4, v5, v6, v7 = cash[i + 4], cash[i + 5], cash[i + 6], cash[i + 7]
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
def _off_at(
    close: FloatArray, s: Rows[Holding], begin: int, end: int, threshold: float, equity: FloatArray
) -> int:
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
def _finish(close: FloatArray, equity: float, at: Place, s: Rows[Holding], logs: Logs) -> None:
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
