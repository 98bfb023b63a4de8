"""Fetching what is new: overlap, watermark, restatements, negative answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import (
    MissingDataError,
    RangeUnavailableError,
    RetryableFetchError,
    WarehouseError,
)
from trading_pipeline.market_data.sources.registry import source
from trading_pipeline.stages.market_data.bar_windows import overlap_start
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline_tests.conftest import random_bars
from trading_pipeline_tests.pipeline_world import SOURCE
from trading_pipeline_tests.stage_calls import pending_bars, refresh_bars, refresh_universe
from trading_pipeline_tests.storage.conftest import disk_limit

__all__ = ["disk_limit"]

KEY = "AAPL_1d|2003-01-01"
JUNE = datetime(2003, 6, 14, tzinfo=UTC)


def at(world, moment, opened_source=SOURCE):
    opened = world.workspace
    return Workspace(
        opened.settings,
        opened.catalog,
        opened.warehouse,
        open_source=lambda _: opened_source,
        clock=lambda: moment,
    )


def refresh(workspace, **kwargs):
    return refresh_bars(workspace, "AAPL_1d", workspace.windows(), **kwargs)


@pytest.fixture
def june(fresh_world):
    """AAPL of 2003 up to Friday 2003-06-13 is stored."""
    fresh_world.write("universe.yaml", "start: 2003-01-01\nend: null\n")
    refresh_universe(at(fresh_world, JUNE))
    refresh(at(fresh_world, JUNE))
    SOURCE.reset()
    return fresh_world


def changed_volume(day):
    def answer(_, frame):
        frame = frame.copy()
        if day in frame.index:
            frame.loc[day, "volume"] += 100.0
        return frame

    return answer


def test_only_the_newest_bars_are_asked_for_again_and_the_watermark_moves(june):
    later = at(june, JUNE + timedelta(days=4))
    (outcome,) = refresh(later)
    (request,) = SOURCE.requests
    assert (request.start, request.end) == (
        datetime(2003, 6, 9, tzinfo=UTC),
        JUNE + timedelta(days=4),
    )
    assert outcome.metadata["last_bar"].startswith("2003-06-17")
    assert outcome.metadata["asked_from"].startswith("2003-06-09")
    row = june.rows(
        "SELECT requested_from, asked_from, last_ts, rows, expected, price_basis, client_version, "
        "score FROM fetch_log ORDER BY fetched_at DESC LIMIT 1"
    )[0]
    assert [f"{moment:%m-%d}" for moment in row[:3]] == ["01-01", "06-09", "06-17"]
    assert row[3:5] == (115, 115)
    assert (row[5], row[7]) == ("as_traded", 1.0)
    assert row[6] == source("bundled").fetch_bars(request).client_version
    whole = source("bundled").fetch_bars(replace(request, start=datetime(2003, 1, 1, tzinfo=UTC)))
    stored = later.bars.read_span("AAPL_1d", None, None)
    pd.testing.assert_frame_equal(stored, whole.frame, check_freq=False)


@pytest.mark.parametrize(
    ("timeframe", "freq", "calendar", "bars", "first"),
    [
        ("1d", "D", "24/7", 30, -5),
        ("1h", "h", "24/7", 100, -52),  # 2012-01-05 03:00: the 3rd, the 4th and four hours
        ("1d", "D", "24/7", 2, -2),
    ],
)
def test_the_overlap_is_five_bars_or_three_sessions_what_is_longer(
    timeframe, freq, calendar, bars, first
):
    stored = random_bars(bars, freq=freq)
    series = Instrument(symbol="X", timeframe=Timeframe(timeframe), source="s", calendar=calendar)
    assert overlap_start(stored, series) == stored.index[first]


def test_a_changed_past_bar_is_stored_told_and_remembered_with_its_old_value(june):
    day = pd.Timestamp("2003-06-12", tz="UTC")
    before = june.value("SELECT volume FROM bars WHERE ts = ?", day.to_pydatetime())
    SOURCE.answers[KEY] = changed_volume(day)
    (outcome,) = refresh(at(june, JUNE + timedelta(hours=1)))
    assert outcome.changed
    assert [(f.check_name, f.severity, f.ts) for f in outcome.findings] == [
        ("restatement", "WARN", day)
    ]
    assert june.rows('SELECT instrument, ts, field, "old", "new", seen_at FROM bar_revisions') == [
        (
            "AAPL_1d",
            day.to_pydatetime(),
            "volume",
            before,
            before + 100.0,
            JUNE + timedelta(hours=1),
        )
    ]
    assert june.value("SELECT volume FROM bars WHERE ts = ?", day.to_pydatetime()) == before + 100.0
    assert outcome.metadata["restated_bars"] == 1
    assert outcome.metadata["quality_score"] == pytest.approx(0.99)


def test_a_bar_that_goes_and_one_that_comes_are_revisions_too(june):
    gone, moment = pd.Timestamp("2003-06-11", tz="UTC"), JUNE + timedelta(hours=1)
    SOURCE.answers[KEY] = lambda _, frame: frame.drop(gone)
    (outcome,) = refresh(at(june, moment))
    assert {f.check_name for f in outcome.findings} == {"restatement", "gap"}
    assert outcome.status == "ok"  # one of the year's 252 bars
    SOURCE.reset()
    (outcome,) = refresh(at(june, moment + timedelta(hours=1)))
    assert [f.check_name for f in outcome.findings] == ["restatement"]
    found = june.rows(
        'SELECT count(*), count("old"), count("new") FROM bar_revisions GROUP BY seen_at '
        "ORDER BY seen_at"
    )
    assert found == [(5, 5, 0), (5, 0, 5)]


def test_noise_in_the_last_digits_is_no_restatement_and_writes_nothing(june):
    SOURCE.answers[KEY] = lambda _, frame: frame * (1.0 + 1e-12)
    (outcome,) = refresh(at(june, JUNE + timedelta(hours=1)))
    assert (outcome.changed, outcome.findings) == (False, ())
    assert june.value("SELECT count(*) FROM bar_revisions") == 0


def test_an_unchanged_refetch_writes_no_bar_and_no_revision(june):
    rowids = june.rows("SELECT rowid, ts FROM bars ORDER BY ALL")
    (outcome,) = refresh(at(june, JUNE + timedelta(hours=1)))
    assert not outcome.changed
    assert june.rows("SELECT rowid, ts FROM bars ORDER BY ALL") == rowids
    assert june.value("SELECT count(*) FROM fetch_log") == 2


def test_a_settling_window_is_asked_for_its_last_bars_and_a_final_one_only_when_asked(june):
    refresh(at(june, datetime(2004, 1, 2, tzinfo=UTC)))
    SOURCE.reset()
    refresh(at(june, datetime(2004, 1, 3, tzinfo=UTC)))
    assert [f"{r.start:%Y-%m-%d}" for r in SOURCE.requests] == ["2003-12-24", "2004-01-01"]
    refresh(at(june, datetime(2004, 1, 9, tzinfo=UTC)))  # the last look makes it final
    SOURCE.reset()
    final = at(june, datetime(2004, 1, 10, tzinfo=UTC))
    refresh(final)
    assert [f"{r.start:%Y-%m-%d}" for r in SOURCE.requests] == ["2004-01-02"]
    SOURCE.reset()
    refresh(final, refetch=True)
    assert [f"{r.start:%Y-%m-%d}" for r in SOURCE.requests] == ["2003-01-01", "2004-01-01"]


def test_a_window_before_its_first_close_has_no_rows_and_asks_nobody(june):
    moment = datetime(2004, 1, 2, 12, tzinfo=UTC)
    outcomes = refresh(at(june, moment))
    assert [o.status for o in outcomes] == ["ok", "no_rows"]
    assert [r.start.year for r in SOURCE.requests] == [2003]
    assert outcomes[1].rows == 0
    (_, grown) = refresh(at(june, datetime(2004, 1, 2, 23, tzinfo=UTC)))
    assert (grown.status, grown.rows, grown.changed) == ("ok", 1, True)


@pytest.mark.parametrize("kind", [RangeUnavailableError, None])
def test_a_source_without_data_is_not_asked_again_before_its_answer_expires(june, kind):
    def nothing(_, frame):
        if kind is not None:
            raise kind("The provider keeps 30 days.")
        return frame.iloc[:0]

    SOURCE.answers[KEY] = nothing
    moment = JUNE + timedelta(hours=1)
    words = "keeps 30 days" if kind else "gave no bar of AAPL_1d"
    with pytest.raises((MissingDataError, RangeUnavailableError), match=words):
        refresh(at(june, moment))
    assert june.rows("SELECT status, expires_at FROM fetch_log WHERE status <> 'ok'") == [
        ("no_data", moment + timedelta(hours=1))
    ]
    again = at(june, moment + timedelta(minutes=59))
    with pytest.raises(
        MissingDataError, match="is not asked again before 2003-06-14 02:00"
    ) as told:
        refresh(again)
    assert words in str(told.value)
    assert len(SOURCE.requests) == 1
    assert pending_bars(again, "AAPL_1d", again.windows()) == []  # every bar that is due is there
    assert june.value("SELECT count(*) FROM fetch_log") == 2  # being refused is no new answer
    SOURCE.reset()
    assert refresh(again, refetch=True)[0].status == "ok"
    assert refresh(at(june, moment + timedelta(hours=2)))[0].status == "ok"
    assert june.value("SELECT count(*) FROM bars") == 113


def test_an_expired_answer_is_asked_again(june):
    SOURCE.answers[KEY] = lambda _, frame: frame.iloc[:0]
    for hours in (1, 2):
        with pytest.raises(MissingDataError):
            refresh(at(june, JUNE + timedelta(hours=hours)))
    assert len(SOURCE.requests) == 2


def test_a_time_out_is_tried_again_at_once(june):
    def busy(_, frame):
        raise RetryableFetchError("busy")

    SOURCE.answers[KEY] = busy
    for _ in range(2):
        with pytest.raises(RetryableFetchError, match="busy"):
            refresh(at(june, JUNE + timedelta(hours=1)))
    assert len(SOURCE.requests) == 2


def test_a_bar_that_closed_after_the_answer_is_not_taken_for_complete(june):
    class Slow:
        name = "bundled"

        def fetch_bars(self, request):
            batch = source("bundled").fetch_bars(request)
            return replace(batch, fetched_at=datetime(2003, 6, 16, 19, 59, tzinfo=UTC))

    (outcome,) = refresh(at(june, datetime(2003, 6, 16, 20, 1, tzinfo=UTC), Slow()))
    assert outcome.metadata["last_bar"].startswith("2003-06-13")
    assert [f.check_name for f in outcome.findings] == ["partial_last"]


def test_a_backfill_that_ends_in_the_middle_goes_on_where_it_stopped(fresh_world):
    workspace = fresh_world.tampered
    refresh_universe(workspace)

    def killed(_, frame):
        raise KeyboardInterrupt

    SOURCE.answers["AAPL_1d|2002-01-01"] = killed
    with pytest.raises(KeyboardInterrupt):
        refresh(workspace)
    assert fresh_world.rows("SELECT DISTINCT year(ts) FROM bars ORDER BY 1") == [(2000,), (2001,)]
    SOURCE.reset()
    assert [o.changed for o in refresh(workspace)] == [False, False, True, True]
    assert SOURCE.asked == ["AAPL_1d|2002-01-01", KEY]
    reached = workspace.bars.read_span("AAPL_1d", None, None)
    assert len(reached) == 212 + 248 + 252 + 252


def test_a_full_disk_stops_all_at_once_and_leaves_what_was_committed(fresh_world, disk_limit):
    workspace = fresh_world.tampered
    refresh_universe(workspace)
    refresh_bars(workspace, "AAPL_1d", workspace.windows()[:2])
    SOURCE.reset()
    with disk_limit(1_000), pytest.raises(WarehouseError, match="disk has room"):
        refresh(workspace)
    assert SOURCE.asked == ["AAPL_1d|2002-01-01"]  # there is no room for the others either
    assert fresh_world.rows("SELECT DISTINCT year(ts) FROM bars ORDER BY 1") == [(2000,), (2001,)]
    assert fresh_world.value("SELECT count(*) FROM fetch_log") == 2
    assert [o.changed for o in refresh(workspace)] == [False, False, True, True]


def test_a_wider_span_of_the_same_window_is_asked_for_whole_or_from_the_watermark(june):
    june.write("universe.yaml", "start: 2003-03-01\nend: null\n")
    refresh(at(june, JUNE + timedelta(hours=1)))
    june.write("universe.yaml", "start: 2003-01-01\nend: null\n")
    refresh(at(june, JUNE + timedelta(hours=2)))
    june.write("universe.yaml", "start: 2003-01-01\nend: 2003-06-20\n")
    refresh(at(june, JUNE + timedelta(hours=3)))
    june.write("universe.yaml", "start: 2003-01-01\nend: 2003-09-01\n")
    refresh(at(june, JUNE + timedelta(hours=4)))
    assert [f"{r.start:%m-%d}" for r in SOURCE.requests] == ["03-01", "01-01", "01-01", "06-09"]
    assert june.value("SELECT count(*) FROM bars") == 113
