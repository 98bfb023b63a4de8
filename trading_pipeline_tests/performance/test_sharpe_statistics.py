"""Tests of the trust in one Sharpe ratio: published and stored values, edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.performance.return_metrics import kurtosis, skewness
from trading_pipeline.performance.sharpe_statistics import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    lo_standard_error_annual,
    minimum_backtest_years,
    minimum_track_record_bars,
    probabilistic_sharpe_ratio,
    sharpe_variance_factor,
)


# Bailey and Lopez de Prado (2012): 24 months, mean 3.6 %, deviation 7.9 %.
@pytest.mark.parametrize(
    ("sharpe", "skew", "kurt", "expected"),
    [
        (0.036 / 0.079, 0.0, 3.0, 0.9812),
        (0.036 / 0.079, -2.448, 10.164, 0.9127),
        (0.458, -2.448, 10.164, 0.9134),
    ],
)
def test_probabilistic_sharpe_ratio_equals_the_published_values(sharpe, skew, kurt, expected):
    found = probabilistic_sharpe_ratio(sharpe=sharpe, bars=24, skew=skew, kurtosis=kurt)
    assert found == pytest.approx(expected, abs=5.1e-5)


# The same paper: annual ratio 2 against 1 at 95 %; years that a track record needs.
@pytest.mark.parametrize(
    ("year", "skew", "kurt", "years"),
    [
        (252, 0.0, 3.0, 2.7309842751596634),
        (52, 0.0, 3.0, 2.828833586945237),
        (12, 0.0, 3.0, 3.239800696444647),
        (12, -0.72, 5.78, 4.991258223875627),
    ],
)
def test_minimum_track_record_equals_the_published_years(year, skew, kurt, years):
    found = minimum_track_record_bars(
        sharpe=2 / math.sqrt(year),
        benchmark_sharpe=1 / math.sqrt(year),
        skew=skew,
        kurtosis=kurt,
    )
    assert found / year == pytest.approx(years, rel=1e-12)


# Lo (2002), table 1.
@pytest.mark.parametrize(
    ("sharpe", "bars", "expected"), [(1.5, 60, 0.188), (0.5, 12, 0.306), (1.0, 60, 0.158)]
)
def test_standard_error_equals_lo_s_table(sharpe, bars, expected):
    found = lo_standard_error_annual(sharpe=sharpe, bars=bars, periods_per_year=1)
    assert found == pytest.approx(expected, abs=5.1e-4)


def test_stored_values_of_the_sp500(index_returns):
    ratio = float(index_returns.mean() / index_returns.std(ddof=1))
    moments = {"skew": skewness(index_returns), "kurtosis": kurtosis(index_returns)}
    bars = index_returns.size
    psr = probabilistic_sharpe_ratio(sharpe=ratio, bars=bars, **moments)
    assert psr == pytest.approx(0.89658321, abs=5.1e-9)
    length = minimum_track_record_bars(sharpe=ratio, **moments)
    assert length == pytest.approx(8539.80415586281, rel=1e-13)
    error = lo_standard_error_annual(sharpe=ratio, bars=bars, periods_per_year=252)
    assert error == pytest.approx(0.22384671104772297, rel=1e-13)


@given(st.floats(0.01, 0.5), st.floats(-1.0, 1.0), st.floats(3.0, 8.0))
def test_the_minimum_track_record_is_where_the_probability_reaches_the_confidence(
    ratio, skew, kurt
):
    bars = minimum_track_record_bars(sharpe=ratio, skew=skew, kurtosis=kurt, confidence=0.9)
    if bars >= 2:
        found = probabilistic_sharpe_ratio(sharpe=ratio, bars=bars, skew=skew, kurtosis=kurt)
        assert found == pytest.approx(0.9, abs=1e-9)


@given(st.floats(-0.5, 0.5), st.integers(2, 5000))
def test_probability_is_one_half_at_the_benchmark_and_mirrors_around_it(ratio, bars):
    def psr(sharpe, benchmark):
        return probabilistic_sharpe_ratio(
            sharpe=sharpe, bars=bars, skew=0.0, kurtosis=3.0, benchmark_sharpe=benchmark
        )

    assert psr(ratio, ratio) == 0.5
    assert psr(ratio, 0.0) + psr(-ratio, 0.0) == pytest.approx(1.0)


def test_more_bars_make_a_good_ratio_more_probable_and_fat_left_tails_less():
    few = probabilistic_sharpe_ratio(sharpe=0.1, bars=100, skew=0.0, kurtosis=3.0)
    many = probabilistic_sharpe_ratio(sharpe=0.1, bars=1000, skew=0.0, kurtosis=3.0)
    tailed = probabilistic_sharpe_ratio(sharpe=0.1, bars=1000, skew=-2.0, kurtosis=12.0)
    assert few < many
    assert tailed < many


def test_probability_agrees_with_the_share_of_positive_samples():
    generator = np.random.default_rng(3)
    drawn = generator.normal(0.05, 1.0, (4000, 250))
    share = float((drawn.mean(axis=1) > 0.0).mean())
    expected = probabilistic_sharpe_ratio(sharpe=0.05, bars=250, skew=0.0, kurtosis=3.0)
    assert share == pytest.approx(expected, abs=0.025)


def test_no_length_is_enough_below_the_benchmark():
    found = minimum_track_record_bars(sharpe=0.05, benchmark_sharpe=0.05, skew=0.0, kurtosis=3.0)
    assert math.isnan(found)


@pytest.mark.parametrize("bars", [0, 1])
def test_one_bar_gives_no_probability(bars):
    assert math.isnan(probabilistic_sharpe_ratio(sharpe=1.0, bars=bars, skew=0.0, kurtosis=3.0))


def test_nan_in_gives_nan_out():
    nothing = math.nan
    assert math.isnan(probabilistic_sharpe_ratio(sharpe=nothing, bars=9, skew=0.0, kurtosis=3.0))
    assert math.isnan(minimum_track_record_bars(sharpe=nothing, skew=0.0, kurtosis=3.0))
    assert math.isnan(lo_standard_error_annual(sharpe=nothing, bars=9, periods_per_year=252))
    assert math.isnan(lo_standard_error_annual(sharpe=0.1, bars=0, periods_per_year=252))


def test_impossible_moments_give_nan_instead_of_a_negative_variance():
    assert math.isnan(sharpe_variance_factor(sharpe=1.0, skew=5.0, kurtosis=1.0))
    assert math.isnan(probabilistic_sharpe_ratio(sharpe=1.0, bars=99, skew=5.0, kurtosis=1.0))


@pytest.mark.parametrize("confidence", [0.5, 1.0, 0.0, math.nan])
def test_a_confidence_without_a_finite_length_is_refused(confidence):
    with pytest.raises(ConfigurationError, match="confidence"):
        minimum_track_record_bars(sharpe=0.1, skew=0.0, kurtosis=3.0, confidence=confidence)


# Bailey and Lopez de Prado (2014): annual ratio 2.5 over 5 years of 250 days, variance 0.5 a year.
@pytest.mark.parametrize(
    ("trials", "skew", "kurt", "expected"),
    [
        (100, -3.0, 10.0, 0.9003968344493903),
        (46, -3.0, 10.0, 0.9505017068755786),
        (88, 0.0, 3.0, 0.9504908166760139),
    ],
)
def test_deflated_sharpe_ratio_equals_the_published_values(trials, skew, kurt, expected):
    found = deflated_sharpe_ratio(
        sharpe=2.5 / math.sqrt(250),
        bars=1250,
        skew=skew,
        kurtosis=kurt,
        trials=trials,
        variance=0.5 / 250,
    )
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("trials", "expected"), [(10, 1.5746), (45, 2.2356), (100, 2.5306), (1000, 3.2551)]
)
def test_the_expected_maximum_grows_with_the_trials_as_published(trials, expected):
    assert expected_maximum_sharpe(trials=trials, variance=1.0) == pytest.approx(expected, abs=6e-5)


def test_one_trial_is_not_deflated_and_an_unknown_variance_gives_nothing():
    one = {"sharpe": 0.1, "bars": 500, "skew": -0.5, "kurtosis": 6.0}
    plain = probabilistic_sharpe_ratio(**one)
    assert deflated_sharpe_ratio(**one, trials=1, variance=0.3) == plain
    assert math.isnan(deflated_sharpe_ratio(**one, trials=9, variance=math.nan))
    with pytest.raises(ConfigurationError, match="must be 1 or more"):
        expected_maximum_sharpe(trials=0, variance=1.0)


# Lopez de Prado and others (2025): 24 months, mean 3.6 %, deviation 7.9 %.
@pytest.mark.parametrize(
    ("benchmark", "probability", "bars"),
    [(0.0, 0.9872072612614331, 13.02877831559373), (0.1, 0.9391476251031434, 27.109154488628405)],
)
def test_the_convention_of_2025_equals_the_published_values(benchmark, probability, bars):
    given = {
        "sharpe": 0.036 / 0.079,
        "skew": -2.448,
        "kurtosis": 10.164,
        "benchmark_sharpe": benchmark,
        "convention": "2025",
    }
    assert probabilistic_sharpe_ratio(**given, bars=24) == pytest.approx(probability, rel=1e-9)
    assert minimum_track_record_bars(**given) == pytest.approx(bars, rel=1e-9)


def test_one_trial_has_the_same_probability_deflated_or_not_in_each_convention():
    one = {"sharpe": 0.1, "bars": 500, "skew": -0.5, "kurtosis": 6.0}
    for convention in ("2012", "2025"):
        found = deflated_sharpe_ratio(**one, trials=1, variance=0.3, convention=convention)
        assert found == probabilistic_sharpe_ratio(**one, convention=convention)


def test_an_unknown_convention_is_refused_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="2025"):
        probabilistic_sharpe_ratio(sharpe=0.1, bars=500, skew=0.0, kurtosis=3.0, convention="2026")


# Bailey, Borwein, Lopez de Prado and Zhu (2014): seven trials in two years, 45 in five.
@pytest.mark.parametrize(("trials", "years"), [(1, 0.0), (7, 1.923), (45, 4.998)])
def test_the_minimum_backtest_length_equals_the_published_years(trials, years):
    assert minimum_backtest_years(trials=trials) == pytest.approx(years, abs=5.1e-4)


def test_a_higher_ratio_needs_fewer_years_and_none_has_no_length():
    assert minimum_backtest_years(trials=45, annual_sharpe=2.0) == pytest.approx(
        4.998 / 4, abs=1e-3
    )
    assert math.isnan(minimum_backtest_years(trials=45, annual_sharpe=0.0))
    assert minimum_backtest_years(trials=45, annual_sharpe=1e-281) == math.inf  # no OverflowError
    with pytest.raises(ConfigurationError, match="must be 1 or more"):
        minimum_backtest_years(trials=0)
