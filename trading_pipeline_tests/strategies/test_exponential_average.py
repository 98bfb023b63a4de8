"""Exponential averages and the MACD: against a loop, TA-Lib, and one window against many."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies.exponential_average import (
    exponential_average,
    exponential_averages,
    macd_lines,
)
from trading_pipeline.strategies.lines import indicator_lines
from trading_pipeline_tests.strategies.conftest import random_closes

CLOSES = random_closes(700)
WINDOWS = [2, 3, 7, 16, 17, 40, 129, 300, 650, 2000] * 2  # more than are computed side by side


def plainly(values, window):
    average = np.full(len(values), np.nan)
    if len(values) >= window:
        average[window - 1] = sum(values[:window].tolist()) / window
        for row in range(window, len(values)):
            before = average[row - 1]
            average[row] = (values[row] - before) * (2.0 / (window + 1.0)) + before
    return average


@pytest.mark.parametrize("rows", [0, 1, 2, 16, 128, 129, 700])
def test_each_row_is_the_plain_loop_bit_for_bit(rows):
    values = CLOSES[:rows]
    found = exponential_averages(values, WINDOWS)
    for row, window in enumerate(WINDOWS):
        np.testing.assert_array_equal(found[row], plainly(values, window))
    np.testing.assert_array_equal(exponential_average(values, 7), plainly(values, 7))


def test_averages_and_macd_are_those_of_ta_lib_but_for_rounding():
    series = pd.Series(CLOSES)
    for window in (2, 11, 19, 300):
        wanted = indicator_lines("EMA", series, timeperiod=window)[0]
        np.testing.assert_allclose(exponential_average(CLOSES, window), wanted, rtol=1e-12)
    windows = [(5, 20, 9), (12, 26, 9), (12, 26, 2), (5, 20, 30)]
    rows, macd = macd_lines(CLOSES, windows)
    assert rows.shape == (2 + 4, 700)
    for number, (fast, slow, signal) in enumerate(windows):
        known = slice(slow + signal - 2, None)
        line, average, _ = indicator_lines(
            "MACD", series, fastperiod=fast, slowperiod=slow, signalperiod=signal
        )
        np.testing.assert_allclose(rows[2 + number], average, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(rows[macd[number]][known], line[known], rtol=1e-9, atol=1e-12)


def test_many_windows_have_the_bits_of_one():
    windows = [(fast, slow, signal) for fast in (3, 5) for slow in (8, 13) for signal in (2, 9)]
    rows, macd = macd_lines(CLOSES, windows)
    for number, each in enumerate(windows):
        (line, average), _ = macd_lines(CLOSES, [each])
        np.testing.assert_array_equal(rows[macd[number]], line)
        np.testing.assert_array_equal(rows[4 + number], average)


def test_a_value_that_is_not_finite_is_named():
    with pytest.raises(StrategyError, match="row 1 is nan"):
        exponential_average(np.array([1.0, np.nan, 2.0]), 2)
