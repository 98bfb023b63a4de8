"""`run_sweep` under another name of its module; see `backtest.sweeps`."""

from __future__ import annotations

from trading_pipeline.backtest.sweeps.result import SweepResult
from trading_pipeline.backtest.sweeps.run import run_sweep

__all__ = ["SweepResult", "run_sweep"]
