"""Tests of what the store remembers of attempts: newest, negative, findings, quality."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import pytest

from trading_pipeline.domain.windows import Window
from trading_pipeline.market_data.quality.findings import Finding
from trading_pipeline.market_data.quality.restatements import bar_revisions
from trading_pipeline.storage import schema
from trading_pipeline.storage.open_results import open_results
from trading_pipeline.storage.stores.bars import BarStore
from trading_pipeline.storage.stores.fetch_attempts import FetchAttempt
from trading_pipeline.storage.warehouse import Warehouse

FETCHED = datetime(2020, 5, 17, 10, 30, tzinfo=UTC)
YEARS = [
    Window(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    for year in (2011, 2012)
]


def attempt(window: Window, status: str = "ok", minute: int = 0, **changes) -> FetchAttempt:
    made = FetchAttempt(
        instrument="X_1d",
        window=window.key,
        source="test",
        requested_from=window.start,
        requested_to=window.end,
        fetched_at=FETCHED + timedelta(minutes=minute),
        rows=0,
        status=status,
        state="FINAL",
        run_id=f"run-{minute}",
    )
    return replace(made, **changes)


def finding(name: str, severity: str = "WARN") -> Finding:
    return Finding(check_name=name, severity=severity, ts=None, value=1.0, detail=name)


@pytest.fixture
def store(warehouse) -> BarStore:
    return BarStore(warehouse)


def test_bars_come_in_order_also_after_an_early_window_was_written_again(store, make_bars):
    first = make_bars(300, seed=1, start="2011-01-03")
    second = make_bars(300, seed=2, start="2012-01-03")
    for window, bars in zip((*YEARS, YEARS[0]), (first, second, first * 2.0), strict=True):
        store.replace_window(window, bars, attempt(window), ())
    found = store.read_span("X_1d", None, None)
    pd.testing.assert_frame_equal(found, pd.concat([first * 2.0, second]), check_freq=False)


def test_the_tail_is_the_last_bars_before_a_moment(store, make_bars):
    bars = make_bars(30, start="2012-01-03")
    store.replace_window(YEARS[1], bars, attempt(YEARS[1]), ())
    tail = store.read_tail("X_1d", bars.index[20].to_pydatetime(), 5)
    pd.testing.assert_frame_equal(tail, bars.iloc[15:20], check_freq=False)
    assert store.read_tail("X_1d", bars.index[0].to_pydatetime(), 5).empty
    assert store.read_tail("Y_1d", YEARS[1].end, 5).empty


def test_a_negative_answer_counts_until_it_expires_or_bars_come(store, make_bars):
    window, until = YEARS[0], FETCHED + timedelta(hours=1)
    store.log_attempt(attempt(window, "no_data", expires_at=until, reason="none"))
    store.log_attempt(attempt(window, "failed", minute=1))
    assert store.newest_attempts("X_1d") == {}
    (found,) = store.negative_answers("X_1d", until - timedelta(seconds=1)).values()
    assert (found.reason, found.expires_at) == ("none", until)
    assert store.negative_answers("X_1d", until) == {}
    store.replace_window(window, make_bars(3, start="2011-02-01"), attempt(window, minute=2), ())
    assert store.negative_answers("X_1d", FETCHED) == {}


def test_findings_are_those_of_the_attempt_that_decided(store, make_bars):
    window, bars = YEARS[0], make_bars(3, start="2011-02-01")
    store.replace_window(window, bars, attempt(window), [finding("spike"), finding("gap")])
    store.log_attempt(attempt(window, minute=1), [finding("spike")])
    store.log_attempt(attempt(window, "failed", minute=2), [finding("order", "ERROR")])
    found = store.findings("X_1d")
    assert [row["check_name"] for row in found[window.key]] == ["spike"]
    assert set(found[window.key][0]) == {"check_name", "severity", "ts", "value", "detail"}


def test_revisions_are_stored_with_the_attempt_that_saw_them(store, warehouse, make_bars):
    window, bars = YEARS[0], make_bars(3, start="2011-02-01")
    store.replace_window(window, bars, attempt(window), ())
    changed = bars.drop(bars.index[1])
    revisions = bar_revisions(bars, changed)
    store.replace_window(window, changed, attempt(window, minute=1), (), revisions)
    with warehouse.read() as connection:
        rows = connection.execute(
            'SELECT instrument, field, "old", "new", seen_at, run_id FROM bar_revisions'
        ).fetchall()
    assert [row[1] for row in rows] == ["open", "high", "low", "close", "volume"]
    assert [row[2] for row in rows] == bars.iloc[1].tolist()
    assert {(row[0], *row[3:]) for row in rows} == {
        ("X_1d", None, FETCHED + timedelta(minutes=1), "run-1")
    }


def test_the_view_has_a_row_a_window_also_in_a_snapshot(store, tmp_path, make_bars):
    first, second = YEARS
    good = attempt(first, rows=3, expected=4, score=0.75)
    store.replace_window(first, make_bars(3, start="2011-02-01"), good, [finding("gap")])
    store.reject_window(
        make_bars(3, start="2012-02-01"),
        attempt(second, "rejected", score=0.5),
        [finding("ohlc", "ERROR"), finding("spike")],
    )
    store.log_attempt(attempt(second, "failed", minute=5))
    query = 'SELECT "window", status, score, expected, errors, warnings FROM window_quality'
    wanted = [
        ("2011-01-01", "ok", 0.75, 4, 0, 1),
        ("2012-01-01", "rejected", 0.5, None, 1, 1),
    ]
    for snapshot in (None, tmp_path / "copy.duckdb"):
        with open_results(snapshot) as connection:
            assert connection.execute(query).fetchall() == wanted


def test_a_warehouse_of_the_first_version_gets_the_new_columns_and_keeps_its_rows(tmp_path):
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(schema._MIGRATIONS[1])
        connection.execute("INSERT INTO schema_version VALUES (1, now())")
        connection.execute(
            'INSERT INTO fetch_log (instrument, "window", source, requested_from, requested_to, '
            "fetched_at, rows, state, status, run_id) VALUES ('X_1d', '2011-01-01', 'test', "
            "'2011-01-01', '2012-01-01', '2020-05-17', 3, 'FINAL', 'ok', 'old')"
        )
    old = BarStore(Warehouse(path)).newest_attempts("X_1d")["2011-01-01"]
    assert (old.rows, old.asked_from, old.score, old.resampled_from) == (3, None, None, None)
