"""Strategies: rules that turn what is known at a bar's close into signals.

Read `base.py` (what a strategy is), `market.py` (what it may look at), then `buy_and_hold.py` and
`trend/sma_crossover.py` as examples; `bar_by_bar/` is the form that decides one bar at a time,
`chart_lines.py` what a chart draws. `catalogue.py` holds strategies by name, together with those of
a user's own files. Nothing here reads files of bars, knows an account or computes a metric.
"""

from __future__ import annotations

from trading_pipeline.strategies.bar_by_bar import (
    BarByBarStrategy,
    History,
    Signal,
    SignalType,
)
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.catalogue import (
    SHIPPED,
    StrategyCatalogue,
    own_strategies,
    strategy,
    strategy_code_hash,
    strategy_names,
    validate_params,
)
from trading_pipeline.strategies.lookahead_check import audit_strategy, ensure_strategy_causal
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.parameter_table import ParameterRow, parameter_table
from trading_pipeline.strategies.portfolio import Panel, PortfolioStrategy

__all__ = [
    "SHIPPED",
    "BarByBarStrategy",
    "Direction",
    "History",
    "Market",
    "Panel",
    "ParameterRow",
    "PortfolioStrategy",
    "Signal",
    "SignalType",
    "Strategy",
    "StrategyCatalogue",
    "StrategyParams",
    "audit_strategy",
    "ensure_strategy_causal",
    "own_strategies",
    "parameter_table",
    "strategy",
    "strategy_code_hash",
    "strategy_names",
    "validate_params",
]
