"""The shared moving average."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies.trend.moving_average import (
    simple_moving_average,
    simple_moving_averages,
)

prices = st.lists(
    st.one_of(st.floats(0.01, 1e6), st.integers(1, 10_000).map(lambda cents: cents / 100)),
    min_size=1,
    max_size=60,
)


def exact_mean(values):
    """The window's sum in rational numbers, rounded once, over its length."""
    return float(sum(map(Fraction, values))) / len(values)


@given(prices, st.integers(1, 20))
def test_each_average_is_the_exact_sum_of_its_window_rounded_once(values, window):
    found = simple_moving_average(values, window)
    for row in range(len(values)):
        if row < window - 1:
            assert np.isnan(found[row])
        else:
            assert found[row] == exact_mean(values[row - window + 1 : row + 1])


def test_a_huge_earlier_value_leaves_no_trace():
    values = [1e15, 0.1, 0.2, 0.3, 0.4]
    assert simple_moving_average(values, 2)[2:].tolist() == [
        exact_mean(values[row - 1 : row + 1]) for row in (2, 3, 4)
    ]


@given(prices, st.integers(1, 10), st.integers(0, 30))
def test_averages_do_not_depend_on_where_the_bars_begin(values, window, skipped):
    skipped = min(skipped, len(values) - 1)
    late = simple_moving_average(values[skipped:], window)
    whole = simple_moving_average(values, window)[skipped:]
    kept = ~np.isnan(late)
    assert (late[kept] == whole[kept]).all()


def test_a_long_series_stays_exact():
    values = np.round(np.random.default_rng(1).uniform(1.0, 2_000.0, 200_000), 2)
    found = simple_moving_average(values, 200)
    for row in (199, 100_000, 199_999):
        assert found[row] == exact_mean(values[row - 199 : row + 1].tolist())
    expected = pd.Series(values).rolling(200).mean().to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_window_longer_than_the_series_gives_nan_everywhere():
    assert np.isnan(simple_moving_average([1.0, 2.0], 3)).all()
    assert simple_moving_average([], 3).size == 0


def test_input_is_not_changed():
    values = np.array([1.0, 2.0, 3.0])
    simple_moving_average(values, 2)
    assert values.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("window", [0, -3])
def test_a_window_below_one_is_refused(window):
    with pytest.raises(StrategyError, match="1 or more"):
        simple_moving_average([1.0], window)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_named(wrong):
    with pytest.raises(StrategyError, match="row 1") as caught:
        simple_moving_average([1.0, wrong, 3.0], 2)
    assert caught.value.row == 1


@pytest.mark.parametrize("count", [1, 7, 8, 9, 17, 19, 20, 35])
def test_averages_side_by_side_equal_single_ones_bit_for_bit(count):
    values = np.random.default_rng(count).lognormal(0, 3, 700)
    windows = [1 + 37 * number for number in range(count)]
    found = simple_moving_averages(values, windows)
    alone = np.array([simple_moving_average(values, window) for window in windows])
    assert found.tobytes() == alone.tobytes()


def test_one_bad_window_among_many_is_named():
    with pytest.raises(StrategyError, match="is 0 bars"):
        simple_moving_averages([1.0], [3, 0])


def test_no_windows_give_no_rows():
    assert simple_moving_averages([1.0, 2.0], []).shape == (0, 2)
