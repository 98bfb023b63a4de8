"""Benchmark of cross features: CPU time an instrument, for more and more instruments, as Markdown.

Run it with `python benchmarks/cross_speed.py [COUNT ...]` (25, 100 and 400 by default): synthetic
daily instruments, two yearly windows. First pass: audited, computed, written. Again: nothing is
pending. One new bar: the newest window of every instrument has another bar. The times of the bars
themselves are not in it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.features.cross_features import CrossFeatureStage
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import UniverseStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline.stages.workspace import Workspace, open_workspace


def workspace_of(folder: Path, count: int, now: datetime) -> Workspace:
    """A workspace of so many synthetic instruments at a moment, with their bars."""
    rows = [f"  - {{symbol: S{n:04d}, source: synthetic, start: 2020-01-01}}" for n in range(count)]
    config = folder / "config"
    config.mkdir(parents=True, exist_ok=True)
    text = "\n".join(["start: 2020-01-01", "end: 2022-01-01", "instruments:", *rows, ""])
    (config / "universe.yaml").write_text(text)
    settings = load_settings(runtime_dir=folder)
    workspace = replace(open_workspace(settings), clock=lambda: now)
    UniverseStage(workspace).materialize(WHOLE)
    for name in names(workspace):
        BarStage(workspace, name).materialize(workspace.windows_of(name))
    return workspace


def names(workspace: Workspace) -> list[str]:
    """The synthetic instruments."""
    return [name for name in workspace.catalog.instruments if name.startswith("S0")]


def cross_pass(workspace: Workspace) -> int:
    """What a pass does for cross features; gives the number of windows that were computed."""
    done = 0
    for name in names(workspace):
        stage = CrossFeatureStage(workspace, name)
        windows = workspace.windows_of(name)
        pending = stage.pending(windows)
        if pending:
            assert not stage.audit(pending)
            done += sum(outcome.changed for outcome in stage.materialize(pending))
    return done


def cpu(work: Callable[[], int]) -> tuple[float, int]:
    """CPU seconds of a piece of work, and what it gave."""
    started = time.process_time()
    given = work()
    return time.process_time() - started, given


def main() -> None:
    """Print the table."""
    counts = [int(each) for each in sys.argv[1:]] or [25, 100, 400]
    sys.stdout.write("| instruments | first pass | again | one new bar | windows |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            workspace = workspace_of(Path(folder), count, datetime(2021, 12, 15, 23, tzinfo=UTC))
            first, computed = cpu(lambda: cross_pass(workspace))  # noqa: B023
            again, _ = cpu(lambda: cross_pass(workspace))  # noqa: B023
            later = workspace_of(Path(folder), count, datetime(2021, 12, 16, 23, tzinfo=UTC))
            newer, changed = cpu(lambda: cross_pass(later))  # noqa: B023
        times = (f"{1e3 * each / count:.1f} ms" for each in (first, again, newer))
        sys.stdout.write(f"| {count} | {' | '.join(times)} | {computed}, {changed} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
