"""Compiled fills of an account: entries, exits and resting orders of one instrument.

`w` is the instrument's state (`Instrument`), `a` the account's (`Account`), `p` the instrument's
settings vector. Prices, costs and sizes follow the rules of `fills`, so an account with one
instrument and plain settings gives the numbers of `simulate`, bit for bit.
"""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels import margins
from trading_pipeline.backtest.kernels.compilation import inner, keep_apart
from trading_pipeline.backtest.kernels.fills import (
    affordable_quantity,
    commission,
    entry_levels,
    entry_quantity,
    fill_at_market,
    fitting_quantity,
    to_tick,
    whole_exit,
    whole_lots,
)
from trading_pipeline.backtest.kernels.records import (
    add_to_trade,
    close_trade,
    log_order,
    open_trade,
)
from trading_pipeline.backtest.kernels.state import Account, Instrument, Logs, Moment

__all__ = ["enter", "leave", "refuse", "rest", "rest_kind", "volume_room"]


@inner
def volume_room(w: Instrument, volume: float, p: FloatArray) -> float:
    """Quantity that may still be traded in this bar; infinite where participation has no limit."""
    if not p[c.P_PARTICIPATION] > 0.0:
        return np.inf
    return float(max(p[c.P_PARTICIPATION] * volume - w.used, 0.0))


@inner
def refuse(
    w: Instrument, a: Account, t: int, now: Moment, side: float, kind: int, asked: float, reason: int,
    logs: Logs,
) -> None:  # fmt: skip
    """Log an entry that is not filled."""
    keep_apart()
    a.orders = log_order(
        logs.orders, a.orders, w.asset, t, now.bar, now.at, side, True, kind, asked, 0.0, np.nan,
        0.0, 0.0, reason,
    )  # fmt: skip


@inner
def rest_kind(rest: int) -> int:
    """Order kind of a resting order for the log."""
    if rest == c.REST_LIMIT:
        return c.K_LIMIT
    if rest == c.REST_STOP:
        return c.K_STOP
    if rest == c.REST_STOP_LIMIT:
        return c.K_STOP_LIMIT
    return c.K_MARKET


@inner
def _impact(
    price: float, now: Moment, side: float, quantity: float, p: FloatArray
) -> float:  # fmt: skip
    """Market price after the order's own share of the bar's volume has moved it."""
    if not p[c.P_VOLUME_IMPACT] > 0.0:
        return price
    share = quantity / now.volume
    moved = now.price * (1.0 + side * p[c.P_VOLUME_IMPACT] * share * share)
    return float(fill_at_market(moved, side, p))


@inner
def enter(  # noqa: PLR0912, PLR0915 - one order from its size to its log row
    w: Instrument, a: Account, t: int, now: Moment, side: float, kind: int, limit: float, amount: float,
    fixed: float, levels: tuple[FloatArray, FloatArray, FloatArray], ratio: float, p: FloatArray, logs: Logs,
) -> float:  # fmt: skip
    """Open or add to a position; returns the quantity that was asked for and fits but lacks volume.

    `limit`: worst price of a limit order, NaN for a market order. `fixed`: quantity that was sized
    before (a kept remainder, a rebalance), NaN to size now from `amount`.
    """
    keep_apart()
    passive = kind == c.K_LIMIT
    price = now.price if passive else fill_at_market(now.price, side, p)
    if limit == limit and side * (price - limit) > 0.0:
        price = limit
    opens = w.quantity == 0.0
    stop, target, trail, stop_reason = w.stop, np.nan, np.nan, c.R_STOP_LOSS
    if opens:
        stop, target, trail, stop_reason = entry_levels(levels, t, price, side, ratio, p)
    budget = a.equity * p[c.P_LEVERAGE] - a.gross
    if fixed == fixed and price > 0.0:
        asked = fixed
        bought, reason = fitting_quantity(
            fixed, affordable_quantity(budget, price, p), price, p
        )  # fmt: skip
    else:
        asked, bought, reason = entry_quantity(a.equity, price, amount, stop, p, a.gross)
    left = 0.0
    room = volume_room(w, now.volume, p)
    if p[c.P_VOLUME_IMPACT] > 0.0 and not now.volume > 0.0:
        room = 0.0
    if bought > room:
        fits = whole_lots(room, p[c.P_LOT])
        left, bought = bought - fits, fits
        reason = c.R_CLIPPED_TO_VOLUME if fits > 0.0 else c.R_NO_VOLUME
    if bought > 0.0 and not passive and p[c.P_VOLUME_IMPACT] > 0.0:
        price = _impact(price, now, side, bought, p)
        if limit == limit and side * (price - limit) > 0.0:
            price = limit
        most = affordable_quantity(budget, price, p)
        if bought > most * (1.0 + margins.ORDER):
            bought, reason = whole_lots(most, p[c.P_LOT]), c.R_CLIPPED_TO_CASH
            if bought <= 0.0:
                reason = c.R_BELOW_ONE_LOT if most > 0.0 else c.R_NO_CASH
    fee, slip = 0.0, 0.0
    if bought > 0.0:
        point = p[c.P_POINT]
        fee = commission(bought, price, passive, p)
        slip = abs(price - now.price) * bought * point
        a.cash -= side * bought * price * point + fee
        a.fees += fee
        a.gross += bought * price * point + fee
        w.used += bought
        w.quantity += side * bought
        w.mark = now.price
        if opens:
            w.stop, w.target, w.trail = stop, target, trail
            w.stop_reason, w.decided, w.lived = stop_reason, t, 0
            w.trade, w.income, w.scale = a.trades, 0.0, 1.0
            w.entries, w.exited, w.proceeds = 0, 0.0, 0.0
            a.trades += 1
            open_trade(
                logs.trades, w.trade, w.asset, side, bought, now.bar, now.at, price, fee, slip
            )
        else:
            add_to_trade(logs.trades, w.trade, bought, w.scale, price, fee, slip)
    else:
        price, bought = np.nan, 0.0
    a.orders = log_order(
        logs.orders, a.orders, w.asset, t, now.bar, now.at, side, True, kind, asked, bought, price,
        fee, slip, reason,
    )  # fmt: skip
    return left


