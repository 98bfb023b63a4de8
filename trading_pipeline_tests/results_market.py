"""Two shares with stored results of a scenario, of a strategy of one's own, and of a portfolio."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.portfolio import PortfolioStage
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import ActionStage, UniverseStage
from trading_pipeline.stages.reports.portfolio_report import PortfolioReportStage
from trading_pipeline.stages.reports.tearsheet import TearsheetStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline_tests.pipeline_world import World, new_world, pointed_at

CROSS = (
    "name: cross\nstrategy: {type: sma_crossover, params: {fast: 5, slow: 20}}\n"
    "instruments: [AAPL_1d, IBM_1d]\ndates: {start: 2000-06-01, end: 2003-01-01}\n"
    "costs: {commission_bps: 10, slippage_bps: 5}\n"
)
OWN = (
    "name: own\nstrategy: {type: steps}\ninstruments: [AAPL_1d]\n"
    "dates: {start: 2000-06-01, end: 2002-01-01}\ncosts: {commission_bps: 10}\n"
)
PAIR = (
    "name: pair\ninstruments: [AAPL_1d, IBM_1d]\ndates: {start: 2000-06-01, end: 2003-01-01}\n"
    "costs: {commission_bps: 10}\n"
    "portfolio: {weights: {AAPL_1d: 0.5, IBM_1d: 0.4}, rebalance: {calendar: month}}\n"
)
STEPS = """
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies import Strategy


class Steps(Strategy):
    def signals(self, market, params):
        close = market.bars["close"]
        rises = (close > close.shift(3)).to_numpy()
        return Signals.long_only(rises, ~rises)
"""


@cache
def finished_market() -> Path:
    """A runtime folder with the results; made once a process, never changed."""
    folder = Path(tempfile.mkdtemp(prefix="results-market-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with pointed_at(folder / "runtime"):
        _fill(new_world(folder / "runtime"))
    return folder / "runtime"


@pytest.fixture
def market(tmp_path: Path) -> Iterator[World]:
    """A copy of the results for this test alone; the settings point at it."""
    with pointed_at(tmp_path / "runtime"):
        shutil.copytree(finished_market(), tmp_path / "runtime")
        yield World(tmp_path / "runtime")


@pytest.fixture
def shared_market() -> Iterator[World]:
    """The results themselves, for tests that only read."""
    with pointed_at(finished_market()):
        yield World(finished_market())


def _fill(world: World) -> None:
    world.write("scenarios/cross.yaml", CROSS)
    world.write("scenarios/own.yaml", OWN)
    world.write("scenarios/pair.yaml", PAIR)
    world.write("strategies/steps.py", STEPS)
    workspace = world.workspace
    UniverseStage(workspace).materialize(WHOLE)
    for name in ("AAPL_1d", "IBM_1d"):
        ActionStage(workspace, name).materialize(WHOLE)
        BarStage(workspace, name).materialize(workspace.windows())
    for instrument, scenario in (("AAPL_1d", "cross"), ("IBM_1d", "cross"), ("AAPL_1d", "own")):
        BacktestStage(workspace, instrument).materialize([scenario])
        TearsheetStage(workspace, instrument).materialize([scenario])
    PortfolioStage(workspace, "pair").materialize(WHOLE)
    PortfolioReportStage(workspace, "pair").materialize(WHOLE)


def result_ids(world: World) -> dict[str, str]:
    """Id of the newest result by scenario and instruments."""
    rows = world.workspace.results.newest()
    return {f"{row['scenario']}|{row['instruments']}": row["result_id"] for row in rows}
