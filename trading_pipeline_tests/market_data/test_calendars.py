"""Tests of the clocks of bars, against dates of the markets' own history."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.domain.bars import TS_DTYPE
from trading_pipeline.domain.moments import index_of
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, DataQualityError, UnknownNameError
from trading_pipeline.market_data.calendars import (
    expected_bars,
    known_at,
    last_session_dates,
    on_grid,
    periods_per_year,
    session_bounds,
    session_dates,
    sessions,
)


def stamps(*values: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(values), tz="UTC", name="ts").as_unit("us")


def utc(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def text(index: pd.DatetimeIndex) -> list[str]:
    return [f"{stamp:%Y-%m-%d %H:%M}" for stamp in index]


def test_daily_bar_is_known_at_the_close_in_winter_summer_and_on_a_short_day():
    days = stamps("2012-01-03", "2012-07-02", "2012-07-03", "2012-11-23")
    assert text(known_at(days, "1d", "XNYS")) == [
        "2012-01-03 21:00",
        "2012-07-02 20:00",
        "2012-07-03 17:00",
        "2012-11-23 18:00",
    ]


def test_intraday_bar_is_known_at_its_end_or_at_the_close():
    bars = stamps("2012-11-20 14:30", "2012-11-20 20:30", "2012-11-23 17:30", "2012-11-20 21:00")
    assert text(known_at(bars, "1h", "XNYS")) == [
        "2012-11-20 15:30",
        "2012-11-20 21:00",  # the half hour before the close
        "2012-11-23 18:00",  # the day after Thanksgiving
        "2012-11-20 22:00",  # after hours: no session cuts it
    ]


def test_weekly_bar_is_known_at_the_close_of_the_last_session_of_its_week():
    weeks = stamps(
        "2012-11-19", "2013-01-22", "2012-04-02"
    )  # the last week ends before Good Friday
    assert text(known_at(weeks, "1w", "XNYS")) == [
        "2012-11-23 18:00",
        "2013-01-25 21:00",
        "2012-04-05 20:00",
    ]


@pytest.mark.parametrize(("timeframe", "hours"), [("1h", 1), ("4h", 4), ("1d", 24), ("1w", 168)])
def test_around_the_clock_a_bar_is_known_at_the_end_of_its_interval(timeframe, hours):
    bars = stamps("2012-01-02", "2012-01-09")
    assert (known_at(bars, timeframe, "24/7") - bars == pd.Timedelta(hours=hours)).all()


def test_currency_week_ends_on_friday_at_five_in_new_york():
    bars = stamps("2012-03-09 20:00", "2012-03-08 20:00", "2012-03-11 20:00")
    assert text(known_at(bars, "4h", "24/5")) == [
        "2012-03-09 22:00",
        "2012-03-09 00:00",  # a session ends within this bar, the week does not
        "2012-03-12 00:00",
    ]
    # the clocks change on 11 March 2012
    assert text(known_at(stamps("2012-03-09", "2012-03-12"), "1d", "24/5")) == [
        "2012-03-09 22:00",
        "2012-03-12 21:00",
    ]


def test_bar_outside_every_session_is_known_at_label_plus_timeframe():
    saturday = stamps("2012-11-24")
    assert text(known_at(saturday, "1d", "XNYS")) == ["2012-11-25 00:00"]
    tokyo_before_its_calendar = stamps("1995-01-04")
    assert text(known_at(tokyo_before_its_calendar, "1d", "XTKS")) == ["1995-01-05 00:00"]


def test_sessions_before_1990_are_found_too():
    assert text(known_at(stamps("1971-06-01"), "1d", "XNYS")) == ["1971-06-01 20:00"]


def test_known_at_of_no_bars_is_empty_and_typed():
    for calendar in ("XNYS", "24/7", "24/5"):
        empty = known_at(stamps(), "1d", calendar)
        assert len(empty) == 0
        assert str(empty.dtype) == TS_DTYPE
        assert on_grid(stamps(), "1h", calendar).tolist() == []
        assert len(session_dates(stamps(), "1h", calendar)) == 0


def test_naive_stamps_are_refused():
    with pytest.raises(DataQualityError, match="no time zone"):
        known_at(pd.DatetimeIndex(["2012-01-03"]), "1d", "XNYS")
    with pytest.raises(ConfigurationError, match="without a time zone"):
        expected_bars(datetime(2012, 1, 1), utc("2012-02-01"), "1d", "XNYS")


@pytest.mark.parametrize("ask", ["known_at", "expected", "periods", "weekly periods"])
def test_unknown_calendar_is_named_with_close_names(ask):
    with pytest.raises(UnknownNameError, match=r"no calendar 'XNYZ'\. Did you mean .*'XNYS'"):
        {
            "known_at": lambda: known_at(stamps("2012-01-03"), "1d", "XNYZ"),
            "expected": lambda: expected_bars(utc("2012-01-01"), utc("2012-02-01"), "1d", "XNYZ"),
            "periods": lambda: periods_per_year("1d", "XNYZ"),
            "weekly periods": lambda: periods_per_year("1w", "XNYZ"),
        }[ask]()


def test_expected_days_leave_out_the_closure_of_september_2001():
    found = expected_bars(utc("2001-09-10"), utc("2001-09-18"), "1d", "XNYS")
    assert text(found) == ["2001-09-10 00:00", "2001-09-17 00:00"]
    assert str(found.dtype) == TS_DTYPE
    assert found.name == "ts"


def test_expected_weeks_are_named_by_their_first_session():
    found = expected_bars(utc("2013-01-07"), utc("2013-02-01"), "1w", "XNYS")
    assert [stamp.day for stamp in found] == [7, 14, 22, 28]  # 21 January was a holiday
    crypto = expected_bars(utc("2013-01-01"), utc("2013-01-20"), "1w", "24/7")
    assert [stamp.day for stamp in crypto] == [7, 14]


def test_expected_hours_start_at_the_open_and_follow_daylight_saving():
    friday, monday = (
        text(expected_bars(utc(a), utc(b), "1h", "XNYS"))
        for a, b in [("2012-03-09", "2012-03-10"), ("2012-03-12", "2012-03-13")]
    )
    assert friday[0] == "2012-03-09 14:30"
    assert monday[0] == "2012-03-12 13:30"
    assert len(friday) == len(monday) == 7


def test_short_day_has_fewer_hours():
    found = expected_bars(utc("2012-11-23"), utc("2012-11-24"), "1h", "XNYS")
    assert text(found)[-1] == "2012-11-23 17:30"
    assert len(found) == 4


def test_grid_starts_again_after_the_break_in_tokyo():
    found = expected_bars(utc("2012-03-09"), utc("2012-03-10"), "1h", "XTKS")
    assert [f"{stamp:%H:%M}" for stamp in found] == [
        "00:00",
        "01:00",
        "02:00",
        "03:30",
        "04:30",
        "05:30",
    ]
    assert on_grid(found, "1h", "XTKS").all()


def test_currencies_start_on_sunday_evening_and_have_no_bar_twice():
    found = expected_bars(utc("2012-03-09"), utc("2012-03-12"), "4h", "24/5")
    assert text(found)[-1] == "2012-03-11 20:00"
    assert text(found)[-2] == "2012-03-09 20:00"
    assert found.is_unique


def test_span_of_expected_bars_is_half_open():
    found = expected_bars(utc("2012-03-09T15:30"), utc("2012-03-09T17:30"), "1h", "XNYS")
    assert [f"{stamp:%H:%M}" for stamp in found] == ["15:30", "16:30"]
    for calendar in ("XNYS", "24/7"):
        assert len(expected_bars(utc("2012-03-09"), utc("2012-03-09"), "1h", calendar)) == 0


@pytest.mark.parametrize("calendar", ["XNYS", "XTKS", "24/7", "24/5"])
@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_expected_bars_are_on_the_grid_and_known_in_order_after_their_label(timeframe, calendar):
    found = expected_bars(utc("2012-02-20"), utc("2012-04-10"), timeframe, calendar)
    assert len(found) > 5
    assert on_grid(found, timeframe, calendar).all()
    known = known_at(found, timeframe, calendar)
    assert (known > found).all()
    assert known.is_monotonic_increasing
    assert known.is_unique


@given(
    offset=st.integers(0, 200), days=st.integers(1, 60), timeframe=st.sampled_from(list(Timeframe))
)
def test_expected_bars_of_two_halves_are_those_of_the_whole(offset, days, timeframe):
    start = utc("2012-01-01") + pd.Timedelta(days=offset)
    middle, end = start + pd.Timedelta(days=days), start + pd.Timedelta(days=2 * days)
    for calendar in ("XNYS", "24/5"):
        whole = expected_bars(start, end, timeframe, calendar)
        halves = expected_bars(start, middle, timeframe, calendar).append(
            expected_bars(middle, end, timeframe, calendar)
        )
        assert whole.equals(halves)


def test_off_grid_bars_are_told_apart():
    hours = stamps("2012-11-20 14:30", "2012-11-20 15:00", "2012-11-20 13:00")
    assert on_grid(hours, "1h", "XNYS").tolist() == [True, False, True]  # the last is pre-market
    assert on_grid(stamps("2012-11-20", "2012-11-20 05:00"), "1d", "XNYS").tolist() == [True, False]
    assert on_grid(stamps("2013-01-22", "2013-01-21"), "1w", "XNYS").tolist() == [True, False]
    assert on_grid(stamps("2013-01-21", "2013-01-22"), "1w", "24/7").tolist() == [True, False]
    assert on_grid(stamps("2013-01-21 01:00", "2013-01-21 01:30"), "1h", "24/7").tolist() == [
        True,
        False,
    ]


def test_evening_bar_of_a_future_belongs_to_the_next_session():
    bars = stamps("2012-03-12 22:30", "2012-03-13 15:00")
    assert text(session_dates(bars, "1h", "CMES")) == ["2012-03-13 00:00", "2012-03-13 00:00"]


def test_session_of_bars_outside_the_session_and_of_daily_bars_is_their_date():
    assert text(session_dates(stamps("2012-03-12 12:00"), "1h", "XNYS")) == ["2012-03-12 00:00"]
    assert text(session_dates(stamps("2012-03-12"), "1d", "XNYS")) == ["2012-03-12 00:00"]
    assert text(session_dates(stamps("2012-03-12 23:00"), "1h", "24/7")) == ["2012-03-12 00:00"]


def test_sessions_carry_open_and_close():
    table = sessions(utc("2012-11-22"), utc("2012-11-24"), "XNYS")
    assert text(table.index) == ["2012-11-23 00:00"]
    assert f"{table['open'].iloc[0]:%H:%M}-{table['close'].iloc[0]:%H:%M}" == "14:30-18:00"


@pytest.mark.parametrize(
    ("timeframe", "calendar", "bars"),
    [
        ("1d", "XNYS", 252.0),
        ("1m", "XNYS", 252.0 * 390),
        ("1h", "XNYS", 252.0 * 7),
        ("4h", "XNYS", 252.0 * 2),
        ("1w", "XNYS", 52.0),
        ("1d", "24/7", 365.0),
        ("1h", "24/7", 8760.0),
        ("1d", "24/5", 261.0),
        ("1h", "24/5", 261.0 * 24),
        ("1m", "XTKS", 245.0 * 300),
    ],
)
def test_bars_a_year(timeframe, calendar, bars):
    assert periods_per_year(timeframe, calendar) == bars


def test_a_minute_of_a_session_is_known_a_minute_later_over_a_whole_year():
    expected_bars(utc("2010-01-01"), utc("2010-02-01"), "1m", "XNYS")  # loads the calendar
    minutes = expected_bars(utc("2010-01-01"), utc("2011-02-01"), "1m", "XNYS")
    assert len(minutes) > 100_000
    known = known_at(minutes, "1m", "XNYS")
    assert np.asarray(known - minutes == pd.Timedelta(minutes=1)).all()


def test_a_weekly_bar_is_complete_in_its_last_session():
    monday = pd.DatetimeIndex(["2012-11-12", "2012-12-31"], tz="UTC")
    found = last_session_dates(monday, "1w", "XNYS").strftime("%Y-%m-%d").tolist()
    assert found == ["2012-11-16", "2013-01-04"]
    always = last_session_dates(monday, "1w", "24/7").strftime("%Y-%m-%d").tolist()
    assert always == ["2012-11-18", "2013-01-06"]
    for timeframe in ("1d", "1h"):
        daily = last_session_dates(monday, timeframe, "24/7")
        assert daily.equals(session_dates(monday, timeframe, "24/7"))


@pytest.mark.parametrize(
    ("stamp", "calendar", "opens", "closes", "inside"),
    [
        ("2012-11-23 14:30", "XNYS", "2012-11-23 14:30", "2012-11-23 18:00", True),  # early close
        ("2012-11-23 18:00", "XNYS", "2012-11-23 14:30", "2012-11-23 18:00", False),
        ("2012-11-26 14:29", "XNYS", "2012-11-23 14:30", "2012-11-23 18:00", False),
        ("2012-03-12 23:00", "24/7", "2012-03-12 00:00", "2012-03-13 00:00", True),
        ("2012-01-05 23:00", "24/5", "2012-01-05 22:00", "2012-01-06 22:00", True),
    ],
)
def test_the_session_of_a_stamp_has_its_open_and_close(stamp, calendar, opens, closes, inside):
    found = session_bounds(stamps(stamp), calendar)
    assert [text(index_of(each)) for each in found[:2]] == [[opens], [closes]]
    assert found[2].tolist() == [inside]


def test_no_stamp_has_no_session():
    assert [len(each) for each in session_bounds(stamps(), "XNYS")] == [0, 0, 0]
