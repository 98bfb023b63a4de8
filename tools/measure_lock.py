"""Writers and readers of one warehouse at the same time: operations of each, and the longest wait.

    uv run python tools/measure_lock.py --writers 4 --readers 2 --seconds 10

Each is a process that opens the warehouse again and again without a pause. Prints a line for each
and one for an acquire without anybody else; exit code 1 where one had an error.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_pipeline.storage.file_lock import hold_lock
from trading_pipeline.storage.warehouse import Warehouse

ALONE = 300


@dataclass(frozen=True)
class Work:
    """What one process did: waits in seconds, from asking to having the connection."""

    name: str
    operations: int
    longest_wait: float
    mean_wait: float
    error: str


def measure(writers: int, readers: int, seconds: float, wait_seconds: float = 30.0) -> list[Work]:
    """What each writer and reader did to a warehouse of its own folder."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        with Warehouse(path).write():
            pass
        answers: Any = context.Queue()
        together = context.Barrier(writers + readers)
        names = [f"writer {n + 1}" for n in range(writers)]
        names += [f"reader {n + 1}" for n in range(readers)]
        children = [
            context.Process(
                target=_work, args=(name, path, seconds, wait_seconds, together, answers)
            )
            for name in names
        ]
        for child in children:
            child.start()
        found = [answers.get(timeout=seconds + 120) for _ in children]
        for child in children:
            child.join()
    return sorted(found, key=lambda work: names.index(work.name))


def alone() -> dict[str, float]:
    """Microseconds of an acquire and release with nobody else there, the least of seven turns."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "alone.lock"
        for name, exclusive in (("writer", True), ("reader", False)):
            turns = []
            for _ in range(7):
                started = time.perf_counter()
                for _ in range(ALONE):
                    with hold_lock(path, exclusive=exclusive, wait_seconds=1.0):
                        pass
                turns.append((time.perf_counter() - started) / ALONE)
            found[name] = min(turns) * 1e6
    return found


def _work(
    name: str, path: Path, seconds: float, wait_seconds: float, together: Any, answers: Any
) -> None:
    warehouse = Warehouse(path, wait_seconds=wait_seconds)
    waits, error = [], ""
    writes = name.startswith("writer")
    _use_once(path.with_name(f"{name}.duckdb"))
    together.wait(120)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            asked = time.monotonic()
            if writes:
                with warehouse.write() as connection:
                    waits.append(time.monotonic() - asked)
                    connection.execute(
                        "INSERT INTO daily_results SELECT ?, DATE '2012-01-01' + range::INTEGER, "
                        "?, 1, false FROM range(50)",
                        [f"{name}-{len(waits)}", float(len(waits))],
                    )
            else:
                with warehouse.read() as connection:
                    waits.append(time.monotonic() - asked)
                    sizes = connection.execute(
                        "SELECT DISTINCT count(*) FROM daily_results GROUP BY result_id"
                    ).fetchall()
                if sizes not in ([], [(50,)]):
                    raise ValueError(f"a part of a write was read: {sizes}")
    except Exception as wrong:
        error = f"{type(wrong).__name__}: {wrong}"
    mean = sum(waits) / max(1, len(waits))
    answers.put(Work(name, len(waits), max(waits, default=0.0), mean, error))


def _use_once(path: Path) -> None:
    """Import what DuckDB imports at its first statement, as a pass has done long before."""
    with Warehouse(path).write() as connection:
        connection.execute(
            "INSERT INTO daily_results SELECT ?, DATE '2012-01-01', ?, 1, false", ["x", 1.0]
        )


def main(arguments: list[str] | None = None) -> int:
    """Print what was measured; 1 where a process had an error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args(arguments)
    for name, microseconds in alone().items():
        _say(f"{name} alone: {microseconds:.0f} microseconds an acquire")
    found = measure(given.writers, given.readers, given.seconds)
    for work in found:
        _say(
            f"{work.name}: {work.operations} operations, longest wait {work.longest_wait:.2f} s, "
            f"mean {work.mean_wait:.3f} s{', ' + work.error if work.error else ''}"
        )
    _say(f"longest wait of all {max(work.longest_wait for work in found):.2f} s")
    _say(f"errors {sum(bool(work.error) for work in found)}")
    return int(any(work.error for work in found))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
