"""Bars, fetch attempts, findings and rejected bars in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from trading_pipeline.domain.bars import BAR_COLUMNS, TS_DTYPE, empty_bars, utc_index
from trading_pipeline.domain.findings import Finding
from trading_pipeline.domain.moments import index_of
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import WarehouseError
from trading_pipeline.storage.stores.bar_content import changed_windows
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt, require_usable
from trading_pipeline.storage.stores.row_tables import (
    Row,
    WarehouseStore,
    insert_arrow,
    insert_rows,
    next_seq,
)

__all__ = ["BarStore", "FetchAttempt", "require_usable"]


_COLUMNS = "epoch_us(ts) AS ts, open, high, low, close, volume"
_DECIDED = "status NOT IN ('failed', 'no_data')"
_LEFT_CONTENT = f"{_DECIDED} AND status <> 'rejected'"
_ANSWERED = "status <> 'failed'"
_ATTEMPTS = (_DECIDED, _LEFT_CONTENT, _ANSWERED)
_BARS, _STATE = "bars", "state of bars"


class BarStore(WarehouseStore):
    """Bars by instrument and window; every window that is read must have been fetched and
    passed."""

    def replace_window(
        self,
        window: Window,
        bars: pd.DataFrame,
        attempt: FetchAttempt,
        findings: Sequence[Finding],
        revisions: pd.DataFrame | None = None,
        *,
        instead_of: tuple[datetime | None, datetime | None] | None = None,
    ) -> None:
        """Replace the window's bars by `bars` and add the attempt's row, in one transaction.

        `revisions`: which past bars that changes (columns ts, field, old, new), for
        `bar_revisions`. `instead_of`: a wider span whose bars go; None is unbounded. Raises
        `WarehouseError` for a bar outside the window, or an attempt at another window.
        """
        _require_inside(window, bars, attempt)
        where, bounds = _within(*(instead_of or (window.start, window.end)))
        with self._warehouse.write() as connection:
            connection.execute(f"DELETE FROM bars WHERE {where}", [attempt.instrument, *bounds])
            owner = {"instrument": attempt.instrument}
            _insert_frame(connection, "bars", _bar_columns(bars), owner)
            if revisions is not None and len(revisions):
                seen = {"seen_at": attempt.fetched_at, "run_id": attempt.run_id}
                columns = _revision_columns(revisions)
                _insert_frame(connection, "bar_revisions", columns, owner | seen)
            _log_attempt(connection, attempt, findings)
        self._forget(attempt.instrument, _BARS, *_ATTEMPTS)
        self._forget("", _STATE)

    def reject_window(
        self, bars: pd.DataFrame, attempt: FetchAttempt, findings: Sequence[Finding]
    ) -> None:
        """Keep the old bars; the new ones go to `bars_rejected`, the attempt blocks later reads."""
        constants = {
            "instrument": attempt.instrument,
            "run_id": attempt.run_id,
            "reason": attempt.reason or "",
        }
        with self._warehouse.write() as connection:
            _insert_frame(connection, "bars_rejected", _bar_columns(bars), constants)
            _log_attempt(connection, attempt, findings)
        self._forget(attempt.instrument, *_ATTEMPTS)
        self._forget("", _STATE)

    def log_attempt(self, attempt: FetchAttempt, findings: Sequence[Finding] = ()) -> None:
        """Record an attempt that changed no bars: it failed, or brought what is there already."""
        with self._warehouse.write() as connection:
            _log_attempt(connection, attempt, findings)
        self._forget(attempt.instrument, *_ATTEMPTS)
        self._forget("", _STATE)

    def newest_attempts(self, instrument: str) -> dict[str, FetchAttempt]:
        """By window key the newest attempt that decided on its content: not failed, not empty."""
        return self._attempts(instrument, _DECIDED)

    def state(self) -> tuple[object, ...]:
        """Differs after every attempt, and every change of actions, that anybody recorded."""
        return self._answer(_STATE, "", self._read_state)

    def _read_state(self, _: list[str]) -> dict[str, tuple[object, ...]]:
        (row,) = self._rows(
            "SELECT (SELECT max(seq) FROM fetch_log) AS attempts, count(*) AS actions, "
            "bit_xor(hash(instrument, ex_date, kind, value, seq)) AS content FROM corporate_actions"
        )
        return {"": tuple(row.values())}

    def content_attempts(self, instrument: str) -> dict[str, FetchAttempt]:
        """By window key the newest attempt that left its content: rejected bars did not."""
        return self._attempts(instrument, _LEFT_CONTENT)

    def negative_answers(self, instrument: str, now: datetime) -> dict[str, FetchAttempt]:
        """By window key the newest "no data" answer that has not expired, unless bars came since.

        An answer from after `now` is none: the clock was set back, and how old it is nobody knows.
        """
        found = self._attempts(instrument, _ANSWERED)
        return {
            key: attempt
            for key, attempt in found.items()
            if attempt.status == "no_data"
            and attempt.expires_at
            and attempt.fetched_at <= now < attempt.expires_at
        }

    def _attempts(self, instrument: str, condition: str) -> dict[str, FetchAttempt]:
        def read(instruments: list[str]) -> dict[str, dict[str, FetchAttempt]]:
            rows = self._rows(
                "SELECT * EXCLUDE (seq) FROM fetch_log "
                f"WHERE list_contains(?::VARCHAR[], instrument) AND {condition} "
                "QUALIFY row_number() OVER "
                '(PARTITION BY instrument, "window" ORDER BY seq DESC) = 1 ORDER BY "window"',
                instruments,
            )
            found: dict[str, dict[str, FetchAttempt]] = {name: {} for name in instruments}
            for row in rows:
                found[row["instrument"]][row["window"]] = FetchAttempt(**row)
            return found

        return dict(self._answer(condition, instrument, read))

    def findings(self, instrument: str) -> dict[str, list[Row]]:
        """By window key the findings of the attempt that `newest_attempts` gives."""
        rows = self._rows(
            'SELECT "window", check_name, severity, ts, value, detail FROM quality_findings '
            "WHERE attempt IN (SELECT max(seq) FROM fetch_log WHERE instrument = ? "
            f'AND {_DECIDED} GROUP BY "window") ORDER BY ALL',
            instrument,
        )
        found: dict[str, list[Row]] = {}
        for row in rows:
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
        if self._kept is not None:
            bars = self._answer(_BARS, instrument, self._read_all)
            first = 0 if start is None else bars.index.searchsorted(pd.Timestamp(start))
            last = len(bars) if end is None else bars.index.searchsorted(pd.Timestamp(end))
            return bars.iloc[first:last]
        where, bounds = _within(start, end)
        return self._bars(f"SELECT {_COLUMNS} FROM bars WHERE {where}", instrument, *bounds)

    def _read_all(self, instruments: list[str]) -> dict[str, pd.DataFrame]:
        """All bars of several instruments, by instrument."""
        with self._warehouse.read() as connection:
            columns = connection.execute(
                f"SELECT list_position(?::VARCHAR[], instrument) AS place, {_COLUMNS} FROM bars "
                "WHERE list_contains(?::VARCHAR[], instrument)",
                [instruments, instruments],
            ).fetchnumpy()
        places = np.asarray(columns.pop("place"))
        order = np.argsort(places, kind="stable")
        cuts = np.searchsorted(places[order], np.arange(1, len(instruments) + 2))
        sorted_columns = {name: values[order] for name, values in columns.items()}
        return {
            name: _frame({key: each[start:stop] for key, each in sorted_columns.items()})
            for name, start, stop in zip(instruments, cuts[:-1], cuts[1:], strict=True)
        }

    def changed_windows(self, instrument: str) -> dict[str, str]:
        """By window key what is wrong with stored bars that are not those that were fetched."""
        with self._warehouse.read():
            bars = self.read_span(instrument, None, None)
            return changed_windows(bars, self.content_attempts(instrument))

    def read_tail(self, instrument: str, before: datetime, rows: int) -> pd.DataFrame:
        """The last `rows` bars with `ts < before`, in time order."""
        if self._held(instrument, _BARS) is not None:
            return self.read_span(instrument, None, before).tail(rows)
        return self._bars(
            f"SELECT * FROM (SELECT {_COLUMNS} FROM bars WHERE instrument = ? "
            "AND ts < ?::TIMESTAMPTZ ORDER BY ts DESC LIMIT ?) ORDER BY ts",
            instrument,
            before,
            rows,
        )

    def _bars(self, sql: str, *parameters: object) -> pd.DataFrame:
        with self._warehouse.read() as connection:
            columns = connection.execute(sql, list(parameters)).fetchnumpy()
        return _frame(columns)

    def instruments(self) -> list[str]:
        """Instruments that have bars, or were asked for."""
        rows = self._rows(
            "SELECT instrument FROM fetch_log UNION SELECT instrument FROM bars ORDER BY instrument"
        )
        return [str(row["instrument"]) for row in rows]

    def counts(self) -> dict[str, int]:
        """Number of bars by instrument."""
        rows = self._rows("SELECT instrument, count(*) AS n FROM bars GROUP BY ALL ORDER BY ALL")
        return {row["instrument"]: int(row["n"]) for row in rows}


def _within(start: datetime | None, end: datetime | None) -> tuple[str, list[datetime]]:
    """The condition on bars of an instrument with `start <= ts < end`, and its moments."""
    bounds = {"ts >= ?::TIMESTAMPTZ": start, "ts < ?::TIMESTAMPTZ": end}
    given = {clause: bound for clause, bound in bounds.items() if bound is not None}
    return " AND ".join(["instrument = ?", *given]), list(given.values())


def _require_inside(window: Window, bars: pd.DataFrame, attempt: FetchAttempt) -> None:
    if attempt.window != window.key:
        raise WarehouseError(
            f"The attempt at the window {attempt.window} of {attempt.instrument} does not belong "
            f"to bars of the window {window.key}. Give the attempt of that window.",
            window=window.key,
        )
    index = utc_index(bars.index)
    start, end = pd.Timestamp(window.start), pd.Timestamp(window.end)
    outside = index[~((index >= start) & (index < end))]
    if len(outside):
        raise WarehouseError(
            f"{len(outside)} of {len(index)} bars do not lie in the window {window.key} of "
            f"{attempt.instrument} (the first at {outside[0]}), so none was written. Cut the bars "
            "at the window's start and end.",
            window=window.key,
            outside=len(outside),
        )


def _insert_frame(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, pa.Array],
    constants: Mapping[str, object],
) -> None:
    """Append rows in the order of their `ts`; `constants` are the same in each row.

    Rows of all tables but `bars` are numbered.
    """
    if not len(columns["ts"]):
        return
    place = ""
    if table != "bars":
        place = f", {next_seq(connection, table) - 1} + row_number() OVER (ORDER BY ts)"
    names = ", ".join(f'"{name}"' for name in [*constants, *columns])
    others = ", ".join(f'"{name}"' for name in columns if name != "ts")
    casts = ", ".join("?::TIMESTAMPTZ" if name == "seen_at" else "?" for name in constants)
    insert_arrow(
        connection,
        f"INSERT INTO {table} ({names}{', seq' if place else ''}) "
        f"SELECT {casts}, ts::TIMESTAMPTZ, {others}{place} FROM incoming ORDER BY ts",
        pa.table(dict(columns)),
        *constants.values(),
    )


def _bar_columns(bars: pd.DataFrame) -> dict[str, pa.Array]:
    prices = {name: pa.array(bars[name].to_numpy("float64")) for name in BAR_COLUMNS}
    return {"ts": _stamps(utc_index(bars.index)), **prices}


def _revision_columns(revisions: pd.DataFrame) -> dict[str, pa.Array]:
    return {
        "ts": _stamps(pd.DatetimeIndex(revisions["ts"]).as_unit("us")),
        "field": pa.array(revisions["field"].tolist(), type=pa.string()),
        "old": pa.array(revisions["old"].to_numpy("float64"), from_pandas=True),
        "new": pa.array(revisions["new"].to_numpy("float64"), from_pandas=True),
    }


def _stamps(index: pd.DatetimeIndex) -> pa.Array:
    moments = pa.array(index.asi8, type=pa.int64(), mask=np.asarray(index.isna()))
    return moments.cast(pa.timestamp("us", tz="UTC"))


def _log_attempt(
    connection: duckdb.DuckDBPyConnection, attempt: FetchAttempt, findings: Sequence[Finding]
) -> None:
    seq = insert_rows(connection, "fetch_log", [attempt.as_row()])
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
            "attempt": seq,
        }
        for finding in findings
    ]
    insert_rows(connection, "quality_findings", rows)


def _frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    index = index_of(np.asarray(columns["ts"], dtype=np.int64)).astype(TS_DTYPE)
    data = {name: np.ma.filled(columns[name], np.nan) for name in BAR_COLUMNS}
    frame = pd.DataFrame(data, index=index, dtype="float64")
    if frame.index.is_monotonic_increasing:
        return frame
    # a window that was written again is at the table's end; sorting here is cheaper than ORDER BY
    return frame.iloc[np.argsort(pd.DatetimeIndex(frame.index).asi8, kind="stable")]
