from __future__ import annotations

import numpy as np
import pytest
import talib

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.features.audits.causality import ensure_causal
from trading_pipeline.features.indicators.columns import indicator_features
from trading_pipeline.features.sets.registry import FeatureSet, compute_features


def set_of(*specs):
    return FeatureSet(name="mine", version=1, specs=specs)


def test_a_feature_is_the_indicator_with_its_parameters(walk_bars):
    bars = walk_bars(500)
    (spec,) = indicator_features("RSI", timeperiod=21)
    column = compute_features(set_of(spec), bars)["rsi_21"]
    close = bars["close"].to_numpy()
    np.testing.assert_array_equal(column.iloc[357:], talib.RSI(close, 21)[357:])
    assert column.isna().sum() == 17 * 21 == spec.warmup
    assert spec.inputs == ("close",)


def test_an_indicator_of_several_outputs_gives_them_all_or_the_one_named(walk_bars):
    names = [spec.name for spec in indicator_features("MACD", fastperiod=5, slowperiod=9)]
    assert names == ["macd_5_9_macd", "macd_5_9_macdsignal", "macd_5_9_macdhist"]
    (one,) = indicator_features("BBANDS", output="upperband", timeperiod=10, name="top")
    bars = walk_bars(60)
    expected = talib.BBANDS(bars["close"].to_numpy(), 10)[0]
    np.testing.assert_array_equal(compute_features(set_of(one), bars)["top"], expected)


def test_a_price_by_the_close_has_no_unit(walk_bars):
    bars = walk_bars(60)
    (spec,) = indicator_features("SMA", timeperiod=5, form="by_close", source="high")
    column = compute_features(set_of(spec), bars)["sma_5_high_by_close"]
    expected = bars["high"].rolling(5).mean() / bars["close"]
    np.testing.assert_allclose(column, expected, rtol=1e-12)
    assert spec.inputs == ("high", "close")


@pytest.mark.parametrize(
    ("name", "form", "bars"),
    [
        *((name, "difference", 5) for name in ("AD", "OBV", "PVT", "WAD", "CUMSUM")),
        *((name, "z_score", 20) for name in ("AD", "OBV", "PVT", "WAD", "NVI", "PVI", "CUMSUM")),
        ("RSI", "z_score", 20),
        ("ATR", "difference", 3),
        ("ADX", "level", None),
    ],
)
def test_every_stationary_form_is_causal_and_keeps_to_its_warm_up(walk_bars, name, form, bars):
    specs = indicator_features(name, form=form, bars=bars)
    ensure_causal(
        lambda part: compute_features(set_of(*specs), part),
        walk_bars(1000, seed=4),
        warmup={spec.name: spec.warmup for spec in specs},
        cuts=3,
    )


@pytest.mark.parametrize(
    ("name", "form", "advice"),
    [
        ("OBV", "level", "Use form: difference or form: z_score"),
        ("NVI", "level", "Use form: z_score"),
        ("NVI", "difference", "Use form: z_score"),
        ("AD", "by_close", "Use form: difference or form: z_score"),
        ("MAXINDEX", "z_score", "cannot be a feature in any form"),
    ],
)
def test_what_never_forgets_its_start_is_refused_with_the_form_that_does(name, form, advice):
    bars = None if form in ("level", "by_close") else 20
    with pytest.raises(ConfigurationError, match=advice):
        indicator_features(name, form=form, bars=bars)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("RSII", {}), "Did you mean 'RSI'"),
        (("RSI", {"time_period": 3}), "no parameter 'time_period'. Did you mean 'timeperiod'"),
        (("RSI", {"frm": "level"}), "no parameter 'frm'. Did you mean 'form'"),
        (("MACD", {"output": "macdhst"}), "no output 'macdhst'. Did you mean 'macdhist'"),
        (("RSI", {"form": "zscore", "bars": 5}), "no form 'zscore'. Did you mean 'z_score'"),
        (("RSI", {"source": "clos"}), "Did you mean 'close'"),
    ],
)
def test_unknown_names_are_refused_with_the_closest(arguments, message):
    name, options = arguments
    with pytest.raises(UnknownNameError, match=message):
        indicator_features(name, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeperiod": 0}, "TA-Lib refuses the indicator 'RSI'"),
        ({"timeperiod": 2.5}, "must be a whole number"),
        ({"form": "z_score"}, "needs 'bars', a whole number of 2 or more, was None"),
        ({"form": "z_score", "bars": 1}, "2 or more, was 1"),
        ({"form": "difference", "bars": True}, "1 or more, was True"),
        ({"bars": 5}, "'bars' is for the forms difference and z_score"),
    ],
)
def test_values_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        indicator_features("RSI", **options)
