"""The exact loop over an account of one or more instruments: every rule, bar by bar.

It reads as the order of events of a bar. An instrument without a bar keeps its last mark, on which
it is financed, and its orders wait.
"""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import BoolArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.account_actions import apply_action
from trading_pipeline.backtest.kernels.account_end import finish_account
from trading_pipeline.backtest.kernels.account_fills import leave
from trading_pipeline.backtest.kernels.account_open import due_orders, forced_exits, size_up
from trading_pipeline.backtest.kernels.account_orders import (
    fill_resting,
    intrabar_exit,
    withdraw,
)
from trading_pipeline.backtest.kernels.compilation import inner, rule
from trading_pipeline.backtest.kernels.equity_statistics import equity_statistics
from trading_pipeline.backtest.kernels.state import (
    Account,
    Actions,
    Bar,
    Calendar,
    Decisions,
    Instrument,
    Levels,
    Logs,
    Moment,
    Prices,
    Results,
    Rows,
    Weights,
)

__all__ = ["simulate_account"]


@rule
def simulate_account(  # noqa: PLR0912 - the order of events stands in one place
    prices: Prices, decisions: Decisions, levels: Levels, actions: Actions, calendar: Calendar,
    weights: Weights, p: FloatArray, w: Rows[Instrument], account: Rows[Account], results: Results,
    logs: Logs, control: IntArray,
) -> None:  # fmt: skip
    """Run an account through the order of events; everything comes back in `results` and `logs`.

    Parameters
    ----------
    p
        Settings vectors, one row an instrument, and the account's in the last row (which may be the
        only instrument's).
    w, account
        State of the instruments and of the account before the first bar.
    control
        The loop writes the bar it is at into the first place, and ends early, without a result,
        once the second is not 0.
    """
    n, m = prices.close.shape
    main, a = p[p.shape[0] - 1], account[0]
    at_close = main[c.P_SAME_CLOSE] > 0.0
    previous, next_action, bars_held = a.cash, 0, 0
    for i in range(n):
        control[0] = i
        if control[1] != 0:
            return
        opens, closes, volume = prices.open[i], prices.close[i], prices.volume[i]
        if a.day != calendar.day[i]:
            a.day, a.day_start, a.halted = calendar.day[i], previous, 0
        # 0. Before the open: financing since the last close, corporate actions, orders that expire.
        if calendar.elapsed.shape[0]:
            _finance(calendar.elapsed[i], main, p, w, a)
        while next_action < actions.bar.shape[0] and actions.bar[next_action] <= i:
            k = actions.asset[next_action]
            apply_action(w[k], a, actions.effect[next_action], p[k])
            next_action += 1
        _begin_bar(i, opens, calendar.day[i], p, w, a, logs)
        # 1. The open.
        forced_exits(opens, volume, i, p, w, a, logs)
        if not at_close:
            due_orders(opens, volume, i, c.AT_OPEN, levels, prices.close, p, w, a, logs)
        # 2. Inside the bar, then the mark.
        _inside_bar(i, prices, levels, calendar.day[i], at_close, p, w, a, logs)
        # 3. Forced exits at the close.
        _forced_at_close(i, closes, volume, calendar.session_end, main, p, w, a, logs)
        # 4. The strategy decides; mark at the close; margin check.
        for event in range(decisions.pointer[i], decisions.pointer[i + 1]):
            k = decisions.asset[event]
            w[k].pending, w[k].pending_row, w[k].ratio = decisions.code[event], i, 1.0
        if weights.values.shape[0]:
            _weigh(i, closes, weights, p, w, a)
        if at_close:
            due_orders(closes, volume, i, c.AT_CLOSE, levels, prices.close, p, w, a, logs)
        notional, previous, any_held = 0.0, a.cash, False
        for k in range(m):
            quantity = w[k].quantity
            if quantity != 0.0:
                any_held = True
                value = quantity * w[k].mark * p[k, c.P_POINT]
                previous += value
                notional += abs(value)
            results.quantity[i, k] = quantity
        bars_held += any_held
        if main[c.P_MAINTENANCE] > 0.0 and previous < main[c.P_MAINTENANCE] * notional:
            for k in range(m):
                if w[k].quantity != 0.0:
                    w[k].forced, w[k].forced_row = c.R_MARGIN_CALL, i
        results.equity[i], results.cash[i] = previous, a.cash
    equity_statistics(results.equity, main, results.sums, results.stats)
    results.stats[c.S_BARS_IN_POSITION] = bars_held
    finish_account(w, a, n, p, results.stats, logs)


@inner
def _begin_bar(
    i: int, opens: FloatArray, day: int, p: FloatArray, w: Rows[Instrument], a: Account, logs: Logs
) -> None:
    """Mark at the open and end the resting orders whose time is over."""
    for k in range(w.shape[0]):
        if opens[k] == opens[k]:
            w[k].used, w[k].mark = 0.0, opens[k]
            if w[k].rest != c.NO_REST:
                over = p[k, c.P_ORDER_BARS]
                late = over > 0.0 and w[k].rest_bars >= over
                if p[k, c.P_DAY_ORDERS] > 0.0 and w[k].rest_day >= 0:
                    late = late or w[k].rest_day != day
                if late:
                    now = Moment(i, c.AT_OPEN, np.nan, np.nan)
                    withdraw(w[k], a, now, c.R_EXPIRED, logs)


