"""Tests of synthetic bars: the same bar always, whatever is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.hashing import frame_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.domain.windows import Window
from trading_pipeline.market_data.calendars import known_at
from trading_pipeline.market_data.quality.checks import check_bars
from trading_pipeline.market_data.sources.protocol import ActionRequest, BarRequest
from trading_pipeline.market_data.sources.synthetic.paths import SyntheticSettings
from trading_pipeline.market_data.sources.synthetic.source import SyntheticSource

NOW = datetime(2020, 1, 1, tzinfo=UTC)
CALENDARS = ["XNYS", "XTKS", "CMES", "24/7", "24/5"]


def fetch(
    first: str,
    last: str,
    *,
    timeframe: Timeframe = Timeframe.D1,
    calendar: str = "XNYS",
    symbol: str = "SYN",
    now: datetime = NOW,
    **values,
) -> pd.DataFrame:
    source = SyntheticSource(SyntheticSettings(**values), clock=lambda: now)
    instrument = Instrument(
        symbol=symbol, timeframe=timeframe, source="synthetic", calendar=calendar
    )
    start, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (first, last))
    return source.fetch_bars(BarRequest(instrument=instrument, start=start, end=end)).frame


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_bars_of_every_timeframe_and_calendar_pass_every_check(timeframe, calendar):
    frame = fetch("2012-02-20", "2012-03-20", timeframe=timeframe, calendar=calendar)
    instrument = Instrument(
        symbol="SYN", timeframe=timeframe, source="synthetic", calendar=calendar
    )
    window = Window(datetime(2012, 2, 20, tzinfo=UTC), datetime(2012, 3, 20, tzinfo=UTC))
    assert len(frame) >= 4
    assert check_bars(frame, instrument=instrument, window=window) == []


@settings(deadline=None, max_examples=25)
@given(
    start=st.integers(0, 300),
    length=st.integers(1, 200),
    timeframe=st.sampled_from([Timeframe.H1, Timeframe.H4, Timeframe.D1, Timeframe.W1]),
    calendar=st.sampled_from(["XNYS", "24/7", "24/5"]),
)
def test_the_same_bar_whatever_span_is_asked(start, length, timeframe, calendar):
    whole = fetch("2010-01-01", "2011-08-01", timeframe=timeframe, calendar=calendar)
    first = pd.Timestamp("2010-01-03", tz="UTC") + pd.Timedelta(days=start)
    last = first + pd.Timedelta(days=length)
    part = fetch(
        first.isoformat()[:10], last.isoformat()[:10], timeframe=timeframe, calendar=calendar
    )
    expected = whole[(whole.index >= first) & (whole.index < last)]
    pd.testing.assert_frame_equal(part, expected, check_exact=True)


@pytest.mark.parametrize(
    ("fine", "coarse"), [(Timeframe.M1, "15min"), (Timeframe.M15, "h"), (Timeframe.H1, "4h")]
)
def test_coarse_bars_are_made_of_fine_ones(fine, coarse):
    kwargs = {"calendar": "24/7"}
    small = fetch("2012-03-05", "2012-03-08", timeframe=fine, **kwargs)
    name = {"15min": "15m", "h": "1h", "4h": "4h"}[coarse]
    large = fetch("2012-03-05", "2012-03-08", timeframe=Timeframe(name), **kwargs)
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    pd.testing.assert_frame_equal(small.resample(coarse).agg(rules), large, check_freq=False)


@pytest.mark.parametrize("calendar", ["XNYS", "XTKS", "24/5"])
def test_a_day_is_made_of_its_minutes_and_a_week_of_its_days(calendar):
    days = fetch("2012-03-05", "2012-03-10", calendar=calendar)
    (week,) = fetch("2012-03-05", "2012-03-10", calendar=calendar, timeframe=Timeframe.W1).index
    bar = fetch("2012-03-05", "2012-03-10", calendar=calendar, timeframe=Timeframe.W1).loc[week]
    minutes = fetch("2012-03-04", "2012-03-10", calendar=calendar, timeframe=Timeframe.M1)
    assert bar["open"] == days["open"].iloc[0] == minutes["open"].iloc[0]
    assert bar["close"] == days["close"].iloc[-1] == minutes["close"].iloc[-1]
    assert bar["high"] == days["high"].max() == minutes["high"].max()
    assert bar["low"] == days["low"].min() == minutes["low"].min()
    assert bar["volume"] == days["volume"].sum() == minutes["volume"].sum()


def test_closes_are_still_the_ones_of_the_first_version():
    # a change here changes every result on synthetic bars: say so in the changelog
    frame = fetch("2012-03-05", "2012-03-08")
    assert frame["close"].tolist() == pytest.approx([152.2495, 150.4228, 150.6701], abs=2e-4)


def test_seed_symbol_and_calendar_each_make_another_series():
    hashes = {
        frame_hash(fetch("2012-03-05", "2012-03-30", **change))
        for change in ({}, {"seed": 8}, {"symbol": "OTHER"}, {"calendar": "XLON"})
    }
    assert len(hashes) == 4
    again = frame_hash(fetch("2012-03-05", "2012-03-30"))
    assert again in hashes


def test_only_complete_bars_are_given():
    at_noon = datetime(2012, 3, 7, 17, 0, tzinfo=UTC)
    days = fetch("2012-03-05", "2012-03-10", now=at_noon)
    assert [day.day for day in days.index] == [5, 6]
    hours = fetch("2012-03-07", "2012-03-10", timeframe=Timeframe.H1, now=at_noon)
    assert known_at(hours.index, "1h", "XNYS").max() <= pd.Timestamp(at_noon)
    assert f"{hours.index[-1]:%H:%M}" == "15:30"
    later = fetch("2012-03-05", "2012-03-10")
    pd.testing.assert_frame_equal(days, later.iloc[:2])


def test_before_1990_and_after_now_there_are_no_bars():
    assert fetch("1985-01-01", "1990-01-01").empty
    assert fetch("2025-01-01", "2026-01-01").empty
    first = fetch("1989-01-01", "1990-02-01")
    assert first.index[0] == pd.Timestamp("1990-01-02", tz="UTC")
    assert first["open"].iloc[0] == pytest.approx(100.0, rel=1e-6)


def test_returns_look_like_a_market():
    close = fetch("1995-01-01", "2019-01-01")["close"]
    returns = np.log(close).diff().dropna()
    assert 0.18 < returns.std() * 252**0.5 < 0.32
    assert returns.kurt() > 1.0
    assert abs(returns.autocorr(1)) < 0.05
    assert returns.abs().autocorr(1) > 0.1
    assert returns.abs().rolling(20).mean().autocorr(20) > 0.2


def test_quiet_settings_make_a_quiet_market():
    quiet = fetch("2005-01-01", "2010-01-01", annual_volatility=0.05, jump_probability=0.0)
    returns = np.log(quiet["close"]).diff().dropna()
    assert 0.03 < returns.std() * 252**0.5 < 0.07


def test_volume_is_largest_at_both_ends_of_a_session():
    minutes = fetch("2012-03-05", "2012-04-05", timeframe=Timeframe.M30)
    by_time = minutes["volume"].groupby(minutes.index - minutes.index.normalize()).mean()
    winter = minutes.loc[:"2012-03-09", "volume"]
    profile = winter.groupby(winter.index - winter.index.normalize()).mean()
    assert profile.iloc[0] > 1.5 * profile.iloc[6]
    assert profile.iloc[-1] > 1.5 * profile.iloc[6]
    assert (by_time >= 1.0).all()


def test_prices_open_with_a_gap_on_a_listed_market_and_without_one_around_the_clock():
    stock, coin = (
        fetch("2012-01-01", "2012-12-01", calendar=calendar) for calendar in ("XNYS", "24/7")
    )
    assert (stock["open"] != stock["close"].shift(1)).iloc[1:].mean() > 0.99
    assert (coin["open"] == coin["close"].shift(1)).iloc[1:].all()


def test_missing_fraction_leaves_out_the_same_bars_in_every_span():
    full = fetch("2010-01-01", "2014-01-01")
    holes = fetch("2010-01-01", "2014-01-01", missing_fraction=0.1)
    assert 0.07 < 1.0 - len(holes) / len(full) < 0.13
    pd.testing.assert_frame_equal(holes, full.loc[holes.index])
    part = fetch("2012-01-01", "2013-01-01", missing_fraction=0.1)
    pd.testing.assert_frame_equal(part, holes.loc["2012":"2012"])


def test_client_version_changes_with_the_settings_and_no_actions_are_made_up():
    span = {"start": datetime(2012, 1, 1, tzinfo=UTC), "end": datetime(2012, 2, 1, tzinfo=UTC)}
    instrument = Instrument(symbol="SYN", timeframe=Timeframe.D1, source="synthetic")
    versions = set()
    for seed in (1, 2):
        source = SyntheticSource(SyntheticSettings(seed=seed), clock=lambda: NOW)
        batch = source.fetch_bars(BarRequest(instrument=instrument, **span))
        versions.add(batch.client_version)
        assert batch.price_basis == "as_traded"
        assert batch.fetched_at == NOW
        assert source.fetch_actions(ActionRequest(instrument=instrument, **span)) == []
    assert len(versions) == 2
    assert all(f"numpy {np.__version__}" in version for version in versions)
