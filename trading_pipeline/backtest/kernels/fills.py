"""Compiled rules of single events: fills, costs, sizes, levels, triggers, statistics.

`side` is +1 for long or buy, -1 for short or sell; `p` is the settings vector; prices are as
traded. Every loop (single run, sweep, portfolio) calls these, so their numbers are equal bit for
bit.
"""

from __future__ import annotations

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.kernels import margins
from trading_pipeline.backtest.kernels.codes import (
    OHLC_PATH,
    OPTIMISTIC,
    P_LEVERAGE,
    P_LOT,
    P_MAKER_RATE,
    P_MIN_NOTIONAL,
    P_MINIMUM,
    P_PER_ORDER,
    P_PER_SHARE,
    P_POINT,
    P_RATE,
    P_SIZING,
    P_SLIPPAGE,
    P_SLIPPAGE_PRICE,
    P_STOP_IS_PRICE,
    P_TARGET_IS_PRICE,
    P_TICK,
    P_TRAIL_IS_PRICE,
    R_BELOW_MIN_NOTIONAL,
    R_BELOW_ONE_LOT,
    R_CLIPPED_TO_CASH,
    R_FILLED,
    R_NO_CASH,
    R_NO_SIZE,
    R_NO_STOP,
    R_ROUNDED_TO_LOT,
    R_STOP_LOSS,
    R_TRAILING_STOP,
    S_KURTOSIS,
    S_MEAN,
    S_SD,
    S_SHARPE,
    S_SKEW,
    SIZE_CASH,
    SIZE_PERCENT,
    SIZE_QUANTITY,
)
from trading_pipeline.backtest.kernels.compilation import copy_in, keep_apart, rule
from trading_pipeline.backtest.kernels.vectors import LANES

__all__ = [
    "add_powers",
    "affordable_quantity",
    "commission",
    "entry_levels",
    "entry_quantity",
    "exit_trigger",
    "fill_at_market",
    "fitting_quantity",
    "follow_peak",
    "return_statistics",
    "sellable_quantity",
    "to_tick",
    "trail_level",
    "whole_exit",
    "whole_lots",
    "write_moments",
]


@rule
def fill_at_market(price: float, side: float, p: FloatArray) -> float:
    """Price after slippage, rounded to the tick against the order, never below 0."""
    filled = price * (1.0 + side * p[P_SLIPPAGE]) + side * p[P_SLIPPAGE_PRICE]
    rounded: float = max(to_tick(filled, side, p[P_TICK]), 0.0)
    return rounded


@rule
def to_tick(price: float, direction: float, tick: float) -> float:
    """Next tick in `direction` (+1 up, -1 down); a price that lies on a tick stays."""
    if not tick > 0.0 or np.isnan(price):
        return price
    steps = price / tick
    near = np.round(steps)
    if abs(steps - near) > margins.TICKS:
        near = np.ceil(steps) if direction > 0.0 else np.floor(steps)
    # 10007 / 100 is the closest double to 100.07, 10007 * 0.01 is not.
    per_unit = np.round(1.0 / tick)
    if per_unit > 0.0 and abs(per_unit * tick - 1.0) < margins.TICKS_PER_UNIT:
        near /= per_unit
    else:
        near *= tick
    return float(near)


@rule
def commission(quantity: float, price: float, is_maker: bool, p: FloatArray) -> float:
    """Cost of one order: bps and per share, at least the minimum, plus the flat part."""
    rate = p[P_MAKER_RATE] if is_maker else p[P_RATE]
    variable = quantity * price * p[P_POINT] * rate + quantity * p[P_PER_SHARE]
    cost: float = max(variable, p[P_MINIMUM]) + p[P_PER_ORDER]
    return cost


@rule
def affordable_quantity(budget: float, price: float, p: FloatArray) -> float:
    """Largest quantity whose notional and commission together cost `budget`."""
    left = budget - p[P_PER_ORDER]
    unit = price * p[P_POINT]
    quantity = left / (unit * (1.0 + p[P_RATE]) + p[P_PER_SHARE])
    if quantity * (unit * p[P_RATE] + p[P_PER_SHARE]) < p[P_MINIMUM]:
        quantity = (left - p[P_MINIMUM]) / unit
    return float(max(quantity, 0.0))


