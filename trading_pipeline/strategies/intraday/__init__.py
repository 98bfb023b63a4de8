"""Strategies that trade inside a session and are flat at its end: one file each."""

from __future__ import annotations

from trading_pipeline.strategies.intraday.ema_scalper import EmaScalper, EmaScalperParams
from trading_pipeline.strategies.intraday.first_candle_breakout import (
    FirstCandleBreakout,
    FirstCandleBreakoutParams,
)
from trading_pipeline.strategies.intraday.opening_range_breakout import (
    OpeningRangeBreakout,
    OpeningRangeBreakoutParams,
)

__all__ = [
    "EmaScalper",
    "EmaScalperParams",
    "FirstCandleBreakout",
    "FirstCandleBreakoutParams",
    "OpeningRangeBreakout",
    "OpeningRangeBreakoutParams",
]
