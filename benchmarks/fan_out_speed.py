"""Two worker processes against one, on the work outside commits; and serial work beside them.

`python -m benchmarks.fan_out_speed [--instruments 24] [--windows 5]`: synthetic daily bars,
features and labels, then the fits and predictions of one model. Workers are started and have
compiled kernels before the clock runs. The bar: two workers at least 1.6 times one.

Wall time depends on what else the machine does. CPU does not: on two free cores two workers take
half of what they and the committing process (outside commits) need, one worker takes its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.fan_out import Pool, SerialPool, StageCall, dispatch, fan_out
from trading_pipeline.stages.fan_out.local_pool import LocalPool
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.labels import LabelStage
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import ActionStage, UniverseStage
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.storage.warehouse import Warehouse

_TICKS = os.sysconf("SC_CLK_TCK")
CHAIN = (
    StageCall(FeatureStage, ("core",)),
    StageCall(LabelStage, ("direction",)),
    StageCall(ModelStage, ("direction",)),
    StageCall(PredictionStage, ("direction",)),
)


@dataclass(frozen=True)
class Spent:
    """Seconds: of the whole chain, of commits, CPU of this process outside commits, of workers."""

    wall: float
    commits: float
    here: float
    workers: float


def opened(runtime: Path) -> Workspace:
    """A workspace of a runtime folder."""
    settings = load_settings(runtime_dir=runtime)
    return Workspace(settings, load_catalog(settings.config), Warehouse(settings.warehouse_path))


def with_bars(runtime: Path, instruments: int, windows: int) -> list[str]:
    """Make a runtime folder with bars; gives the instruments."""
    config = runtime / "config"
    config.mkdir(parents=True)
    listed = "".join(
        f"  - {{symbol: S{number:03d}, timeframe: 1d, source: synthetic, calendar: XNYS, "
        "asset_class: equity, currency: USD}\n"
        for number in range(instruments)
    )
    text = f"start: 2005-01-01\nend: {2005 + windows}-01-01\ninstruments:\n{listed}"
    (config / "universe.yaml").write_text(text, "utf-8")
    workspace = opened(runtime)
    UniverseStage(workspace).materialize(WHOLE)
    names = [f"S{number:03d}_1d" for number in range(instruments)]
    for name in names:
        ActionStage(workspace, name).materialize(WHOLE)
        BarStage(workspace, name).materialize(workspace.windows_of(name))
    return names


@contextmanager
def timed_commits(wall: list[float], cpu: list[float]) -> Iterator[None]:
    """Note what each commit takes."""
    kept = dispatch.commit

    def timed(*given: Any) -> Any:
        began, before = time.perf_counter(), time.process_time()
        try:
            return kept(*given)
        finally:
            wall.append(time.perf_counter() - began)
            cpu.append(time.process_time() - before)

    dispatch.commit = timed
    try:
        yield
    finally:
        dispatch.commit = kept


def workers_cpu(pool: Pool) -> float:
    """CPU seconds of a pool's processes so far."""
    total = 0
    for worker in pool._workers if isinstance(pool, LocalPool) else ():
        text = Path(f"/proc/{worker.process.pid}/stat").read_text("utf-8")
        total += sum(map(int, text.rpartition(")")[2].split()[11:13]))
    return total / _TICKS


def chain(workspace: Workspace, names: list[str], pool: Pool) -> Spent:
    """All four stages."""
    keys = [window.key for window in workspace.windows()]
    wall: list[float] = []
    cpu: list[float] = []
    began, here, there = time.perf_counter(), time.process_time(), workers_cpu(pool)
    with timed_commits(wall, cpu):
        for call in CHAIN:
            audited = call.kind in (FeatureStage, LabelStage)
            work = dict.fromkeys(names, keys)
            for done in fan_out(workspace, call, work, pool, audited=audited):
                if done.error is not None:
                    raise done.error
    return Spent(
        time.perf_counter() - began,
        sum(wall),
        time.process_time() - here - sum(cpu),
        workers_cpu(pool) - there,
    )


def main() -> None:
    """Measure and print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--instruments", type=int, default=24)
    asked.add_argument("--windows", type=int, default=5)
    given = asked.parse_args()
    rows: dict[str, Spent] = {}
    with tempfile.TemporaryDirectory(prefix="fan-out-speed-") as name:
        base = Path(name) / "bars"
        names = with_bars(base, given.instruments, given.windows)
        pools = {"none": SerialPool(), "one": LocalPool(1), "two": LocalPool(2)}
        for label, pool in pools.items():
            with pool:
                for tried, some in (("warm", names[:4]), ("cold", names)):
                    runtime = Path(name) / f"{label}-{tried}"
                    shutil.copytree(base, runtime)
                    rows[label] = chain(opened(runtime), some, pool)
    lines = [
        f"{given.instruments} instruments x {given.windows} windows, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}\n",
        "| Workers | Wall | of it commits | CPU here outside commits | CPU of workers |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {label} | {each.wall:.2f} s | {each.commits:.2f} s | {each.here:.2f} s | "
        f"{each.workers:.2f} s |"
        for label, each in rows.items()
    ]
    one, two = rows["one"], rows["two"]
    seen = (one.wall - one.commits) / (two.wall - two.commits)
    free = max(one.workers, one.here) / ((two.workers + two.here) / 2)
    lines.append(
        f"\nTwo workers against one, outside commits (bar: 1.6): {seen:.2f} by wall time, "
        f"{free:.2f} by CPU on two free cores."
    )
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
