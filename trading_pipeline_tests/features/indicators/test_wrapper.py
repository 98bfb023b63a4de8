from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import talib

from trading_pipeline.errors import ConfigurationError, DataQualityError, UnknownNameError
from trading_pipeline.features.audits.causality import audit_prefix_truncation, audit_warmup
from trading_pipeline.features.indicators.warmups import START_DEPENDENT
from trading_pipeline.features.indicators.wrapper import (
    indicator,
    indicator_arrays,
    indicator_inputs,
    indicator_lookback,
    indicator_names,
    indicator_outputs,
    indicator_parameters,
    indicator_warmup,
)

# functions of single values, in which a price has no meaning (arc cosine of 100)
MATH = set(talib.get_function_groups()["Math Transform"])
OFFERED = [name for name in indicator_names() if name not in MATH and not name.startswith("CDL")]


def test_rsi_of_a_hand_computed_series():
    # gains 1, 0, 2 and losses 0, 1, 0: mean gain 1, mean loss 1/3, so 100 * 1 / (4/3)
    close = pd.Series([10.0, 11.0, 10.0, 12.0])
    assert indicator("RSI", close, timeperiod=3)["real"].iloc[-1] == pytest.approx(75.0)


def test_columns_index_and_type_of_an_indicator_with_three_outputs(walk_bars):
    bars = walk_bars(60)
    frame = indicator("MACD", bars)
    assert list(frame.columns) == ["macd", "macdsignal", "macdhist"]
    assert frame.index.equals(bars.index)
    assert set(map(str, frame.dtypes)) == {"float64"}
    assert frame["macdhist"].first_valid_index() == bars.index[33]


def test_leading_nan_only_moves_the_first_value(walk_bars):
    close = walk_bars(40)["close"]
    late = pd.concat([pd.Series([np.nan] * 5), close.reset_index(drop=True)], ignore_index=True)
    shifted = indicator("EMA", late, timeperiod=10)["real"].to_numpy()
    assert np.isnan(shifted[:14]).all()
    np.testing.assert_array_equal(shifted[5:], indicator("EMA", close, timeperiod=10)["real"])


def test_nan_inside_a_series_is_refused_with_its_place(walk_bars):
    bars = walk_bars(40)
    bars.iloc[20, bars.columns.get_loc("close")] = np.nan
    with pytest.raises(
        DataQualityError, match=r"'RSI' reads nan in 'close' at .* \(row 20\)"
    ) as error:
        indicator("RSI", bars)
    assert error.value.row == 20


def test_nan_at_the_end_is_refused_too(walk_bars):
    bars = walk_bars(40)
    bars.iloc[-1, bars.columns.get_loc("high")] = np.nan
    with pytest.raises(DataQualityError, match="'ATR' reads nan in 'high'"):
        indicator("ATR", bars)


def test_infinite_input_is_refused(walk_bars):
    bars = walk_bars(40)
    bars.iloc[3, bars.columns.get_loc("close")] = np.inf
    with pytest.raises(DataQualityError, match="reads inf"):
        indicator("SMA", bars)


def test_infinite_output_is_refused_by_name():
    close = pd.Series([1.0, 0.0, 2.0, 3.0])
    with pytest.raises(DataQualityError, match="'LN' is -inf in output 'real'"):
        indicator("LN", close)


@pytest.mark.parametrize("rows", [0, 1, 14])
def test_too_short_a_series_gives_nan_only(walk_bars, rows):
    values = indicator("RSI", walk_bars(rows))["real"]
    assert len(values) == rows
    assert values.isna().all()


def test_all_nan_gives_nan_only():
    assert indicator("SMA", pd.Series([np.nan] * 50))["real"].isna().all()


def test_candlesticks_are_nan_before_their_first_value_and_then_plus_or_minus_100(walk_bars):
    values = indicator("CDLENGULFING", walk_bars(600))["integer"]
    lookback = indicator_lookback("CDLENGULFING")
    assert values.iloc[:lookback].isna().all()
    assert set(values.iloc[lookback:]) == {-100.0, 0.0, 100.0}


def test_source_chooses_the_column_of_a_one_series_indicator(walk_bars):
    bars = walk_bars(40)
    by_source = indicator("SMA", bars, source="high", timeperiod=5)
    pd.testing.assert_frame_equal(by_source, indicator("SMA", bars["high"], timeperiod=5))
    with pytest.raises(UnknownNameError, match="Did you mean 'high'"):
        indicator("SMA", bars, source="hihg")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda bars: indicator("RIS", bars), "no indicator 'RIS'.*Did you mean .*'RSI'"),
        (lambda bars: indicator("MAVP", bars), "no indicator 'MAVP'"),
        (lambda bars: indicator("RSI", bars, time_period=3), "Did you mean 'timeperiod'"),
        (lambda bars: indicator("ATR", bars.drop(columns="low")), "reads the column 'low'"),
        (lambda bars: indicator_warmup("RSIX"), "no indicator 'RSIX'"),
        (lambda bars: indicator_parameters("RSIX"), "no indicator 'RSIX'"),
    ],
)
def test_unknown_names_are_refused_with_the_closest_ones(walk_bars, call, message):
    with pytest.raises(UnknownNameError, match=message):
        call(walk_bars(40))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2.5, "must be a whole number, was 2.5"),
        ("14", "must be a finite number, was '14'"),
        (True, "must be a finite number, was True"),
        (float("nan"), "must be a finite number"),
        (1, "TA-Lib refuses the indicator 'RSI' with timeperiod=1"),
        (-3, "TA-Lib refuses"),
    ],
)
def test_a_wrong_parameter_is_a_configuration_error(walk_bars, value, message):
    with pytest.raises(ConfigurationError, match=message):
        indicator("RSI", walk_bars(40), timeperiod=value)


