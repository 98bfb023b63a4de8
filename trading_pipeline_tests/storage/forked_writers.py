"""A helper process that writes to a warehouse from forked children, and kills them.

It imports the storage layer once and forks for every job, so that twenty kills take seconds. It
reads one JSON job a line and answers one JSON line. It never opens the warehouse itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.domain.windows import Window
from trading_pipeline.storage.stores.bars import BarStore, FetchAttempt
from trading_pipeline.storage.warehouse import Warehouse

WINDOW = Window(datetime(2012, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC))
ROWS = 8_000
INSTRUMENT = "KILLED_1m"


def bars_of(version: int) -> pd.DataFrame:
    """A window in which every number is the version, so that a mixture is seen at once."""
    index = pd.date_range(WINDOW.start, periods=ROWS, freq="min", unit="us", name="ts")
    return pd.DataFrame({name: np.full(ROWS, float(version)) for name in BAR_COLUMNS}, index=index)


def attempt_of(version: int, instrument: str = INSTRUMENT) -> FetchAttempt:
    """The attempt that belongs to those bars; its content hash is the version."""
    return FetchAttempt(
        instrument=instrument,
        window=WINDOW.key,
        source="test",
        requested_from=WINDOW.start,
        requested_to=WINDOW.end,
        fetched_at=datetime.now(UTC),
        rows=ROWS,
        status="ok",
        state="FINAL",
        run_id="killed",
        content_hash=str(version),
    )


def write_version(warehouse: Warehouse, version: int) -> None:
    """Replace the window by that version."""
    BarStore(warehouse).replace_window(WINDOW, bars_of(version), attempt_of(version), ())


def _in_child(action: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        action()
        code = 0
    finally:
        os._exit(code)


def _kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _await_new_file(path: Path) -> None:
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        if any(not p.name.endswith((".lock", ".queue")) for p in path.parent.glob(f"{path.name}*")):
            return


def _write(job: dict[str, Any]) -> dict[str, Any]:
    """Write a version in a child: killed in the hook, after some seconds, or not at all.

    The seconds count from the start, or with `from_creation` from the first byte of a new file.
    """
    hook = _kill_self if job["kill"] == "before_commit" else None
    warehouse = Warehouse(Path(job["path"]), wait_seconds=10.0, before_commit=hook)
    started = time.monotonic()
    child = _in_child(lambda: write_version(warehouse, job["version"]))
    if isinstance(job["kill"], float):
        if job.get("from_creation"):
            _await_new_file(Path(job["path"]))
        time.sleep(job["kill"])
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {"killed": killed, "status": status, "seconds": time.monotonic() - started}


def _together(job: dict[str, Any]) -> dict[str, Any]:
    """Several children at once; every even one writes trials, every odd one reads what there is."""

    def write(number: int) -> None:
        warehouse = Warehouse(Path(job["path"]), wait_seconds=30.0)
        for turn in range(job["each"]):
            with warehouse.write() as connection:
                connection.execute(
                    "INSERT INTO daily_results SELECT ?, DATE '2012-01-01' + range::INTEGER, ?, 1, "
                    "false FROM range(50)",
                    [f"{number}-{turn}", float(turn)],
                )

    def read() -> None:
        warehouse = Warehouse(Path(job["path"]), wait_seconds=30.0)
        for _ in range(job["each"]):
            with warehouse.read() as connection:
                sizes = connection.execute(
                    "SELECT DISTINCT count(*) FROM daily_results GROUP BY result_id"
                ).fetchall()
            if sizes not in ([], [(50,)]):
                raise SystemExit(f"a reader saw a part of a write: {sizes}")

    children = [
        _in_child((lambda n=number: write(n)) if number % 2 == 0 else read)
        for number in range(job["children"])
    ]
    return {"statuses": [os.waitpid(child, 0)[1] for child in children]}


def main() -> None:
    """Answer the jobs of standard input."""
    jobs = {"write": _write, "together": _together}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        job = json.loads(line)
        sys.stdout.write(json.dumps(jobs[job["do"]](job)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