@rule
def entry_quantity(
    equity: float, price: float, amount: float, stop: float, p: FloatArray, gross: float = 0.0
) -> tuple[float, float, int]:
    """(requested, filled, reason) of an entry at fill price `price`, from equity after exits.

    `gross`: notional that other positions and earlier entries of the bar already take up.
    """
    keep_apart()
    if np.isnan(amount) or amount <= 0.0 or price <= 0.0:  # nothing is sold short for nothing
        return 0.0, 0.0, R_NO_SIZE
    mode = int(p[P_SIZING])
    if mode == SIZE_PERCENT:
        requested = affordable_quantity(equity * amount, price, p)
    elif mode == SIZE_QUANTITY:
        requested = amount
    elif mode == SIZE_CASH:
        requested = affordable_quantity(amount, price, p)
    else:
        if np.isnan(stop):
            return np.nan, 0.0, R_NO_STOP
        distance = abs(price - stop) * p[P_POINT]
        requested = max(equity, 0.0) * amount / distance if distance > 0.0 else np.inf
    budget = equity * p[P_LEVERAGE] - gross
    if mode == SIZE_PERCENT and budget == equity * amount:
        cap = requested  # the same quotient
    else:
        cap = affordable_quantity(budget, price, p)
    quantity, reason = fitting_quantity(requested, cap, price, p)
    return requested, quantity, reason


@rule
def fitting_quantity(wanted: float, room: float, price: float, p: FloatArray) -> tuple[float, int]:
    """What of an order the cash, the lot and the least notional let through, and the reason code.

    `room`: quantity that the cash pays for. The last rule that cuts the order names it.
    """
    copy_in()
    quantity, reason = wanted, R_FILLED
    if wanted > room * (1.0 + margins.ORDER):
        quantity, reason = room, R_CLIPPED_TO_CASH
    if quantity <= 0.0:
        return 0.0, R_NO_CASH
    if p[P_LOT] > 0.0:
        rounded = whole_lots(quantity, p[P_LOT])
        if rounded <= 0.0:
            return 0.0, R_BELOW_ONE_LOT
        if reason == R_FILLED and abs(rounded - quantity) > margins.QUANTITY * quantity:
            reason = R_ROUNDED_TO_LOT
        quantity = rounded
    if quantity * price * p[P_POINT] < p[P_MIN_NOTIONAL]:
        return 0.0, R_BELOW_MIN_NOTIONAL
    return quantity, reason


@rule
def sellable_quantity(surplus: float, price: float, p: FloatArray) -> tuple[float, int]:
    """What of a reduction can be sold, and the reason code where it is too small, else 0."""
    copy_in()
    sold = whole_lots(surplus, p[P_LOT])
    if sold <= 0.0:
        return 0.0, R_BELOW_ONE_LOT
    return sold, R_BELOW_MIN_NOTIONAL if sold * price * p[P_POINT] < p[P_MIN_NOTIONAL] else 0


@rule
def whole_lots(quantity: float, lot: float) -> float:
    """The quantity in whole lots, rounded down; as it is where there is no lot."""
    copy_in()
    return float(np.floor(quantity / lot + margins.LOTS) * lot) if lot > 0.0 else quantity


@rule
def whole_exit(sold: float, price: float, exited: float, proceeds: float) -> tuple[float, float]:
    """(units, average price) of a trade's exit with what was sold of it before."""
    copy_in()
    if exited > 0.0:
        units = sold + exited
        return units, (proceeds + sold * price) / units
    return sold, price


@rule
def exit_trigger(
    side: float, o: float, h: float, low: float, stop: float, target: float, mode: int, touch: bool
) -> tuple[int, float]:
    """(0 none, 1 stop, 2 target; price before slippage) inside one bar; NaN levels never trigger.

    A level that the open has jumped over fills at the open. A stop is hit when touched; a target is
    a limit order, filled when the price trades through it (or touches it, where so set).
    """
    keep_apart()
    worst, best = (low, h) if side > 0.0 else (h, low)
    hit_stop = side * (worst - stop) <= 0.0
    reach = side * (best - target)
    at_open = side * (o - target) >= 0.0
    hit_target = reach > 0.0 or at_open or (touch and reach == 0.0)
    if not (hit_stop or hit_target):
        return 0, np.nan
    if side * (o - stop) <= 0.0:
        return 1, o
    if at_open:
        return 2, o
    if hit_stop and hit_target:
        if mode == OPTIMISTIC:
            hit_stop = False
        elif mode == OHLC_PATH:
            high_first = (h - o) < (o - low)
            hit_stop = high_first != (side > 0.0)
    return (1, stop) if hit_stop else (2, target)


