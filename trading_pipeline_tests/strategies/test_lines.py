"""Indicator lines, where they differ from TA-Lib or look back alone."""

import numpy as np

from trading_pipeline.strategies.lines import (
    highest_before,
    lowest_before,
    mean_and_deviation,
    relative_strength,
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
