"""Backtests: signals on bars, with costs, sizes, stops and corporate actions."""

from __future__ import annotations

from trading_pipeline.backtest.engine import ENGINE_VERSION, run_backtest
from trading_pipeline.backtest.result import BacktestResult, ReturnMoments
from trading_pipeline.backtest.sweep import SWEEP_COLUMNS, run_signal_sweep
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_bars
from trading_pipeline.domain.signals import Fraction, Price, Signals
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = [
    "ENGINE_VERSION",
    "SWEEP_COLUMNS",
    "BacktestResult",
    "BacktestSettings",
    "Fraction",
    "Price",
    "ReturnMoments",
    "Signals",
    "ValidatedBars",
    "run_backtest",
    "run_signal_sweep",
    "validate_bars",
]
