"""Strategies that trade the way out of a range, a band or a chart pattern: one file each."""

from __future__ import annotations

from trading_pipeline.strategies.breakout.bollinger_breakout import (
    BollingerBreakout,
    BollingerBreakoutParams,
)
from trading_pipeline.strategies.breakout.chart_pattern_breakout import (
    ChartPatternBreakout,
    ChartPatternBreakoutParams,
)
from trading_pipeline.strategies.breakout.range_scalper import RangeScalper, RangeScalperParams

__all__ = [
    "BollingerBreakout",
    "BollingerBreakoutParams",
    "ChartPatternBreakout",
    "ChartPatternBreakoutParams",
    "RangeScalper",
    "RangeScalperParams",
]
