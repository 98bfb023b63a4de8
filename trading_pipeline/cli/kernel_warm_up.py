"""Compiles the engine's kernels beside the first stages of a first run.

numba keeps what it compiled in the project's cache, so this happens once; a second process does it
on another core while bars and models are made. Without it the first backtest compiles, with the
same result.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

__all__ = ["KernelWarmUp", "compile_kernels"]

_PROGRAM = "from trading_pipeline.cli.kernel_warm_up import compile_kernels; compile_kernels()"


class KernelWarmUp:
    """A process that compiles, where the cache is empty; ended with the block at the latest."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> KernelWarmUp:
        cache = Path(os.environ["NUMBA_CACHE_DIR"])
        if not any(cache.rglob("*.nbi")) and (os.cpu_count() or 1) > 1:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        return self

    def wait(self) -> None:
        """Wait until the kernels are there; a process that failed only means compiling later."""
        if self._process is not None:
            self._process.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def compile_kernels() -> None:
    """Run the shipped scenarios and studies on a few bundled bars, to cache their kernels."""
    import pandas as pd

    from trading_pipeline.backtest.scenario_runner import ScenarioInputs, run_scenario
    from trading_pipeline.market_data.adjustments import adjustment_events, forward_factors
    from trading_pipeline.market_data.calendars import known_at
    from trading_pipeline.market_data.sources.bundled.source import BundledSource
    from trading_pipeline.market_data.sources.protocol import ActionRequest, BarRequest
    from trading_pipeline.optimization.study_run import run_study
    from trading_pipeline.settings.catalog import load_catalog
    from trading_pipeline.stages.backtests.scenario_inputs import required_models
    from trading_pipeline.strategies import SHIPPED

    catalog, client = load_catalog(None), BundledSource()
    instrument = catalog.instrument("AAPL_1d")
    start, end = datetime(2004, 1, 1, tzinfo=UTC), datetime(2006, 1, 1, tzinfo=UTC)
    bars = client.fetch_bars(BarRequest(instrument=instrument, start=start, end=end)).frame
    index = pd.DatetimeIndex(bars.index)
    actions = client.fetch_actions(ActionRequest(instrument=instrument, start=start, end=end))
    inputs = ScenarioInputs(
        instrument=instrument,
        raw=bars,
        factors=forward_factors(index, adjustment_events(actions, bars)),
        known_at=known_at(index, instrument.timeframe, instrument.calendar),
        actions=actions,
        periods_per_year=252.0,
        predictions={},
    )
    for scenario in catalog.scenarios.values():
        if not required_models(scenario, SHIPPED):
            run_scenario(scenario, inputs)
    for study in catalog.studies.values():
        run_study(study, catalog.scenario(study.scenario), inputs)
