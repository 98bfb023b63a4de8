"""Benchmark of the bar store: ratios and times against DuckDB itself, as Markdown.

Run it with `python benchmarks/storage_speed.py`; `--rows` sets the size of the large table (default
50 million bars), `--folder` the folder of the files (removed at the end). One process, one run.
Other programs affect the times, and the ratios less; the read is judged by the CPU time of all
threads.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.hashing import frame_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.storage.duckdb_connection import connect
from trading_pipeline.storage.stores.bars import BarStore
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt
from trading_pipeline.storage.warehouse import Warehouse

START = datetime(2000, 1, 1, tzinfo=UTC)
WINDOW_ROWS, READ_ROWS, WRITE_ROWS = 43_000, 100_000, 10_000_000


def minute_bars(rows: int, *, seed: int = 0, start: datetime = START) -> pd.DataFrame:
    """Random consecutive one-minute bars; valid, and as hard to compress as real ones."""
    random = np.random.default_rng(seed)
    close = np.round(100.0 * np.exp(np.cumsum(random.normal(0.0, 0.0005, rows))), 4)
    opened = np.r_[100.0, close[:-1]]
    index = pd.date_range(start, periods=rows, freq="min", name="ts").astype(TS_DTYPE)
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) + 0.01,
            "low": np.minimum(opened, close) - 0.01,
            "close": close,
            "volume": random.integers(1, 10_000, rows).astype("float64"),
        },
        index=index,
    )


def attempt_at(instrument: str, window: Window, bars: pd.DataFrame) -> FetchAttempt:
    """The row of the fetch log that goes with these bars."""
    return FetchAttempt(
        instrument=instrument,
        window=window.key,
        source="benchmark",
        requested_from=window.start,
        requested_to=window.end,
        fetched_at=datetime.now(UTC),
        rows=len(bars),
        first_ts=bars.index[0],
        last_ts=bars.index[-1],
        content_hash=frame_hash(bars),
        state="FINAL",
        status="ok",
        run_id="benchmark",
    )


def window_of(bars: pd.DataFrame) -> Window:
    """A window around these bars."""
    first = bars.index[0].to_pydatetime()
    return Window(first, bars.index[-1].to_pydatetime() + timedelta(minutes=1))


def timed(work: Callable[[], object], repeats: int = 1) -> float:
    """Elapsed seconds of a call, the best of several."""
    return best(time.perf_counter, work, repeats)


def best(clock: Callable[[], float], work: Callable[[], object], repeats: int) -> float:
    """Smallest clock difference over several calls."""
    found = []
    for _ in range(repeats):
        begin = clock()
        work()
        found.append(clock() - begin)
    return min(found)


def fill(store: BarStore, rows: int) -> list[str]:
    """Write instruments of a million bars each, in two windows."""
    names = []
    bars = minute_bars(1_000_000)
    for number in range(max(1, rows // 1_000_000)):
        name = f"S{number:04d}_1m"
        for begin in range(0, len(bars), 500_000):
            part = bars.iloc[begin : begin + 500_000]
            window = window_of(part)
            store.replace_window(window, part, attempt_at(name, window, part), ())
        names.append(name)
    return names


def write_speed(folder: Path) -> dict[str, float]:
    """Seconds to write ten million bars, through the store and by DuckDB's COPY from Parquet."""
    bars = minute_bars(WRITE_ROWS)
    parquet = folder / "bars.parquet"
    window = window_of(bars)
    attempt = attempt_at("AAA_1m", window, bars)
    with connect() as connection:
        frame = bars.reset_index().assign(instrument="AAA_1m")
        connection.register("frame", frame)
        connection.execute(
            "COPY (SELECT instrument, ts, open, high, low, close, volume FROM frame) "
            f"TO '{parquet}' (FORMAT parquet)"
        )
    del frame
    own = Warehouse(folder / "own.duckdb")
    with own.write():
        pass
    seconds = {"store": timed(lambda: BarStore(own).replace_window(window, bars, attempt, ()))}
    path = folder / "copy.duckdb"
    with Warehouse(path).write():
        pass

    def copy() -> None:
        with connect(path) as connection:
            connection.execute("SET TimeZone='UTC'")
            connection.execute(f"COPY bars FROM '{parquet}' (FORMAT parquet)")

    seconds["copy"] = timed(copy)
    for file in folder.iterdir():
        file.unlink()
    return seconds


def replace_seconds(warehouse: Warehouse, instrument: str, repeats: int) -> float:
    """Seconds to replace a window of 43,000 bars in the middle of an instrument's series."""
    store = BarStore(warehouse)
    start = START + timedelta(minutes=400_000)
    rows = [minute_bars(WINDOW_ROWS, seed=seed, start=start) for seed in range(repeats + 1)]
    window = window_of(rows[0])
    work = iter([(each, attempt_at(instrument, window, each)) for each in rows])

    def one() -> None:
        bars, attempt = next(work)
        store.replace_window(window, bars, attempt, ())

    one()
    return timed(one, repeats)


def opening_ratio(warehouse: Warehouse, repeats: int = 30) -> float:
    """CPU time of an empty read of the warehouse over that of a new connection to its file."""

    def opened() -> None:
        with warehouse.read():
            pass

    def connected() -> None:
        connect(warehouse.path, read_only=True).close()

    opened()
    ours, theirs = (best(time.process_time, work, repeats) for work in (opened, connected))
    return ours / theirs


def main() -> int:
    """Run everything and print a table; 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        write = write_speed(folder)
        small, large = (Warehouse(folder / f"{size}.duckdb") for size in ("small", "large"))
        fill(BarStore(small), 1_000_000)
        instruments = fill(BarStore(large), arguments.rows)
        middle = instruments[len(instruments) // 2]
        times = [replace_seconds(small, "S0000_1m", arguments.repeats)]
        times.append(replace_seconds(large, middle, arguments.repeats))
        start = START + timedelta(minutes=500_000)
        span = start, start + timedelta(minutes=READ_ROWS)
        store = BarStore(large)
        store.read_span(middle, *span)
        turns = arguments.repeats * 2
        read = best(time.process_time, lambda: store.read_span(middle, *span), turns)
        by_clock = timed(lambda: store.read_span(middle, *span), turns)
        opening = opening_ratio(small)
        size = large.path.stat().st_size / 1e9
    ratio = times[1] / times[0]
    rows = [
        ("write 10 million bars, store / COPY", write["store"] / write["copy"], "ratio", 2.0),
        ("replace 43,000 bars, large / 1 million rows", ratio, "ratio", 1.5),
        ("read 100,000 bars of one instrument", read * 1000.0, "ms of CPU", 60.0),
        ("open for a read, warehouse / new connection", opening, "ratio", 0.5),
    ]
    lines = [
        f"Large table: {arguments.rows:,} rows, {size:.2f} GB; DuckDB {duckdb.__version__}.\n",
        "| what | measured | limit | kept |\n|---|---:|---:|---|",
    ]
    for what, value, unit, limit in rows:
        kept = "yes" if value < limit else "NO"
        lines.append(f"| {what} | {value:.2f} {unit} | {limit:g} {unit} | {kept} |")
    lines.append(
        f"\nStore {write['store']:.2f} s, COPY {write['copy']:.2f} s; replace "
        f"{times[0] * 1000:.0f} ms and {times[1] * 1000:.0f} ms; "
        f"read {by_clock * 1000:.0f} ms elapsed."
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if all(value < limit for _, value, _, limit in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
