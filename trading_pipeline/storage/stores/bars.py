"""This file holds how bars, fetch attempts, findings and rejected bars are kept in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from trading_pipeline.domain.bars import BAR_COLUMNS, TS_DTYPE, empty_bars, utc_index
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import WarehouseError
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt, require_usable
from trading_pipeline.storage.stores.row_tables import fetch_rows, insert_rows
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["BarStore", "FetchAttempt", "require_usable"]


class BarStore:
    """Bars by instrument and window; every window that is read must have been fetched and passed."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def replace_window(
        self,
        window: Window,
        bars: pd.DataFrame,
        attempt: FetchAttempt,
        findings: Sequence[Any],
        revisions: pd.DataFrame | None = None,
    ) -> None:
        """Put `bars` in place of the window's old ones, with the attempt's row, in one transaction.

        `revisions`: what that changes in past bars (columns ts, field, old, new), for `bar_revisions`.
        Raises `WarehouseError` for a bar outside the window, or an attempt at another window.
        """
        _require_inside(window, bars, attempt)
        with self._warehouse.write() as connection:
            connection.execute(
                "DELETE FROM bars WHERE instrument = ? AND ts >= ?::TIMESTAMPTZ "
                "AND ts < ?::TIMESTAMPTZ",
                [attempt.instrument, window.start, window.end],
            )
            _insert_bars(connection, "bars", attempt.instrument, bars)
            if revisions is not None and len(revisions):
                _insert_revisions(connection, revisions, attempt)
            _log_attempt(connection, attempt, findings)

    def reject_window(
        self, bars: pd.DataFrame, attempt: FetchAttempt, findings: Sequence[Any]
    ) -> None:
        """Keep the old bars; the candidates go to `bars_rejected`, the attempt bars later reads."""
        with self._warehouse.write() as connection:
            _insert_bars(
                connection,
                "bars_rejected",
                attempt.instrument,
                bars,
                {"run_id": attempt.run_id, "reason": attempt.reason or ""},
            )
            _log_attempt(connection, attempt, findings)

    def log_attempt(self, attempt: FetchAttempt, findings: Sequence[Any] = ()) -> None:
        """Record an attempt that changed no bars: it failed, or brought what is there already."""
        with self._warehouse.write() as connection:
            _log_attempt(connection, attempt, findings)

    def newest_attempts(self, instrument: str) -> dict[str, FetchAttempt]:
        """By window key the newest attempt that decided on its content (fetches that brought nothing
        left out)."""
        return self._attempts(instrument, "status NOT IN ('failed', 'no_data')")

    def negative_answers(self, instrument: str, now: datetime) -> dict[str, FetchAttempt]:
        """By window key the newest "no data" answer that has not expired, unless bars came since."""
        found = self._attempts(instrument, "status <> 'failed'")
        return {
            key: attempt
            for key, attempt in found.items()
            if attempt.status == "no_data" and attempt.expires_at and attempt.expires_at > now
        }

    def _attempts(self, instrument: str, condition: str) -> dict[str, FetchAttempt]:
        with self._warehouse.read() as connection:
            rows = fetch_rows(
                connection,
                f"SELECT * FROM fetch_log WHERE instrument = ? AND {condition} "
                "ORDER BY fetched_at, rowid",
                [instrument],
            )
        return {row["window"]: FetchAttempt(**row) for row in rows}

    def findings(self, instrument: str) -> dict[str, list[dict[str, Any]]]:
        """By window key the findings of the attempt that `newest_attempts` gives."""
        newest = self.newest_attempts(instrument)
        with self._warehouse.read() as connection:
            rows = fetch_rows(
                connection,
                'SELECT DISTINCT "window", check_name, severity, ts, value, detail, found_at '
                "FROM quality_findings WHERE instrument = ? ORDER BY ALL",
                [instrument],
            )
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            attempt = newest.get(row["window"])
            if attempt is not None and attempt.fetched_at == row.pop("found_at"):
                found.setdefault(row.pop("window"), []).append(row)
        return found

    def read(self, instrument: str, windows: Sequence[Window]) -> pd.DataFrame:
        """Bars as traded of the windows, in time order; the contract's frame.

        Raises `InsufficientDataError` for a window that was never fetched, and `DataQualityError`
        for one whose newest attempt failed a blocking check.
        """
        attempts = self.newest_attempts(instrument)
        require_usable(instrument, windows, attempts)
        if not windows:
            return empty_bars()
        start, end = min(w.start for w in windows), max(w.end for w in windows)
        bars = self.read_span(instrument, start, end)
        keep = np.zeros(len(bars), dtype=bool)
        for window in windows:
            keep |= (bars.index >= window.start) & (bars.index < window.end)
        return bars if keep.all() else bars.loc[keep]

    def read_span(
        self, instrument: str, start: datetime | None, end: datetime | None
    ) -> pd.DataFrame:
        """Bars with `start <= ts < end` whatever their windows' state; None is unbounded."""
        sql = "SELECT epoch_us(ts) AS ts, open, high, low, close, volume FROM bars WHERE instrument = ?"
        parameters: list[Any] = [instrument]
        for clause, bound in (
            (" AND ts >= ?::TIMESTAMPTZ", start),
            (" AND ts < ?::TIMESTAMPTZ", end),
        ):
            if bound is not None:
                sql += clause
                parameters.append(bound)
        with self._warehouse.read() as connection:
            columns = connection.execute(sql, parameters).fetchnumpy()
        return _frame(columns)

    def read_tail(self, instrument: str, before: datetime, rows: int) -> pd.DataFrame:
        """The last `rows` bars with `ts < before`, in time order."""
        with self._warehouse.read() as connection:
            columns = connection.execute(
                "SELECT * FROM (SELECT epoch_us(ts) AS ts, open, high, low, close, volume FROM bars "
                "WHERE instrument = ? AND ts < ?::TIMESTAMPTZ ORDER BY ts DESC LIMIT ?) ORDER BY ts",
                [instrument, before, rows],
            ).fetchnumpy()
        return _frame(columns)

    def content_hashes(self, instrument: str, windows: Sequence[Window]) -> dict[str, str]:
        """Content hash by window key; raises as `read` does."""
        attempts = self.newest_attempts(instrument)
        require_usable(instrument, windows, attempts)
        return {window.key: attempts[window.key].content_hash or "" for window in windows}

    def counts(self) -> dict[str, int]:
        """Number of bars by instrument."""
        with self._warehouse.read() as connection:
            rows = connection.execute(
                "SELECT instrument, count(*) FROM bars GROUP BY instrument ORDER BY instrument"
            ).fetchall()
        return {name: int(count) for name, count in rows}


