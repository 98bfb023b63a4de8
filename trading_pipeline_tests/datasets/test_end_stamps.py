"""Bars stamped where they end: recognised by the session, asked about, kept under their open."""

import pandas as pd
import pytest

from trading_pipeline.datasets import blocked_rows, profile_dataset, read_dataset_bars
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.calendars import known_at
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline_tests.datasets.dataset_files import lines, rows_of, session_bars

HEADER = ["timestamp", "open", "high", "low", "close", "volume"]
MARKETS = [
    ("XNYS", "America/New_York"), ("XLON", "Europe/London"), ("XASX", "Australia/Sydney"),
    ("XTKS", "Asia/Tokyo"), ("XBOM", "Asia/Kolkata"), ("XNYS", "America/Chicago"),
]  # fmt: skip


@pytest.fixture
def written(tmp_path):
    def make(bars, timeframe, calendar, zone, form="%Y-%m-%d %H:%M:%S"):
        ends = bars.set_axis(known_at(bars.index, timeframe, calendar))
        path = tmp_path / "prices.csv"
        path.write_text(lines([HEADER, *rows_of(ends, form, zone)]), encoding="utf-8")
        return path

    return make


def keys(profile):
    return [question.key for question in profile.open_questions]


@pytest.mark.parametrize(("calendar", "zone"), MARKETS)
@pytest.mark.parametrize("timeframe", ["1m", "5m", "30m"])
def test_the_session_shows_stamps_of_ends_and_their_zone(written, calendar, zone, timeframe):
    bars = session_bars("2024-03-04", "2024-03-15", timeframe, calendar)
    path = written(bars, timeframe, calendar, zone)
    profile = profile_dataset(path)
    assert (profile.suggest_tz, profile.calendar) == (zone, calendar)
    assert keys(profile) == ["tz", "stamps"]
    assert (profile.missing_bars, profile.other_findings.get("extra_bar")) == (0, None)
    answers = DatasetAnswers(tz=zone, stamps="end")
    profile = profile_dataset(path, answers)
    assert profile.open_questions == ()
    assert blocked_rows(profile) == []
    found = read_dataset_bars(path, profile)
    pd.testing.assert_frame_equal(found, bars, check_freq=False)


@pytest.mark.parametrize("calendar", ["24/7", "24/5", "XNYS", "XTSE"])
def test_the_question_comes_whatever_calendar_is_named(written, calendar):
    bars = session_bars("2024-03-04", "2024-03-15", "5m", "XNYS")
    path = written(bars, "5m", "XNYS", "America/New_York")
    answers = DatasetAnswers(tz="America/New_York", calendar=calendar)
    profile = profile_dataset(path, answers)
    assert keys(profile) == ["stamps"]
    with pytest.raises(DatasetFormatError, match="--stamps end"):
        read_dataset_bars(path, profile)
    ended = answers.model_copy(update={"stamps": "end"})
    found = read_dataset_bars(path, profile_dataset(path, ended))
    pd.testing.assert_frame_equal(found, bars, check_freq=False)


@pytest.mark.parametrize("calendar", ["XASX", "XNYS", "XTKS"])
def test_ends_told_in_utc_are_recognised_too(written, calendar):
    bars = session_bars("2024-03-04", "2024-03-20", "15m", calendar)
    profile = profile_dataset(written(bars, "15m", calendar, "UTC", "%Y-%m-%dT%H:%M:%SZ"))
    assert keys(profile) == ["stamps"]
    assert profile.calendar == calendar


def test_bars_that_a_close_cuts_short_end_there(written):
    bars = session_bars("2024-11-25", "2024-12-03", "1h", "XNYS")  # with a half day
    answers = DatasetAnswers(tz="America/New_York", stamps="end")
    path = written(bars, "1h", "XNYS", "America/New_York")
    profile = profile_dataset(path, answers)
    assert profile.missing_bars == 0
    pd.testing.assert_frame_equal(read_dataset_bars(path, profile), bars, check_freq=False)


@pytest.mark.parametrize(("calendar", "zone"), MARKETS)
def test_stamps_of_opens_are_not_asked_about(tmp_path, calendar, zone):
    bars = session_bars("2024-03-04", "2024-03-15", "30m", calendar)
    path = tmp_path / "prices.csv"
    path.write_text(lines([HEADER, *rows_of(bars, zone=zone)]), encoding="utf-8")
    assert keys(profile_dataset(path)) == ["tz"]
    assert keys(profile_dataset(path, DatasetAnswers(tz=zone))) == []


def test_a_short_special_session_is_extra_and_hides_nothing(tmp_path):
    bars = session_bars("2024-10-21", "2024-11-09", "5m", "XBOM")
    evening = pd.date_range("2024-11-01 12:30", periods=12, freq="5min", tz="UTC")
    special = bars.iloc[:12].set_axis(evening.as_unit("us"))
    bars = pd.concat([bars[bars.index.date != evening[0].date()], special]).sort_index()
    bars.index.name = "ts"
    path = tmp_path / "prices.csv"
    path.write_text(lines([HEADER, *rows_of(bars, zone="Asia/Kolkata")]), encoding="utf-8")
    answers = DatasetAnswers(tz="Asia/Kolkata")
    profile = profile_dataset(path, answers)
    assert (profile.calendar, keys(profile)) == ("XBOM", [])
    pd.testing.assert_frame_equal(read_dataset_bars(path, profile), bars, check_freq=False)
