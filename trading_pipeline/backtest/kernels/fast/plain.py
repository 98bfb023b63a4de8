"""The plain loop over the bars of one instrument: the order of events in a bar.

The single run and the sweeps call this loop, so their numbers are equal bit for bit. Numbers of the
settings travel in one float64 vector (`P_*`), results come back in `stats` (`S_*`), `trades`
(`T_*`) and `orders` (`O_*`), see `kernels.codes`. No fastmath: sums keep their order.

An edit here or in the files it imports needs another `ENGINE_VERSION` if any number can change.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trading_pipeline.backtest.arrays import CodeArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.fast.quiet_bars import (
    Q_COUNT,
    Q_DRAWDOWN,
    Q_PEAK,
    Q_PREVIOUS,
    Q_STOP,
    Q_TROUGH,
    mark_quiet_blocks,
)
from trading_pipeline.backtest.kernels.fills import (
    add_powers,
    commission,
    entry_levels,
    entry_quantity,
    exit_trigger,
    fill_at_market,
    follow_peak,
    trail_level,
    write_moments,
)
from trading_pipeline.backtest.kernels.records import (
    close_trade,
    log_order,
    log_pending,
    open_trade,
)
from trading_pipeline.backtest.kernels.vectors import LANES

__all__ = ["simulate"]


@njit(cache=True, nogil=True, error_model="numpy")
def simulate(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, event_bar: IntArray,
    event_code: CodeArray, size: FloatArray | None,
    levels: tuple[FloatArray, FloatArray, FloatArray] | None, action_bar: IntArray | None,
    action_effect: FloatArray, p: FloatArray, stats: FloatArray, equity_out: FloatArray,
    holdings: FloatArray, trades: FloatArray | None, orders: FloatArray | None,
) -> int:  # fmt: skip
    """Run one instrument through the order of events; everything comes back in the out arrays.

    Returns the number of holdings (`BacktestResult.holdings`) that were counted.

    `event_bar`, `event_code`: bars with a decision, rising, and what was decided (`pack_intents`).
    `size`, `levels` = (stop, target, trail), `action_bar`, and `trades` with `orders` may be None,
    for which a version of this function without their work is compiled. Level arrays have one
    value, or one a bar. Orders are not counted where they are not logged.

    Bars without a due order, an action or a level within reach are only marked, in the short loops
    at the end; a bar on which nothing is held changes nothing at all and is jumped over.
    """
    n, n_events = close.shape[0], event_bar.shape[0]
    point, max_holding = p[c.P_POINT], p[c.P_MAX_HOLDING]
    mode, touch = int(p[c.P_INTRABAR]), p[c.P_TOUCH] > 0.0
    delay = 0 if p[c.P_SAME_CLOSE] > 0.0 else 1
    keep = equity_out.shape[0] == n
    cash = p[c.P_INITIAL_CASH]
    quantity, side, income = 0.0, 0.0, 0.0  # quantity is signed
    stop, target, trail, stop_reason = np.nan, np.nan, np.nan, c.R_STOP_LOSS
    decided, last_bar = -1, n + 1
    n_trades, n_orders, next_action, event, due, touched = 0, 0, 0, 0, 0, 0
    previous, peak, trough, drawdown, fees = cash, cash, cash, 0.0, 0.0
    held, ruin, n_holdings = 0, -1, 0
    logged_cash, logged_quantity = np.nan, np.nan
    state = np.zeros(Q_COUNT)
    i = 0
    while i < n:
        # 0. Before the open: corporate actions.
        ratio = 1.0
        if action_bar is not None:
            while next_action < action_bar.shape[0] and action_bar[next_action] < i:
                next_action += 1  # passed while nothing was held
            while next_action < action_bar.shape[0] and action_bar[next_action] == i:
                split = action_effect[next_action, 0]
                if delay == 1:  # a decision at this bar's close is in today's prices already
                    ratio *= split
                quantity *= split
                stop /= split
                target /= split
                if p[c.P_TRAIL_IS_PRICE] > 0.0:
                    trail /= split
                paid = quantity * action_effect[next_action, 1] * point
                cash += paid
                income += paid
                next_action += 1
        # The shift between decision and fill stands here and nowhere else.
        t = i - delay
        act, opened = 0, False
        while event < n_events and event_bar[event] < t:
            event += 1  # jumped over below
        if event < n_events and event_bar[event] == t:
            act = event_code[event]
            event += 1
        for step in range(2):
            deciding = (step == 0) == (delay == 1)
            code, why, ref, at, placed = 0, c.R_SIGNAL, np.nan, c.AT_CLOSE, i
            if deciding:
                # 1. Orders that are due; exits before entries.
                if act == 0:
                    continue
                if quantity > 0.0:
                    code = act & (c.EXIT_LONG | c.ENTER_SHORT)
                elif quantity < 0.0:
                    code = act & (c.EXIT_SHORT | c.ENTER_LONG)
                if code != 0:
                    reverses = (code & c.ENTER_LONG) != 0 or (
                        (code & c.ENTER_SHORT) != 0 and p[c.P_ALLOW_SHORT] > 0.0
                    )
                    why = c.R_REVERSAL if reverses else c.R_SIGNAL
                    code, placed = 1, t
                    ref, at = (open_[i], c.AT_OPEN) if delay == 1 else (close[i], c.AT_CLOSE)
            elif quantity != 0.0:
                if levels is not None:
                    # 2. Intrabar; the trail ratchets after the check.
                    code, ref = exit_trigger(
                        side, open_[i], high[i], low[i], stop, target, mode, touch
                    )
                    if code != 0:
                        why = stop_reason if code == 1 else c.R_TAKE_PROFIT
                        at = c.AT_OPEN if ref == open_[i] else c.AT_INTRABAR
                        placed = decided
                    elif trail == trail:
                        best = high[i] if side > 0.0 else low[i]
                        moved = trail_level(best, side, trail, p)
                        if np.isnan(stop) or side * (moved - stop) > 0.0:
                            stop, stop_reason = moved, c.R_TRAILING_STOP
                # 3. Forced exits at the close.
                if code == 0 and i >= last_bar:
                    code, why, ref = 1, c.R_MAX_HOLDING, close[i]
            if code != 0:
                is_limit = code == 2
                price = ref if is_limit else fill_at_market(ref, -side, p)
                fee = commission(abs(quantity), price, is_limit, p) + p[c.P_ROUND_TRIP]
                slip = abs(price - ref) * abs(quantity) * point
                cash += quantity * price * point - fee
                fees += fee
                if trades is not None:
                    close_trade(
                        trades, n_trades - 1, i, at, price, abs(quantity), fee, slip, income,
                        point, why,
                    )  # fmt: skip
                if orders is not None:
                    kind = c.K_LIMIT if is_limit else c.K_MARKET
                    if why == c.R_STOP_LOSS:
                        kind = c.K_STOP
                    elif why == c.R_TRAILING_STOP:
                        kind = c.K_TRAILING
                    n_orders = log_order(
                        orders, n_orders, 0, placed, i, at, -side, False, kind, abs(quantity),
                        abs(quantity), price, fee, slip, why,
                    )  # fmt: skip
                quantity, side, income, last_bar = 0.0, 0.0, 0.0, n + 1
                stop, target, trail = np.nan, np.nan, np.nan
            if deciding and quantity == 0.0 and act & c.ANY_ENTRY:
                side = 1.0 if act & (c.ENTER_LONG | c.CANCELLED_LONG) else -1.0
                ref, at = (open_[i], c.AT_OPEN) if delay == 1 else (close[i], c.AT_CLOSE)
                price, asked, bought, fee, slip = np.nan, np.nan, 0.0, 0.0, 0.0
                if act & (c.CANCELLED_LONG | c.CANCELLED_SHORT):
                    reason = c.R_CONTRADICTION
                elif side < 0.0 and not p[c.P_ALLOW_SHORT] > 0.0:
                    reason = c.R_SHORT_NOT_ALLOWED
                else:
                    price = fill_at_market(ref, side, p)
                    if levels is not None:
                        stop, target, trail, stop_reason = entry_levels(
                            levels, t, price, side, ratio, p
                        )
                    amount = p[c.P_AMOUNT]
                    if size is not None and size[t] == size[t]:
                        amount = size[t]
                    asked, bought, reason = entry_quantity(cash, price, amount, stop, p)
                if bought > 0.0:
                    fee = commission(bought, price, False, p)
                    slip = abs(price - ref) * bought * point
                    quantity = side * bought
                    cash -= quantity * price * point + fee
                    fees += fee
                    decided = t
                    if max_holding > 0.0:
                        last_bar = i + int(max_holding) - delay
                    if trades is not None:
                        open_trade(trades, n_trades, 0, side, bought, i, at, price, fee, slip)
                    n_trades += 1
                    opened = True
                else:
                    price = np.nan
                if orders is not None:
                    n_orders = log_order(
                        orders, n_orders, 0, t, i, at, side, True, c.K_MARKET, asked, bought,
                        price, fee, slip, reason,
                    )  # fmt: skip
                if quantity == 0.0:
                    side, stop, target, trail = 0.0, np.nan, np.nan, np.nan
        # 5. Mark at the close.
        equity = cash + quantity * close[i] * point
        if keep:
            equity_out[i] = equity
            if cash != logged_cash or quantity != logged_quantity:
                logged_cash, logged_quantity = cash, quantity
                if n_holdings < holdings.shape[0]:
                    row = holdings[n_holdings]
                    row[0], row[1], row[2] = i, cash, quantity
                n_holdings += 1
        is_marked = True
        if levels is None:
            # A position that was opened here is marked below, together with the bars after it.
            is_marked = not (opened and quantity != 0.0 and equity > 0.0 and ruin < 0)
        if is_marked:
            if quantity != 0.0:
                held += 1
            if equity <= 0.0 and ruin < 0:
                ruin = i
            change = equity / previous - 1.0 if ruin < 0 or ruin == i else np.nan
            previous = equity
            add_powers(state, i, change)
            peak, trough, drawdown = follow_peak(equity, peak, trough, drawdown)
            i += 1
        # Bars on which no order is due: decisions that cannot touch this position are jumped over.
        touches = c.ANY_ENTRY
        if quantity > 0.0:
            touches = c.EXIT_LONG | c.ENTER_SHORT
        elif quantity < 0.0:
            touches = c.EXIT_SHORT | c.ENTER_LONG
        if touches != touched or due < event:
            touched, due = touches, event
        while due < n_events and event_code[due] & touches == 0:
            due += 1
        until = event_bar[due] + delay if due < n_events else n
        if quantity == 0.0:
            until = min(until, n)
            if keep:
                equity_out[i:until] = cash
            if ruin >= 0 and i < until:
                state[: 4 * LANES] = np.nan
            i = max(i, until)
            continue
        if ruin >= 0:
            continue
        until = min(until, last_bar, n)
        if action_bar is not None and next_action < action_bar.shape[0]:
            until = min(until, action_bar[next_action])
        start, quiet = i, True
        scale, shift = 1.0 - side * trail, 0.0
        if p[c.P_TRAIL_IS_PRICE] > 0.0:
            scale, shift = 1.0, side * trail
        while quiet and i < until:
            state[Q_PREVIOUS], state[Q_PEAK], state[Q_TROUGH] = previous, peak, trough
            state[Q_DRAWDOWN], state[Q_STOP] = drawdown, stop
            i = mark_quiet_blocks(
                close, high, low, i, until, cash, quantity, point, target, scale, shift, state,
                equity_out, levels, keep,
            )  # fmt: skip
            previous, peak, trough = state[Q_PREVIOUS], state[Q_PEAK], state[Q_TROUGH]
            drawdown = state[Q_DRAWDOWN]
            if state[Q_STOP] != stop and trail == trail:
                stop, stop_reason = state[Q_STOP], c.R_TRAILING_STOP
            edge = min(until, (i | (LANES - 1)) + 1)
            while i < edge:
                if levels is not None:
                    if side > 0.0:
                        quiet = not (low[i] <= stop or high[i] >= target)
                    else:
                        quiet = not (high[i] >= stop or low[i] <= target)
                equity = cash + quantity * close[i] * point
                if equity <= 0.0 or not quiet:
                    quiet = False
                    break
                if levels is not None and trail == trail:
                    moved = trail_level(high[i] if side > 0.0 else low[i], side, trail, p)
                    if side * (moved - stop) > 0.0:
                        stop, stop_reason = moved, c.R_TRAILING_STOP
                if keep:
                    equity_out[i] = equity
                add_powers(state, i, equity / previous - 1.0)
                previous = equity
                peak, trough, drawdown = follow_peak(equity, peak, trough, drawdown)
                i += 1
        held += i - start
    drawdown = min(drawdown, trough / peak - 1.0)
    # one condition in each `if`: the compiler leaves out a branch only where it stands alone
    if trades is not None:  # noqa: SIM102
        if quantity != 0.0:
            close_trade(
                trades, n_trades - 1, n - 1, c.AT_CLOSE, close[n - 1], abs(quantity), 0.0, 0.0,
                income, point, c.R_OPEN,
            )  # fmt: skip
    if orders is not None:  # noqa: SIM102
        if delay == 1:
            act = event_code[n_events - 1] if n_events and event_bar[n_events - 1] == n - 1 else 0
            n_orders = log_pending(orders, n_orders, 0, act, n - 1, quantity)
    stats[c.S_FINAL_EQUITY], stats[c.S_MAX_DRAWDOWN] = previous, drawdown
    stats[c.S_TRADES], stats[c.S_ORDERS] = n_trades, n_orders
    stats[c.S_BARS_IN_POSITION], stats[c.S_FIRST_RUIN], stats[c.S_FEES] = held, ruin, fees
    write_moments(n, state, p[c.P_PERIODS], stats)
    return n_holdings
