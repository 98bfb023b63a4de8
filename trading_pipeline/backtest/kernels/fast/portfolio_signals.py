"""The fast loop for signals: many instruments, market orders, plain settings, corporate actions.

It writes the order of events of `simulate_account` out for what is left of it where `eligibility` lets
this loop run: every instrument has every bar, fills are at the next open, whole positions are closed,
and only orders and corporate actions touch cash or units. Numbers are those of `simulate_account` bit
for bit, since every product and sum is made in the same order.

Decisions are walked bar by bar, but positions are marked afterwards, one instrument after another over
all bars at once: a bar's equity is the same sum in the same order, and eight bars are added at a time.
"""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray, IntArray, WordArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels import margins
from trading_pipeline.backtest.kernels.compilation import inner, rule
from trading_pipeline.backtest.kernels.equity_statistics import equity_statistics
from trading_pipeline.backtest.kernels.fills import (
    commission,
    entry_quantity,
    fill_at_market,
)
from trading_pipeline.backtest.kernels.records import (
    add_to_trade,
    close_trade,
    log_order,
    log_pending,
    open_trade,
)
from trading_pipeline.backtest.kernels.state import (
    Actions,
    Decisions,
    Holding,
    Logs,
    Results,
    Rows,
    Span,
)
from trading_pipeline.backtest.kernels.vectors import LANES, add_values, fetch_early, lowest

__all__ = ["simulate_signals"]


