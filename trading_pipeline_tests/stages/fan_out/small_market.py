"""Three synthetic instruments with bars of four years, an own set, a model, scenarios, a study."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.study import SummaryStage, TrialStage
from trading_pipeline.stages.fan_out import Done, Pool, StageCall, fan_out
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.labels import LabelStage
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import ActionStage, UniverseStage
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.warehouse import Warehouse

INSTRUMENTS = ("AAA_1d", "BBB_1d", "CCC_1d")
WINDOWS = ("2000-01-01", "2001-01-01", "2002-01-01", "2003-01-01")
MINE = """
import os
from pathlib import Path

from trading_pipeline.features import feature

FLAG = Path(__file__).parents[2] / "flag"


@feature(warmup=5, inputs=["close"])
def change(bars):
    "Change over five bars."
    if FLAG.exists():
        first, _, times = FLAG.read_text().partition(" ")
        if f"{bars['close'].iloc[0]:.6f}" == first and int(times):
            FLAG.write_text(f"{first} {int(times) - 1}")
            os.kill(os.getpid(), 9)
    return bars["close"].pct_change(5)
"""
PEEKS = """
from trading_pipeline.features import feature


@feature(warmup=1, inputs=["close"])
def tomorrow(bars):
    "The next close."
    return bars["close"].shift(-1)
"""
FILES = {
    "universe.yaml": "start: 2000-01-01\nend: 2004-01-01\ninstruments:\n"
    + "".join(
        f"  - {{symbol: {name.partition('_')[0]}, timeframe: 1d, source: synthetic, "
        "calendar: XNYS, asset_class: equity, currency: USD}\n"
        for name in INSTRUMENTS
    ),
    "features/mine.py": MINE,
    "features/peeks.py": PEEKS,
    "models/own.yaml": "name: own\nestimator: {type: logistic, params: {C: 0.1}}\n"
    "features: mine\ntraining: {minimum_rows: 40}\n",
    "scenarios/crosses.yaml": "name: crosses\n"
    "strategy: {type: sma_crossover, params: {fast: 10, slow: 30}}\n"
    "dates: {start: 2002-01-01, end: 2004-01-01}\n",
    "scenarios/learned.yaml": "name: learned\nstrategy: {type: ml_direction, "
    "params: {model: own, enter_above: 0.505, exit_below: 0.5}}\n"
    "dates: {start: 2002-01-01, end: 2004-01-01}\n",
    "studies/few.yaml": "name: few\nstrategy: sma_crossover\nscenario: crosses\n"
    "space: {fast: {values: [5, 10]}, slow: {values: [20, 40]}}\n",
}
CHAIN: tuple[tuple[StageCall, Sequence[str]], ...] = (
    (StageCall(FeatureStage, ("mine",)), WINDOWS),
    (StageCall(LabelStage, ("direction",)), WINDOWS),
    (StageCall(ModelStage, ("own",)), WINDOWS),
    (StageCall(PredictionStage, ("own",)), WINDOWS),
    (StageCall(BacktestStage), ("crosses", "learned")),
    (StageCall(TrialStage), ("few",)),
    (StageCall(SummaryStage), ("few",)),
)
_OWN = {
    "artifacts": "run_id, created_at",
    "models": "run_id, trained_at, metrics",
    "backtest_results": "run_id, created_at, row_hash, audit_note",
    "trades": "",
    "daily_results": "",
    "trials": "run_id, created_at, chain_hash",
    "audits": "run_id, created_at, slices",
}
"""Tables that stages write, and columns that name the run or its moment.

How many slices an audit tries is limited by time, so a busy machine tries fewer.
"""


def opened(runtime: Path, run_id: str = "test") -> Workspace:
    """A workspace of a runtime folder, with all that was written so far."""
    settings = load_settings(runtime_dir=runtime)
    warehouse = Warehouse(settings.warehouse_path, wait_seconds=10.0)
    return Workspace(settings, load_catalog(settings.config), warehouse, run_id)


def with_bars(runtime: Path) -> Path:
    """A runtime folder with the files, and the bars of all instruments."""
    for name, text in FILES.items():
        path = runtime / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    workspace = opened(runtime)
    UniverseStage(workspace).materialize(WHOLE)
    for name in INSTRUMENTS:
        ActionStage(workspace, name).materialize(WHOLE)
        BarStage(workspace, name).materialize(workspace.windows_of(name))
    return runtime


def copied(runtime: Path, to: Path) -> Workspace:
    """A workspace of a copy of a folder."""
    shutil.copytree(runtime, to)
    return opened(to)


def spread(workspace: Workspace, call: StageCall, names: Sequence[str], pool: Pool) -> list[Done]:
    """A fan-out over the instruments, audited where a set of features is."""
    audited = call.kind is FeatureStage
    work = dict.fromkeys(INSTRUMENTS, names)
    return list(fan_out(workspace, call, work, pool, audited=audited))


def whole_chain(workspace: Workspace, pool: Pool) -> Iterator[list[Done]]:
    """Fan-outs from features to the summary of a study."""
    for call, names in CHAIN:
        yield spread(workspace, call, names, pool)


def files_of(workspace: Workspace) -> dict[str, str]:
    """sha256 of every file that stages made; claims that a killed worker left are none."""
    runtime = workspace.settings.runtime
    return {
        path.relative_to(runtime).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("cache", "models", "output")
        for path in sorted((runtime / folder).rglob("*"))
        if path.is_file() and not {"numba", "dask"}.intersection(path.parts)
        if not path.name.endswith(".claim")
    }


def rows_of(workspace: Workspace) -> dict[str, list[Any]]:
    """Rows that stages wrote, without the run and its moment."""
    found = {}
    with workspace.warehouse.read() as connection:
        for table, names in _OWN.items():
            some = f" EXCLUDE ({names})" if names else ""
            found[table] = connection.execute(
                f"SELECT *{some} FROM {table} ORDER BY ALL"
            ).fetchall()
    return found


def first_close(workspace: Workspace, instrument_id: str) -> str:
    """The first close of an instrument, as `mine.py` compares it."""
    return f"{workspace.bars.read_span(instrument_id, None, None)['close'].iloc[0]:.6f}"
