"""Tests of the walk behind synthetic bars."""

from __future__ import annotations

import numpy as np
import pytest

from trading_pipeline.domain.moments import DAY
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.market_data.sources.synthetic.paths import (
    EPOCH,
    MINUTE,
    SyntheticSettings,
    minute_bars,
    session_walk,
)

SETTINGS = SyntheticSettings(seed=3)


def walk_to(year: int, settings: SyntheticSettings = SETTINGS, calendar: str = "24/7"):
    return session_walk(settings, "SYN", calendar, 365.0, year)


def test_a_later_end_only_adds_sessions():
    short, long = walk_to(2001), walk_to(2006)
    size = len(short.log_close)
    assert len(long.log_close) > size
    assert np.array_equal(long.log_close[:size], short.log_close)
    assert np.array_equal(long.log_open[:size], short.log_open)


def test_the_walk_starts_in_1990_at_the_start_price():
    walk = walk_to(1991, SyntheticSettings(start_price=40.0))
    assert walk.schedule.labels[0] == EPOCH
    assert np.exp(walk.log_open[0]) == pytest.approx(40.0)


def test_minutes_lead_from_the_open_to_the_close_of_each_session():
    walk = walk_to(1991)
    bars = minute_bars(walk, SETTINGS, "SYN", 10, 13)
    assert len(bars) == 3 * 1440
    for place, (_, session) in enumerate(bars.groupby("session"), start=10):
        assert session["open"].iloc[0] == round(float(np.exp(walk.log_open[place])), 4)
        assert session["close"].iloc[-1] == round(float(np.exp(walk.log_close[place])), 4)
        assert (session["open"].to_numpy()[1:] == session["close"].to_numpy()[:-1]).all()


def test_minutes_bound_their_open_and_close_and_trade():
    bars = minute_bars(walk_to(1991), SETTINGS, "SYN", 0, 50)
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars["low"] > 0.0).all()
    assert (bars["volume"] >= 1.0).all()
    assert (np.diff(bars["moment"]) == MINUTE).all()


def test_a_session_has_its_own_draws():
    walk = walk_to(1991)
    alone = minute_bars(walk, SETTINGS, "SYN", 12, 13)
    among = minute_bars(walk, SETTINGS, "SYN", 10, 15)
    same = among[among["session"] == alone["session"].iloc[0]].reset_index(drop=True)
    assert same.equals(alone)


def test_the_break_of_a_session_has_no_minutes():
    walk = session_walk(SETTINGS, "SYN", "XTKS", 245.0, 1999)
    bars = minute_bars(walk, SETTINGS, "SYN", 500, 501)
    assert len(bars) == 300  # nine to half past eleven, half past twelve to three
    assert bars["segment_open"].nunique() == 2
    assert bars["moment"].diff().max() > 60 * MINUTE


def test_no_sessions_give_no_minutes():
    bars = minute_bars(walk_to(1991), SETTINGS, "SYN", 4, 4)
    assert len(bars) == 0
    assert "segment_open" in bars


def test_regimes_and_volatility_stay_near_their_level():
    walk = walk_to(2015)
    unit = walk.volatility / (SETTINGS.annual_volatility / 365.0**0.5)
    assert 0.7 < np.median(unit) < 1.1
    assert unit.max() < 8.0
    assert (walk.schedule.labels % DAY == 0).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_price", 0.0),
        ("annual_volatility", -0.1),
        ("jump_probability", 1.5),
        ("jump_scale", -1.0),
        ("missing_fraction", 1.0),
    ],
)
def test_impossible_settings_are_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} is {value}") as caught:
        SyntheticSettings(**{name: value})
    assert caught.value.value == value


def test_keys_differ_by_seed_symbol_and_stream():
    keys = {
        SyntheticSettings(seed=seed).key(symbol, stream)
        for seed in (1, 2)
        for symbol in ("A", "B")
        for stream in ("shock", "jump")
    }
    assert len(keys) == 8
    assert max(keys) < 2**128
