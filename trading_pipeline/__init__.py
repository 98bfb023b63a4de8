"""Software-defined assets for trading research: from market data to audited backtests."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.backtest import (
        BacktestResult,
        BacktestSettings,
        PortfolioResult,
        Rebalancing,
        Signals,
        TargetWeights,
        run_backtest,
        run_portfolio_backtest,
        run_sweep,
    )
    from trading_pipeline.reporting.tearsheet.of_result import tearsheet
    from trading_pipeline.stages import Workspace, open_workspace
    from trading_pipeline.storage.open_results import open_results, read_bars
    from trading_pipeline.strategies.bar_by_bar import BarByBarStrategy, Signal, SignalType

__version__ = "0.1.0"
__all__ = [
    "BacktestResult",
    "BacktestSettings",
    "BarByBarStrategy",
    "PortfolioResult",
    "Rebalancing",
    "Signal",
    "SignalType",
    "Signals",
    "TargetWeights",
    "Workspace",
    "__version__",
    "open_results",
    "open_workspace",
    "read_bars",
    "run_backtest",
    "run_portfolio_backtest",
    "run_sweep",
    "tearsheet",
]

_HOMES = {
    "BacktestResult": "trading_pipeline.backtest",
    "BacktestSettings": "trading_pipeline.backtest",
    "PortfolioResult": "trading_pipeline.backtest",
    "Rebalancing": "trading_pipeline.backtest",
    "Signals": "trading_pipeline.backtest",
    "TargetWeights": "trading_pipeline.backtest",
    "run_backtest": "trading_pipeline.backtest",
    "run_portfolio_backtest": "trading_pipeline.backtest",
    "BarByBarStrategy": "trading_pipeline.strategies.bar_by_bar",
    "Signal": "trading_pipeline.strategies.bar_by_bar",
    "SignalType": "trading_pipeline.strategies.bar_by_bar",
    "run_sweep": "trading_pipeline.backtest",
    "tearsheet": "trading_pipeline.reporting.tearsheet.of_result",
    "Workspace": "trading_pipeline.stages",
    "open_workspace": "trading_pipeline.stages",
    "open_results": "trading_pipeline.storage.open_results",
    "read_bars": "trading_pipeline.storage.open_results",
}

# imported when first used: the command line starts faster that way
__getattr__ = lazy_exports(__name__, _HOMES)


def __dir__() -> list[str]:
    """The public names alone."""
    return sorted(__all__)


def _prepare_environment() -> None:
    """Settings of numerical libraries that only count before their first import.

    More OpenMP threads than cores make a scikit-learn fit about 20 times slower on a busy machine.
    Compiled kernels are kept beside the project's other caches.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    root = Path(__file__).resolve().parents[1]
    home = root if (root / "pyproject.toml").is_file() else Path.cwd()
    runtime = Path(os.environ.get("TRADING_PIPELINE_RUNTIME_DIR") or home / "runtime")
    # numba looks only at the file that a kernel stands in, not at the files it takes its parts from
    kernels = sorted((Path(__file__).parent / "backtest" / "kernels").rglob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in kernels)).hexdigest()[:12]
    cache = runtime.expanduser().resolve() / "cache" / "numba" / digest
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache))


_prepare_environment()
