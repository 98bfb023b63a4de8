from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.rolling import windows as rolling

VALUES = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 6)), min_size=0, max_size=40)
WINDOWS = st.integers(2, 12)


def series(values):
    return np.array(values, dtype="float64")


@settings(deadline=None)  # the first call compiles
@given(VALUES, WINDOWS)
def test_sum_mean_extremes_and_deviation_are_those_of_pandas(values, window):
    frame = pd.Series(values, dtype="float64").rolling(window)
    scale = max(map(abs, values), default=1.0) + 1.0
    for own, other in [
        (rolling.rolling_sum, frame.sum()),
        (rolling.rolling_mean, frame.mean()),
        (rolling.rolling_max, frame.max()),
        (rolling.rolling_min, frame.min()),
    ]:
        np.testing.assert_allclose(own(series(values), window), other, rtol=0, atol=1e-9 * scale)


@settings(deadline=None)  # the first call compiles
@given(VALUES, WINDOWS)
def test_standard_deviation_is_that_of_each_window_by_itself(values, window):
    result = rolling.rolling_std(series(values), window)
    for row in range(len(values)):
        if row < window - 1:
            assert np.isnan(result[row])
        else:
            expected = np.std(values[row - window + 1 : row + 1], ddof=1)
            assert result[row] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_huge_value_leaves_no_trace_once_it_is_out_of_the_window():
    quiet = series([1.0, 1.1, 0.9, 1.05] * 5)
    shocked = np.concatenate([[1e17], quiet])
    for statistic in (rolling.rolling_mean, rolling.rolling_std, rolling.rolling_z_score):
        left, never = statistic(shocked, 4)[4:], statistic(quiet, 4)[3:]
        np.testing.assert_allclose(left, never, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("value", [0.1, 1.0 / 3.0, 1e-8, 123456.789])
def test_a_flat_window_has_no_spread_at_all(value):
    flat = np.full(50, value)
    assert (rolling.rolling_std(flat, 20)[19:] == 0.0).all()
    assert (rolling.rolling_mean_deviation(flat, 20)[19:] == 0.0).all()
    assert (rolling.rolling_z_score(flat, 20)[19:] == 0.0).all()


def test_nan_in_the_window_gives_nan_and_afterwards_numbers_again():
    result = rolling.rolling_z_score(series([1.0, np.nan, 2.0, 3.0, 5.0]), 2)
    assert np.isnan(result[:3]).all()
    assert result[3:].tolist() == pytest.approx([2**-0.5, 2**-0.5])


def test_mean_deviation_of_a_small_window_by_hand():
    assert rolling.rolling_mean_deviation(series([1.0, 2.0, 6.0]), 3)[2] == 2.0


def test_population_and_sample_deviation_differ_by_the_divisor():
    values = series([1.0, 2.0, 4.0, 8.0])
    sample = rolling.rolling_std(values, 4)
    population = rolling.rolling_std(values, 4, ddof=0)
    assert sample[3] / population[3] == pytest.approx((4 / 3) ** 0.5)


def test_too_few_rows_give_nan_only():
    for statistic in (rolling.rolling_sum, rolling.rolling_std, rolling.rolling_z_score):
        assert np.isnan(statistic(series([1.0, 2.0]), 5)).all()
        assert len(statistic(series([]), 5)) == 0


def test_lagged_looks_back_and_never_forward():
    assert rolling.lagged(series([1.0, 2.0, 3.0]), 2).tolist()[2] == 1.0
    assert np.isnan(rolling.lagged(series([1.0]), 5)).all()
    with pytest.raises(ConfigurationError, match="window of -1 rows"):
        rolling.lagged(series([1.0]), -1)


def test_a_window_that_cannot_be_is_refused():
    with pytest.raises(ConfigurationError, match="window of 0 rows"):
        rolling.rolling_sum(series([1.0]), 0)
    with pytest.raises(ConfigurationError, match="ddof=1 needs more than 1 rows"):
        rolling.rolling_std(series([1.0]), 1)


def windows_of(values, window):
    return np.lib.stride_tricks.sliding_window_view(values, window)


def correlation(left, right, window):
    """Each window afresh: pandas' running sums are good to 1e-8 only in windows of 2 or 3 rows."""
    left, right = (windows_of(each, window) for each in (left, right))
    left, right = (each - each.mean(axis=1, keepdims=True) for each in (left, right))
    found = (left * right).sum(axis=1) / np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
    return np.append(np.full(window - 1, np.nan), found)


@pytest.mark.parametrize("window", [2, 3, 5, 20, 60, 200])
def test_every_statistic_is_that_of_pandas_on_a_long_walk(window):
    generator = np.random.default_rng(window)
    walk = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.01, 3000)))
    other = np.log(generator.lognormal(13.0, 1.0, 3000))
    frame, rows = pd.Series(walk).rolling(window), np.arange(3000.0)
    slope = correlation(rows, walk, window) * frame.std() / pd.Series(rows).rolling(window).std()
    residual = pd.Series(walk) - frame.mean() - slope * (window - 1) / 2
    line = rolling.rolling_line(walk, window)
    order = rolling.rolling_order_statistics(walk, window, low=0.2, high=0.8)
    for own, expected in [
        (rolling.rolling_sum(walk, window), frame.sum()),
        (rolling.rolling_mean(walk, window), frame.mean()),
        (rolling.rolling_max(walk, window), frame.max()),
        (rolling.rolling_min(walk, window), frame.min()),
        (rolling.rolling_std(walk, window), frame.std()),
        (rolling.rolling_std(walk, window, ddof=0), frame.std(ddof=0)),
        (rolling.rolling_correlation(walk, other, window), correlation(walk, other, window)),
        (line.slope, slope),
        (line.residual, residual),
        (line.r_squared, correlation(walk, rows, window) ** 2),
        (order.low, frame.quantile(0.2)),
        (order.high, frame.quantile(0.8)),
        (order.rank, frame.rank(pct=True)),
    ]:
        # pandas' own running sums are good to some 1e-11 of the price
        np.testing.assert_allclose(own, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("window", [1, 2, 7, 60])
def test_positions_count_from_the_oldest_row_and_take_the_first_of_equals(window):
    values = np.random.default_rng(1).integers(0, 5, 500).astype(float)
    views = windows_of(values, window)
    for own, expected in [
        (rolling.rolling_position_of_max(values, window), views.argmax(axis=1) + 1),
        (rolling.rolling_position_of_min(values, window), views.argmin(axis=1) + 1),
    ]:
        assert np.isnan(own[: window - 1]).all()
        np.testing.assert_array_equal(own[window - 1 :], expected)


def test_mean_deviation_is_that_of_each_window():
    values = np.random.default_rng(2).normal(5.0, 1.0, 900)
    views = windows_of(values, 20)
    expected = np.abs(views - views.mean(axis=1, keepdims=True)).mean(axis=1)
    np.testing.assert_allclose(
        rolling.rolling_mean_deviation(values, 20)[19:], expected, rtol=1e-12
    )


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=30), st.integers(1, 8))
def test_ranks_and_quantiles_of_equal_values_are_those_of_pandas(values, window):
    own = rolling.rolling_order_statistics(series(values), window, low=0.2, high=0.8)
    frame = pd.Series(values).rolling(window)
    np.testing.assert_allclose(own.rank, frame.rank(pct=True), rtol=1e-12)
    np.testing.assert_allclose(own.low, frame.quantile(0.2), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(own.high, frame.quantile(0.8), rtol=1e-12, atol=1e-12)


def test_statistics_have_no_memory_of_where_the_series_begins():
    walk = 100.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.01, 5000)))
    walk[100] = 1e15
    for statistic in (
        rolling.rolling_sum,
        rolling.rolling_std,
        rolling.rolling_mean_deviation,
        lambda values, window: rolling.rolling_line(values, window).slope,
        lambda values, window: rolling.rolling_correlation(values, np.sin(values), window),
    ):
        whole = statistic(walk, 60)[-100:]
        np.testing.assert_allclose(statistic(walk[4777:], 60)[-100:], whole, rtol=1e-9)


