"""Tests of the metrics of returns: stored values, a library as oracle, edges."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.performance import return_metrics as measure

# S&P 500, adjusted close, daily simple returns 1999-01-05 to 2018-12-31 (n = 5030), 252 bars a
# year; independent implementations agree with empyrical-reloaded 0.7.1 to 1e-12.
STORED = {
    "total_return": 1.0412426895121283,
    "cagr": 0.03639554326851813,
    "annual_volatility": 0.19098207141371265,
    "sharpe": 0.28273922904460697,
    "sortino": 0.39861402985639693,
    "max_drawdown": -0.5677538775030555,
    "calmar": 0.06410443805083878,
    "omega": 1.0544888207136167,
    "tail_ratio": 0.9346216099329484,
    "value_at_risk": -0.018643329744495285,
    "conditional_value_at_risk": -0.028609270423168708,
}
# Stored with fewer digits.
STORED_SHORT = {"share_of_up_bars": 0.5312127, "ulcer_index": 0.20259049}
ANNUAL = ("cagr", "annual_volatility", "sharpe", "sortino", "calmar")
ORACLE = {
    "total_return": "cum_returns_final",
    "cagr": "annual_return",
    "annual_volatility": "annual_volatility",
    "sharpe": "sharpe_ratio",
    "sortino": "sortino_ratio",
    "max_drawdown": "max_drawdown",
    "calmar": "calmar_ratio",
    "omega": "omega_ratio",
    "tail_ratio": "tail_ratio",
    "value_at_risk": "value_at_risk",
    "conditional_value_at_risk": "conditional_value_at_risk",
    "stability_r2": "stability_of_timeseries",
}
returns_lists = st.lists(st.floats(-0.3, 0.3).map(lambda x: round(x, 6)), min_size=3, max_size=80)


def value(name, returns):
    function = getattr(measure, name)
    return function(returns, periods_per_year=252) if name in ANNUAL else function(returns)


@pytest.mark.parametrize("name", STORED)
def test_equals_the_stored_value_of_the_sp500(name, index_returns):
    assert value(name, index_returns) == pytest.approx(STORED[name], rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("name", STORED_SHORT)
def test_equals_the_stored_value_to_its_digits(name, index_returns):
    assert value(name, index_returns) == pytest.approx(STORED_SHORT[name], abs=5.1e-8)


def test_stability_equals_the_stored_value(index_returns):
    assert measure.stability_r2(index_returns) == pytest.approx(0.5319235654, abs=5.1e-11)


@pytest.mark.parametrize("name", ORACLE)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agrees_with_empyrical_on_random_returns(name, seed, oracle):
    returns = np.random.default_rng(seed).standard_t(4, 700) * 0.01 + 0.0003
    expected = float(getattr(oracle, ORACLE[name])(returns))
    assert value(name, returns) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", ORACLE)
def test_agrees_with_empyrical_on_the_sp500(name, oracle, index_returns):
    expected = float(getattr(oracle, ORACLE[name])(index_returns))
    assert value(name, index_returns) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("seed", [4, 5])
def test_moments_agree_with_scipy(seed):
    returns = np.random.default_rng(seed).gamma(2.0, 0.01, 300)
    assert measure.skewness(returns) == pytest.approx(float(stats.skew(returns)), rel=1e-12)
    expected = float(stats.kurtosis(returns, fisher=False))
    assert measure.kurtosis(returns) == pytest.approx(expected, rel=1e-12)


@given(returns_lists, st.floats(0.0, 1.0))
def test_value_at_risk_is_numpys_linear_quantile(returns, share):
    expected = float(np.quantile(returns, share))
    assert measure.value_at_risk(returns, share=share) == pytest.approx(expected, abs=1e-12)


@given(returns_lists)
def test_expected_shortfall_is_never_above_value_at_risk(returns):
    shortfall = measure.conditional_value_at_risk(returns)
    assert shortfall <= measure.value_at_risk(returns) + 1e-15


@given(returns_lists)
def test_sharpe_does_not_change_with_leverage_and_turns_with_the_sign(returns):
    doubled = [2.0 * r for r in returns]
    mirrored = [-r for r in returns]
    one = value("sharpe", returns)
    assert value("sharpe", doubled) == pytest.approx(one, rel=1e-9, nan_ok=True)
    assert value("sharpe", mirrored) == pytest.approx(-one, rel=1e-9, nan_ok=True)


@given(returns_lists)
def test_drawdown_is_never_above_zero_and_never_below_the_whole_loss(returns):
    deepest = measure.max_drawdown(returns)
    assert -1.0 <= deepest <= 0.0
    assert deepest <= min(0.0, measure.total_return(returns)) + 1e-12


@given(returns_lists)
def test_no_metric_is_ever_infinite(returns):
    for name in (*ORACLE, "share_of_up_bars", "ulcer_index", "skewness", "kurtosis"):
        assert not math.isinf(value(name, returns)), name


def test_sortino_of_rollinger_and_hoffman():
    # Their worked example: yearly returns, target 0, downside over all eight years.
    returns = [0.17, 0.15, 0.23, -0.05, 0.12, 0.09, 0.13, -0.04]
    assert measure.sortino(returns, periods_per_year=1) == pytest.approx(4.417261, abs=5e-7)


@pytest.mark.parametrize(
    ("name", "returns"),
    [
        ("sharpe", [0.01, 0.01, 0.01]),
        ("sharpe", [0.01]),
        ("sharpe", []),
        ("sortino", [0.01, 0.0, 0.02]),
        ("sortino", [-0.01]),
        ("calmar", [0.01, 0.02]),
        ("omega", [0.01, 0.02]),
        ("omega", [-0.01]),
        ("tail_ratio", [0.0, 0.0, 0.1]),
        ("tail_ratio", []),
        ("annual_volatility", [0.01]),
        ("max_drawdown", []),
        ("ulcer_index", []),
        ("value_at_risk", []),
        ("conditional_value_at_risk", []),
        ("share_of_up_bars", []),
        ("skewness", [0.0, 0.0]),
        ("kurtosis", [0.01, 0.01]),
        ("stability_r2", [0.01]),
        ("stability_r2", [0.0, 0.0, 0.0]),
        ("stability_r2", [0.1, -1.0, 0.1]),
        ("cagr", []),
    ],
)
def test_what_is_not_defined_is_nan_without_a_warning(name, returns):
    assert math.isnan(value(name, returns))


@pytest.mark.parametrize("name", [*ORACLE, "share_of_up_bars", "ulcer_index", "skewness"])
def test_a_missing_return_makes_every_metric_nan(name):
    assert math.isnan(value(name, [0.01, math.nan, -0.02, 0.03]))


def test_rounding_of_a_steady_curve_is_not_taken_for_risk():
    steady = np.cumprod(np.full(500, 1.0001)) * 1e5
    returns = steady[1:] / steady[:-1] - 1.0
    assert returns.std() > 0.0  # rounding is there
    assert measure.sample_deviation(returns) == 0.0
    assert math.isnan(value("sharpe", returns))


def test_a_tiny_but_real_deviation_is_kept():
    assert measure.sample_deviation([1e-10, -1e-10]) == pytest.approx(2**0.5 * 1e-10)


def test_growth_of_one_and_two_years():
    assert measure.annualized_growth(1.21, bars=24, periods_per_year=12) == pytest.approx(0.1)
    assert measure.annualized_growth(0.0, bars=24, periods_per_year=12) == -1.0
    assert math.isnan(measure.annualized_growth(-0.1, bars=24, periods_per_year=12))
    assert math.isnan(measure.annualized_growth(math.nan, bars=24, periods_per_year=12))


def test_growth_beyond_the_range_of_floats_is_nan_not_infinite():
    assert math.isnan(measure.annualized_growth(2.0, bars=1, periods_per_year=1e5))


def test_longest_drawdown_counts_bars_below_the_peak():
    assert measure.longest_drawdown_bars([0.0, -0.1, 0.0, -0.1, -0.2, -0.1]) == 3.0
    assert measure.longest_drawdown_bars([0.0, 0.0]) == 0.0
    assert math.isnan(measure.longest_drawdown_bars([0.0, math.nan]))


def test_flat_bar_is_not_up():
    assert measure.share_of_up_bars([0.0, 0.1, -0.1, 0.2]) == 0.5


@pytest.mark.parametrize("wrong", [0.0, -252.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ANNUAL)
def test_a_year_of_no_bars_is_refused(name, wrong):
    with pytest.raises(ConfigurationError, match="periods_per_year"):
        getattr(measure, name)([0.1, -0.1], periods_per_year=wrong)


def test_sharpe_of_normal_returns_comes_near_the_truth():
    truth = NormalDist(0.0005, 0.01)
    returns = np.random.default_rng(0).normal(truth.mean, truth.stdev, 200_000)
    assert value("sharpe", returns) == pytest.approx(0.05 * math.sqrt(252), abs=0.11)
