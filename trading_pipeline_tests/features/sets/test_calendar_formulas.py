"""Calendar and session columns on hand-made stamps of each kind of market."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features.audits.causality import ensure_causal
from trading_pipeline.features.sets import calendar_formulas as formulas
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.registry import compute_features, feature_set
from trading_pipeline.market_data.calendars import expected_bars

NEW_YORK_HOURS = FeatureContext(Timeframe.H1, "XNYS")


def bars_at(*stamps):
    index = pd.DatetimeIndex(pd.to_datetime(list(stamps), utc=True), name="ts").as_unit("us")
    return pd.DataFrame({"close": 1.0}, index=index)


def test_the_last_weekday_of_a_month_is_its_end_and_so_is_the_weekend_after_it():
    bars = bars_at("2012-03-29", "2012-03-30", "2012-03-31", "2012-04-01", "2012-04-30")
    assert formulas.month_end(bars).tolist() == [0.0, 1.0, 1.0, 0.0, 1.0]


def test_month_end_does_not_know_of_a_closure_that_was_declared_later():
    # the exchange stayed closed on 2001-09-11 to 14; nothing of that shows before
    assert formulas.month_end(bars_at("2001-09-10", "2001-09-28")).tolist() == [0.0, 1.0]


def test_weekdays_and_months_go_round():
    monday, january = bars_at("2012-01-02"), bars_at("2012-01-31 23:00")
    assert formulas.weekday_sine(monday)[0] == 0.0
    assert formulas.weekday_cosine(monday)[0] == 1.0
    assert formulas.weekday_sine(bars_at("1969-12-29"))[0] == 0.0
    assert formulas.month_sine(january)[0] == 0.0
    assert formulas.month_cosine(bars_at("2012-07-01"))[0] == pytest.approx(-1.0)
    assert formulas.month_sine(bars_at("2012-04-15"))[0] == pytest.approx(1.0)


def test_hours_of_a_new_york_session_and_its_short_last_bar():
    # 14:30 to 21:00 UTC in winter; the bar of 20:30 is half an hour long
    bars = bars_at("2012-01-03 14:30", "2012-01-03 15:30", "2012-01-03 20:30")
    elapsed = formulas.session_elapsed(bars, context=NEW_YORK_HOURS)
    left = formulas.hours_to_close(bars, context=NEW_YORK_HOURS)
    assert elapsed.tolist() == pytest.approx([1.0 / 6.5, 2.0 / 6.5, 1.0])
    assert left.tolist() == pytest.approx([5.5, 4.5, 0.0])


def test_an_early_close_is_nearer():
    bars = bars_at("2012-11-23 14:30")  # the day after Thanksgiving ends at 18:00 UTC
    assert formulas.hours_to_close(bars, context=NEW_YORK_HOURS).tolist() == [2.5]


def test_a_market_that_never_closes_has_days_of_24_hours():
    context = FeatureContext(Timeframe.H4, "24/7")
    bars = bars_at("2012-01-01 00:00", "2012-01-01 20:00")
    assert formulas.hours_to_close(bars, context=context).tolist() == [20.0, 0.0]
    assert formulas.session_elapsed(bars, context=context).tolist() == [4.0 / 24.0, 1.0]


@pytest.mark.parametrize("stamp", ["2012-01-03 08:00", "2012-01-01 12:00"])
def test_a_bar_outside_of_every_session_has_a_finite_value(stamp):
    bars = bars_at(stamp)
    assert 0.0 <= formulas.session_elapsed(bars, context=NEW_YORK_HOURS)[0] <= 1.0
    assert formulas.hours_to_close(bars, context=NEW_YORK_HOURS)[0] >= 0.0


@pytest.mark.parametrize("timeframe", ["1d", "1w"])
def test_a_daily_or_weekly_bar_ends_with_its_session(timeframe):
    context = FeatureContext(Timeframe(timeframe), "XNYS")
    bars = bars_at("2012-01-03", "2012-01-04")
    assert formulas.session_elapsed(bars, context=context).tolist() == [1.0, 1.0]
    assert formulas.hours_to_close(bars, context=context).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("timeframe", "calendar", "end"),
    [("1h", "XNYS", "2012-12-31"), ("15m", "24/7", "2012-01-20"), ("4h", "24/5", "2012-12-31")],
)
def test_core_of_intraday_bars_is_complete_and_causal(walk_bars, timeframe, calendar, end):
    start = pd.Timestamp("2012-01-01", tz="UTC").to_pydatetime()
    index = expected_bars(start, pd.Timestamp(end, tz="UTC").to_pydatetime(), timeframe, calendar)
    bars = walk_bars(len(index)).set_axis(index, axis=0)
    context, core = FeatureContext(Timeframe(timeframe), calendar), feature_set("core")
    features = compute_features(core, bars, context=context)
    assert features.iloc[core.warmup_bars :].notna().all(axis=None)
    assert features["hours_to_close"].min() == 0.0
    assert features["session_elapsed"].between(0.0, 1.0).all()
    assert features["session_elapsed"].max() == 1.0
    ensure_causal(
        lambda part: compute_features(core, part, context=context),
        bars.iloc[-1500:],
        warmup={spec.name: spec.warmup for spec in core.specs},
        cuts=2,
    )


def test_intraday_bars_without_a_calendar_are_refused_by_name(walk_bars):
    bars = walk_bars(500)
    bars = bars.set_axis(pd.date_range("2012-01-01", periods=500, freq="h", tz="UTC"), axis=0)
    with pytest.raises(ConfigurationError, match="'session_elapsed' depends on the sessions") as e:
        compute_features(feature_set("core"), bars)
    assert e.value.feature == "session_elapsed"


def test_no_bars_have_no_days():
    assert formulas.month_end(bars_at()).tolist() == []
    assert np.array_equal(formulas.session_elapsed(bars_at(), context=None), [])
