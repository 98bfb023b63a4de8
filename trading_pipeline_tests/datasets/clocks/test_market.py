"""Market and zone by the hours of bars; clocks, missing and extra bars against calendars."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.datasets.checks.series import MINUTE, MinuteMap
from trading_pipeline.datasets.clocks.coverage import count_coverage, step_name
from trading_pipeline.datasets.clocks.market_guess import guess_daily_market, guess_market
from trading_pipeline.datasets.clocks.sessions import bar_labels, calendar_zone, to_utc
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.calendars import expected_bars

DAY = 1440 * MINUTE


def bars(calendar, timeframe="5m", start="2024-01-15", end="2024-04-20"):
    first, last = (pd.Timestamp(day, tz="UTC").to_pydatetime() for day in (start, end))
    return expected_bars(first, last, timeframe, calendar)


def wall_minutes(index, zone):
    wall = index.tz_convert(zone).tz_localize(None).as_unit("us")
    return np.asarray(wall.asi8) // MINUTE


@pytest.mark.parametrize(
    ("calendar", "zone"),
    [
        ("XNYS", "America/New_York"),
        ("XNYS", "America/Chicago"),
        ("XBOM", "Asia/Kolkata"),
        ("XLON", "Europe/London"),
        ("XETR", "Europe/Berlin"),
        ("XTKS", "Asia/Tokyo"),
        ("XHKG", "Asia/Hong_Kong"),
        ("XSHG", "Asia/Shanghai"),
        ("XASX", "Australia/Sydney"),
        ("24/7", "UTC"),
        ("24/5", "UTC"),
        ("24/5", "America/New_York"),
    ],
)
def test_the_hours_of_a_session_show_market_and_zone(calendar, zone):
    guess = guess_market(wall_minutes(bars(calendar), zone), 5, in_utc=False)
    assert (guess.calendar, guess.tz) == (calendar, zone)


@pytest.mark.parametrize("calendar", ["XNYS", "XBOM", "XLON", "XTKS", "XHKG", "24/7", "24/5"])
def test_stamps_in_utc_show_the_market_across_a_clock_change(calendar):
    minutes = wall_minutes(bars(calendar), "UTC")
    assert guess_market(minutes, 5, in_utc=True).calendar == calendar


def test_naive_stamps_in_utc_are_taken_for_utc_where_summer_moves_the_open():
    guess = guess_market(wall_minutes(bars("XNYS"), "UTC"), 5, in_utc=False)
    assert (guess.calendar, guess.tz) == ("XNYS", "UTC")


@pytest.mark.parametrize("timeframe", ["1m", "15m", "1h"])
def test_other_timeframes_show_it_too(timeframe):
    minutes = wall_minutes(bars("XBOM", timeframe), "Asia/Kolkata")
    step = int(Timeframe(timeframe).length.total_seconds()) // 60
    assert guess_market(minutes, step, in_utc=False).tz == "Asia/Kolkata"


def test_bars_before_and_after_the_session_on_many_days_do_not_hide_it():
    index = bars("XBOM", "1m", "2024-01-15", "2024-03-01")
    evenings = index[index.day % 2 == 0] + pd.Timedelta(hours=3)
    minutes = wall_minutes(index.union(evenings), "Asia/Kolkata")
    assert guess_market(minutes, 1, in_utc=False).calendar == "XBOM"


def test_hours_of_no_known_market_are_not_guessed():
    days = pd.date_range("2024-01-01", periods=40, freq="D", tz="UTC")
    odd = days.append([days + pd.Timedelta(minutes=m) for m in (187, 192, 197)]).sort_values()
    minutes = wall_minutes(odd[odd.hour == 3], "UTC")
    guess = guess_market(minutes, 5, in_utc=False)
    assert (guess.calendar, guess.tz) == (None, None)
    assert guess_market(np.empty(0, dtype=np.int64), 5, in_utc=False).calendar is None


@pytest.mark.parametrize("calendar", ["XNYS", "XBOM", "XLON", "XETR", "XTKS", "24/7"])
def test_dates_show_the_calendar_of_daily_bars(calendar):
    index = bars(calendar, "1d", "2015-01-01", "2018-01-01")
    assert guess_daily_market(index) == calendar
    assert guess_daily_market(index.delete([100, 200])) == calendar


def test_dates_of_no_calendar_are_not_guessed():
    assert guess_daily_market(bars("XNYS", "1d")[:0]) is None
    sparse = bars("XNYS", "1d", "2015-01-01", "2018-01-01")[::3]
    assert guess_daily_market(sparse) is None


def test_local_time_becomes_utc_through_both_clock_changes():
    index = bars("24/7", "1h", "2024-03-01", "2024-11-15")
    wall = index.tz_convert("Europe/Berlin").tz_localize(None).as_unit("us")
    assert np.array_equal(to_utc(np.asarray(wall.asi8), "Europe/Berlin"), np.asarray(index.asi8))


def test_an_hour_that_the_clock_skips_or_repeats_is_a_typed_error():
    for stamp in ("2024-03-31 02:30", "2024-10-27 02:30"):
        moment = np.asarray(pd.DatetimeIndex([stamp]).as_unit("us").asi8)
        with pytest.raises(DatasetFormatError, match="Europe/Berlin"):
            to_utc(moment, "Europe/Berlin")


@pytest.mark.parametrize(
    ("zone", "calendar", "clock"),
    [("America/New_York", "XNYS", "00:00"), ("America/New_York", "XNYS", "09:30"),
     ("Asia/Tokyo", "XTKS", "00:00"), ("Asia/Tokyo", "XTKS", "09:00"), ("UTC", "XNYS", "00:00")],
)  # fmt: skip
def test_daily_stamps_become_the_date_of_their_session(zone, calendar, clock):
    labels = bars(calendar, "1d")
    stamps = pd.DatetimeIndex([pd.Timestamp(f"{d.date()} {clock}", tz=zone) for d in labels])
    moments = np.asarray(stamps.tz_convert("UTC").as_unit("us").asi8)
    found = bar_labels(moments, Timeframe.D1, calendar, wall=False)
    assert np.array_equal(found, np.asarray(labels.asi8))


def test_daily_stamps_inside_a_day_need_a_calendar_and_naive_ones_do_not():
    moments = np.array([DAY + 5 * MINUTE])
    with pytest.raises(DatasetFormatError, match="--calendar"):
        bar_labels(moments, Timeframe.D1, None, wall=False)
    assert bar_labels(moments, Timeframe.D1, None, wall=True).tolist() == [DAY]


@pytest.mark.parametrize("weekday", [0, 4, 6])
def test_weeks_stamped_on_any_day_are_named_by_their_first_session(weekday):
    labels = bars("XNYS", "1w", "2024-01-01", "2024-06-01")
    mondays = labels - pd.to_timedelta(labels.day_of_week, unit="D")
    shift = weekday if weekday < 6 else -1  # a Sunday stands before its week
    moments = np.asarray((mondays + pd.Timedelta(days=shift)).as_unit("us").asi8)
    found = bar_labels(moments, Timeframe.W1, "XNYS", wall=True)
    assert np.array_equal(found, np.asarray(labels.asi8))


def test_zones_of_calendars():
    assert calendar_zone("XBOM") == "Asia/Kolkata"
    assert calendar_zone("24/7") == "UTC"
    assert calendar_zone(None) is None


def covered(index, timeframe, calendar, zone=None):
    minutes = MinuteMap()
    minutes.add(wall_minutes(index, zone or "UTC") * MINUTE)
    found = count_coverage(minutes, timeframe, calendar, zone=zone, wall=zone is not None)
    return found.missing, found.extra


@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_missing_and_extra_bars_are_counted_over_years(zone):
    index = bars("XNYS", "15m", "2022-11-01", "2024-02-01")
    assert covered(index, Timeframe.M15, "XNYS", zone) == (0, 0)
    late = index[::26] + pd.Timedelta(hours=10)
    spoiled = index.delete([5, 700, 4000]).union(late[:7])
    assert covered(spoiled, Timeframe.M15, "XNYS", zone) == (3, 7)


def test_missing_days_and_weeks_are_counted():
    days = bars("XNYS", "1d", "2022-01-01", "2024-02-01")
    assert covered(days.delete([3, 50]), Timeframe.D1, "XNYS") == (2, 0)
    weeks = bars("XNYS", "1w", "2022-01-01", "2024-02-01")
    assert covered(weeks.delete([3]), Timeframe.W1, "XNYS") == (1, 0)
    assert covered(days[:0], Timeframe.D1, "XNYS") == (0, 0)


@pytest.mark.parametrize(
    ("steps", "name"),
    [({}, None), ({MINUTE: 10, 5 * MINUTE: 3}, "1m"), ({2 * MINUTE: 9}, "2m"), ({DAY: 78,
    3 * DAY: 20}, "1d"),
     ({7 * DAY: 9}, "1w"), ({1_000_000: 9}, "1s"), ({60 * MINUTE: 3, 120 * MINUTE: 2,
     180 * MINUTE: 2}, "1h"),
     ({17: 1, 23: 1, 31: 1}, "irregular"), ({500_000: 9}, "irregular")],
)  # fmt: skip
def test_the_commonest_distance_names_the_timeframe(steps, name):
    assert step_name(Counter(steps)) == name
