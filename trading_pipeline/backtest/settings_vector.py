"""Arrays that the kernels take, made from settings and signals."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray, frozen
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.eligibility import Demand, demands_of, may_run
from trading_pipeline.domain.signals import Level, Price, Signals
from trading_pipeline.settings.backtest_settings import (
    BacktestSettings,
    FixedCash,
    FixedQuantity,
    PercentAtRisk,
    PercentOfEquity,
    VolatilityTarget,
)

__all__ = [
    "LevelArrays",
    "Rules",
    "level_arrays",
    "rules_of",
    "settings_vector",
]

LevelArrays: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]

_INTRABAR = {
    "pessimistic": codes.PESSIMISTIC,
    "optimistic": codes.OPTIMISTIC,
    "ohlc_path": codes.OHLC_PATH,
}
_BPS = 1e-4
_MOST_BARS = 2**53
"""More than any run has: a larger count, added to a bar's number, would pass 64 bits."""


class Rules(NamedTuple):
    """What settings say by themselves, whatever the signals.

    `vector`: all numbers; `levels`: stop, target and trail, None without any; `demands`: see
    `eligibility`; `needs_account`: only the exact loop carries them out; `by_volatility`: sizes
    come bar by bar; `warns`: the result may need a warning.
    """

    vector: FloatArray
    levels: LevelArrays | None
    demands: frozenset[Demand]
    needs_account: bool
    by_volatility: bool
    warns: bool


def rules_of(settings: BacktestSettings) -> Rules:
    """The rules of settings; made once for each object, since a run may take less time than that.

    Kept by the object: a hash of all fields would take longer than a run of some hundred bars.
    """
    known = _known.get(id(settings))
    if known is not None and known[0] is settings:
        return known[1]
    demands = demands_of(settings)
    rules = Rules(
        vector=_base_vector(settings),
        levels=_levels(settings, None, None, None),
        demands=demands,
        needs_account=not may_run("plain", [demands]),
        by_volatility="volatility_target" in demands,
        warns="same_close" in demands or "session_close" in demands,
    )
    if len(_known) >= _MOST:
        _known.clear()
    _known[id(settings)] = settings, rules
    return rules


_MOST = 256
_known: dict[int, tuple[BacktestSettings, Rules]] = {}


def _base_vector(settings: BacktestSettings) -> FloatArray:
    """All entries of the settings vector that no signal changes."""
    maker, bars = settings.maker_commission_bps, settings.time_in_force
    sizing, amount = _sizing(settings)
    values: dict[int, float] = {
        codes.P_INITIAL_CASH: settings.initial_cash,
        codes.P_SAME_CLOSE: settings.fill == "same_close",
        codes.P_INTRABAR: _INTRABAR[settings.intrabar],
        codes.P_TOUCH: settings.limit_fill == "touch",
        codes.P_SIZING: sizing,
        codes.P_AMOUNT: amount,
        codes.P_RATE: settings.commission_bps * _BPS,
        codes.P_MAKER_RATE: (settings.commission_bps if maker is None else maker) * _BPS,
        codes.P_PER_ORDER: settings.commission_per_order,
        codes.P_PER_SHARE: settings.commission_per_share,
        codes.P_MINIMUM: settings.commission_minimum,
        codes.P_ROUND_TRIP: settings.commission_per_round_trip,
        codes.P_SLIPPAGE: settings.slippage_bps * _BPS,
        codes.P_SLIPPAGE_PRICE: settings.slippage_price,
        codes.P_ALLOW_SHORT: settings.allow_short,
        codes.P_LEVERAGE: settings.leverage,
        codes.P_LOT: settings.lot_size or 0.0,
        codes.P_TICK: settings.tick_size or 0.0,
        codes.P_MIN_NOTIONAL: settings.min_notional,
        codes.P_POINT: settings.multiplier * settings.delta,
        codes.P_MAX_HOLDING: min(settings.max_holding_bars or 0, _MOST_BARS),
        codes.P_PERIODS: settings.periods_per_year or np.nan,
        codes.P_VOLUME_IMPACT: settings.slippage_volume_share,
        codes.P_PARTICIPATION: settings.maximum_participation or 0.0,
        codes.P_KEEP_UNFILLED: settings.unfilled == "keep",
        codes.P_PYRAMIDING: min(settings.pyramiding, _MOST_BARS),
        codes.P_MAINTENANCE: settings.maintenance_margin or 0.0,
        codes.P_DAILY_TARGET: settings.daily_profit_target or 0.0,
        codes.P_DAILY_LOSS: settings.daily_loss_limit or 0.0,
        codes.P_BORROW: settings.borrow_rate,
        codes.P_FUNDING: settings.funding_rate,
        codes.P_CASH_RATE: settings.cash_rate,
        codes.P_ORDER_BARS: min(bars, _MOST_BARS) if isinstance(bars, int) else 0,
        codes.P_DAY_ORDERS: bars == "day",
    }
    p = np.zeros(codes.P_COUNT)
    p[list(values)] = list(values.values())
    p.setflags(write=False)
    return p


def _sizing(settings: BacktestSettings) -> tuple[int, float]:
    sizing = settings.sizing
    if isinstance(sizing, PercentOfEquity):
        return codes.SIZE_PERCENT, sizing.percent
    if isinstance(sizing, FixedQuantity):
        return codes.SIZE_QUANTITY, sizing.quantity
    if isinstance(sizing, FixedCash):
        return codes.SIZE_CASH, sizing.cash
    if isinstance(sizing, PercentAtRisk):
        return codes.SIZE_RISK, sizing.percent
    if isinstance(sizing, VolatilityTarget):
        return codes.SIZE_PERCENT, np.nan  # the amount comes bar by bar, see sizes_of
    return codes.SIZE_WEIGHT, sizing.weight


def settings_vector(settings: BacktestSettings, signals: Signals) -> FloatArray:
    """The kernel's vector of numbers, read-only; which levels are prices comes from the signals."""
    p = rules_of(settings).vector
    for name, place in _PRICE_FLAGS:
        if type(getattr(signals, name)) is Price:
            p = p.copy()
            p[place] = 1.0
            p.setflags(write=False)
    return p


_PRICE_FLAGS = (
    ("stop_loss", codes.P_STOP_IS_PRICE),
    ("take_profit", codes.P_TARGET_IS_PRICE),
    ("trailing_stop", codes.P_TRAIL_IS_PRICE),
    ("limit_price", codes.P_LIMIT_IS_PRICE),
    ("stop_price", codes.P_TRIGGER_IS_PRICE),
)


def level_arrays(settings: BacktestSettings, signals: Signals) -> LevelArrays | None:
    """(stop, target, trail), each one value or one a bar; None where there is no level at all."""
    stop, target, trail = signals.stop_loss, signals.take_profit, signals.trailing_stop
    if stop is target is trail is None:
        return rules_of(settings).levels
    return _levels(settings, stop, target, trail)


def _levels(
    settings: BacktestSettings, stop: Level | None, target: Level | None, trail: Level | None
) -> LevelArrays | None:
    stops = _one_value(settings.stop_loss) if stop is None else stop.values
    targets = _one_value(settings.take_profit) if target is None else target.values
    trails = _one_value(settings.trailing_stop) if trail is None else trail.values
    none = _one_value(None)
    return None if stops is targets is trails is none else (stops, targets, trails)


@lru_cache(maxsize=256)
def _one_value(default: float | None) -> FloatArray:
    """A level for all bars, read-only as those of signals are: one type, so one compilation."""
    return frozen(np.array([np.nan if default is None else default]))
