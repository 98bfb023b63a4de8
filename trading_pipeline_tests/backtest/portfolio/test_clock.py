"""An account's clock: the union of bars, and the ends of its periods."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import validate_bars
from trading_pipeline.backtest.portfolio.clock import account_clock, period_ends
from trading_pipeline.errors import ConfigurationError
from trading_pipeline_tests.backtest.random_markets import flat_bars


def clock_of(**frames):
    return account_clock({name: validate_bars(frame) for name, frame in frames.items()})


def test_each_stamp_stands_once_and_every_bar_has_its_row():
    whole = flat_bars(1, 1, 1, 1)
    clock = clock_of(A=whole.iloc[[0, 2]], B=whole.iloc[[1, 2, 3]])
    assert clock.index.equals(whole.index)
    assert len(clock) == 4
    assert clock.rows["A"].tolist() == [0, 2]
    assert clock.rows["B"].tolist() == [1, 2, 3]


def test_local_days_follow_summer_time():
    stamps = pd.DatetimeIndex(
        ["2024-03-10 04:30", "2024-03-11 03:30", "2024-03-11 04:30"], tz="UTC"
    )
    clock = clock_of(A=flat_bars(1, 1, 1).set_axis(stamps.rename("ts"), axis=0))
    # New York: 9 March 23:30, 10 March 23:30 and, after the change of clocks, 11 March 00:30.
    assert np.diff(clock.local_days("America/New_York")).tolist() == [1, 1]
    assert np.diff(clock.days).tolist() == [1, 0]


def test_timeframes_are_not_mixed_on_one_account():
    with pytest.raises(ConfigurationError, match=r"one timeframe; found A_1d \(1d\), B_1h \(1h\)"):
        clock_of(A_1d=flat_bars(1, 1), B_1h=flat_bars(1, 1))
    assert len(clock_of(A_1d=flat_bars(1, 1), B_1d=flat_bars(1, 1), anything=flat_bars(1))) == 2


def bars_apart(step, count=30):
    index = pd.date_range("2024-01-01", periods=count, freq=step, tz="UTC", name="ts")
    return flat_bars(*[1.0] * count).set_axis(index, axis=0)


@pytest.mark.parametrize(
    ("first", "second"),
    [("H", "D"), ("A_1d", "B"), ("A", "B_1h")],
)
def test_daily_bars_beside_hourly_ones_are_refused_whatever_the_names(first, second):
    steps = ("1h", "1D") if first == "H" else ("1D", "1h")
    with pytest.raises(ConfigurationError, match="bars of one timeframe; found"):
        clock_of(**{first: bars_apart(steps[0]), second: bars_apart(steps[1])})


def test_a_name_tells_the_timeframe_of_an_instrument_that_seldom_has_a_bar():
    clock = clock_of(A_1h=bars_apart("1h", 200), B_1h=bars_apart("5h", 40))
    assert len(clock) == 200
    with pytest.raises(ConfigurationError, match="tells its timeframe by its name"):
        clock_of(A=bars_apart("1h", 200), B=bars_apart("5h", 40))


def test_a_few_bars_do_not_tell_a_timeframe():
    assert len(clock_of(A=bars_apart("1D", 30), B=bars_apart("7D", 5))) == 30


@pytest.mark.parametrize(
    ("calendar", "alias"),
    [("day", "D"), ("week", "W"), ("month", "M"), ("quarter", "Q"), ("year", "Y")],
)
def test_periods_end_where_pandas_begins_another(calendar, alias):
    days = pd.date_range("1969-11-20", "1971-02-10", freq="7h")
    rng = np.random.default_rng(3)
    days = days[np.sort(rng.choice(len(days), 400, replace=False))]
    numbers = np.floor_divide(days.as_unit("us").asi8, 86_400_000_000)
    periods = days.to_period(alias)
    expected = np.append(periods[1:] != periods[:-1], False)
    np.testing.assert_array_equal(period_ends(numbers, calendar), expected)


def test_every_so_many_bars_counts_from_the_first():
    assert np.flatnonzero(period_ends(np.arange(10), 4)).tolist() == [3, 7]
    assert period_ends(np.arange(3), 1).all()