@rule
def simulate_signals(  # noqa: PLR0912, PLR0915 - the order of events stands in one place
    open_: FloatArray, highest: FloatArray, close: FloatArray, decisions: Decisions, amounts: FloatArray,
    actions: Actions, p: FloatArray, s: Rows[Holding], results: Results, spans: Rows[Span],
    held: WordArray, logs: Logs, control: IntArray,
) -> int:  # fmt: skip
    """Run an account; everything comes back in `results`, `spans` and `logs`.

    Parameters
    ----------
    open_, highest, close
        Opens (bars, instruments), the highest open of each instrument, closes (instruments, bars).
    amounts
        Sizes of entries (instruments, bars), NaN for that of the settings; without rows for none.
    p
        Settings vectors, one row an instrument, and the account's in the last row; that one alone
        where all instruments share it.
    s
        State of the instruments (`Holding`) before the first bar.
    spans, logs
        Tables with a row of spans for each decision to enter and each action, a row of trades for each
        decision to enter, and two of orders.
    held
        A bit for each instrument, 0.
    control
        As in `simulate_account`.

    Returns
    -------
    int
        Rows of `spans` that were written.
    """
    n, m = open_.shape
    own = 0 if p.shape[0] == 1 else 1
    main, sized = p[p.shape[0] - 1], amounts.shape[0] > 0
    cash, fees, n_trades, n_orders, n_spans = main[c.P_INITIAL_CASH], 0.0, 0, 0, 0
    n_held, bars_held = 0, 0
    # What the positions can be worth at most; not an exact sum, so it is only asked with a margin.
    n_short, at_most, next_action, one = 0, 0.0, 0, np.uint64(1)
    by_cash = own == 0 and int(main[c.P_SIZING]) == c.SIZE_CASH and not sized
    results.cash[0] = cash
    for i in range(1, n):
        control[0] = i
        if control[1] != 0:
            return n_spans
        first, last = decisions.pointer[i - 1], decisions.pointer[i]
        if i + 1 < n:
            if not by_cash and last < decisions.pointer[i + 1]:  # sizes ask for the sum of all
                for k in range(0, m, LANES):
                    fetch_early(open_, i + 1, k)
            for event in range(last, decisions.pointer[i + 1]):
                k = decisions.asset[event]
                fetch_early(open_, i + 1, k)
                if s[k].trade >= 0:
                    fetch_early(logs.trades, s[k].trade, c.T_EXIT_BAR)
        while next_action < actions.bar.shape[0] and actions.bar[next_action] <= i:
            k, split = actions.asset[next_action], actions.effect[next_action, 0]
            units = s[k].units
            if units != 0.0:
                if split != 1.0:
                    s[k].units = units * split
                    s[k].scale *= split
                    at_most += (abs(s[k].units) - abs(units)) * highest[k] * s[k].point
                    n_spans = _begin_span(spans, n_spans, s, k, i, n, True)
                paid = s[k].units * actions.effect[next_action, 1] * s[k].point
                cash += paid
                s[k].income += paid
            next_action += 1
        n_entries = 0
        # Exits of all instruments, then entries in the order of priority, sized on what is there then.
        for event in range(first, last):
            k, act = decisions.asset[event], decisions.code[event]
            quantity, code = s[k].units, 0
            if quantity > 0.0:
                code = act & (c.EXIT_LONG | c.ENTER_SHORT)
            elif quantity < 0.0:
                code = act & (c.EXIT_SHORT | c.ENTER_LONG)
            n_entries += act & c.ANY_ENTRY != 0
            if code == 0:
                continue
            rules, ref, point = p[own * k], open_[i, k], s[k].point
            why = c.R_SIGNAL
            if code & c.ENTER_LONG or (code & c.ENTER_SHORT and rules[c.P_ALLOW_SHORT] > 0.0):
                why = c.R_REVERSAL
            sold, side = abs(quantity), 1.0 if quantity > 0.0 else -1.0
            price = fill_at_market(ref, -side, rules)
            fee = commission(sold, price, False, rules) + rules[c.P_ROUND_TRIP]
            slip = abs(price - ref) * sold * point
            cash += side * sold * price * point - fee
            fees += fee
            close_trade(
                logs.trades, s[k].trade, i, c.AT_OPEN, price, sold, fee, slip, s[k].income, point,
                why,
            )  # fmt: skip
            n_orders = log_order(
                logs.orders, n_orders, k, i - 1, i, c.AT_OPEN, -side, False, c.K_MARKET, sold, sold,
                price, fee, slip, why,
            )  # fmt: skip
            n_short -= quantity < 0.0
            at_most -= sold * highest[k] * point
            s[k].units, s[k].income, spans[s[k].span].end = 0.0, 0.0, i
            held[k >> 6] &= ~(one << np.uint64(k & 63))
            n_held -= 1
        if n_entries:
            equity, gross = cash, 0.0
            # Entries of a fixed amount that the cash pays for many times over ask no sum: of long
            # positions none takes more from the room for others than it adds to the equity.
            asks = n_entries * main[c.P_AMOUNT] * (1.0 + margins.CASH_NEEDED)
            asks += margins.CASH_IN_DOUBT * (abs(cash) + abs(at_most))
            if not (by_cash and n_short == 0 and cash >= asks):
                equity, gross = _at_open(cash, open_[i], s, held)
            for event in range(first, last):
                k, act = decisions.asset[event], decisions.code[event]
                if not act & c.ANY_ENTRY:
                    continue
                rules, quantity = p[own * k], s[k].units
                side = 1.0 if act & (c.ENTER_LONG | c.CANCELLED_LONG) else -1.0
                cancelled = act & (c.CANCELLED_LONG | c.CANCELLED_SHORT) != 0
                adds = quantity * side > 0.0
                if (adds and not rules[c.P_PYRAMIDING] > 1.0) or (cancelled and quantity != 0.0):
                    continue
                ref, point = open_[i, k], s[k].point
                asked, bought, price, fee, slip = np.nan, 0.0, np.nan, 0.0, 0.0
                if cancelled:
                    reason = c.R_CONTRADICTION
                elif side < 0.0 and not rules[c.P_ALLOW_SHORT] > 0.0:
                    reason = c.R_SHORT_NOT_ALLOWED
                elif adds and s[k].entries + 1.0 >= rules[c.P_PYRAMIDING]:
                    reason = c.R_PYRAMIDING
                else:
                    amount = rules[c.P_AMOUNT]
                    if sized and amounts[k, i - 1] == amounts[k, i - 1]:
                        amount = amounts[k, i - 1]
                    price = fill_at_market(ref, side, rules)
                    asked, bought, reason = entry_quantity(
                        equity, price, amount, np.nan, rules, gross
                    )
                if bought > 0.0:
                    fee = commission(bought, price, False, rules)
                    slip = abs(price - ref) * bought * point
                    cash -= side * bought * price * point + fee
                    fees += fee
                    gross += bought * price * point + fee
                    s[k].units = quantity + side * bought
                    at_most += bought * highest[k] * point
                    n_spans = _begin_span(spans, n_spans, s, k, i, n, adds)
                    if adds:
                        add_to_trade(logs.trades, s[k].trade, bought, s[k].scale, price, fee, slip)
                        s[k].entries += abs(s[k].units) > abs(quantity)
                    else:
                        n_short += side < 0.0
                        held[k >> 6] |= one << np.uint64(k & 63)
                        n_held += 1
                        open_trade(
                            logs.trades, n_trades, k, side, bought, i, c.AT_OPEN, price, fee, slip
                        )
                        s[k].trade, s[k].scale, s[k].entries = n_trades, 1.0, 0
                        n_trades += 1
                else:
                    price, bought = np.nan, 0.0
                n_orders = log_order(
                    logs.orders, n_orders, k, i - 1, i, c.AT_OPEN, side, True, c.K_MARKET, asked,
                    bought, price, fee, slip, reason,
                )  # fmt: skip
        results.cash[i] = cash
        bars_held += n_held > 0
    _mark(close, spans, s, results)
    for k in range(m):
        if s[k].units != 0.0:
            close_trade(
                logs.trades, s[k].trade, n - 1, c.AT_CLOSE, close[k, n - 1], abs(s[k].units), 0.0,
                0.0, s[k].income, s[k].point, c.R_OPEN,
            )  # fmt: skip
    stats = results.stats
    equity_statistics(results.equity, main, results.sums, stats)
    for event in range(decisions.pointer[n - 1], decisions.pointer[n]):
        k = decisions.asset[event]
        n_orders = log_pending(
            logs.orders, n_orders, k, int(decisions.code[event]), n - 1, s[k].units
        )
    stats[c.S_TRADES], stats[c.S_ORDERS] = n_trades, n_orders
    stats[c.S_BARS_IN_POSITION], stats[c.S_FEES], stats[c.S_INTEREST] = bars_held, fees, 0.0
    return n_spans