@inner
def _inside_bar(
    i: int, prices: Prices, levels: Levels, day: int, at_close: bool, p: FloatArray,
    w: Rows[Instrument], a: Account, logs: Logs,
) -> None:  # fmt: skip
    """Exits of all instruments, then entries by priority; then each is marked at its close.

    Which came first is unknown, so entries are sized on the account as it stood after the open.
    """
    waiting = False
    for k in range(w.shape[0]):
        price = prices.open[i, k]
        if w[k].rest != c.NO_REST and w[k].rest_row < i and price == price:
            if not waiting:
                size_up(w, a, p)
            waiting = True
            if at_close:
                risk, bar = (levels.stops[k], levels.targets[k], levels.trails[k]), _flat(price)
                fill_resting(
                    w[k], a, i, c.AT_OPEN, bar, prices.volume[i, k], levels.amounts[k], risk, p[k],
                    logs,
                )  # fmt: skip
    if waiting and at_close:
        size_up(w, a, p)
    gross = a.gross
    for k in range(w.shape[0]):
        w[k].left = 0
        if w[k].quantity != 0.0 and prices.close[i, k] == prices.close[i, k]:
            w[k].left = intrabar_exit(
                w[k], a, i, _bar(prices, i, k), prices.volume[i, k], p[k], logs
            )
    a.gross = gross  # what exits inside the bar set free is spent from the next open on
    for k in range(w.shape[0]):
        close = prices.close[i, k]
        if close != close:
            continue
        if w[k].rest != c.NO_REST and w[k].rest_row < i:
            if w[k].rest_day < 0:
                w[k].rest_day = day
            w[k].rest_bars += 1
            if not w[k].left and w[k].rest != c.REST_MARKET:
                risk = (levels.stops[k], levels.targets[k], levels.trails[k])
                fill_resting(
                    w[k], a, i, c.AT_INTRABAR, _bar(prices, i, k), prices.volume[i, k],
                    levels.amounts[k], risk, p[k], logs,
                )  # fmt: skip
        w[k].lived += w[k].quantity != 0.0
        w[k].mark = close


@inner
def _flat(price: float) -> Bar:
    return Bar(price, price, price, price)


@inner
def _bar(prices: Prices, i: int, k: int) -> Bar:
    return Bar(prices.open[i, k], prices.high[i, k], prices.low[i, k], prices.close[i, k])


@inner
def _forced_at_close(
    i: int, closes: FloatArray, volume: FloatArray, session_end: BoolArray, main: FloatArray,
    p: FloatArray, w: Rows[Instrument], a: Account, logs: Logs,
) -> None:  # fmt: skip
    """Daily target or loss limit, session close, longest holding time."""
    if main[c.P_DAILY_TARGET] > 0.0 or main[c.P_DAILY_LOSS] > 0.0:
        size_up(w, a, p)
        gained = a.equity - a.day_start
        if main[c.P_DAILY_TARGET] > 0.0 and gained >= main[c.P_DAILY_TARGET]:
            a.halted = c.R_DAILY_TARGET
        elif main[c.P_DAILY_LOSS] > 0.0 and gained <= -main[c.P_DAILY_LOSS]:
            a.halted = c.R_DAILY_LOSS
    for k in range(w.shape[0]):
        if a.halted > 0 and w[k].rest != c.NO_REST:
            now = Moment(i, c.AT_CLOSE, np.nan, np.nan)
            withdraw(w[k], a, now, c.R_DAILY_HALT, logs)
        if w[k].quantity == 0.0 or closes[k] != closes[k]:
            continue
        why = a.halted  # a limit that was reached holds for the rest of the day
        if not why and session_end.shape[0] and session_end[i, k]:
            why = c.R_SESSION_CLOSE
        longest = p[k, c.P_MAX_HOLDING]
        if not why and longest > 0.0 and w[k].lived >= longest:
            why = c.R_MAX_HOLDING
        if why:
            now = Moment(i, c.AT_CLOSE, closes[k], volume[k])
            leave(w[k], a, i, now, why, np.nan, p[k], logs)


@inner
def _finance(
    elapsed: float, main: FloatArray, p: FloatArray, w: Rows[Instrument], a: Account
) -> None:
    """Interest on negative cash, funding, borrow on shorts for `elapsed` years, on what was held at
    the last close, at its marks.
    """
    if a.cash < 0.0 and main[c.P_CASH_RATE] > 0.0:
        interest = a.cash * main[c.P_CASH_RATE] * elapsed
        a.cash += interest
        a.interest -= interest
    for k in range(w.shape[0]):
        quantity = w[k].quantity
        if quantity != 0.0:
            value = quantity * w[k].mark * p[k, c.P_POINT] * elapsed
            cost = value * p[k, c.P_FUNDING]
            if quantity < 0.0:
                cost -= value * p[k, c.P_BORROW]
            if cost != 0.0:
                a.cash -= cost
                w[k].income -= cost


@inner
def _weigh(
    i: int, closes: FloatArray, weights: Weights, p: FloatArray, w: Rows[Instrument], a: Account
) -> None:
    """Take over the weights that a bar gives; set the goals where they are to be restored."""
    due = weights.rebalance[i] != 0
    size_up(w, a, p)
    for k in range(w.shape[0]):
        given = weights.values[i, k]
        if given == given:
            w[k].target_weight = given
        value = w[k].quantity * w[k].mark * p[k, c.P_POINT]
        off = abs(value / a.equity - w[k].target_weight)
        here = closes[k] == closes[k]
        due = due or (here and weights.threshold > 0.0 and off > weights.threshold)
    if due and a.equity > 0.0:
        for k in range(w.shape[0]):
            w[k].goal, w[k].pending_row, w[k].ratio = w[k].target_weight, i, 1.0
