"""A small project folder that is brought up to date once, and a source that can fail.

The world: AAPL (and the other shipped instruments) from 2000 to 2003 in windows of a year, one
model, two scenarios on AAPL and one study. Tests work on copies of its runtime folder.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.defs.automation.full_pass import FullPass
from trading_pipeline.defs.resources import MarketDataResource
from trading_pipeline.market_data.sources.bundled.source import BundledSource
from trading_pipeline.market_data.sources.protocol import BarBatch, BarRequest
from trading_pipeline.market_data.sources.registry import source
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.coverage import models_of_a_pass
from trading_pipeline.stages.workspace import Workspace, open_workspace

WINDOWS = ["2000-01-01", "2001-01-01", "2002-01-01", "2003-01-01"]
FILES = {
    "universe.yaml": "start: 2000-01-01\nend: 2004-01-01\n",
    "models/direction.yaml": (
        "name: direction\nestimator: {type: logistic, params: {C: 0.1}}\nfeatures: core\n"
        "training: {minimum_rows: 40}\n"
    ),
    "scenarios/sma_crossover.yaml": (
        "name: sma_crossover\nstrategy: {type: sma_crossover, params: {fast: 10, slow: 30}}\n"
        "instruments: [AAPL_1d]\ndates: {start: 2002-01-01, end: 2004-01-01}\n"
        "costs: {commission_bps: 10, slippage_bps: 5}\n"
    ),
    "scenarios/ml_direction.yaml": (
        "name: ml_direction\n"
        "strategy: {type: ml_direction, params: {enter_above: 0.505, exit_below: 0.5}}\n"
        "instruments: [AAPL_1d]\ndates: {start: 2002-01-01, end: 2004-01-01}\n"
        "costs: {commission_bps: 10, slippage_bps: 5}\n"
    ),
    "studies/sma_grid.yaml": (
        "name: sma_grid\nstrategy: sma_crossover\nscenario: sma_crossover\n"
        "space: {fast: {values: [5, 10]}, slow: {range: [10, 40, 10]}}\n"
        'constraints: ["fast < slow"]\n'
    ),
}
Answer = Callable[[BarRequest, pd.DataFrame], pd.DataFrame]


class TamperedSource:
    """The bundled source; a test may change its answer for a window or make it fail."""

    name = "bundled"

    def __init__(self) -> None:
        self._real = BundledSource()
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.requests: list[BarRequest] = []

    def reset(self) -> None:
        """Answer as the bundled source does, and forget all requests."""
        self.answers.clear()
        self.asked.clear()
        self.requests.clear()

    def capabilities(self) -> Any:
        return self._real.capabilities()

    def listing(self, symbol: str) -> Any:
        return self._real.listing(symbol)

    def fetch_actions(self, request: Any) -> Any:
        return self._real.fetch_actions(request)

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        key = f"{request.instrument.id}|{request.start:%Y}-01-01"
        self.asked.append(key)
        self.requests.append(request)
        batch = self._real.fetch_bars(request)
        answer = self.answers.get(key)
        if answer is None:
            return batch
        frame = answer(request, batch.frame)
        return BarBatch(
            frame=frame,
            price_basis=batch.price_basis,
            fetched_at=batch.fetched_at,
            client_version="tampered 1",
        )


SOURCE = TamperedSource()


class TamperedMarketData(MarketDataResource):
    """Returns `SOURCE` under every name except that of registered files."""

    def client(self, name: str) -> Any:
        return source(name) if name == "files" else SOURCE


class World:
    """One runtime folder, and what is needed to run jobs on it."""

    def __init__(self, runtime: Path) -> None:
        self.runtime = runtime

    @property
    def workspace(self) -> Workspace:
        """A fresh workspace, which sees everything written so far."""
        return open_workspace(load_settings())

    @property
    def tampered(self) -> Workspace:
        """A workspace whose source is `SOURCE`."""
        opened = self.workspace
        return Workspace(
            opened.settings, opened.catalog, opened.warehouse, open_source=lambda _: SOURCE
        )

    def definitions(self) -> dg.Definitions:
        """Definitions of the files as they are now, with `SOURCE` as every source."""
        return build_definitions(
            load_catalog(load_settings().config), market_data=TamperedMarketData()
        )

    def full_pass(self) -> FullPass:
        """A pass with definitions and workspace of the files as they are now."""
        return FullPass(self.workspace, self.definitions())

    def write(self, name: str, text: str) -> Path:
        """Write one of the user's files."""
        path = self.runtime / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a query on the warehouse."""
        with self.workspace.warehouse.read() as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def value(self, sql: str, *parameters: Any) -> Any:
        """The one value of a query."""
        return self.rows(sql, *parameters)[0][0]

    def counts(self) -> dict[str, int]:
        """Rows of every table."""
        tables = (
            "bars artifacts models backtest_results trades daily_results trials fetch_log "
            "corporate_actions instruments bars_rejected quality_findings"
        )
        return {t: self.value(f"SELECT count(*) FROM {t}") for t in tables.split()}

    def artifact_hashes(self, asset: str) -> dict[str, str]:
        """Content hash by partition."""
        found = self.workspace.artifacts.newest([asset])
        return {partition: row.sha256 or "" for (_, partition), row in found.items()}


def bring_up_to_date(world: World, instrument: str = "AAPL_1d") -> FullPass:
    """What `trading-pipeline run` does for one instrument."""
    full_pass = world.full_pass()
    full_pass.reference_data()
    catalog = full_pass.workspace.catalog
    models = models_of_a_pass(full_pass.workspace)
    full_pass.chain(instrument, models, full_pass.workspace.windows(), patterns=True)
    full_pass.model_cards(instrument, models)
    full_pass.cross_features(instrument, full_pass.workspace.windows())
    for scenario in catalog.scenarios.values():
        if scenario.covers(instrument):
            full_pass.backtest(instrument, scenario.name)
    for study in catalog.studies.values():
        full_pass.study(instrument, study.name)
    full_pass.leaderboard()
    return full_pass


@contextmanager
def pointed_at(runtime: Path) -> Iterator[None]:
    """Let the settings of this process point at a runtime folder inside the block."""
    name = "TRADING_PIPELINE_RUNTIME_DIR"
    before = os.environ.get(name)
    os.environ[name] = str(runtime)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def new_world(runtime: Path) -> World:
    """A runtime folder with the world's files, nothing computed yet."""
    world = World(runtime)
    for name, text in FILES.items():
        world.write(name, text)
    return world


