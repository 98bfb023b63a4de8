"""Strategies that follow a trend: one file each, and the averages and months that they share."""

from __future__ import annotations

from trading_pipeline.strategies.trend.atr_trailing import AtrTrailing, AtrTrailingParams
from trading_pipeline.strategies.trend.donchian_breakout import (
    DonchianBreakout,
    DonchianBreakoutParams,
)
from trading_pipeline.strategies.trend.ema_crossover import EmaCrossover, EmaCrossoverParams
from trading_pipeline.strategies.trend.ema_pullback import EmaPullback, EmaPullbackParams
from trading_pipeline.strategies.trend.keltner_breakout import (
    KeltnerBreakout,
    KeltnerBreakoutParams,
)
from trading_pipeline.strategies.trend.macd import Macd, MacdParams
from trading_pipeline.strategies.trend.monthly_trend import MonthlyTrend, MonthlyTrendParams
from trading_pipeline.strategies.trend.sma_crossover import SmaCrossover, SmaCrossoverParams
from trading_pipeline.strategies.trend.supertrend import Supertrend, SupertrendParams
from trading_pipeline.strategies.trend.time_series_momentum import (
    TimeSeriesMomentum,
    TimeSeriesMomentumParams,
)

__all__ = [
    "AtrTrailing",
    "AtrTrailingParams",
    "DonchianBreakout",
    "DonchianBreakoutParams",
    "EmaCrossover",
    "EmaCrossoverParams",
    "EmaPullback",
    "EmaPullbackParams",
    "KeltnerBreakout",
    "KeltnerBreakoutParams",
    "Macd",
    "MacdParams",
    "MonthlyTrend",
    "MonthlyTrendParams",
    "SmaCrossover",
    "SmaCrossoverParams",
    "Supertrend",
    "SupertrendParams",
    "TimeSeriesMomentum",
    "TimeSeriesMomentumParams",
]
