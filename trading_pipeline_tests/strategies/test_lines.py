"""Indicator lines, where they differ from TA-Lib or look back alone."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.row_threads import allow_threads
from trading_pipeline.strategies.lines import (
    extremes_before,
    highest_before,
    lowest_before,
    mean_and_deviation,
    means_and_deviations,
    relative_strength,
    relative_strengths,
)


def test_the_rsi_is_in_the_middle_until_something_moves():
    values = np.array([5.0] * 6 + [6.0, 5.0])
    found = relative_strength(values, 2)
    # row 6: average rise 1/2, no fall; row 7: rise 1/4, fall 1/2
    np.testing.assert_allclose(found[2:], [50.0, 50.0, 50.0, 50.0, 100.0, 100.0 / 3.0])
    assert np.isnan(found[:2]).all()


def test_extremes_leave_their_own_row_out():
    values = np.array([3.0, 1.0, 2.0, 9.0])
    np.testing.assert_array_equal(highest_before(values, 2), [np.nan, np.nan, 3.0, 2.0])
    np.testing.assert_array_equal(lowest_before(values, 2), [np.nan, np.nan, 1.0, 1.0])


def test_the_deviation_is_that_of_the_population():
    mean, deviation = mean_and_deviation(np.array([1.0, 3.0]), 2)
    assert (mean[1], deviation[1]) == (2.0, 1.0)


@pytest.mark.parametrize("rows", [0, 1, 7, 300])
@pytest.mark.parametrize(("pick", "name"), [(np.maximum, "max"), (np.minimum, "min")])
def test_extremes_of_many_windows_are_those_of_pandas(rows, pick, name):
    values = np.random.default_rng(3).integers(-9, 9, rows) / 4.0
    values[rows // 3 : rows // 3 + 1] = np.nan
    windows = [1, 2, 3, 5, 8, 31, 64, 65, 299, 300, 400]
    for row, window in zip(extremes_before(values, windows, pick), windows, strict=True):
        wanted = getattr(pd.Series(values).rolling(window), name)().shift(1).to_numpy()
        np.testing.assert_array_equal(row, wanted)


def test_lines_of_many_windows_are_those_of_each():
    values = 50.0 + np.random.default_rng(4).normal(size=400).cumsum()
    windows = [2, 3, 14, 50, 399, 500]
    strengths = relative_strengths(values, windows)
    with allow_threads(3):
        means, deviations = means_and_deviations(values, windows)
    for row, window in enumerate(windows):
        np.testing.assert_array_equal(strengths[row], relative_strength(values, window))
        mean, deviation = mean_and_deviation(values, window)
        np.testing.assert_array_equal(means[row], mean)
        np.testing.assert_array_equal(deviations[row], deviation)


def test_the_rsi_of_a_still_series_is_in_the_middle():
    found = relative_strengths(np.full(5, 3.0), [2, 9])
    np.testing.assert_array_equal(found[0], [np.nan, np.nan, 50.0, 50.0, 50.0])
    assert np.isnan(found[1]).all()
