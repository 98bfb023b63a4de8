"""Former home of `run_sweep`, kept for imports: see `backtest.sweeps`."""

from __future__ import annotations

from trading_pipeline.backtest.sweeps.result import SweepResult
from trading_pipeline.backtest.sweeps.run import run_sweep

__all__ = ["SweepResult", "run_sweep"]
