"""This file holds the names of the strategies layer: rules that turn a market into signals."""

from __future__ import annotations

from trading_pipeline.strategies.base import Strategy, StrategyParams
from trading_pipeline.strategies.catalogue import (
    strategy,
    strategy_code_hash,
    strategy_names,
    validate_params,
)
from trading_pipeline.strategies.lookahead_check import ensure_strategy_causal
from trading_pipeline.strategies.market import Market

__all__ = [
    "Market",
    "Strategy",
    "StrategyParams",
    "ensure_strategy_causal",
    "strategy",
    "strategy_code_hash",
    "strategy_names",
    "validate_params",
]
