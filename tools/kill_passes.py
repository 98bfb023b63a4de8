"""Kill passes at random moments, run them again, and compare with a pass that nobody disturbed.

    uv run python tools/kill_passes.py --kills 50 --seed 12

Each kill: a workspace of its own with one instrument, a model, two scenarios and a study; a pass is
ended by SIGKILL somewhere between its first and last moment, and the next pass runs to its end.
Then every table and file must equal those of the undisturbed pass, apart from times, run ids and
what follows from them, no unfinished file may be there, and no run may be open. Exit code 1 where
one differs. A process imports everything once and forks the passes, so that a kill takes seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from trading_pipeline.cli.run_command import work_through
from trading_pipeline.cli.session import open_pass
from trading_pipeline.defs import all_assets  # noqa: F401 - imported before the first fork
from trading_pipeline.defs.automation import full_pass  # noqa: F401
from trading_pipeline.defs.instance import open_instance
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.reports import tearsheet  # noqa: F401
from trading_pipeline.storage.duckdb_connection import connect
from trading_pipeline.storage.schema import TABLES

INSTRUMENT = "AAPL_1d"
FILES = {
    "universe.yaml": (
        "start: 2000-01-01\nend: 2003-01-01\ninstruments:\n"
        "  - {symbol: AAPL, timeframe: 1d, source: bundled}\n"
    ),
    "models/direction.yaml": (
        "name: direction\nestimator: {type: logistic, params: {C: 0.1}}\nfeatures: core\n"
        "training: {minimum_rows: 40}\n"
    ),
    "scenarios/sma_crossover.yaml": (
        "name: sma_crossover\nstrategy: {type: sma_crossover, params: {fast: 10, slow: 30}}\n"
        "instruments: [AAPL_1d]\ndates: {start: 2001-01-01, end: 2003-01-01}\n"
    ),
    "scenarios/ml_direction.yaml": (
        "name: ml_direction\n"
        "strategy: {type: ml_direction, params: {enter_above: 0.505, exit_below: 0.5}}\n"
        "instruments: [AAPL_1d]\ndates: {start: 2001-06-01, end: 2003-01-01}\n"
    ),
    "studies/sma_grid.yaml": (
        "name: sma_grid\nstrategy: sma_crossover\nscenario: sma_crossover\n"
        "space: {fast: {values: [5, 10]}, slow: {range: [10, 30, 10]}}\n"
        'constraints: ["fast < slow"]\n'
    ),
}
FOLDERS = ("cache", "models", "output", "config", "datasets", "inbox")
_OF_A_RUN = re.compile(r"(^|_)(at|run_id|seq|hash)$|^(previous|chain|asked_from|requested_to)")
_KEPT_HASHES = ("input_hash", "bars_hash", "content_hash", "settings_hash", "predictions_hash")
_LONGEST_PASS_SECONDS = 300.0


@dataclass
class Proof:
    """What the kills showed."""

    killed: int = 0
    ended_before: int = 0
    differences: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    seen_leftovers: int = 0
    failed: list[str] = field(default_factory=list)


def prove(
    kills: int,
    seed: int,
    folder: Path,
    *,
    minutes: float = float("inf"),
) -> Proof:
    """Kill that many passes; `folder` is empty and is filled.

    After so many minutes no further one is begun.
    """
    proof, chance = Proof(), random.Random(seed)
    undisturbed = folder / "undisturbed"
    run_undisturbed(undisturbed)
    # what is compiled and imported is there now, so the second one tells the usual time
    prepare(folder / "timed")
    started = time.monotonic()
    _wait(_fork(folder / "timed"), _LONGEST_PASS_SECONDS)
    usual = time.monotonic() - started
    wanted = contents(undisturbed)
    proof.differences += differences("two undisturbed passes", wanted, contents(folder / "timed"))
    end = time.monotonic() + 60.0 * minutes
    for number in range(kills):
        if time.monotonic() > end:
            break
        runtime = folder / f"kill-{number}"
        prepare(runtime)
        child = _fork(runtime)
        status = _wait(child, chance.uniform(0.0, usual))
        if status is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            proof.killed += 1
        else:
            proof.ended_before += 1
        proof.seen_leftovers += len(unfinished(runtime))
        if _wait(_fork(runtime), _LONGEST_PASS_SECONDS) != 0:
            proof.failed.append(f"kill {number}: the next pass failed")
        proof.differences += differences(f"kill {number}", wanted, contents(runtime))
        proof.leftovers += [f"kill {number}: {name}" for name in unfinished(runtime)]
    return proof


def run_undisturbed(runtime: Path) -> None:
    """A pass in a fork; afterwards this process has imported all that the pass did.

    So later forks need not import it. No more than that is shared: neither connections nor caches.
    """
    prepare(runtime)
    loaded = runtime.with_name("modules.json")
    if _wait(_fork(runtime, loaded), _LONGEST_PASS_SECONDS) != 0:
        raise RuntimeError("the undisturbed pass failed")
    for name in json.loads(loaded.read_text("utf-8")):
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def contents(runtime: Path) -> dict[str, str]:
    """A hash for every table and every file, without what differs from pass to pass."""
    found = {}
    with connect(runtime / "warehouse.duckdb", read_only=True) as connection:
        ids: dict[str, str] = {}
        for table in TABLES:
            cursor = connection.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            for row in rows:  # a page shows when it was made
                if table == "artifacts" and str(row["path"]).endswith(".html"):
                    row["sha256"] = "of a page"
            if table == "backtest_results":
                ids = {row["result_id"]: row["scenario"] for row in rows}
            found[f"table {table}"] = _table_hash(rows, ids)
    for name in FOLDERS:
        for path in sorted((runtime / name).rglob("*")):
            if path.is_file() and not path.name.endswith((".nbi", ".nbc")):
                found[_named(str(path.relative_to(runtime)), ids)] = _file_hash(path, runtime, ids)
    return found


def unfinished(runtime: Path) -> list[str]:
    """Files that only a process at work may have, and runs that are not closed."""
    names = [
        str(path.relative_to(runtime))
        for name in (*FOLDERS, "dagster", "locks", "warehouse.duckdb.queue")
        for path in (runtime / name).rglob("*")
        if name in ("locks", "warehouse.duckdb.queue") or path.name.endswith((".tmp", ".claim"))
    ]
    names += [path.name for path in runtime.glob("warehouse.duckdb.*") if path.name.endswith("new")]
    if (runtime / "dagster" / "history").is_dir():
        with _pointed_at(runtime), open_instance(load_settings()) as instance:
            open_runs = [run for run in instance.get_runs() if not run.is_finished]
        names += [f"run {run.run_id} is {run.status.value}" for run in open_runs]
    return names


class _pointed_at:  # noqa: N801 - used as a word
    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime

    def __enter__(self) -> None:
        os.environ["TRADING_PIPELINE_RUNTIME_DIR"] = str(self._runtime)

    def __exit__(self, *_: object) -> None:
        del os.environ["TRADING_PIPELINE_RUNTIME_DIR"]


def prepare(runtime: Path) -> None:
    """Write the settings of the tiny workspace."""
    for name, text in FILES.items():
        path = runtime / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _fork(runtime: Path, loaded: Path | None = None) -> int:
    """A pass in a child; its exit code is 1 where something failed.

    `loaded`: where it writes the names of the modules that it had at its end.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.environ["TRADING_PIPELINE_RUNTIME_DIR"] = str(runtime)
        report = work_through(open_pass(), [INSTRUMENT])
        code = 1 if report.failures else 0
        for what, text in report.failures.items():
            sys.stderr.write(f"{what}: {text}\n")
        if loaded is not None:
            names = [name for name in sys.modules if not name.startswith("__")]
            loaded.write_text(json.dumps(names), encoding="utf-8")
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        os._exit(code)


