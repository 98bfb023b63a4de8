"""Backtests: signals on bars, with costs, sizes, stops and corporate actions."""

from __future__ import annotations

from trading_pipeline.backtest.engine import ENGINE_VERSION, run_backtest
from trading_pipeline.backtest.portfolio.result import PortfolioResult
from trading_pipeline.backtest.portfolio.run import run_portfolio_backtest
from trading_pipeline.backtest.result import BacktestResult
from trading_pipeline.backtest.run_control import Pace, paced
from trading_pipeline.backtest.run_statistics import ReturnMoments
from trading_pipeline.backtest.sweep import SWEEP_COLUMNS, run_signal_sweep
from trading_pipeline.backtest.sweeps.result import SweepResult
from trading_pipeline.backtest.sweeps.run import run_sweep
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_bars
from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.rule_plan import Condition, Levels, RulePlan
from trading_pipeline.domain.signals import Fraction, Price, Signals
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.settings.backtest_settings import BacktestSettings
from trading_pipeline.settings.rebalancing import Rebalancing

__all__ = [
    "ENGINE_VERSION",
    "SWEEP_COLUMNS",
    "BacktestResult",
    "BacktestSettings",
    "Condition",
    "CrossingPlan",
    "Fraction",
    "Levels",
    "Pace",
    "PortfolioResult",
    "Price",
    "Rebalancing",
    "ReturnMoments",
    "RulePlan",
    "Signals",
    "SweepResult",
    "TargetWeights",
    "ValidatedBars",
    "paced",
    "run_backtest",
    "run_portfolio_backtest",
    "run_signal_sweep",
    "run_sweep",
    "validate_bars",
]
