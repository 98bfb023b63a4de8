"""What every shipped feature set keeps to; sets of lags, candles, differences and coarse bars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.audits.causality import ensure_causal
from trading_pipeline.features.indicators.wrapper import indicator
from trading_pipeline.features.sets.coarse import coarse_columns, coarser_timeframe
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.fractional import (
    fractional_difference,
    fractional_weights,
)
from trading_pipeline.features.sets.registry import FeatureSpec, compute_features, feature_set
from trading_pipeline.market_data.calendars import expected_bars

NAMES = ("alpha158", "alpha360_lite", "candles", "core", "core_mtf", "frac_diff")
DAILY = FeatureContext(Timeframe.D1, "XNYS")


def computed(name, bars, context=DAILY):
    return compute_features(feature_set(name), bars, context=context)


def session_bars(walk_bars, rows, timeframe="1d", calendar="XNYS", start="2003-01-01"):
    begin = pd.Timestamp(start, tz="UTC").to_pydatetime()
    end = pd.Timestamp("2013-01-01", tz="UTC").to_pydatetime()
    index = expected_bars(begin, end, timeframe, calendar)[:rows]
    return walk_bars(len(index)).set_axis(index, axis=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_set_is_causal_and_keeps_to_its_warm_up(walk_bars, name):
    chosen = feature_set(name)
    ensure_causal(
        lambda bars: computed(name, bars),
        session_bars(walk_bars, chosen.warmup_bars + 500),
        subject=name,
        warmup={spec.name: spec.warmup for spec in chosen.specs},
        cuts=3,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_set_is_causal_on_the_real_index(index_bars, name):
    ensure_causal(lambda bars: computed(name, bars), index_bars.iloc[-1500:], subject=name, cuts=2)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_set_is_complete_after_its_warm_up_and_says_what_it_holds(walk_bars, name):
    chosen = feature_set(name)
    features = computed(name, session_bars(walk_bars, 700))
    warmup = chosen.warmup_in(DAILY)
    assert features.iloc[warmup:].notna().all(axis=None)
    assert not features.iloc[:warmup].notna().all(axis=None)
    assert features.to_numpy().base is not None  # one block, not a copy of columns
    for spec in chosen.specs:
        assert isinstance(spec, FeatureSpec)
        assert spec.meaning.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_a_halted_market_without_volume_gives_numbers(walk_bars, name):
    bars = session_bars(walk_bars, 1100)
    bars.iloc[600:700, :4] = bars["close"].iloc[599]
    bars.iloc[600:700, 4] = 0.0
    features = computed(name, bars)
    assert np.isfinite(features.iloc[feature_set(name).warmup_bars :].to_numpy()).all()


def test_lags_are_the_last_20_bars_in_units_of_the_present(walk_bars):
    bars = walk_bars(60)
    features = computed("alpha360_lite", bars)
    assert features.shape[1] == 5 * 20 - 1
    assert features["CLOSE19"].iloc[-1] == bars["close"].iloc[-20] / bars["close"].iloc[-1]
    assert features["HIGH0"].iloc[-1] == bars["high"].iloc[-1] / bars["close"].iloc[-1]
    volumes = features[[f"VOLUME{lag}" for lag in range(20)]]
    assert volumes.iloc[-1].mean() == pytest.approx(1.0)
    assert features["OPEN5"].isna().sum() == 5
    bars["volume"] = 0.0
    assert (computed("alpha360_lite", bars)["VOLUME3"].iloc[19:] == 0.0).all()


def test_candles_are_those_of_talib_in_whole_units(walk_bars):
    bars = walk_bars(2500)
    features = computed("candles", bars)
    assert len(features.columns) == 19
    for column in features.columns:
        expected = indicator(f"CDL{column.removeprefix('candle_').upper()}", bars)["integer"]
        np.testing.assert_array_equal(features[column], np.sign(expected))
    found = features.iloc[13:]
    assert set(np.unique(found)) == {-1.0, 0.0, 1.0}
    assert (found != 0.0).any().sum() >= 12


def test_an_engulfing_bar_by_hand():
    rows = [(10.0, 10.6, 9.4, 10.1)] * 14 + [(10.5, 10.6, 9.9, 10.2), (9.8, 11.2, 9.7, 11.0)]
    index = pd.bdate_range("2012-01-02", periods=16, tz="UTC", name="ts")
    bars = pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=index)
    bars["volume"] = 1.0
    assert computed("candles", bars)["candle_engulfing"].tolist()[-2:] == [0.0, 1.0]


def test_fractional_weights_are_the_binomial_ones_and_stop_at_the_tolerance():
    # (1 - B)^0.5 = 1 - B/2 - B^2/8 - B^3/16 - 5 B^4/128 ...
    weights = fractional_weights(0.5, 0.03)
    assert weights == pytest.approx((1.0, -1 / 2, -1 / 8, -1 / 16, -5 / 128))
    assert fractional_weights(1.0, 1e-9) == (1.0, -1.0)
    assert min(map(abs, fractional_weights(0.4, 1e-4))) >= 1e-4


def test_a_difference_of_order_1_is_the_log_return(walk_bars):
    bars = walk_bars(50)
    own = fractional_difference(bars, column="close", order=1.0, tolerance=1e-6)
    np.testing.assert_allclose(own[1:], np.diff(np.log(bars["close"])), atol=1e-14)


def test_a_fractional_difference_is_the_weighted_sum_of_its_bars(walk_bars):
    bars = walk_bars(400)
    weights = np.array(fractional_weights(0.4, 1e-4))
    logs = np.log(bars["close"].to_numpy())
    column = computed("frac_diff", bars)["frac_diff_close_40"]
    expected = weights @ logs[-len(weights) :][::-1]
    assert column.iloc[-1] == pytest.approx(expected, rel=1e-12)
    assert column.isna().sum() == len(weights) - 1


@pytest.mark.parametrize(
    ("order", "tolerance"), [(0.0, 1e-4), (2.5, 1e-4), (0.5, 0.0), (0.1, 1e-9)]
)
def test_a_fractional_difference_that_cannot_be_is_refused(order, tolerance):
    with pytest.raises(ConfigurationError, match="fractional difference"):
        fractional_weights(order, tolerance)


def test_a_weekly_bar_is_used_from_its_last_close_on_and_not_before(walk_bars):
    bars = session_bars(walk_bars, 60, start="2012-01-01")
    (returns, *_) = coarse_columns(bars, context=DAILY)
    mondays = bars.index.normalize() - pd.to_timedelta(bars.index.day_of_week, unit="D")
    weeks = bars["close"].groupby(mondays).last()
    expected = np.log(weeks / weeks.shift())
    # Monday 2012-01-23 to Thursday see the week of the 17th, Friday its own
    by_day = pd.Series(returns, bars.index)
    for day, week in [
        ("2012-01-23", "2012-01-16"),
        ("2012-01-26", "2012-01-16"),
        ("2012-01-27", "2012-01-23"),
    ]:
        assert by_day[pd.Timestamp(day, tz="UTC")] == pytest.approx(
            expected[pd.Timestamp(week, tz="UTC")]
        )


def test_the_last_session_of_a_short_week_completes_it(walk_bars):
    bars = session_bars(walk_bars, 80, start="2012-01-03")
    (returns, *_) = coarse_columns(bars, context=DAILY)
    by_day = pd.Series(returns, bars.index)
    # Good Friday 2012-04-06 was closed: Thursday's close ends the week
    assert by_day["2012-04-05":"2012-04-05"].iloc[0] != by_day["2012-04-04":"2012-04-04"].iloc[0]
    assert by_day["2012-04-09":"2012-04-09"].iloc[0] == by_day["2012-04-05":"2012-04-05"].iloc[0]


@pytest.mark.parametrize(
    ("timeframe", "calendar"), [("1h", "XNYS"), ("1h", "24/7"), ("15m", "24/7"), ("4h", "24/7")]
)
def test_coarse_columns_of_intraday_bars_are_causal_and_complete(walk_bars, timeframe, calendar):
    context = FeatureContext(Timeframe(timeframe), calendar)
    mtf = feature_set("core_mtf")
    bars = session_bars(walk_bars, mtf.warmup_in(context) + 400, timeframe, calendar)
    compute = lambda part: computed("core_mtf", part, context)  # noqa: E731
    assert compute(bars).iloc[mtf.warmup_in(context) :].notna().all(axis=None)
    warmup = {spec.name: spec.warmup_in(context) for spec in mtf.specs}
    ensure_causal(compute, bars, warmup=warmup, cuts=2)


def test_warm_ups_of_coarse_columns_go_by_the_timeframe():
    (spec,) = [s for s in feature_set("core_mtf").specs if s.name == "coarse_volatility_20"]
    assert spec.warmup_in(DAILY) == 22 * 7
    assert spec.warmup_in(FeatureContext(Timeframe.H1, "24/7")) == 22 * 24 == spec.warmup
    assert spec.warmup_in(None) == spec.warmup


def test_weekly_bars_have_no_coarser_ones_and_daily_ones_need_a_calendar(walk_bars):
    with pytest.raises(ConfigurationError, match="1w have no coarser timeframe"):
        coarser_timeframe(Timeframe.W1)
    with pytest.raises(ConfigurationError, match="Give context=FeatureContext"):
        computed("core_mtf", walk_bars(700), None)


def test_bars_outside_of_every_session_are_named_when_coarser_ones_are_too_few(walk_bars):
    context = FeatureContext(Timeframe.H1, "XNYS")
    nights = pd.date_range("2012-01-02", periods=800, freq="h", tz="UTC", name="ts")
    nights = nights[(nights.hour < 9) | (nights.hour > 22)].as_unit("us")
    bars = walk_bars(len(nights) + 35)
    days = session_bars(walk_bars, 35, "1h", "XNYS", "2012-03-01").index
    bars = bars.set_axis(nights.append(days).sort_values(), axis=0)
    with pytest.raises(DataQualityError, match=f"{len(nights)} of them lie outside every session"):
        coarse_columns(bars, context=context)