def _require_inside(window: Window, bars: pd.DataFrame, attempt: FetchAttempt) -> None:
    if attempt.window != window.key:
        raise WarehouseError(
            f"The attempt at the window {attempt.window} of {attempt.instrument} cannot stand for bars "
            f"of the window {window.key}. Give the attempt of that window.",
            window=window.key,
        )
    index = utc_index(bars.index)
    start, end = pd.Timestamp(window.start), pd.Timestamp(window.end)
    outside = index[~((index >= start) & (index < end))]
    if len(outside):
        raise WarehouseError(
            f"{len(outside)} of {len(index)} bars do not lie in the window {window.key} of "
            f"{attempt.instrument} (the first at {outside[0]}), so none was written. Cut the bars at "
            "the window's start and end.",
            window=window.key,
            outside=len(outside),
        )


def _insert_bars(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    instrument: str,
    bars: pd.DataFrame,
    constants: Mapping[str, str] | None = None,
) -> None:
    if not len(bars):
        return
    index = utc_index(bars.index)
    stamps = pa.array(index.asi8, type=pa.int64(), mask=np.asarray(index.isna()))
    columns: dict[str, Any] = {"ts": stamps.cast(pa.timestamp("us", tz="UTC"))}
    columns |= {name: pa.array(bars[name].to_numpy("float64")) for name in BAR_COLUMNS}
    source = pa.table(columns)
    constants = {"instrument": instrument} | dict(constants or {})
    names = ", ".join([*constants, *columns])
    connection.register("incoming_bars", source)
    try:
        connection.execute(
            f"INSERT INTO {table} ({names}) SELECT {', '.join('?' for _ in constants)}, "
            f"ts::TIMESTAMPTZ, {', '.join(BAR_COLUMNS)} FROM incoming_bars ORDER BY ts",
            list(constants.values()),
        )
    finally:
        connection.unregister("incoming_bars")


def _insert_revisions(
    connection: duckdb.DuckDBPyConnection, revisions: pd.DataFrame, attempt: FetchAttempt
) -> None:
    stamps = pa.array(pd.DatetimeIndex(revisions["ts"]).as_unit("us").asi8, type=pa.int64())
    columns = {
        "ts": stamps.cast(pa.timestamp("us", tz="UTC")),
        "field": pa.array(revisions["field"].tolist(), type=pa.string()),
        **{
            name: pa.array(revisions[name].to_numpy("float64"), from_pandas=True)
            for name in ("old", "new")
        },
    }
    connection.register("incoming_revisions", pa.table(columns))
    try:
        connection.execute(
            'INSERT INTO bar_revisions (instrument, ts, field, "old", "new", seen_at, run_id) '
            'SELECT ?, ts::TIMESTAMPTZ, field, "old", "new", ?::TIMESTAMPTZ, ? '
            "FROM incoming_revisions ORDER BY ts",
            [attempt.instrument, attempt.fetched_at, attempt.run_id],
        )
    finally:
        connection.unregister("incoming_revisions")


def _log_attempt(
    connection: duckdb.DuckDBPyConnection, attempt: FetchAttempt, findings: Sequence[Any]
) -> None:
    insert_rows(connection, "fetch_log", [attempt.as_row()])
    rows = [
        {
            "instrument": attempt.instrument,
            "window": attempt.window,
            "check_name": finding.check_name,
            "severity": finding.severity,
            "ts": finding.ts,
            "value": finding.value,
            "detail": finding.detail,
            "run_id": attempt.run_id,
            "found_at": attempt.fetched_at,
        }
        for finding in findings
    ]
    insert_rows(connection, "quality_findings", rows)


def _frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    index = pd.DatetimeIndex(np.asarray(columns["ts"]).astype("datetime64[us]"))
    data = {name: np.ma.filled(columns[name], np.nan) for name in BAR_COLUMNS}
    frame = pd.DataFrame(data, index=index.tz_localize("UTC").rename("ts"))
    frame = frame.astype("float64").set_axis(frame.index.astype(TS_DTYPE), axis=0)
    if frame.index.is_monotonic_increasing:
        return frame
    # a window that was written again stands at the table's end; sorting here is cheaper than ORDER BY
    return frame.iloc[np.argsort(pd.DatetimeIndex(frame.index).asi8, kind="stable")]
