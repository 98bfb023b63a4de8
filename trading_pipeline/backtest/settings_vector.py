"""This file holds the way from settings and signals to the arrays that the kernels take."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trading_pipeline.backtest import kernel_codes as codes
from trading_pipeline.domain.signals import Level, Price, Signals
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.backtest_settings import (
    BacktestSettings,
    FixedCash,
    FixedQuantity,
    PercentAtRisk,
    PercentOfEquity,
)

__all__ = ["LevelArrays", "level_arrays", "settings_vector"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
LevelArrays: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]

_INTRABAR = {
    "pessimistic": codes.PESSIMISTIC,
    "optimistic": codes.OPTIMISTIC,
    "ohlc_path": codes.OHLC_PATH,
}
_BPS = 1e-4
# Settings that the kernel does not carry out yet: refused rather than ignored.
_NOT_YET = (
    "slippage_volume_share",
    "maximum_participation",
    "unfilled",
    "pyramiding",
    "maintenance_margin",
    "session_close",
    "daily_profit_target",
    "daily_loss_limit",
    "borrow_rate",
    "funding_rate",
    "cash_rate",
)


@lru_cache(maxsize=256)
def _base_vector(settings: BacktestSettings) -> FloatArray:
    """All entries of the settings vector that no signal changes."""
    defaults = BacktestSettings()
    for name in _NOT_YET:
        if getattr(settings, name) != getattr(defaults, name):
            raise ConfigurationError(
                f"The backtest setting {name}={getattr(settings, name)!r} is not carried out by this "
                "version of the engine, and it would be wrong to ignore it. Leave it out.",
                setting=name,
            )
    p = np.zeros(codes.P_COUNT, dtype=np.float64)
    p[codes.P_INITIAL_CASH] = settings.initial_cash
    p[codes.P_SAME_CLOSE] = settings.fill == "same_close"
    p[codes.P_INTRABAR] = _INTRABAR[settings.intrabar]
    p[codes.P_TOUCH] = settings.limit_fill == "touch"
    p[codes.P_SIZING], p[codes.P_AMOUNT] = _sizing(settings)
    maker = settings.maker_commission_bps
    p[codes.P_RATE] = settings.commission_bps * _BPS
    p[codes.P_MAKER_RATE] = (settings.commission_bps if maker is None else maker) * _BPS
    p[codes.P_PER_ORDER] = settings.commission_per_order
    p[codes.P_PER_SHARE] = settings.commission_per_share
    p[codes.P_MINIMUM] = settings.commission_minimum
    p[codes.P_ROUND_TRIP] = settings.commission_per_round_trip
    p[codes.P_SLIPPAGE] = settings.slippage_bps * _BPS
    p[codes.P_SLIPPAGE_PRICE] = settings.slippage_price
    p[codes.P_ALLOW_SHORT] = settings.allow_short
    p[codes.P_LEVERAGE] = settings.leverage
    p[codes.P_LOT] = settings.lot_size or 0.0
    p[codes.P_TICK] = settings.tick_size or 0.0
    p[codes.P_MIN_NOTIONAL] = settings.min_notional
    p[codes.P_POINT] = settings.multiplier * settings.delta
    p[codes.P_MAX_HOLDING] = settings.max_holding_bars or 0
    p[codes.P_PERIODS] = settings.periods_per_year
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
    raise ConfigurationError(
        f"The sizing {sizing.type!r} is not carried out by this version of the engine. Use "
        "percent_of_equity, percent_at_risk, fixed_quantity or fixed_cash.",
        sizing=sizing.type,
    )


def settings_vector(settings: BacktestSettings, signals: Signals) -> FloatArray:
    """The kernel's vector of numbers; which levels are prices comes from the signals."""
    for name in ("limit_price", "stop_price"):
        if getattr(signals, name) is not None:
            raise ConfigurationError(
                f"The signals carry {name}, and entries by limit or stop order are not carried out "
                "by this version of the engine. Leave it out; the entry is then a market order.",
                field=name,
            )
    p = _base_vector(settings).copy()
    p[codes.P_STOP_IS_PRICE] = isinstance(signals.stop_loss, Price)
    p[codes.P_TARGET_IS_PRICE] = isinstance(signals.take_profit, Price)
    p[codes.P_TRAIL_IS_PRICE] = isinstance(signals.trailing_stop, Price)
    return p


def level_arrays(settings: BacktestSettings, signals: Signals) -> LevelArrays | None:
    """(stop, target, trail), each one value or one a bar; None where there is no level at all."""
    pairs: list[tuple[Level | None, float | None]] = [
        (signals.stop_loss, settings.stop_loss),
        (signals.take_profit, settings.take_profit),
        (signals.trailing_stop, settings.trailing_stop),
    ]
    if all(level is None and default is None for level, default in pairs):
        return None
    arrays: list[Any] = []
    for level, default in pairs:
        values = (
            np.array([np.nan if default is None else default]) if level is None else level.values
        )
        values.setflags(write=False)  # read-only arrays are one numba type, so one compilation
        arrays.append(values)
    return arrays[0], arrays[1], arrays[2]