def finished_runtime() -> Path:
    """A runtime folder in which AAPL is up to date; made once a run of the tests, never changed.

    Whichever process needs it first makes it, and another one waits.
    """
    folder = Path(os.environ["TRADING_PIPELINE_TESTS_SHARED"])
    runtime, made = folder / "finished-world", folder / "finished-world.made"
    with (folder / "finished-world.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(runtime, ignore_errors=True)  # of a process that failed
            with pointed_at(runtime):
                bring_up_to_date(new_world(runtime))
            made.touch()
    return runtime


def copied_world(runtime: Path) -> World:
    """A copy of the finished runtime folder."""
    shutil.copytree(finished_runtime(), runtime, dirs_exist_ok=True)
    return World(runtime)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A finished world for this test alone; the settings point at it."""
    with pointed_at(tmp_path / "runtime"):
        made = copied_world(tmp_path / "runtime")
        SOURCE.reset()
        yield made
        SOURCE.reset()


@pytest.fixture
def fresh_world(tmp_path: Path) -> Iterator[World]:
    """The world's files, nothing computed yet; the settings point at it."""
    with pointed_at(tmp_path / "runtime"):
        SOURCE.reset()
        yield new_world(tmp_path / "runtime")
        SOURCE.reset()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory that knows the partition keys of AAPL and IBM."""
    with dg.DagsterInstance.ephemeral() as opened:
        opened.add_dynamic_partitions("instruments", ["AAPL_1d", "IBM_1d", "FB_1d"])
        pairs = ["AAPL_1d|ml_direction", "AAPL_1d|sma_crossover", "IBM_1d|sma_crossover"]
        opened.add_dynamic_partitions("instrument_scenarios", pairs)
        opened.add_dynamic_partitions("instrument_studies", ["AAPL_1d|sma_grid"])
        yield opened


def run_job(
    world: World,
    instance: dg.DagsterInstance,
    job: str,
    first: str | None = None,
    last: str | None = None,
    assets: Sequence[str] | None = None,
    config: dict[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job on one partition or a range, as the UI would; a failure is in the result.

    `config` is that of the asset `bars`.
    """
    tags = {}
    if last is not None:
        tags = {
            "dagster/asset_partition_range_start": str(first),
            "dagster/asset_partition_range_end": last,
        }
    return (
        world.definitions()
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            partition_key=first if last is None else None,
            tags=tags,
            asset_selection=None
            if assets is None
            else [dg.AssetKey(name.split("/")) for name in assets],
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "ops": {"bars": {"config": config}} if config else {},
            },
            raise_on_error=False,
        )
    )


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    """Names of the checks that did not pass."""
    return {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}


def cause_of_failure(result: dg.ExecuteInProcessResult) -> str:
    """Class names and messages of the errors of the failed steps, causes included."""
    texts = []
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None:
                texts.append(f"{error.cls_name}: {error.message}")
                error = error.cause
    return "\n".join(texts)


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    """Assets that the run materialized, names with slashes."""
    return {
        "/".join(event.asset_key.path)
        for event in result.all_events
        if event.is_step_materialization and event.asset_key
    }


_DAGSTERS_OWN = (
    "The `__fields__` attribute is deprecated",
    "InitResourceContext.dagster_run is deprecated",
    "Non-compliant tag keys like",
)


def forgive_dagster(items: Sequence[pytest.Item], folder: Path) -> None:
    """Ignore Dagster's own deprecation warnings in the tests of a folder."""
    for item in items:
        if item.path.parent == folder:
            for text in _DAGSTERS_OWN:
                item.add_marker(pytest.mark.filterwarnings(f"ignore:{text}:DeprecationWarning"))
