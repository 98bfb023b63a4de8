"""Strategies that trade the speed of prices: one file each."""

from __future__ import annotations

from trading_pipeline.strategies.momentum.awesome_oscillator import (
    AwesomeOscillator,
    AwesomeOscillatorParams,
)
from trading_pipeline.strategies.momentum.momentum_score import MomentumScore, MomentumScoreParams
from trading_pipeline.strategies.momentum.stochastic_trend import (
    StochasticTrend,
    StochasticTrendParams,
)

__all__ = [
    "AwesomeOscillator",
    "AwesomeOscillatorParams",
    "MomentumScore",
    "MomentumScoreParams",
    "StochasticTrend",
    "StochasticTrendParams",
]
