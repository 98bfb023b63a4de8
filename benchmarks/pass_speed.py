"""What a pass over many instruments costs, beside what it cannot cost less than.

Run `python -m benchmarks.pass_speed [--instruments 100] [--windows 5] [--quick] [--flat]`. A table
of three passes in one process, each as a command of its own makes it (files read and definitions
made anew): the first, one with nothing new, one with one new bar for each instrument. `--quick`:
25 instruments. `--flat`: the cost of an instrument among 25 and 500, and of passes over 5 and 20
windows.

CPU is that of this process and of all that it started, without imports: a small pass before the
first one imports and compiles everything. Memory is the largest sum of resident memory of these
processes, seen ten times a second. Two floors are measured in the same run:

- computing: CPU seconds inside the functions that compute (`_COMPUTING`: features, labels, fits,
  predictions, audits, backtests, searches, pages), which take frames and give frames. With
  `TRADING_PIPELINE_WORKERS` above 1 they are at work elsewhere, so the benchmark sets it to 1.
- Dagster: a job for each job of the pass, over the same ranges, on an instance of the same kind,
  whose assets have the same keys, partitions and dependencies, and bodies that do nothing but
  report the partitions that the pass reported.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pass_floors import Computing, dagster_floor
from benchmarks.pass_meter import Cost, measured, quiet
from benchmarks.pass_world import PassWorld
from trading_pipeline.cli.run_command import work_through

__all__ = ["Measured", "measured_pass"]

_FACTOR = 1.5
_FLAT = 1.3


@dataclass(frozen=True)
class Measured:
    """A pass and its floors, CPU seconds."""

    name: str
    cost: Cost
    computing: float
    dagster: float

    @property
    def floors(self) -> float:
        """Both floors."""
        return self.computing + self.dagster


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--instruments", type=int, default=100)
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="25 instruments")
    parser.add_argument("--flat", action="store_true", help="cost by instruments and by windows")
    asked = parser.parse_args()
    os.environ["TRADING_PIPELINE_WORKERS"] = "1"
    quiet()
    with _folder() as folder:
        _warmed(folder)
        if asked.flat:
            _print_flat(folder)
        else:
            count = 25 if asked.quick else asked.instruments
            _print_passes(three_passes(folder, count, asked.windows), count, asked.windows)


def three_passes(folder: Path, instruments: int, windows: int) -> list[Measured]:
    """The three passes on a world of their own, each with its floors."""
    found = []
    world = PassWorld(folder / f"world-{instruments}-{windows}", instruments, windows)
    for name in ("first", "nothing new", "one new bar"):
        if name == "one new bar":
            world.next_bar()
        found.append(measured_pass(world, name))
    return found


def measured_pass(world: PassWorld, name: str) -> Measured:
    """One pass, and what Dagster alone costs for the same partitions."""
    computing = Computing()
    with computing.timed(), measured(world) as meter:
        full_pass = world.full_pass()
        report = work_through(full_pass, world.instruments)
    if report.failures:
        raise SystemExit(f"The pass failed: {next(iter(report.failures.items()))}")
    cost = meter.cost()
    seconds = dagster_floor(world, [run.run_id for run in full_pass.runner.runs])
    done = Measured(name, cost, computing.seconds, seconds)
    _tell(f"{name}: {cost.cpu:.1f} CPU s, computing {computing}, Dagster alone {seconds:.1f}")
    return done


def _warmed(folder: Path) -> None:
    """A small pass: all imports, all compiled kernels, calendars."""
    world = PassWorld(folder / "warm", 2, 3)
    work_through(world.full_pass(), world.instruments)
    shutil.rmtree(world.runtime)


def _print_passes(passes: list[Measured], instruments: int, windows: int) -> None:
    heads = [each.name for each in passes]
    _tell(f"\n{instruments} synthetic daily instruments x {windows} yearly windows, one process\n")
    _row("", *heads)
    _row("---", *(["---:"] * len(heads)))
    for title, field, form in _FIGURES:
        _row(title, *(format(getattr(each.cost, field), form) for each in passes))
    _row("floor: computing, CPU s", *(f"{each.computing:.1f}" for each in passes))
    _row("floor: Dagster, CPU s", *(f"{each.dagster:.1f}" for each in passes))
    _row("CPU / both floors", *(f"{each.cost.cpu / max(each.floors, 0.01):.2f}" for each in passes))
    first, nothing, one = passes
    share = instruments / 100
    bytes_each = first.cost.event_bytes / max(first.cost.materializations, 1)
    bars = [
        ("first pass / floors", first.cost.cpu / max(first.floors, 0.01), _FACTOR),
        (f"nothing new, CPU s ({instruments} instruments)", nothing.cost.cpu, 8.0 * share),
        ("one new bar / floors", one.cost.cpu / max(one.floors, 0.01), _FACTOR),
        (f"one new bar, CPU s ({instruments} instruments)", one.cost.cpu, 60.0 * share),
        ("event JSON a materialization, kB", bytes_each / 1_000, 3.0),
    ]
    _print_bars(bars)


def _print_flat(folder: Path) -> None:
    few, many = (three_passes(folder, count, 5) for count in (25, 500))
    short, long = (three_passes(folder, 25, count) for count in (5, 20))
    bars = [
        (f"{each.name}: an instrument among 500 / among 25",
         (each.cost.cpu / 500) / (other.cost.cpu / 25), _FLAT)
        for each, other in zip(many, few, strict=True)
    ]  # fmt: skip
    bars += [
        (f"{each.name}: 20 windows / 5", each.cost.cpu / other.cost.cpu, _FLAT)
        for each, other in zip(long[1:], short[1:], strict=True)
    ]
    one = many[-1]
    bars += [
        ("one new bar, 500 instruments, wall s", one.cost.wall, 300.0),
        ("one new bar, 500 instruments, memory MB", one.cost.memory_mb, 1_500.0),
    ]
    _print_bars(bars)


_FIGURES = (
    ("CPU s", "cpu", ".1f"),
    ("wall s", "wall", ".1f"),
    ("largest memory, MB", "memory_mb", ".0f"),
    ("warehouse opened", "opens", ",d"),
    ("Dagster runs", "runs", ",d"),
    ("Dagster events", "events", ",d"),
    ("materializations", "materializations", ",d"),
    ("JSON of all events, kB", "event_kb", ",.0f"),
    ("JSON a materialization, kB", "kb_each", ".2f"),
    ("growth of runtime/dagster, kB", "grown_kb", ",.0f"),
)


def _print_bars(bars: list[tuple[str, float, float]]) -> None:
    _tell("\n| bar | measured | at most | |\n|---|---:|---:|---|")
    for title, value, most in bars:
        _row(title, f"{value:.2f}", f"{most:g}", "met" if value <= most else "MISSED")


def _row(*cells: str) -> None:
    _tell(f"| {' | '.join(cells)} |")


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pass-speed-") as name:
        yield Path(name)


if __name__ == "__main__":
    main()
