"""From equity to returns, wealth and drawdowns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.performance.bar_returns import (
    bar_returns,
    drawdowns,
    equity_array,
    wealth_index,
)

small_returns = st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=60)


def test_first_bar_has_a_return_only_against_initial_equity():
    assert bar_returns([110.0, 121.0]).tolist() == pytest.approx([0.1])
    assert bar_returns([110.0, 121.0], initial_equity=100.0).tolist() == pytest.approx([0.1, 0.1])


def test_one_bar_alone_has_no_return():
    assert bar_returns([100.0]).size == 0


@given(small_returns)
def test_returns_of_a_wealth_index_are_the_returns_it_was_made_of(returns):
    np.testing.assert_allclose(bar_returns(wealth_index(returns)), returns, atol=1e-12)


@given(small_returns)
def test_drawdowns_lie_between_minus_one_and_zero_and_start_at_zero(returns):
    falls = drawdowns(wealth_index(returns))
    assert falls[0] == 0.0
    assert ((falls <= 0.0) & (falls > -1.0)).all()


def test_drawdown_is_measured_on_compounded_wealth_not_on_summed_returns():
    # -50 % and -50 % leave a quarter; their sum would say that all is lost.
    assert drawdowns(wealth_index([-0.5, -0.5])).tolist() == [0.0, -0.5, -0.75]


def test_after_ruin_there_is_no_return_even_if_the_account_rises_again():
    found = bar_returns([50.0, -10.0, 20.0, 40.0], initial_equity=100.0)
    assert found[:2].tolist() == pytest.approx([-0.5, -1.2])
    assert np.isnan(found[2:]).all()


def test_nan_in_returns_reaches_all_later_wealth():
    assert np.isnan(wealth_index([0.1, np.nan, 0.1])).tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("equity", "initial", "words"),
    [
        ([1.0, np.nan], None, "bar 1 is nan"),
        ([1.0, np.inf], 5.0, "bar 1 is inf"),
        ([1.0], np.nan, "initial equity is nan"),
        ([0.0, 1.0], None, "starts at 0.0"),
        ([1.0], -5.0, "starts at -5.0"),
        ([[1.0, 2.0]], None, "2 dimensions"),
    ],
)
def test_a_curve_that_cannot_be_measured_is_named(equity, initial, words):
    with pytest.raises(DataQualityError, match=words):
        equity_array(equity, initial_equity=initial)


def test_an_empty_curve_is_refused():
    with pytest.raises(InsufficientDataError, match="no bar"):
        equity_array([], initial_equity=100.0)


def test_error_carries_bar_and_value():
    with pytest.raises(DataQualityError) as caught:
        equity_array([1.0, 2.0, np.inf])
    assert (caught.value.bar, caught.value.value) == (2, np.inf)
