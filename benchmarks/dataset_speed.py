"""Benchmark of `datasets inspect` and `preview` against DuckDB's own reading, as Markdown.

Run it with `python benchmarks/dataset_speed.py`; `--megabytes` sets the size of the generated file
(default 100; use 1000 to test the memory limit), `--folder` its folder (removed at the end). Three
files have the same rows: in order, out of order, and as twenty symbols in turn. Every reading runs
in a separate process, so that its memory is measured alone. CPU time is that of all threads; other
programs hardly affect it. Megabytes are 10^6 bytes of files and 2^20 bytes of memory.
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

from trading_pipeline.storage.duckdb_connection import connect

COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
LINE_BYTES = 54.5
START_ROWS = 500_000
SYMBOLS = 20
STRIDE = 7_368_787
"""A prime: stepping by it, modulo the number of rows, visits every row in another order."""
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
OWN = """
began = time.perf_counter()
sys.argv = ["trading-pipeline", "datasets", sys.argv[2], sys.argv[1], "--json"]
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
from trading_pipeline.storage.duckdb_connection import connect
started = time.process_time()
connection = connect(config={"threads": 2, "temp_directory": sys.argv[1] + ".spill"})
for batch in connection.sql(sys.argv[2]).to_arrow_reader(100_000):
    pass
spent(started, began)
"""


class Spent(NamedTuple):
    """CPU seconds without and with the start of Python, elapsed seconds with it, peak memory."""

    work: float
    cpu: float
    wall: float
    megabytes: int


def write_bars(path: Path, rows: int, order: str = "in order") -> None:
    """Clean one-minute bars without a gap, prices with two decimals, in one of three orders.

    In order; out of order; or as `SYMBOLS` symbols in turn, each in order.
    """
    place, symbol = "i", ""
    if order == "out of order":
        place = f"i * {STRIDE} % {rows}"
    elif order == "symbols":
        place, symbol = f"i // {SYMBOLS}", f", 'S' || i % {SYMBOLS} AS symbol"
    with connect(config={"threads": 1, "memory_limit": "500MB"}) as connection:
        connection.execute(
            "COPY (SELECT strftime(TIMESTAMP '1980-01-01' + "
            f"to_minutes(({place})::BIGINT), '%Y-%m-%d %H:%M:%S') AS timestamp, "
            "round(level, 2) AS open, round(level + 0.5 + h % 17 / 100, 2) AS high, "
            "round(level - 0.5 - h % 13 / 100, 2) AS low, "
            "round(level + (h % 41 - 20) / 50, 2) AS close, "
            f"1 + h % 9000 AS volume{symbol} FROM (SELECT i, (hash(i) % 1000000)::INTEGER AS h, "
            "1000 + 300 * sin(i / 50000) + (hash(i + 7) % 1000)::INTEGER / 1000 AS level "
            f"FROM range({rows}) AS numbers(i))) TO '{path}' (HEADER)"
        )


def spent_by(code: str, *arguments: str, runs: int) -> Spent:
    """Run code in new processes and return the run with the least CPU time."""
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


def typed_source(path: Path, *, symbol: bool = False) -> str:
    """SQL source by which DuckDB reads the file with its types."""
    types = ["TIMESTAMP", *["DOUBLE"] * 5, *["VARCHAR"] * symbol]
    names = [*COLUMNS, *["symbol"] * symbol]
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in zip(names, types, strict=True))
    return f"read_csv('{path}', delim=',', header=true, auto_detect=false, columns={{{typed}}})"


def queries(path: Path) -> dict[str, str]:
    """DuckDB queries that read every cell: all as text, and with types."""
    counts = ", ".join(f'count("{name}")' for name in COLUMNS)
    highest = ", ".join(f'max("{name}")' for name in COLUMNS)
    return {
        "DuckDB, all_varchar": f"SELECT {counts} FROM read_csv('{path}', delim=',', header=true, "
        "all_varchar=true)",
        "DuckDB, typed": f"SELECT {highest} FROM {typed_source(path)}",
    }


def measured(folder: Path, rows: int, runs: int) -> dict[str, Spent]:
    """Measure all readings of all files, with one file at a time on disk."""
    found = {}
    for order in ("in order", "out of order", "symbols"):
        path = folder / "bars.csv"
        write_bars(path, rows, order)
        name = "datasets inspect" if order == "in order" else f"datasets inspect, {order}"
        if order == "in order":
            for rival, query in queries(path).items():
                found[rival] = spent_by(DUCKDB, str(path), query, runs=runs)
            found["datasets preview"] = spent_by(OWN, str(path), "preview", runs=runs)
        else:
            by = "timestamp" if order == "out of order" else "symbol, timestamp"
            source = typed_source(path, symbol=order == "symbols")
            query = f"SELECT * FROM {source} ORDER BY {by}"
            found[f"DuckDB, typed, ORDER BY {by}"] = spent_by(DUCKDB, str(path), query, runs=runs)
        found[name] = spent_by(OWN, str(path), "inspect", runs=runs)
        path.unlink()
    return found


def main() -> int:
    """Print the table; 1 if inspecting takes 1.5 times the typed read, 5 s to start or 300 MB."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None)
    arguments = parser.parse_args()
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    rows = int(arguments.megabytes * 1e6 / LINE_BYTES)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        found = measured(Path(folder), rows, arguments.runs)
        small = Path(folder) / "small.csv"
        write_bars(small, START_ROWS)
        start = spent_by(OWN, str(small), "inspect", runs=arguments.runs)
    typed = found["DuckDB, typed"]
    lines = [
        f"{rows:,} one-minute bars, {arguments.megabytes:,} MB of CSV, best of "
        f"{arguments.runs} run(s), DuckDB {duckdb.__version__}.\n",
        "| reading | CPU s | with start, CPU s | with start, s | peak memory MB | CPU / typed |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, each in found.items():
        lines.append(
            f"| {name} | {each.work:.2f} | {each.cpu:.2f} | {each.wall:.2f} | {each.megabytes} "
            f"| {each.work / typed.work:.2f} |"
        )
    lines.append(
        f"\n`datasets inspect` of {START_ROWS:,} rows: {start.wall:.2f} s with its start "
        f"({start.cpu:.2f} s of CPU)."
    )
    sys.stdout.write("\n".join(lines) + "\n")
    own = [each for name, each in found.items() if name.startswith("datasets")]
    fast = found["datasets inspect"].work < 1.5 * typed.work and start.wall < 5
    return 0 if fast and max(each.megabytes for each in own) < 300 else 1


if __name__ == "__main__":
    sys.exit(main())