def _wait(child: int, seconds: float) -> int | None:
    """Exit status of the child; None where it goes on after that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.005)
    return None


def _is_of_a_run(column: str) -> bool:
    return bool(_OF_A_RUN.search(column)) and column not in _KEPT_HASHES


def _table_hash(rows: list[dict[str, object]], ids: dict[str, str]) -> str:
    kept = [{name: value for name, value in row.items() if not _is_of_a_run(name)} for row in rows]
    lines = sorted(_named(repr(row), ids) for row in kept)
    return f"{len(lines)} rows {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:12]}"


def _named(text: str, ids: dict[str, str]) -> str:
    """The text with the scenario in place of the id that its result happens to have."""
    for result, scenario in ids.items():
        text = text.replace(str(result), scenario)
    return text


def _file_hash(path: Path, runtime: Path, ids: dict[str, str]) -> str:
    content = path.read_bytes()
    if path.suffix in (".html", ".json", ".yaml", ".csv"):
        text = _named(content.decode(errors="replace"), ids).replace(str(runtime), "")
        text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.:+Z]*( UTC)?", "moment", text)
        text = re.sub(r"\b\d\d:\d\d\b", "moment", text)
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "run", text)
        content = text.encode()
    return hashlib.sha256(content).hexdigest()[:12]


def differences(what: str, wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """A line for each table and file that is not the same in both."""
    names = sorted(set(wanted) | set(found))
    return [
        f"{what}: {name}: {wanted.get(name, 'not there')} became {found.get(name, 'not there')}"
        for name in names
        if wanted.get(name) != found.get(name)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print what was found; 1 where something differs or is left over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin none later")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        proof = prove(given.kills, given.seed, Path(name), minutes=given.minutes)
    for line in [*proof.failed, *proof.differences, *proof.leftovers]:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(
        f"{proof.killed} passes killed, {proof.ended_before} ended before; unfinished after the "
        f"kills {proof.seen_leftovers}, after the next pass {len(proof.leftovers)}; differences "
        f"{len(proof.differences)}; failed passes {len(proof.failed)}\n"
    )
    return int(bool(proof.failed or proof.differences or proof.leftovers))


if __name__ == "__main__":
    sys.exit(main())
