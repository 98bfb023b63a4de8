"""Files whose bars are of no timeframe here: longer bars are made of them, or they are refused."""

import pandas as pd
import pytest

from trading_pipeline.datasets import blocked_rows, profile_dataset, read_dataset_bars
from trading_pipeline.datasets.clocks.coarser_bars import coarser_timeframes
from trading_pipeline.domain.moments import MINUTE
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.resampling import resample_bars
from trading_pipeline.settings.dataset_answers import DatasetAnswers
from trading_pipeline_tests.datasets.dataset_files import bars_at, lines, rows_of, session_bars

HEADER = ["timestamp", "open", "high", "low", "close", "volume"]


@pytest.fixture
def written(tmp_path):
    def make(bars, form="%Y-%m-%dT%H:%M:%SZ", header=HEADER):
        path = tmp_path / "prices.csv"
        path.write_text(lines([header, *rows_of(bars, form)]), encoding="utf-8")
        return path

    return make


def minutes_of_new_york():
    return session_bars("2024-03-04", "2024-03-15", "1m", "XNYS")


def every(bars, minutes):
    """Bars of some minutes, from each session's open."""
    opens = pd.DatetimeIndex(bars.index).normalize() + pd.Timedelta(hours=14, minutes=30)
    late = ((bars.index - opens) // pd.Timedelta(minutes=1)).to_numpy() // minutes
    labels = opens + pd.to_timedelta(late * minutes, unit="min")
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    found = bars.groupby(labels.as_unit("us")).agg(how)
    found.index.name = "ts"
    return found


@pytest.mark.parametrize("minutes", [2, 3, 10])
@pytest.mark.parametrize("timeframe", ["30m", "1h", "1d"])
def test_longer_bars_are_those_of_the_single_minutes(written, minutes, timeframe):
    ones = session_bars("2024-02-05", "2024-02-09", "1m", "XNYS")
    path = written(every(ones, minutes))
    profile = profile_dataset(path)
    assert profile.timeframe == f"{minutes}m"
    (question,) = profile.open_questions
    assert timeframe in question.message
    assert "5m" not in question.message.replace("15m", "")
    answers = DatasetAnswers(timeframe=timeframe)
    profile = profile_dataset(path, answers)
    assert (profile.open_questions, profile.missing_bars, blocked_rows(profile)) == ((), 0, [])
    expected = resample_bars(
        ones, Timeframe.M1, Timeframe(timeframe), "XNYS", now=pd.Timestamp.now(tz="UTC")
    )
    found = read_dataset_bars(path, profile)
    pd.testing.assert_frame_equal(found, expected, check_freq=False)


def test_two_hours_around_the_clock_become_four(written):
    twos = bars_at(pd.date_range("2024-01-01", periods=61, freq="2h", tz="UTC"))
    path, answers = written(twos), DatasetAnswers(timeframe="4h")
    found = read_dataset_bars(path, profile_dataset(path, answers))
    assert len(found) == 30  # the file cuts the last bar short
    assert found["volume"].iloc[0] == twos["volume"].iloc[:2].sum()
    assert found["close"].iloc[-1] == twos["close"].iloc[59]


def test_a_known_timeframe_becomes_a_longer_one_where_that_is_answered(written):
    ones = minutes_of_new_york()
    path, answers = written(ones), DatasetAnswers(timeframe="5m")
    found = read_dataset_bars(path, profile_dataset(path, answers))
    assert list(found.index) == list(session_bars("2024-03-04", "2024-03-15", "5m", "XNYS").index)


def test_days_become_weeks(written):
    days = session_bars("2024-01-01", "2024-03-30", "1d", "XNYS")
    path = written(days, "%Y-%m-%d")
    answers = DatasetAnswers(timeframe="1w", calendar="XNYS")
    profile = profile_dataset(path, answers)
    assert profile.missing_bars == 0
    found = read_dataset_bars(path, profile)
    weeks = session_bars("2024-01-01", "2024-03-30", "1w", "XNYS").index
    assert list(found.index) == list(weeks)


def test_a_repeated_row_is_not_summed_in_silence(written):
    twos = bars_at(pd.date_range("2024-01-01", periods=60, freq="2h", tz="UTC"))
    path = written(pd.concat([twos.iloc[:5], twos.iloc[4:]]))
    answers = DatasetAnswers(timeframe="4h")
    with pytest.raises(DatasetFormatError, match="--duplicates first"):
        read_dataset_bars(path, profile_dataset(path, answers))
    kept = answers.model_copy(update={"duplicates": "first"})
    assert len(read_dataset_bars(path, profile_dataset(path, kept))) == 30


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (pd.date_range("2020-01-01", periods=24, freq="MS", tz="UTC"), "1M"),
        (pd.date_range("2015-01-01", periods=24, freq="QS", tz="UTC"), "3M"),
        (pd.date_range("2000-01-01", periods=12, freq="YS", tz="UTC"), "12M"),
        (pd.date_range("2020-01-01", periods=24, freq="14D", tz="UTC"), "2w"),
    ],
)
def test_months_are_refused_and_what_to_do_is_said(written, days, name):
    profile = profile_dataset(written(bars_at(days), "%Y-%m-%d"))
    assert not profile.accept
    assert f"{name} apart" in profile.reason
    assert "daily or weekly" in profile.reason


def test_ticks_are_refused_with_what_to_do(tmp_path):
    path = tmp_path / "ticks.csv"
    path.write_text(
        "time,price,size\n"
        + "".join(f"2024-01-02 09:30:{i:02d},100.{i},5\n" for i in range(10, 60)),
        encoding="utf-8",
    )
    profile = profile_dataset(path)
    assert not profile.accept
    assert "ticks" in profile.reason


def test_what_a_step_fills():
    assert [each.value for each in coarser_timeframes(2 * MINUTE)][:2] == ["30m", "1h"]
    assert [each.value for each in coarser_timeframes(45 * MINUTE)] == ["1d", "1w"]
    assert coarser_timeframes(2 * 1440 * MINUTE) == []