@rule
def add_powers(sums: FloatArray, bar: int, change: float) -> None:
    """Add the first four powers of one bar's return to the bar's lane of the sums."""
    lane, squared = bar & (LANES - 1), change * change
    sums[lane] += change
    sums[LANES + lane] += squared
    sums[2 * LANES + lane] += squared * change
    sums[3 * LANES + lane] += squared * squared


@rule
def follow_peak(
    equity: float, peak: float, trough: float, drawdown: float
) -> tuple[float, float, float]:
    """(peak, lowest equity since it, deepest fall of earlier peaks) after one more bar.

    One division a peak: the fall from it is deepest where the equity is lowest.
    """
    if equity > peak:
        if trough < peak:
            drawdown = min(drawdown, trough / peak - 1.0)
        return equity, equity, drawdown
    return peak, min(trough, equity), drawdown


@rule
def write_moments(n: int, sums: FloatArray, periods: float, stats: FloatArray) -> None:
    """Moments of n bar returns into `stats`, from their power sums."""
    mean, sd, skew, kurtosis, sharpe = return_statistics(n, sums, periods)
    stats[S_MEAN], stats[S_SD], stats[S_SKEW] = mean, sd, skew
    stats[S_KURTOSIS], stats[S_SHARPE] = kurtosis, sharpe


@rule
def return_statistics(
    n: int, sums: FloatArray, periods: float
) -> tuple[float, float, float, float, float]:
    """(mean, sd, skew, kurtosis, sharpe) from power sums of n bar returns, eight lanes each.

    sd has n - 1 in the denominator; skew and kurtosis are the biased moments (kurtosis 3 for a
    normal), sharpe is mean / sd * sqrt(periods). NaN where there is no variance.
    """
    s1, s2, s3, s4 = 0.0, 0.0, 0.0, 0.0
    for lane in range(LANES):
        s1 += sums[lane]
        s2 += sums[LANES + lane]
        s3 += sums[2 * LANES + lane]
        s4 += sums[3 * LANES + lane]
    mean = s1 / n
    m2 = s2 / n - mean * mean
    if n < 2 or not m2 > margins.NO_VARIANCE * (s2 / n):
        return mean, 0.0 if m2 == m2 else np.nan, np.nan, np.nan, np.nan
    m3 = s3 / n - 3.0 * mean * s2 / n + 2.0 * mean**3
    m4 = s4 / n - 4.0 * mean * s3 / n + 6.0 * mean * mean * s2 / n - 3.0 * mean**4
    sd = np.sqrt(m2 * n / (n - 1.0))
    return mean, sd, m3 / m2**1.5, m4 / (m2 * m2), mean / sd * np.sqrt(periods)


@rule
def trail_level(best: float, side: float, trail: float, p: FloatArray) -> float:
    """Level of a trailing stop below (long) or above (short) the best price."""
    if p[P_TRAIL_IS_PRICE] > 0.0:
        return best - side * trail
    return best * (1.0 - side * trail)


@rule
def entry_levels(
    levels: tuple[FloatArray, FloatArray, FloatArray],
    t: int,
    price: float,
    side: float,
    ratio: float,
    p: FloatArray,
) -> tuple[float, float, float, int]:
    """(stop, target, trail, reason of the stop) of a position opened at `price`, decided at bar t.

    `ratio`: splits between the deciding bar and the fill; raw prices of bar t are divided by it.
    """
    keep_apart()
    stops, targets, trails = levels
    stop = stops[t if stops.shape[0] > 1 else 0]
    target = targets[t if targets.shape[0] > 1 else 0]
    trail = trails[t if trails.shape[0] > 1 else 0]
    stop = stop / ratio if p[P_STOP_IS_PRICE] > 0.0 else price * (1.0 - side * stop)
    target = target / ratio if p[P_TARGET_IS_PRICE] > 0.0 else price * (1.0 + side * target)
    target = to_tick(target, side, p[P_TICK])
    if p[P_TRAIL_IS_PRICE] > 0.0:
        trail /= ratio
    reason = R_STOP_LOSS
    if trail == trail:
        level = trail_level(price, side, trail, p)
        if np.isnan(stop) or side * (level - stop) > 0.0:
            stop, reason = level, R_TRAILING_STOP
    return stop, target, trail, reason
