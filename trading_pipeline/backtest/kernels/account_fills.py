"""This file holds the compiled fills of an account: entries, exits and resting orders of one instrument.

`w` is the instrument's state (`W_*`), `a` the account's (`A_*`), `p` the instrument's settings vector. The
rules of prices, costs and sizes are those of kernel_fills; so an account with one instrument and plain
settings gives the numbers of `simulate`, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trading_pipeline.backtest.kernels import codes as c
from trading_pipeline.backtest.kernels.compilation import inner, keep_apart
from trading_pipeline.backtest.kernels.fills import (
    affordable_quantity,
    commission,
    entry_levels,
    entry_quantity,
    fill_at_market,
    to_tick,
)
from trading_pipeline.backtest.kernels.records import close_trade, log_order

__all__ = ["enter", "leave", "refuse", "rest", "rest_kind", "volume_room"]

Array = Any


@inner
def volume_room(w: Array, volume: float, p: Array) -> float:
    """Quantity that may still be traded in this bar; infinite where participation is not limited."""
    if not p[c.P_PARTICIPATION] > 0.0:
        return np.inf
    return float(max(p[c.P_PARTICIPATION] * volume - w[c.W_USED], 0.0))


@inner
def refuse(
    a: Array, orders: Array, asset: int, t: int, i: int, at: int, side: float, kind: int,
    asked: float, reason: int,
) -> None:  # fmt: skip
    """Log an entry that is not filled."""
    keep_apart()
    row = int(a[c.A_ORDERS])
    if row < orders.shape[0]:
        orders[row, c.O_ASSET] = asset
    a[c.A_ORDERS] = log_order(
        orders, row, t, i, at, side, True, kind, asked, 0.0, np.nan, 0.0, 0.0, reason
    )


@inner
def rest_kind(rest: float) -> int:
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
    price: float, ref: float, side: float, quantity: float, volume: float, p: Array
) -> float:
    """Market price after the order's own share of the bar's volume has moved it."""
    if not p[c.P_VOLUME_IMPACT] > 0.0:
        return price
    share = quantity / volume
    moved = ref * (1.0 + side * p[c.P_VOLUME_IMPACT] * share * share)
    return float(fill_at_market(moved, side, p))


@inner
def enter(  # noqa: PLR0912, PLR0915 - one order from its size to its log row
    w: Array, a: Array, asset: int, t: int, i: int, at: int, ref: float, side: float, kind: int,
    limit: float, amount: float, fixed: float, levels: Any, ratio: float, volume: float, p: Array,
    trades: Array, orders: Array,
) -> float:  # fmt: skip
    """Open or add to a position; returns the quantity that was asked for and fits but lacks volume.

    `limit`: worst price of a limit order, NaN for a market order. `fixed`: quantity that was sized
    before (a kept remainder, a rebalance), NaN to size now from `amount`.
    """
    keep_apart()
    passive = kind == c.K_LIMIT
    price = ref if passive else fill_at_market(ref, side, p)
    if limit == limit and side * (price - limit) > 0.0:
        price = limit
    held = abs(w[c.W_QUANTITY])
    stop, target, trail, stop_reason = np.nan, np.nan, np.nan, c.R_STOP_LOSS
    if held == 0.0:
        stop, target, trail, stop_reason = entry_levels(levels, t, price, side, ratio, p)
    else:
        stop = w[c.W_STOP]
    equity, gross = a[c.A_EQUITY], a[c.A_GROSS]
    if fixed == fixed and price > 0.0:
        room = affordable_quantity(equity * p[c.P_LEVERAGE] - gross, price, p)
        asked, bought, reason = fixed, fixed, c.R_FILLED
        if fixed > room * (1.0 + 1e-12):
            bought, reason = room, c.R_CLIPPED_TO_CASH
        if bought <= 0.0:
            reason = c.R_NO_CASH
        lot = p[c.P_LOT]
        if lot > 0.0 and bought > 0.0:
            rounded = np.floor(bought / lot + 1e-9) * lot
            if rounded <= 0.0:
                reason = c.R_BELOW_ONE_LOT
            elif reason == c.R_FILLED and abs(rounded - bought) > 1e-9 * bought:
                reason = c.R_ROUNDED_TO_LOT
            bought = rounded
        if bought > 0.0 and bought * price * p[c.P_POINT] < p[c.P_MIN_NOTIONAL]:
            bought, reason = 0.0, c.R_BELOW_MIN_NOTIONAL
    else:
        asked, bought, reason = entry_quantity(equity, price, amount, stop, p, gross)
    left = 0.0
    room = volume_room(w, volume, p)
    no_volume = p[c.P_VOLUME_IMPACT] > 0.0 and not volume > 0.0
    if bought > 0.0 and (bought > room or no_volume):
        fits = 0.0 if no_volume else room
        if p[c.P_LOT] > 0.0:
            fits = np.floor(fits / p[c.P_LOT] + 1e-9) * p[c.P_LOT]
        left = bought - fits
        bought = fits
        reason = c.R_CLIPPED_TO_VOLUME if fits > 0.0 else c.R_NO_VOLUME
    fee, slip = 0.0, 0.0
    if bought > 0.0:  # noqa: SIM102 - two questions
        if not passive and p[c.P_VOLUME_IMPACT] > 0.0:
            price = _impact(price, ref, side, bought, volume, p)
            if limit == limit and side * (price - limit) > 0.0:
                price = limit
            most = affordable_quantity(equity * p[c.P_LEVERAGE] - gross, price, p)
            if bought > most * (1.0 + 1e-12):
                bought, reason = most, c.R_CLIPPED_TO_CASH
                if p[c.P_LOT] > 0.0:
                    bought = np.floor(bought / p[c.P_LOT] + 1e-9) * p[c.P_LOT]
                if bought <= 0.0:
                    reason = c.R_BELOW_ONE_LOT if most > 0.0 else c.R_NO_CASH
    if bought > 0.0:
        fee = commission(bought, price, passive, p)
        slip = abs(price - ref) * bought * p[c.P_POINT]
        a[c.A_CASH] -= side * bought * price * p[c.P_POINT] + fee
        a[c.A_FEES] += fee
        a[c.A_GROSS] += bought * price * p[c.P_POINT] + fee
        w[c.W_USED] += bought
        w[c.W_QUANTITY] += side * bought
        w[c.W_MARK] = ref
        if held == 0.0:
            w[c.W_STOP], w[c.W_TARGET], w[c.W_TRAIL] = stop, target, trail
            w[c.W_STOP_REASON], w[c.W_DECIDED], w[c.W_LIVED] = stop_reason, t, 0.0
            w[c.W_TRADE], w[c.W_INCOME], w[c.W_SCALE] = a[c.A_TRADES], 0.0, 1.0
            w[c.W_ENTRIES], w[c.W_EXITED], w[c.W_PROCEEDS] = 0.0, 0.0, 0.0
            a[c.A_TRADES] += 1.0
        row = int(w[c.W_TRADE])
        if row < trades.shape[0]:
            if held == 0.0:
                trades[row, c.T_ASSET] = asset
                trades[row, c.T_SIDE] = side
                trades[row, c.T_QUANTITY] = bought
                trades[row, c.T_ENTRY_BAR] = i
                trades[row, c.T_ENTRY_AT] = at
                trades[row, c.T_ENTRY_PRICE] = price
            else:  # in terms of the first entry's shares, at the average price
                paid = trades[row, c.T_QUANTITY] * trades[row, c.T_ENTRY_PRICE] + bought * price
                trades[row, c.T_QUANTITY] += bought / w[c.W_SCALE]
                trades[row, c.T_ENTRY_PRICE] = paid / trades[row, c.T_QUANTITY]
            trades[row, c.T_FEES] += fee
            trades[row, c.T_SLIPPAGE] += slip
    else:
        price = np.nan
        bought = 0.0
    row = int(a[c.A_ORDERS])
    if row < orders.shape[0]:
        orders[row, c.O_ASSET] = asset
    a[c.A_ORDERS] = log_order(
        orders, row, t, i, at, side, True, kind, asked, bought, price, fee, slip, reason
    )
    return left


@inner
def leave(  # noqa: PLR0912, PLR0915
    w: Array, a: Array, asset: int, decided: int, i: int, at: int, ref: float, why: int,
    wanted: float, volume: float, p: Array, trades: Array, orders: Array,
) -> bool:  # fmt: skip
    """Close the position, or `wanted` of it (NaN: all); True where all that was wanted is done.

    What volume leaves of a whole exit goes on at the next opens where the settings keep it; what is
    left of a target rests at its price. A closed position's own remainder of an entry is withdrawn.
    """
    keep_apart()
    held = abs(w[c.W_QUANTITY])
    side = 1.0 if w[c.W_QUANTITY] > 0.0 else -1.0
    asked = held if np.isnan(wanted) else min(wanted, held)
    room = volume_room(w, volume, p)
    if p[c.P_VOLUME_IMPACT] > 0.0 and not volume > 0.0:
        room = 0.0
    sold = asked
    if asked > room:
        sold = room
        if p[c.P_LOT] > 0.0:
            sold = np.floor(sold / p[c.P_LOT] + 1e-9) * p[c.P_LOT]
    is_limit = why == c.R_TAKE_PROFIT
    goes_on = p[c.P_KEEP_UNFILLED] > 0.0 and np.isnan(wanted) and not is_limit
    kind = c.K_LIMIT if is_limit else c.K_MARKET
    if why == c.R_STOP_LOSS:
        kind = c.K_STOP
    elif why == c.R_TRAILING_STOP:
        kind = c.K_TRAILING
    row = int(a[c.A_ORDERS])
    if row < orders.shape[0]:
        orders[row, c.O_ASSET] = asset
    if not sold > 0.0:
        a[c.A_ORDERS] = log_order(
            orders, row, decided, i, at, -side, False, kind, asked, 0.0, np.nan, 0.0, 0.0,
            c.R_NO_VOLUME,
        )  # fmt: skip
        if goes_on:
            w[c.W_FORCED], w[c.W_FORCED_ROW] = why, decided
        return False
    closes = sold >= held * (1.0 - 1e-12)
    if closes:
        sold = held
    price = ref
    if not is_limit:
        price = fill_at_market(ref, -side, p)
        price = _impact(price, ref, -side, sold, volume, p)
    fee = commission(sold, price, is_limit, p)
    if closes:
        fee += p[c.P_ROUND_TRIP]
    point = p[c.P_POINT]
    slip = abs(price - ref) * sold * point
    a[c.A_CASH] += side * sold * price * point - fee
    a[c.A_FEES] += fee
    a[c.A_GROSS] -= sold * price * point - fee
    w[c.W_USED] += sold
    trade = int(w[c.W_TRADE])
    if closes:
        units, mean = sold, price
        if w[c.W_EXITED] > 0.0:
            units = sold + w[c.W_EXITED]
            mean = (w[c.W_PROCEEDS] + sold * price) / units
        close_trade(trades, trade, i, at, mean, units, fee, slip, w[c.W_INCOME], point, why)
        w[c.W_QUANTITY], w[c.W_INCOME], w[c.W_FORCED] = 0.0, 0.0, 0.0
        w[c.W_STOP], w[c.W_TARGET], w[c.W_TRAIL] = np.nan, np.nan, np.nan
    else:
        w[c.W_QUANTITY] -= side * sold
        w[c.W_EXITED] += sold
        w[c.W_PROCEEDS] += sold * price
        if trade < trades.shape[0]:
            trades[trade, c.T_FEES] += fee
            trades[trade, c.T_SLIPPAGE] += slip
    reason = why if sold >= asked * (1.0 - 1e-12) else c.R_CLIPPED_TO_VOLUME
    a[c.A_ORDERS] = log_order(
        orders, row, decided, i, at, -side, False, kind, asked, sold, price, fee, slip, reason
    )
    if reason != why and goes_on:
        w[c.W_FORCED], w[c.W_FORCED_ROW] = why, decided
    if closes and w[c.W_REST] != c.NO_REST and w[c.W_REST_LEFT] == w[c.W_REST_LEFT]:
        refuse(
            a, orders, asset, int(w[c.W_REST_ROW]), i, at, w[c.W_REST_SIDE],
            rest_kind(w[c.W_REST]), w[c.W_REST_LEFT], c.R_WITHDRAWN,
        )  # fmt: skip
        w[c.W_REST] = c.NO_REST
    return reason == why


@inner
def rest(
    w: Array, t: int, side: float, close: float, limit: float, trigger: float,
    p: Array,
) -> bool:  # fmt: skip
    """Keep an entry decided at bar t as a limit, stop or stop-limit order; False for a market order."""
    if np.isnan(limit) and np.isnan(trigger):
        return False
    if not p[c.P_LIMIT_IS_PRICE] > 0.0:
        limit = close * (1.0 - side * limit)
    if not p[c.P_TRIGGER_IS_PRICE] > 0.0:
        trigger = close * (1.0 + side * trigger)
    w[c.W_REST_LIMIT] = to_tick(limit, -side, p[c.P_TICK])
    w[c.W_REST_STOP] = to_tick(trigger, side, p[c.P_TICK])
    w[c.W_REST] = c.REST_STOP_LIMIT
    if np.isnan(limit):
        w[c.W_REST] = c.REST_STOP
    elif np.isnan(trigger):
        w[c.W_REST] = c.REST_LIMIT
    w[c.W_REST_SIDE], w[c.W_REST_LEFT], w[c.W_REST_ROW] = side, np.nan, t
    w[c.W_REST_RATIO], w[c.W_REST_BARS], w[c.W_REST_DAY] = 1.0, 0.0, -1.0
    return True