def test_a_line_explains_nothing_of_a_flat_window_and_all_of_a_straight_one():
    flat = rolling.rolling_line(np.full(9, 0.1), 4)
    assert [part[3:].tolist() for part in flat] == [[0.0] * 6] * 3
    straight = rolling.rolling_line(np.arange(9.0), 4)
    assert straight.slope[3:] == pytest.approx(1.0)
    assert straight.r_squared[3:] == pytest.approx(1.0)
    assert straight.residual[3:] == pytest.approx(0.0, abs=1e-12)


def test_what_stands_still_is_correlated_with_nothing():
    moving, still = np.arange(20.0), np.full(20, 0.1)
    assert (rolling.rolling_correlation(moving, still, 5)[4:] == 0.0).all()
    assert rolling.rolling_correlation(moving, -moving, 5)[4:] == pytest.approx(-1.0)


def test_nan_in_a_window_of_extremes_gives_nan_and_afterwards_numbers_again():
    values = series([1.0, 2.0, np.nan, 3.0, 1.0, 2.0, 5.0])
    for statistic in (rolling.rolling_max, rolling.rolling_min, rolling.rolling_sum):
        assert np.isnan(statistic(values, 3)).tolist() == [True] * 5 + [False] * 2
    with pytest.raises(DataQualityError, match="row 2 is nan"):
        rolling.rolling_order_statistics(values, 3, low=0.2, high=0.8)


def test_a_quantile_outside_of_0_to_1_and_a_line_of_one_row_are_refused():
    with pytest.raises(ConfigurationError, match=r"were 0.2 and 1.8"):
        rolling.rolling_order_statistics(np.ones(5), 3, low=0.2, high=1.8)
    with pytest.raises(ConfigurationError, match="2 rows or more, was 1"):
        rolling.rolling_line(np.ones(5), 1)
