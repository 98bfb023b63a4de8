"""Tests of resampling: against the source's own coarse bars and a plain loop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.market_data.calendars import expected_bars, known_at, sessions
from trading_pipeline.market_data.resampling import (
    finer_span,
    outside_sessions,
    require_resampling,
    resample_bars,
)
from trading_pipeline.market_data.sources.protocol import BarRequest
from trading_pipeline.market_data.sources.synthetic.source import SyntheticSource
from trading_pipeline_tests.conftest import random_bars

SPAN = datetime(2012, 11, 12, tzinfo=UTC), datetime(2012, 12, 3, tzinfo=UTC)
SOURCE = SyntheticSource()


def synthetic(timeframe: str, calendar: str, start: datetime, end: datetime) -> pd.DataFrame:
    instrument = Instrument(
        symbol="X", timeframe=Timeframe(timeframe), source="synthetic", calendar=calendar
    )
    return SOURCE.fetch_bars(BarRequest(instrument=instrument, start=start, end=end)).frame


def utc(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def plain_loop(bars: pd.DataFrame, target: str, calendar: str) -> pd.DataFrame:
    """The oracle: for each coarse bar of the calendar, the finer bars inside its time, one by
    one."""
    frame = Timeframe(target)
    margin = timedelta(days=9)
    labels = expected_bars(bars.index[0] - margin, bars.index[-1] + margin, frame, calendar)
    closes = known_at(labels, frame, calendar)
    table = sessions(bars.index[0] - margin * 2, bars.index[-1] + margin * 2, calendar)
    rows = []
    for label, close in zip(labels, closes, strict=True):
        begin = label
        if calendar != "24/7" and not frame.is_intraday:
            begin = table.loc[label, "open"]
        end = min(label + frame.length, close) if frame.is_intraday else close
        inside = []
        for ts, bar in bars.iterrows():
            if begin <= ts < end and in_session(ts, table, calendar):
                inside.append(bar)
        if inside:
            rows.append(
                {
                    "ts": label,
                    "open": inside[0]["open"],
                    "high": max(bar["high"] for bar in inside),
                    "low": min(bar["low"] for bar in inside),
                    "close": inside[-1]["close"],
                    "volume": sum(bar["volume"] for bar in inside),
                }
            )
    return pd.DataFrame(rows).set_index("ts")


def in_session(ts: pd.Timestamp, table: pd.DataFrame, calendar: str) -> bool:
    if calendar == "24/7":
        return True
    return bool(((table["open"] <= ts) & (ts < table["close"])).any())


@pytest.mark.parametrize("calendar", ["XNYS", "XTKS", "24/7", "24/5"])
@pytest.mark.parametrize(
    ("timeframe", "target"),
    [("5m", "15m"), ("15m", "1h"), ("30m", "4h"), ("30m", "1d"), ("1h", "1w"), ("1d", "1w")],
)
def test_resampled_bars_are_those_that_the_source_itself_cuts(timeframe, target, calendar):
    start, end = finer_span(*SPAN, Timeframe(timeframe), Timeframe(target), calendar)
    made = resample_bars(synthetic(timeframe, calendar, start, end), timeframe, target, calendar)
    own = synthetic(target, calendar, *SPAN)
    assert len(own) >= 3
    pd.testing.assert_frame_equal(made, own, check_freq=False)


@given(seed=st.integers(0, 1000), drop=st.floats(0.0, 0.6))
@settings(max_examples=4, deadline=None)
@pytest.mark.parametrize("calendar", ["XNYS", "XHKG", "24/7"])
@pytest.mark.parametrize("target", ["1h", "1d", "1w"])
def test_a_plain_loop_over_bars_with_holes_gives_the_same(calendar, target, seed, drop):
    bars = random_bars(150, seed, start="2012-11-21 01:30", freq="30min")
    bars = bars[np.random.default_rng(seed).random(len(bars)) >= drop]
    if calendar != "24/7":
        bars = bars[~outside_sessions(pd.DatetimeIndex(bars.index), "30m", calendar)]
    made = resample_bars(bars, "30m", target, calendar)
    expected = plain_loop(bars, target, calendar) if len(bars) else made
    pd.testing.assert_frame_equal(made, expected, check_freq=False, check_index_type=False)


def test_the_last_bar_of_a_short_day_is_short_and_no_bar_crosses_sessions():
    bars = synthetic("1m", "XNYS", utc("2012-11-23"), utc("2012-11-27"))
    hours = resample_bars(bars, "1m", "1h", "XNYS")
    assert [f"{ts:%d %H:%M}" for ts in hours.index[:5]] == [
        "23 14:30", "23 15:30", "23 16:30", "23 17:30", "26 14:30",
    ]  # fmt: skip
    half = bars.loc["2012-11-23 17:30":"2012-11-23 17:59"]
    assert hours["volume"].iloc[3] == half["volume"].sum()
    assert hours["close"].iloc[3] == half["close"].iloc[-1]


def test_a_session_keeps_its_length_in_utc_when_the_clock_changes():
    bars = synthetic("1h", "XNYS", utc("2012-11-01"), utc("2012-11-08"))
    days = resample_bars(bars, "1h", "1d", "XNYS")
    assert [f"{ts:%m-%d}" for ts in days.index] == ["11-01", "11-02", "11-05", "11-06", "11-07"]
    assert days["open"].loc[utc("2012-11-05")] == bars["open"].loc[utc("2012-11-05 14:30")]
    assert days["open"].loc[utc("2012-11-02")] == bars["open"].loc[utc("2012-11-02 13:30")]


def test_a_currency_day_starts_at_five_in_new_york_on_the_evening_before():
    start, end = finer_span(
        utc("2012-07-02"), utc("2012-07-03"), Timeframe.H1, Timeframe.D1, "24/5"
    )
    assert (start, end) == (utc("2012-07-01 21:00"), utc("2012-07-02 21:00"))
    days = resample_bars(synthetic("1h", "24/5", start, end), "1h", "1d", "24/5")
    assert list(days.index) == [pd.Timestamp("2012-07-02", tz="UTC")]


def test_a_week_is_named_by_its_first_session_even_where_that_day_has_no_bar():
    bars = synthetic(
        "1d", "XNYS", utc("2012-09-04"), utc("2012-09-15")
    )  # Monday the 3rd is a holiday
    weeks = resample_bars(bars.drop(pd.Timestamp("2012-09-04", tz="UTC")), "1d", "1w", "XNYS")
    assert [f"{ts:%m-%d}" for ts in weeks.index] == ["09-04", "09-10"]


def test_a_bar_that_is_not_complete_yet_is_left_out_only_when_now_says_so():
    bars = synthetic("1h", "XNYS", utc("2012-11-19"), utc("2012-11-21"))
    before, after = utc("2012-11-20 20:59"), utc("2012-11-20 21:00")
    assert len(resample_bars(bars, "1h", "1d", "XNYS")) == 2
    assert len(resample_bars(bars, "1h", "1d", "XNYS", now=before)) == 1
    assert len(resample_bars(bars, "1h", "1d", "XNYS", now=after)) == 2
    assert len(resample_bars(bars, "1h", "1w", "XNYS", now=after)) == 0


def test_bars_outside_the_session_are_shown_and_left_out():
    bars = synthetic("30m", "XNYS", utc("2012-11-20"), utc("2012-11-21"))
    late = bars.iloc[-1:].set_axis(pd.DatetimeIndex([utc("2012-11-20 21:30")], name="ts"))
    joined = pd.concat([bars, late * 5])
    index = pd.DatetimeIndex(joined.index)
    assert outside_sessions(index, "30m", "XNYS").tolist() == [False] * 13 + [True]
    same = resample_bars(bars, "30m", "1d", "XNYS")
    pd.testing.assert_frame_equal(resample_bars(joined, "30m", "1d", "XNYS"), same)


def test_daily_bars_on_a_closed_day_belong_to_no_week():
    index = pd.DatetimeIndex(["2012-11-21", "2012-11-22", "2012-11-24"], tz="UTC")
    assert outside_sessions(index, "1d", "XNYS").tolist() == [False, True, True]


def test_no_bars_give_no_bars():
    empty = random_bars(5).iloc[:0]
    for calendar in ("XNYS", "24/7"):
        assert resample_bars(empty, "1m", "1d", calendar).empty
    sunday = random_bars(3, start="2012-11-18 10:00", freq="h")
    assert resample_bars(sunday, "1h", "1d", "XNYS").empty


def test_a_missing_value_makes_its_coarse_bar_missing_so_that_checks_see_it():
    bars = random_bars(48, start="2012-11-20", freq="h")
    bars.iloc[3, bars.columns.get_loc("high")] = np.nan
    days = resample_bars(bars, "1h", "1d", "24/7")
    assert days["high"].isna().tolist() == [True, False]


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 0, 1]])
def test_unsorted_or_doubled_bars_are_refused(order):
    bars = random_bars(3, freq="h")
    with pytest.raises(DataQualityError, match="out of order or hold a stamp twice"):
        resample_bars(bars.iloc[order], "1h", "1d", "24/7")


@pytest.mark.parametrize(("timeframe", "target"), [("1h", "1h"), ("1d", "1h"), ("1w", "1d")])
def test_a_target_that_is_not_coarser_is_refused(timeframe, target):
    with pytest.raises(ConfigurationError, match="must be finer"):
        require_resampling(Timeframe(timeframe), Timeframe(target), "24/7")


def test_four_hour_bars_cannot_make_currency_days():
    with pytest.raises(ConfigurationError, match="17:00 New York"):
        require_resampling(Timeframe.H4, Timeframe.D1, "24/5")