@inner
def _at_open(
    cash: float, prices: FloatArray, s: Rows[Holding], held: WordArray
) -> tuple[float, float]:
    """(equity, notional) at the given prices, summed in the order of the instruments."""
    equity, gross, one = cash, 0.0, np.uint64(1)
    for word in range(held.shape[0]):
        bits = held[word]
        while bits != 0:
            k = 64 * word + int(lowest(bits))
            bits &= bits - one
            value = s[k].units * prices[k] * s[k].point
            equity += value
            gross += abs(value)
    return equity, gross


@inner
def _begin_span(
    spans: Rows[Span], row: int, s: Rows[Holding], k: int, i: int, n: int, goes_on: bool
) -> int:  # fmt: skip
    """Write that instrument k holds its units from the open of bar i on; returns the next row.

    `goes_on`: a position was held already, with other units.
    """
    if goes_on:
        spans[s[k].span].end = i
    spans[row].units, spans[row].asset = s[k].units, k
    spans[row].begin, spans[row].end, spans[row].earlier = i, n, s[k].span
    s[k].span = row
    return row + 1


@inner
def _mark(close: FloatArray, spans: Rows[Span], s: Rows[Holding], results: Results) -> None:
    """Equity at each close: cash, then the positions' values in the order of the instruments."""
    equity, n = results.equity, results.equity.shape[0]
    for i in range(n):
        equity[i] = results.cash[i]
    for k in range(s.shape[0]):
        point, row, closes = s[k].point, s[k].span, close[k]
        while row >= 0:
            quantity, i, end = spans[row].units, spans[row].begin, spans[row].end
            while i < end and i + LANES <= n:
                add_values(equity, closes, i, end, quantity, point)
                i += LANES
            while i < end:
                equity[i] += quantity * closes[i] * point
                i += 1
            row = spans[row].earlier
