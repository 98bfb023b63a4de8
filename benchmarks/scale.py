"""How a pass grows with the number of instruments, and what a second worker brings.

Run `python -m benchmarks.scale [--instruments 500 2000] [--planned 5000 20000] [--workers 1 2]`.

- Whole passes over 500 and 2,000 instruments: the first, nothing new, one new bar each.
- Planning alone for 5,000 and 20,000, where nothing is stored: definitions, the universe with its
  partition keys, and what is missing of the chains of the first 50 instruments. Nothing else runs.
- The first pass over the smallest number with one and with two workers
  (`TRADING_PIPELINE_WORKERS`), each on a world of its own, whole: with Dagster and commits.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pass_meter import cpu_seconds, measured, quiet
from benchmarks.pass_world import PassWorld
from trading_pipeline.cli.run_command import work_through
from trading_pipeline.stages.coverage import chain_stages, models_of_a_pass, pending_in_order

__all__ = ["main"]

_WINDOWS = 5
_PLANNED_CHAINS = 50
_WORKERS = "TRADING_PIPELINE_WORKERS"


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description="What a pass costs by number of instruments.")
    for name, counts in (
        ("--instruments", [500, 2_000]),
        ("--planned", [5_000, 20_000]),
        ("--workers", [1, 2]),
    ):
        parser.add_argument(name, type=int, nargs="*", default=counts)
    asked = parser.parse_args()
    quiet()
    with tempfile.TemporaryDirectory(prefix="pass-scale-") as name:
        folder = Path(name)
        work_through((world := PassWorld(folder / "warm", 2, 3)).full_pass(), world.instruments)
        _row("instruments", "pass", "CPU s", "wall s", "CPU ms an instrument", "memory MB")
        _row("---:", "---", *["---:"] * 4)
        for count in asked.instruments:
            _print_passes(folder, count)
        _row("\n| instruments", "planning", "CPU s", "CPU ms an instrument")
        _row("---:", "---", "---:", "---:")
        for count in asked.planned:
            _print_planning(folder, count)
        if asked.instruments and len(asked.workers) > 1:
            _print_workers(folder, min(asked.instruments), asked.workers)


def _print_passes(folder: Path, count: int) -> None:
    world = PassWorld(folder / f"passes-{count}", count, _WINDOWS)
    for name in ("first", "nothing new", "one new bar"):
        if name == "one new bar":
            world.next_bar()
        with measured(world) as meter:
            report = work_through(world.full_pass(), world.instruments)
        if report.failures:
            raise SystemExit(f"The pass failed: {next(iter(report.failures.items()))}")
        cost = meter.cost()
        each = 1_000 * cost.cpu / count
        numbers = (f"{cost.cpu:.1f}", f"{cost.wall:.1f}", f"{each:.0f}", f"{cost.memory_mb:.0f}")
        _row(f"{count:,}", name, *numbers)


def _print_planning(folder: Path, count: int) -> None:
    world = PassWorld(folder / f"plan-{count}", count, _WINDOWS)
    began = cpu_seconds()
    full_pass = world.full_pass()
    _row(f"{count:,}", "definitions", *_share(cpu_seconds() - began, count))
    began = cpu_seconds()
    full_pass.reference_data()
    _row(f"{count:,}", "universe and partition keys", *_share(cpu_seconds() - began, count))
    workspace, chosen = full_pass.workspace, world.instruments[:_PLANNED_CHAINS]
    models = models_of_a_pass(workspace)
    began = cpu_seconds()
    with workspace.warehouse.read():
        for name in chosen:
            pending_in_order(chain_stages(workspace, name, models), workspace.windows_of(name))
    _row(f"{count:,}", f"chains of {len(chosen)}", *_share(cpu_seconds() - began, len(chosen)))


def _print_workers(folder: Path, count: int, workers: Sequence[int]) -> None:
    _row("\n| workers", f"wall s, first pass over {count:,}", "CPU s")
    _row("---:", "---:", "---:")
    before = os.environ.get(_WORKERS)
    for number in workers:
        os.environ[_WORKERS] = str(number)
        world = PassWorld(folder / f"workers-{number}", count, _WINDOWS)
        began, cpu = time.perf_counter(), cpu_seconds()
        work_through(world.full_pass(), world.instruments)
        took, used = time.perf_counter() - began, cpu_seconds() - cpu
        _row(str(number), f"{took:.1f}", f"{used:.1f}")
    if before is None:
        del os.environ[_WORKERS]
    else:
        os.environ[_WORKERS] = before


def _share(seconds: float, count: int) -> tuple[str, str]:
    return f"{seconds:.1f}", f"{1_000 * seconds / count:.1f}"


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |".replace("| \n|", "\n|"), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
