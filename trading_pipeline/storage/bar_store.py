"""This file holds how bars, fetch attempts, findings and rejected bars are kept in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from trading_pipeline.domain.bars import BAR_COLUMNS, TS_DTYPE, empty_bars, utc_index
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import DataQualityError, InsufficientDataError, WarehouseError
from trading_pipeline.storage.row_tables import fetch_rows, insert_rows
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["BarStore", "FetchAttempt", "require_usable"]


@dataclass(frozen=True, kw_only=True)
class FetchAttempt:
    """One row of `fetch_log`: what was asked for a window, and what came of it.

    `status`: ok, not_listed, rejected (failed a blocking check) or failed (the source did not
    answer). `state`: OPEN, SETTLING or FINAL. `content_hash`: of the bars stored after the attempt.
    """

    instrument: str
    window: str
    source: str
    requested_from: datetime
    requested_to: datetime
    fetched_at: datetime
    rows: int
    status: str
    state: str
    run_id: str
    first_ts: datetime | None = None
    last_ts: datetime | None = None
    content_hash: str | None = None
    reason: str | None = None
    expires_at: datetime | None = None
    client_version: str | None = None

    def as_row(self) -> dict[str, Any]:
        """The row by column name."""
        return dict(vars(self))


class BarStore:
    """Bars by instrument and window; every window that is read must have been fetched and passed."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def replace_window(
        self, window: Window, bars: pd.DataFrame, attempt: FetchAttempt, findings: Sequence[Any]
    ) -> None:
        """Put `bars` in place of the window's old ones, with the attempt's row, in one transaction.

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

    def log_attempt(self, attempt: FetchAttempt) -> None:
        """Record an attempt that changed no bars: it failed, or brought what is there already."""
        with self._warehouse.write() as connection:
            _log_attempt(connection, attempt, ())

    def newest_attempts(self, instrument: str) -> dict[str, FetchAttempt]:
        """By window key the newest attempt that decided on its content (failed fetches left out)."""
        with self._warehouse.read() as connection:
            rows = fetch_rows(
                connection,
                "SELECT * FROM fetch_log WHERE instrument = ? AND status <> 'failed' "
                "ORDER BY fetched_at, rowid",
                [instrument],
            )
        return {row["window"]: FetchAttempt(**row) for row in rows}

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
            columns = connection.execute(sql + " ORDER BY ts", parameters).fetchnumpy()
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


def require_usable(
    instrument: str, windows: Sequence[Window], attempts: Mapping[str, FetchAttempt]
) -> None:
    """Raise for a window that was never fetched, or whose newest bars failed a blocking check."""
    missing = [window.key for window in windows if window.key not in attempts]
    if missing:
        raise InsufficientDataError(
            f"The bars of {instrument} have not been fetched for the window(s) {_some(missing)}. "
            f"Materialize the asset 'bars' for them first: trading-pipeline run {instrument}.",
            instrument=instrument,
            windows=missing,
        )
    rejected = [w.key for w in windows if attempts[w.key].status == "rejected"]
    if rejected:
        newest = attempts[rejected[0]]
        raise DataQualityError(
            f"The newest bars of {instrument} for the window(s) {_some(rejected)} failed a blocking "
            f"check ({newest.reason}), so nothing may be built on them. Look at the table "
            "quality_findings, mend the source, and materialize 'bars' again.",
            instrument=instrument,
            windows=rejected,
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


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
    return frame.astype("float64").set_axis(frame.index.astype(TS_DTYPE), axis=0)
