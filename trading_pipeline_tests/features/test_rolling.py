from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features import rolling

VALUES = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 6)), min_size=0, max_size=40)
WINDOWS = st.integers(2, 12)


def series(values):
    return np.array(values, dtype="float64")


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
        np.testing.assert_array_equal(statistic(shocked, 4)[4:], statistic(quiet, 4)[3:])


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