def test_a_refused_parameter_does_not_stick(walk_bars):
    bars = walk_bars(60)
    before = indicator("RSI", bars)
    with pytest.raises(ConfigurationError):
        indicator_lookback("RSI", timeperiod=-3)
    assert indicator_lookback("RSI", timeperiod=5) == 5
    assert indicator_lookback("RSI") == 14
    pd.testing.assert_frame_equal(indicator("RSI", bars), before)


def test_one_series_is_not_enough_for_an_indicator_of_three(walk_bars):
    with pytest.raises(ConfigurationError, match="give it bars, not one series"):
        indicator("ATR", walk_bars(40)["close"])


def test_the_input_is_left_alone(walk_bars):
    bars = walk_bars(60)
    copy = bars.copy()
    indicator("ADX", bars)
    pd.testing.assert_frame_equal(bars, copy)


def test_declared_warm_ups_of_well_known_indicators():
    assert indicator_warmup("SMA", timeperiod=20) == 19
    assert indicator_warmup("RSI") == indicator_warmup("MACD") == indicator_warmup("ATR") == 250
    assert indicator_warmup("ADX") == indicator_warmup("HT_SINE") == 400
    assert indicator_warmup("RSI", timeperiod=100) == 1700
    assert indicator_warmup("BBANDS") == 19
    assert indicator_warmup("BBANDS", matype=1) > 250


@pytest.mark.parametrize("name", sorted(START_DEPENDENT))
def test_what_never_forgets_its_start_has_no_warm_up_and_the_audit_agrees(walk_bars, name):
    with pytest.raises(ConfigurationError, match="depends on the first bar for ever"):
        indicator_warmup(name)
    assert audit_warmup(lambda bars: indicator(name, bars), walk_bars(1200), 900)


@pytest.mark.parametrize("name", [name for name in OFFERED if name not in START_DEPENDENT])
def test_every_indicator_keeps_to_its_warm_up_and_reads_no_future(walk_bars, name):
    warmup = indicator_warmup(name)
    bars = walk_bars(warmup + 300, seed=11)
    assert audit_warmup(lambda part: indicator(name, part), bars, warmup, cuts=4) == []
    assert audit_prefix_truncation(lambda part: indicator(name, part), bars, cuts=2) == []


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("RSI", {"timeperiod": 40}),
        ("ATR", {"timeperiod": 50}),
        ("EMA", {"timeperiod": 100}),
        ("MACD", {"fastperiod": 30, "slowperiod": 60, "signalperiod": 20}),
        ("ADX", {"timeperiod": 30}),
        ("ADXR", {"timeperiod": 25}),
        ("TRIX", {"timeperiod": 50}),
        ("TEMA", {"timeperiod": 60}),
        ("BBANDS", {"timeperiod": 50, "matype": 1}),
        ("STOCH", {"fastk_period": 20, "slowk_matype": 1, "slowd_matype": 1}),
        ("STDDEV", {"timeperiod": 100}),
    ],
)
def test_warm_ups_grow_with_the_periods(walk_bars, name, parameters):
    warmup = indicator_warmup(name, **parameters)
    bars = walk_bars(warmup + 400, seed=5)
    compute = lambda part: indicator(name, part, **parameters)  # noqa: E731
    assert audit_warmup(compute, bars, warmup, cuts=4) == []
    # and they are not idle: without them the audit speaks up
    if warmup > indicator_lookback(name, **parameters):
        assert audit_warmup(compute, bars, indicator_lookback(name, **parameters), cuts=4)


def test_every_candlestick_keeps_to_its_warm_up_and_reads_no_future(walk_bars):
    bars = walk_bars(1500, seed=3)
    names = [name for name in indicator_names() if name.startswith("CDL")]
    assert len(names) == 61
    for name in names:
        compute = lambda part, name=name: indicator(name, part)  # noqa: E731
        assert audit_warmup(compute, bars, indicator_warmup(name), cuts=3) == [], name
        assert audit_prefix_truncation(compute, bars, cuts=2) == [], name


def test_arrays_are_the_columns_of_the_frame(walk_bars):
    bars = walk_bars(80)
    frame = indicator("BBANDS", bars, timeperiod=7)
    arrays = indicator_arrays("BBANDS", bars, timeperiod=7)
    for column, values in zip(frame.columns, arrays, strict=True):
        np.testing.assert_array_equal(frame[column], values)
    assert indicator_outputs("BBANDS") == tuple(frame.columns)
    assert indicator_inputs("MFI") == ("high", "low", "close", "volume")