@inner
def leave(  # noqa: PLR0912, PLR0915
    w: Instrument,
    a: Account,
    decided: int,
    now: Moment,
    why: int,
    wanted: float,
    p: FloatArray,
    logs: Logs,
) -> bool:
    """Close the position, or `wanted` of it (NaN: all); True where all that was wanted is done.

    What volume leaves of a whole exit goes on at the next opens where the settings keep it; what is
    left of a target rests at its price. A closed position's own remainder of an entry is withdrawn.
    """
    keep_apart()
    held = abs(w.quantity)
    side = 1.0 if w.quantity > 0.0 else -1.0
    asked = held if np.isnan(wanted) else min(wanted, held)
    room = volume_room(w, now.volume, p)
    if p[c.P_VOLUME_IMPACT] > 0.0 and not now.volume > 0.0:
        room = 0.0
    sold = asked if asked <= room else whole_lots(room, p[c.P_LOT])
    is_limit = why == c.R_TAKE_PROFIT
    goes_on = p[c.P_KEEP_UNFILLED] > 0.0 and np.isnan(wanted) and not is_limit
    kind = c.K_LIMIT if is_limit else c.K_MARKET
    if why == c.R_STOP_LOSS:
        kind = c.K_STOP
    elif why == c.R_TRAILING_STOP:
        kind = c.K_TRAILING
    price, fee, slip, reason, closes = np.nan, 0.0, 0.0, c.R_NO_VOLUME, False
    if sold > 0.0:
        closes = sold >= held * (1.0 - margins.ORDER)
        if closes:
            sold = held
        price, point = now.price, p[c.P_POINT]
        if not is_limit:
            price = _impact(fill_at_market(price, -side, p), now, -side, sold, p)
        fee = commission(sold, price, is_limit, p)
        if closes:
            fee += p[c.P_ROUND_TRIP]
        slip = abs(price - now.price) * sold * point
        a.cash += side * sold * price * point - fee
        a.fees += fee
        a.gross -= sold * price * point - fee
        w.used += sold
        if closes:
            units, mean = whole_exit(sold, price, w.exited, w.proceeds)
            close_trade(
                logs.trades, w.trade, now.bar, now.at, mean, units, fee, slip, w.income, point, why
            )
            w.quantity, w.income, w.forced = 0.0, 0.0, 0
            w.stop, w.target, w.trail = np.nan, np.nan, np.nan
        else:
            w.quantity -= side * sold
            w.exited += sold
            w.proceeds += sold * price
            if w.trade < logs.trades.shape[0]:
                logs.trades[w.trade, c.T_FEES] += fee
                logs.trades[w.trade, c.T_SLIPPAGE] += slip
        reason = why if sold >= asked * (1.0 - margins.ORDER) else c.R_CLIPPED_TO_VOLUME
    else:
        sold = 0.0
    a.orders = log_order(
        logs.orders, a.orders, w.asset, decided, now.bar, now.at, -side, False, kind, asked, sold,
        price, fee, slip, reason,
    )  # fmt: skip
    if reason != why and goes_on:
        w.forced, w.forced_row = why, decided
    if closes and w.rest != c.NO_REST and w.rest_left == w.rest_left:
        refuse(
            w, a, w.rest_row, now, w.rest_side, rest_kind(w.rest), w.rest_left, c.R_WITHDRAWN, logs
        )
        w.rest = c.NO_REST
    return reason == why


@inner
def rest(
    w: Instrument, t: int, side: float, close: float, limit: float, trigger: float, p: FloatArray
) -> bool:
    """Keep an entry decided at bar t as a limit, stop or stop-limit order; False for a market order.

    Its prices are divided by the splits since bar t.
    """
    if np.isnan(limit) and np.isnan(trigger):
        return False
    if not p[c.P_LIMIT_IS_PRICE] > 0.0:
        limit = close * (1.0 - side * limit)
    if not p[c.P_TRIGGER_IS_PRICE] > 0.0:
        trigger = close * (1.0 + side * trigger)
    w.rest_limit = to_tick(limit, -side, p[c.P_TICK]) / w.ratio
    w.rest_stop = to_tick(trigger, side, p[c.P_TICK]) / w.ratio
    w.rest = c.REST_STOP_LIMIT
    if np.isnan(limit):
        w.rest = c.REST_STOP
    elif np.isnan(trigger):
        w.rest = c.REST_LIMIT
    w.rest_side, w.rest_left, w.rest_row = side, np.nan, t
    w.rest_ratio, w.rest_bars, w.rest_day = w.ratio, 0, -1
    return True
