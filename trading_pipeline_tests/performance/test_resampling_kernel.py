"""The compiled loops of resampled histories against their definitions in whole arrays."""

import numpy as np
import pytest

from trading_pipeline.performance.bar_returns import deepest_drawdowns
from trading_pipeline.performance.resampling_kernel import falls_and_growth, follow_blocks


@pytest.mark.parametrize("bars", [1, 2, 9, 500])
def test_falls_and_growth_are_those_of_whole_arrays_to_the_last_bit(bars):
    returns = np.random.default_rng(bars).normal(0.0, 0.05, (40, bars))
    returns[3] = np.abs(returns[3])  # no fall
    returns[4, bars // 2] = -1.0  # everything lost
    falls, growth = falls_and_growth(returns)
    np.testing.assert_array_equal(falls, deepest_drawdowns(returns))
    np.testing.assert_array_equal(growth, np.prod(1.0 + returns, axis=1))


def test_a_history_with_nan_has_neither_and_one_that_overflows_has_no_fall():
    returns = np.full((2, 4), 0.1)
    returns[0, 1] = np.nan
    returns[1] = 1e200
    falls, growth = falls_and_growth(returns)
    assert np.isnan(falls).all()
    assert np.isnan(growth[0])
    assert growth[1] == np.inf


def test_blocks_begin_at_their_starts_and_run_on_from_the_last_row_to_the_first():
    draws = np.array([[0.9, 0.9, 0.2, 0.5, 0.1]])
    starts = np.array([[3, 0, 1, 0, 4]])
    follow_blocks(draws, starts, 0.5)
    assert starts.tolist() == [[3, 4, 1, 2, 4]]  # 0.5 is not below 0.5
    wrapped = np.array([[1, 0, 0]])
    follow_blocks(np.ones((1, 3)), wrapped, 0.5)
    assert wrapped.tolist() == [[1, 2, 0]]
