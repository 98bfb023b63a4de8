"""Tests of stored bars: replace, reject, read, and what each attempt leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hypothesis.extra.numpy as npst
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.bars import BAR_COLUMNS, TS_DTYPE, empty_bars
from trading_pipeline.domain.hashing import frame_hash
from trading_pipeline.domain.windows import Window
from trading_pipeline.errors import DataQualityError, InsufficientDataError, WarehouseError
from trading_pipeline.market_data.quality.findings import Finding
from trading_pipeline.storage.stores.bars import BarStore, FetchAttempt
from trading_pipeline.storage.stores.row_tables import fetch_rows


def year(number: int) -> Window:
    return Window(datetime(number, 1, 1, tzinfo=UTC), datetime(number + 1, 1, 1, tzinfo=UTC))


FETCHED = datetime(2020, 5, 17, 10, 30, 0, 123456, tzinfo=UTC)


def attempt(window: Window, status: str = "ok", minute: int = 0, **changes) -> FetchAttempt:
    made = FetchAttempt(
        instrument="AAPL_1d",
        window=window.key,
        source="test",
        requested_from=window.start,
        requested_to=window.end,
        fetched_at=FETCHED + timedelta(minutes=minute),
        rows=0,
        status=status,
        state="FINAL",
        run_id=f"run-{minute}",
        reason="ohlc: high below low" if status == "rejected" else None,
    )
    return replace(made, **changes)


@pytest.fixture
def store(warehouse) -> BarStore:
    return BarStore(warehouse)


def stored(warehouse, table: str) -> list[dict]:
    with warehouse.read() as connection:
        return fetch_rows(connection, f"SELECT * FROM {table}")


class TestWhatIsWrittenIsRead:
    def test_frame_comes_back_with_the_types_of_the_contract(self, store, make_bars):
        bars = make_bars(50, seed=1, start="2012-03-01")
        store.replace_window(year(2012), bars, attempt(year(2012)), ())
        found = store.read("AAPL_1d", [year(2012)])
        pd.testing.assert_frame_equal(found, bars, check_exact=True, check_freq=False)
        assert str(found.index.dtype) == TS_DTYPE
        assert found.index.name == "ts"
        assert list(found.columns) == list(BAR_COLUMNS)
        assert {str(dtype) for dtype in found.dtypes} == {"float64"}
        assert frame_hash(found) == frame_hash(bars)

    def test_microseconds_are_kept_and_any_zone_or_unit_is_the_same_moment(self, store, make_bars):
        bars = make_bars(4, start="2012-03-01 09:30:00.000001", freq="h")
        elsewhere = bars.set_axis(bars.index.tz_convert("Asia/Kolkata").as_unit("ns"), axis=0)
        store.replace_window(year(2012), elsewhere, attempt(year(2012)), ())
        found = store.read("AAPL_1d", [year(2012)])
        assert found.index.equals(bars.index)
        assert str(found.index.dtype) == TS_DTYPE

    @settings(
        max_examples=10,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(npst.arrays("float64", (6, 5), elements=st.floats(width=64)))
    def test_every_float_keeps_its_bits(self, store, values):
        index = pd.date_range("2012-01-01", periods=6, freq="D", tz="UTC", name="ts", unit="us")
        bars = pd.DataFrame(values, index=index, columns=list(BAR_COLUMNS))
        store.replace_window(year(2012), bars, attempt(year(2012)), ())
        found = store.read("AAPL_1d", [year(2012)]).to_numpy()
        gone = np.isnan(values)
        assert (np.isnan(found) == gone).all()
        assert found[~gone].tobytes() == values[~gone].tobytes()

    def test_bars_of_any_order_are_stored_in_the_order_of_time(self, store, make_bars):
        bars = make_bars(20, start="2012-03-01")
        store.replace_window(year(2012), bars.iloc[::-1], attempt(year(2012)), ())
        pd.testing.assert_frame_equal(
            store.read("AAPL_1d", [year(2012)]), bars, check_exact=True, check_freq=False
        )

    def test_empty_window_is_read_as_an_empty_frame_of_the_right_types(self, store):
        store.replace_window(year(2012), empty_bars(), attempt(year(2012), status="not_listed"), ())
        found = store.read("AAPL_1d", [year(2012)])
        pd.testing.assert_frame_equal(found, empty_bars())
        pd.testing.assert_frame_equal(store.read("AAPL_1d", []), empty_bars())

    def test_extra_columns_and_whole_numbers_do_no_harm(self, store, make_bars):
        bars = make_bars(3, start="2012-03-01").assign(volume=[1, 2, 3], note="x")
        store.replace_window(year(2012), bars, attempt(year(2012)), ())
        assert store.read("AAPL_1d", [year(2012)])["volume"].tolist() == [1.0, 2.0, 3.0]

    def test_hostile_names_are_values_and_not_sql(self, store, warehouse, make_bars):
        name = "x'); DROP TABLE bars; --"
        window = year(2012)
        hostile = attempt(window, instrument=name, source=name, reason=name, run_id=name)
        store.replace_window(window, make_bars(2, start="2012-05-01"), hostile, ())
        store.reject_window(
            make_bars(2), replace(hostile, status="rejected", fetched_at=FETCHED), ()
        )
        assert store.counts() == {name: 2}
        assert len(store.read_span(name, None, None)) == 2
        assert {row["reason"] for row in stored(warehouse, "bars_rejected")} == {name}


class TestReplacing:
    def test_a_window_replaces_itself_and_nothing_beside_it(self, store, make_bars):
        bars = make_bars(800, start="2011-06-01")
        for window in (year(2011), year(2012), year(2013)):
            part = bars[(bars.index >= window.start) & (bars.index < window.end)]
            store.replace_window(window, part, attempt(window), ())
            other = attempt(window, instrument="IBM_1d")
            store.replace_window(window, part, other, ())
        shorter = make_bars(10, seed=2, start="2012-02-01")
        store.replace_window(year(2012), shorter, attempt(year(2012), minute=1), ())
        expected = pd.concat([bars.loc[:"2011"], shorter, bars.loc["2013":]])
        found = store.read("AAPL_1d", [year(2011), year(2012), year(2013)])
        pd.testing.assert_frame_equal(found, expected, check_exact=True, check_freq=False)
        assert store.counts() == {"AAPL_1d": len(expected), "IBM_1d": 800}

    def test_first_moment_belongs_to_the_window_and_the_end_to_the_next(self, store, make_bars):
        edge = make_bars(1, start="2012-01-01")
        store.replace_window(year(2012), edge, attempt(year(2012)), ())
        assert len(store.read("AAPL_1d", [year(2012)])) == 1
        with pytest.raises(WarehouseError, match="1 of 1 bars do not lie in the window 2011-01-01"):
            store.replace_window(year(2011), edge, attempt(year(2011)), ())
        last = make_bars(1, start="2012-12-31 23:59:59.999999")
        store.replace_window(year(2012), last, attempt(year(2012), minute=1), ())
        assert store.read("AAPL_1d", [year(2012)]).index[0] == last.index[0]

    @pytest.mark.parametrize("position", [0, 5, 9])
    def test_one_bar_outside_anywhere_refuses_all_and_keeps_the_old(
        self, store, make_bars, position
    ):
        old = make_bars(10, start="2012-03-01")
        store.replace_window(year(2012), old, attempt(year(2012)), ())
        stamps = list(old.index)
        stamps[position] = pd.Timestamp("2013-06-01", tz="UTC")
        moved = old.set_axis(pd.DatetimeIndex(stamps, name="ts"), axis=0)
        with pytest.raises(WarehouseError, match=r"1 of 10 bars .* 2013-06-01"):
            store.replace_window(year(2012), moved, attempt(year(2012), minute=1), ())
        pd.testing.assert_frame_equal(
            store.read("AAPL_1d", [year(2012)]), old, check_exact=True, check_freq=False
        )
        assert store.newest_attempts("AAPL_1d")["2012-01-01"].run_id == "run-0"

    def test_a_missing_stamp_lies_in_no_window(self, store, make_bars):
        bars = make_bars(3, start="2012-03-01")
        stamps = pd.DatetimeIndex([*bars.index[:2], pd.NaT], name="ts")
        with pytest.raises(WarehouseError, match="1 of 3 bars"):
            store.replace_window(year(2012), bars.set_axis(stamps, axis=0), attempt(year(2012)), ())

    def test_stamps_without_a_zone_are_refused(self, store, make_bars):
        bars = make_bars(3, start="2012-03-01").tz_localize(None)
        with pytest.raises(DataQualityError, match="no time zone"):
            store.replace_window(year(2012), bars, attempt(year(2012)), ())

    def test_an_attempt_at_another_window_is_refused(self, store, make_bars):
        with pytest.raises(WarehouseError, match=r"2011-01-01 .* 2012-01-01"):
            store.replace_window(
                year(2012), make_bars(3, start="2012-03-01"), attempt(year(2011)), ()
            )

    def test_bars_and_attempt_are_one_transaction(self, runtime, warehouse, make_bars):
        def stop() -> None:
            raise RuntimeError("killed")

        BarStore(warehouse).replace_window(
            year(2012), make_bars(3, start="2012-03-01"), attempt(year(2012)), ()
        )
        dying = BarStore(type(warehouse)(warehouse.path, before_commit=stop))
        with pytest.raises(RuntimeError, match="killed"):
            dying.replace_window(
                year(2012), make_bars(9, start="2012-03-01"), attempt(year(2012), minute=1), ()
            )
        assert BarStore(warehouse).counts() == {"AAPL_1d": 3}
        assert len(stored(warehouse, "fetch_log")) == 1


class TestRejecting:
    def test_a_rejected_window_cannot_be_read_though_its_old_bars_are_there(
        self, store, warehouse, make_bars
    ):
        old, bad = make_bars(10, start="2012-03-01"), make_bars(4, seed=2, start="2012-03-01")
        store.replace_window(year(2011), empty_bars(), attempt(year(2011)), ())
        store.replace_window(year(2012), old, attempt(year(2012)), ())
        rejected = attempt(year(2012), status="rejected", minute=1)
        store.reject_window(bad, rejected, ())
        with pytest.raises(DataQualityError, match="ohlc: high below low") as caught:
            store.read("AAPL_1d", [year(2011), year(2012)])
        assert caught.value.windows == ["2012-01-01"]
        assert caught.value.instrument == "AAPL_1d"
        assert len(store.read("AAPL_1d", [year(2011)])) == 0
        pd.testing.assert_frame_equal(
            store.read_span("AAPL_1d", year(2012).start, year(2012).end),
            old,
            check_exact=True,
            check_freq=False,
        )
        kept = stored(warehouse, "bars_rejected")
        assert [row["close"] for row in kept] == bad["close"].tolist()
        assert {row["run_id"] for row in kept} == {"run-1"}

    def test_good_bars_after_a_rejection_open_the_window_again(self, store, make_bars):
        bars = make_bars(10, start="2012-03-01")
        store.reject_window(bars, attempt(year(2012), status="rejected"), ())
        store.replace_window(year(2012), bars, attempt(year(2012), minute=1), ())
        assert len(store.read("AAPL_1d", [year(2012)])) == 10

    def test_a_first_attempt_that_was_rejected_leaves_nothing_to_read(self, store, make_bars):
        store.reject_window(make_bars(5), attempt(year(2012), status="rejected"), ())
        assert store.counts() == {}
        with pytest.raises(DataQualityError):
            store.read("AAPL_1d", [year(2012)])

    def test_of_two_attempts_at_the_same_moment_the_later_written_counts(self, store, make_bars):
        bars = make_bars(10, start="2012-03-01")
        for _ in range(5):
            store.replace_window(year(2012), bars, attempt(year(2012)), ())
            assert len(store.read("AAPL_1d", [year(2012)])) == 10
            store.reject_window(bars, attempt(year(2012), status="rejected"), ())
            with pytest.raises(DataQualityError):
                store.read("AAPL_1d", [year(2012)])

    def test_bad_bars_of_every_kind_can_be_kept_for_a_look(self, store, warehouse, make_bars):
        bars = make_bars(4, start="2012-03-01")
        bars.iloc[1, 0] = np.nan
        bars.iloc[2, 1] = np.inf
        stamps = pd.DatetimeIndex([bars.index[0], bars.index[0], pd.NaT, bars.index[1]], name="ts")
        bad = bars.set_axis(stamps, axis=0)
        store.reject_window(bad, attempt(year(2012), status="rejected"), ())
        kept = stored(warehouse, "bars_rejected")
        assert len(kept) == 4
        assert sum(row["ts"] is None for row in kept) == 1
        assert {row["reason"] for row in kept} == {"ohlc: high below low"}

    def test_a_failed_fetch_is_logged_and_changes_nothing(self, store, warehouse, make_bars):
        store.replace_window(year(2012), make_bars(10, start="2012-03-01"), attempt(year(2012)), ())
        store.log_attempt(attempt(year(2012), status="failed", minute=1, reason="time-out"))
        assert len(store.read("AAPL_1d", [year(2012)])) == 10
        assert store.newest_attempts("AAPL_1d")["2012-01-01"].status == "ok"
        assert [row["reason"] for row in stored(warehouse, "fetch_log")] == [None, "time-out"]

    def test_a_window_whose_only_fetch_failed_counts_as_never_fetched(self, store):
        store.log_attempt(attempt(year(2012), status="failed"))
        with pytest.raises(InsufficientDataError):
            store.read("AAPL_1d", [year(2012)])


class TestReading:
    def test_windows_never_fetched_are_named(self, store, make_bars):
        store.replace_window(year(2012), make_bars(3, start="2012-03-01"), attempt(year(2012)), ())
        with pytest.raises(InsufficientDataError, match=r"2013-01-01.*Materialize") as caught:
            store.read("AAPL_1d", [year(2012), year(2013)])
        assert caught.value.windows == ["2013-01-01"]
        with pytest.raises(InsufficientDataError, match="and 3 more"):
            store.read("IBM_1d", [year(number) for number in range(2000, 2008)])

    def test_a_gap_between_the_windows_asked_for_is_left_out(self, store, make_bars):
        bars = make_bars(3 * 365, start="2011-01-01")
        for number in (2011, 2012, 2013):
            store.replace_window(year(number), bars.loc[str(number)], attempt(year(number)), ())
        found = store.read("AAPL_1d", [year(2013), year(2011)])
        assert sorted(set(found.index.year)) == [2011, 2013]
        assert found.index.is_monotonic_increasing

    def test_span_is_half_open_and_either_side_may_be_open(self, store, make_bars):
        bars = make_bars(10, start="2012-03-01")
        store.replace_window(year(2012), bars, attempt(year(2012)), ())
        start, end = bars.index[2].to_pydatetime(), bars.index[5].to_pydatetime()
        assert len(store.read_span("AAPL_1d", start, end)) == 3
        assert len(store.read_span("AAPL_1d", start, None)) == 8
        assert len(store.read_span("AAPL_1d", None, end)) == 5
        assert len(store.read_span("AAPL_1d", None, None)) == 10
        assert len(store.read_span("NONE_1d", None, None)) == 0

    def test_content_hash_is_that_of_the_newest_attempt(self, store, make_bars):
        bars = make_bars(3, start="2012-03-01")
        store.replace_window(year(2012), bars, attempt(year(2012), content_hash="a"), ())
        later = attempt(year(2012), content_hash="b", minute=1)
        store.replace_window(year(2012), bars, later, ())
        attempts = store.newest_attempts("AAPL_1d")
        assert {key: found.content_hash for key, found in attempts.items()} == {"2012-01-01": "b"}

    def test_an_attempt_comes_back_as_it_was_logged(self, store):
        full = attempt(
            year(2012),
            rows=7,
            first_ts=FETCHED,
            last_ts=FETCHED + timedelta(days=1),
            content_hash="abc",
            expires_at=FETCHED + timedelta(hours=1),
            client_version="ccxt 4.5",
        )
        store.log_attempt(full)
        assert store.newest_attempts("AAPL_1d") == {"2012-01-01": full}
        assert store.newest_attempts("IBM_1d") == {}


class TestFindings:
    def test_every_finding_is_a_row_with_its_run(self, store, warehouse, make_bars):
        bars = make_bars(3, start="2012-03-01")
        findings = (
            Finding(
                check_name="spike",
                severity="WARN",
                ts=bars.index[1],
                value=21.5,
                detail="moved 21.5 scales",
            ),
            Finding(
                check_name="coverage", severity="WARN", ts=None, value=None, detail="'); DROP --"
            ),
        )
        store.replace_window(year(2012), bars, attempt(year(2012)), findings)
        store.reject_window(bars, attempt(year(2012), status="rejected", minute=1), findings[:1])
        rows = stored(warehouse, "quality_findings")
        assert [row["check_name"] for row in rows] == ["spike", "coverage", "spike"]
        assert [(row["seq"], row["attempt"]) for row in rows] == [(1, 1), (2, 1), (3, 2)]
        assert {k: v for k, v in rows[0].items() if k not in ("seq", "attempt")} == {
            "instrument": "AAPL_1d",
            "window": "2012-01-01",
            "check_name": "spike",
            "severity": "WARN",
            "ts": bars.index[1].to_pydatetime(),
            "value": 21.5,
            "detail": "moved 21.5 scales",
            "run_id": "run-0",
            "found_at": FETCHED,
        }
        assert rows[1]["ts"] is None
        assert rows[1]["value"] is None
        assert rows[2]["run_id"] == "run-1"
