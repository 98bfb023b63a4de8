"""The door to the warehouse for notebooks: a short read, or a copy that blocks no run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from trading_pipeline.domain.bars_with_actions import BarsWithActions
from trading_pipeline.domain.moments import midnight
from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.storage.duckdb_connection import connect
from trading_pipeline.storage.file_lock import hold_lock
from trading_pipeline.storage.notebook_results import StoredResults
from trading_pipeline.storage.parquet_files import write_atomically
from trading_pipeline.storage.stores.bar_content import (
    changed_bars_error,
    changed_windows,
    held_span,
)
from trading_pipeline.storage.stores.bars import BarStore
from trading_pipeline.storage.stores.reference import ReferenceStore
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["open_results", "read_bars"]


def open_results(snapshot: Path | str | None = None) -> StoredResults:
    """The stored results of the project; each method of `StoredResults` reads for a moment.

    `with open_results() as results` keeps a read-only connection open for the block, and takes SQL:
    `results.execute(...)`. Keep the block short, since writers wait for it. Or give a path as
    `snapshot`: the warehouse is copied there first, replacing what is there, and reading the copy
    blocks no run.
    """
    settings = load_settings()
    warehouse = Warehouse(settings.warehouse_path, wait_seconds=settings.warehouse_wait_seconds)
    if snapshot is not None:
        with warehouse.read():
            pass  # tables are there, and the version is one that this code knows
        wait_seconds = settings.warehouse_wait_seconds
        target = Path(snapshot).expanduser()
        with hold_lock(warehouse.lock_path, exclusive=True, wait_seconds=wait_seconds):
            write_atomically(target, lambda p: _copy(warehouse.path, p))
        warehouse = Warehouse(target)
    return StoredResults(warehouse, settings.runtime)


def read_bars(
    connection: duckdb.DuckDBPyConnection | StoredResults,
    instrument: str,
    *,
    start: date | datetime | None = None,
    end: date | datetime | None = None,
) -> BarsWithActions:
    """Bars as traded with `start <= ts < end` and all actions of an instrument, for a backtest.

    `connection`: from `open_results`. `start`, `end`: dates (UTC) or aware moments; None is
    unbounded. Bars alone would let a holding lose half its value at a split of two for one.

    Raises `UnknownNameError` for an instrument without bars, `ConfigurationError` for a naive
    moment, and `DataQualityError` where bars of that span failed a blocking check, or are not those
    that were fetched.
    """
    if isinstance(connection, StoredResults):
        with connection.reading() as held:
            return read_bars(held, instrument, start=start, end=end)
    first, last = _moment(start), _moment(end)
    opened = _Opened(connection)
    store = BarStore(opened)
    counts = store.counts()
    if instrument not in counts:
        raise UnknownNameError(
            f"The warehouse has no bars of {instrument!r}. {did_you_mean(instrument, counts)}",
            name=instrument,
        )
    for attempt in store.newest_attempts(instrument).values():
        within = (last is None or attempt.requested_from < last) and (
            first is None or attempt.requested_to > first
        )
        if within and attempt.status == "rejected":
            raise DataQualityError(
                f"The newest bars of {instrument} for the window {attempt.window} failed a "
                f"blocking check ({attempt.reason}), so nothing may be built on them. Look at the "
                "table quality_findings, correct the source, and fetch them again with: "
                f"trading-pipeline run {instrument}; or read another span.",
                instrument=instrument,
                window=attempt.window,
            )
    bars = _verified(store, instrument, first, last)
    return BarsWithActions(bars, tuple(ReferenceStore(opened).actions(instrument)))


def _verified(
    store: BarStore, instrument: str, first: datetime | None, last: datetime | None
) -> pd.DataFrame:
    """Bars of the span, after all bars of the windows that it touches were verified."""
    attempts = store.content_attempts(instrument)
    spans = {key: held_span(key, attempts) for key in attempts}
    touched = {
        key: (start, end)
        for key, (start, end) in spans.items()
        if (last is None or start is None or start < last)
        and (first is None or end is None or end > first)
    }
    bounds = list(touched.values()) or [(None, None)]
    begin = None if any(start is None for start, _ in bounds) else min(s for s, _ in bounds if s)
    stop = None if any(end is None for _, end in bounds) else max(e for _, e in bounds if e)
    bars = store.read_span(instrument, begin, stop)
    changed = changed_windows(bars, {key: attempts[key] for key in touched})
    if changed:
        raise changed_bars_error(instrument, changed)
    index = bars.index
    keep = slice(
        0 if first is None else int(index.searchsorted(pd.Timestamp(first))),
        len(index) if last is None else int(index.searchsorted(pd.Timestamp(last))),
    )
    return bars.iloc[keep]


class _Opened(Warehouse):
    """A connection that is open already, for the stores; the block that opened it closes it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection."""
        yield self._connection


def _moment(given: date | datetime | None) -> datetime | None:
    if given is not None and not isinstance(given, date):
        raise ConfigurationError(
            f"The span is given by {given!r}, a {type(given).__name__}. Give a date, as in "
            "date(2012, 1, 1), or a moment with a time zone.",
            value=given,
        )
    if given is None or not isinstance(given, datetime):
        return None if given is None else midnight(given)
    if given.tzinfo is None:
        raise ConfigurationError(
            f"The moment {given} has no time zone. Give a date, or a moment with one, as in "
            "datetime(2012, 1, 1, tzinfo=UTC).",
            value=given,
        )
    return given


def _copy(source: Path, target: Path) -> None:
    # through the database, so that the write-ahead log is copied too
    with connect() as connection:
        connection.execute(f"ATTACH '{_quoted(source)}' AS source (READ_ONLY)")
        connection.execute(f"ATTACH '{_quoted(target)}' AS target (STORAGE_VERSION 'v1.5.0')")
        connection.execute("COPY FROM DATABASE source TO target")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
