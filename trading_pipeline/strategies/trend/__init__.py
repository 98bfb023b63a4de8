"""Strategies that follow a trend: one file a strategy, and the averages that they share."""

from __future__ import annotations

from trading_pipeline.strategies.trend.sma_crossover import SmaCrossover, SmaCrossoverParams

__all__ = ["SmaCrossover", "SmaCrossoverParams"]
