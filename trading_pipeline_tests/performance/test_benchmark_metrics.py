"""Tests of the comparison with a benchmark: a library as oracle, hand, edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance.benchmark_metrics import (
    BENCHMARK_METRIC_NAMES,
    benchmark_metrics,
    common_bars,
)


def pair(seed, rows=600):
    generator = np.random.default_rng(seed)
    market = generator.standard_t(5, rows) * 0.008 + 0.0004
    return 0.6 * market + generator.normal(0.0001, 0.005, rows), market


def measured(own, other, year=252.0):
    return benchmark_metrics(own, other, periods_per_year=year)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agrees_with_empyrical(seed, oracle):
    own, other = pair(seed)
    found = measured(own, other)
    alpha, beta = oracle.alpha_beta_aligned(own, other)
    expected = {
        "alpha": alpha,
        "beta": beta,
        "information_ratio": oracle.excess_sharpe(own, other) * math.sqrt(252),
        "tracking_error": oracle.annual_volatility(own - other),
        "up_capture": oracle.up_capture(own, other),
        "down_capture": oracle.down_capture(own, other),
        "benchmark_cagr": oracle.annual_return(other),
        "benchmark_sharpe": oracle.sharpe_ratio(other),
        "benchmark_max_drawdown": oracle.max_drawdown(other),
        "benchmark_total_return": oracle.cum_returns_final(other),
        "correlation": np.corrcoef(own, other)[0, 1],
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-10)


def test_the_benchmark_against_itself_has_beta_one_and_no_information():
    _, market = pair(4)
    found = measured(market, market)
    assert found["beta"] == pytest.approx(1.0)
    assert found["correlation"] == pytest.approx(1.0)
    assert found["alpha"] == pytest.approx(0.0, abs=1e-12)
    assert found["up_capture"] == pytest.approx(1.0)
    assert found["down_capture"] == pytest.approx(1.0)
    assert found["tracking_error"] == 0.0
    assert found["excess_return"] == 0.0
    assert math.isnan(found["information_ratio"])


def test_half_the_market_with_a_constant_gain_by_hand():
    market = np.array([0.02, -0.01, 0.03, -0.02])
    found = measured(0.5 * market + 0.001, market, year=4.0)
    assert found["beta"] == pytest.approx(0.5)
    assert found["alpha"] == pytest.approx(1.001**4 - 1)
    assert found["correlation"] == pytest.approx(1.0)


@given(st.floats(-2.0, 2.0), st.integers(0, 50))
def test_beta_of_a_scaled_market_is_the_scale(scale, seed):
    market = np.random.default_rng(seed).normal(0.0, 0.01, 40)
    assert measured(scale * market, market)["beta"] == pytest.approx(scale, abs=1e-9)


def test_bars_where_one_is_missing_are_left_out_of_both():
    own, other = pair(5, rows=50)
    holes_own, holes_other = own.copy(), other.copy()
    holes_own[3], holes_other[[0, 7]] = np.nan, np.nan
    keep = np.setdiff1d(np.arange(50), [0, 3, 7])
    assert measured(holes_own, holes_other) == pytest.approx(measured(own[keep], other[keep]))
    kept_own, kept_other = common_bars(holes_own, holes_other)
    assert kept_own.tolist() == own[keep].tolist()
    assert kept_other.tolist() == other[keep].tolist()


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_common_bars_give_nan_for_every_name(rows):
    found = measured([0.01, np.nan, 0.02], [np.nan, 0.01, 0.01 if rows else np.nan])
    assert tuple(found) == BENCHMARK_METRIC_NAMES
    assert all(math.isnan(value) for value in found.values())


def test_a_benchmark_that_stands_still_has_no_beta_but_a_tracking_error():
    found = measured([0.01, -0.02, 0.03], [0.0, 0.0, 0.0])
    undefined = ("alpha", "beta", "correlation", "up_capture", "down_capture", "benchmark_sharpe")
    assert all(math.isnan(found[name]) for name in undefined)
    assert found["tracking_error"] > 0.0
    assert found["benchmark_total_return"] == 0.0


def test_a_bar_on_which_the_benchmark_stands_still_is_neither_up_nor_down():
    own, market = [0.02, 0.5, -0.02, -0.4], [0.01, 0.0, -0.01, 0.0]
    found = measured(own, market, year=1.0)
    assert found["up_capture"] == pytest.approx(2.0)
    assert found["down_capture"] == pytest.approx(2.0)


def test_an_account_that_stands_still_has_beta_zero_and_no_correlation():
    found = measured([0.0, 0.0, 0.0], [0.01, -0.02, 0.03])
    assert found["beta"] == 0.0
    assert math.isnan(found["correlation"])


def test_no_metric_is_infinite_with_many_bars_a_year():
    found = measured([0.5, -0.2, 0.4], [0.1, -0.1, 0.2], year=1e6)
    assert not any(math.isinf(value) for value in found.values())


def test_two_lengths_are_refused_with_both_named():
    with pytest.raises(DataQualityError, match="3 returns and the benchmark 2"):
        measured([0.1, 0.2, 0.3], [0.1, 0.2])
