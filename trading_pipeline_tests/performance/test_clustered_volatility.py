"""Intervals of volatility under clusters: simulated cover, and edges."""

import math

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError, InsufficientDataError
from trading_pipeline.performance.clustered_volatility import variance_error, volatility_interval
from trading_pipeline_tests.performance.simulated_returns import autoregressive, clustered


def cover(histories):
    bounds = np.array([volatility_interval(each, periods_per_year=1) for each in histories])
    return float(np.mean((bounds[:, 0] <= 1.0) & (bounds[:, 1] >= 1.0)))


@pytest.mark.parametrize(
    ("histories", "least"),
    [
        (clustered(0.05, 0.90, 1_250, 150, seed=1), 0.85),
        (clustered(0.08, 0.90, 1_250, 150, seed=2), 0.82),
        (clustered(0.10, 0.89, 1_250, 150, seed=3), 0.74),
        (np.random.default_rng(4).normal(size=(150, 1_250)), 0.85),
        (np.random.default_rng(5).standard_t(5, (150, 1_250)) / math.sqrt(5 / 3), 0.85),
        (autoregressive(0.2, 1_250, 150, seed=6), 0.85),
    ],
    ids=["persistence 0.95", "persistence 0.98", "persistence 0.99", "normal", "t(5)", "AR 0.2"],
)
def test_ninety_percent_intervals_cover(histories, least):
    assert least <= cover(histories) <= 0.985


def test_persistence_is_found_where_it_is_and_not_where_it_is_not():
    found = [variance_error(each).persistence for each in clustered(0.08, 0.90, 2_500, 10, seed=7)]
    assert np.median(found) == pytest.approx(0.98, abs=0.02)
    calm = np.random.default_rng(8).normal(size=(10, 2_500))
    assert np.mean([variance_error(each).persistence > 0.0 for each in calm]) <= 0.2


def test_clusters_widen_the_interval_and_it_is_never_narrower_than_the_plain_one():
    wild = clustered(0.08, 0.90, 2_500, 1, seed=9)[0]
    shuffled = np.random.default_rng(9).permutation(wild)
    assert variance_error(wild).relative > 1.8 * variance_error(shuffled).relative
    squares = (wild - wild.mean()) ** 2 / wild.var()
    plain = math.sqrt((float(np.mean(squares**2)) - 1.0) / wild.size)
    assert variance_error(shuffled).relative >= plain * (1.0 - 1e-12)


def test_bounds_scale_with_the_returns_and_with_the_year():
    returns = np.random.default_rng(10).normal(0.0, 0.01, 600)
    low, high = volatility_interval(returns, periods_per_year=252)
    twice = volatility_interval(2.0 * returns, periods_per_year=4 * 252)
    assert twice == pytest.approx((4.0 * low, 4.0 * high), rel=1e-9)
    assert low < returns.std(ddof=1) * math.sqrt(252) < high


def test_one_enormous_return_leaves_the_bounds_finite_and_below_five_times_the_value():
    returns = np.random.default_rng(11).normal(0.0, 0.01, 300)
    returns[100] = 5.0
    low, high = volatility_interval(returns, periods_per_year=1, confidence=0.999)
    assert 0.0 < low < returns.std() < high < 5.02 * returns.std()


def test_returns_that_do_not_vary_have_no_volatility_and_no_error():
    assert volatility_interval([0.01] * 30, periods_per_year=252) == (0.0, 0.0)
    assert math.isnan(variance_error([0.01] * 30).relative)


@pytest.mark.parametrize("returns", [[], [0.01] * 19, [0.01, math.nan] * 20, [[0.01] * 30]])
def test_too_few_or_missing_returns_are_refused(returns):
    with pytest.raises(InsufficientDataError, match="20 or more"):
        volatility_interval(returns, periods_per_year=252)
    assert math.isnan(variance_error(returns).relative)


def test_a_confidence_that_is_no_share_is_refused():
    with pytest.raises(ConfigurationError, match="confidence"):
        volatility_interval([0.01, -0.01] * 20, periods_per_year=252, confidence=1.0)
