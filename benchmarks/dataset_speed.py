"""This file holds the benchmark of `datasets inspect` against DuckDB's own reading, as Markdown.

Run it with `python benchmarks/dataset_speed.py`; `--megabytes` sets the size of the generated file
(default 100; a thousand for the limit of memory), `--folder` where it goes (removed at the end). Every
reading is a process of its own, so that its memory is its own. CPU time is that of all threads; it is
little disturbed by other programs. Megabytes are 10^6 bytes of files and 2^20 bytes of memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import duckdb

COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
LINE_BYTES = 54.5
START_ROWS = 500_000
MEASURED = """
import json, sys, time
from pathlib import Path

def spent(start, begin):
    status = Path("/proc/self/status")
    if status.exists():  # the count of the resource module begins with that of the parent
        words = status.read_text().split()
        memory = int(words[words.index("VmHWM:") + 1]) // 1024
    else:
        import resource
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20
    now, clock = time.process_time(), time.perf_counter()
    print(json.dumps([now - start, now, clock - begin, memory]))
"""
INSPECT = """
began = time.perf_counter()
sys.argv = ["trading-pipeline", "datasets", "inspect", sys.argv[1], "--json"]
import trading_pipeline.cli.datasets_command
from trading_pipeline.cli import main
started = time.process_time()
try:
    main()
except SystemExit as ended:
    if ended.code:
        raise
spent(started, began)
"""
DUCKDB = """
began = time.perf_counter()
import duckdb
started = time.process_time()
connection = duckdb.connect(config={"threads": 2})
connection.sql(sys.argv[2]).fetchall()
spent(started, began)
"""


class Spent(NamedTuple):
    """Seconds of CPU without and with the start of Python, by the clock with it, and peak memory."""

    work: float
    cpu: float
    wall: float
    megabytes: int


def write_bars(path: Path, rows: int) -> None:
    """Clean one-minute bars without a gap, prices with two decimals."""
    with duckdb.connect(config={"threads": 1, "memory_limit": "500MB"}) as connection:
        connection.execute(
            "COPY (SELECT strftime(TIMESTAMP '1980-01-01' + to_minutes(i), '%Y-%m-%d %H:%M:%S') AS "
            "timestamp, round(level, 2) AS open, round(level + 0.5 + h % 17 / 100, 2) AS high, "
            "round(level - 0.5 - h % 13 / 100, 2) AS low, round(level + (h % 41 - 20) / 50, 2) AS close, "
            "1 + h % 9000 AS volume FROM (SELECT i, (hash(i) % 1000000)::INTEGER AS h, "
            "1000 + 300 * sin(i / 50000) + (hash(i + 7) % 1000)::INTEGER / 1000 AS level "
            f"FROM range({rows}) AS numbers(i))) TO '{path}' (HEADER)"
        )


def spent_by(code: str, *arguments: str, runs: int) -> Spent:
    """Run code in new processes; the run with the least CPU time."""
    found = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-c", MEASURED + code, *arguments],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        found.append(Spent(*json.loads(done.stdout.splitlines()[-1])))
    return min(found)


def queries(path: Path) -> dict[str, str]:
    """DuckDB's readings: all cells as text, and with its types; each looks at every cell."""
    counts = ", ".join(f'count("{name}")' for name in COLUMNS)
    highest = ", ".join(f'max("{name}")' for name in COLUMNS)
    types = ["TIMESTAMP", *["DOUBLE"] * 5]
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in zip(COLUMNS, types, strict=True))
    return {
        "DuckDB, all_varchar": f"SELECT {counts} FROM read_csv('{path}', delim=',', header=true, "
        "all_varchar=true)",
        "DuckDB, typed": f"SELECT {highest} FROM read_csv('{path}', delim=',', header=true, "
        f"auto_detect=false, columns={{{typed}}})",
    }


def main() -> int:
    """Print the table; 1 where inspecting takes twice the typed read, 5 s to start or 300 MB."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None)
    arguments = parser.parse_args()
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path, small = Path(folder) / "bars.csv", Path(folder) / "small.csv"
        rows = int(arguments.megabytes * 1e6 / LINE_BYTES)
        write_bars(path, rows)
        write_bars(small, START_ROWS)
        runs = arguments.runs
        rivals = {
            name: spent_by(DUCKDB, str(path), query, runs=runs)
            for name, query in queries(path).items()
        }
        own = spent_by(INSPECT, str(path), runs=runs)
        start = spent_by(INSPECT, str(small), runs=runs)
        size = path.stat().st_size / 1e6
    typed = rivals["DuckDB, typed"]
    lines = [
        f"{rows:,} one-minute bars, {size:,.0f} MB of CSV, best of {runs} run(s), DuckDB "
        f"{duckdb.__version__}.\n",
        "| reading | CPU s | with start, CPU s | with start, s | peak memory MB | CPU / typed |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, each in {**rivals, "datasets inspect": own}.items():
        lines.append(
            f"| {name} | {each.work:.2f} | {each.cpu:.2f} | {each.wall:.2f} | {each.megabytes} "
            f"| {each.work / typed.work:.2f} |"
        )
    lines.append(
        f"\n`datasets inspect` of {START_ROWS:,} rows: {start.wall:.2f} s with its start "
        f"({start.cpu:.2f} s of CPU)."
    )
    sys.stdout.write("\n".join(lines) + "\n")
    fast = own.work < 2 * typed.work and start.wall < 5
    return 0 if fast and own.megabytes < 300 else 1


if __name__ == "__main__":
    sys.exit(main())
