"""How sure a Sharpe ratio is under dependence: simulations without an edge, and edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.performance.dependence import (
    LOWEST_SHARE,
    SHARPE_TRUST_NAMES,
    cosine_terms,
    deflated_probability,
    estimate_sharpe,
    lo_eta,
    long_run_variance,
    sharpe_trust,
    track_record_bars,
)
from trading_pipeline.performance.sharpe_statistics import deflated_sharpe_ratio
from trading_pipeline_tests.performance.simulated_returns import (
    autoregressive,
    clustered,
    overlapping,
)


def estimate(returns, **others):
    return estimate_sharpe(returns, periods_per_year=252, **others)


def shares(histories, true_ratio=0.0):
    """Share of histories with PSR of at least 0.95, plain PSR likewise, and 90 % cover."""
    found = [estimate(history) for history in histories]
    sure = np.mean([each.probability_above >= 0.95 for each in found])
    plain = np.mean([each.plain_probability_above >= 0.95 for each in found])
    bounds = np.array([each.interval(0.9) for each in found])
    return sure, plain, np.mean((bounds[:, 0] <= true_ratio) & (true_ratio <= bounds[:, 1]))


@pytest.mark.parametrize(
    ("held_bars", "plain_low", "plain_high"), [(1, 0.02, 0.08), (5, 0.16, 0.30), (20, 0.28, 0.45)]
)
def test_positions_without_an_edge_are_rarely_sure_however_long_they_overlap(
    held_bars, plain_low, plain_high
):
    sure, plain, covered = shares(overlapping(held_bars, 1_250, 500, seed=11))
    assert 0.015 <= sure <= 0.08
    assert plain_low <= plain <= plain_high
    assert 0.85 <= covered <= 0.95


@pytest.mark.parametrize(
    "histories",
    [
        autoregressive(0.2, 1_250, 400, seed=3),
        autoregressive(-0.2, 1_250, 400, seed=4),
        clustered(0.05, 0.90, 1_250, 400, seed=5),
        np.random.default_rng(6).standard_t(5, (400, 1_250)),
        np.random.default_rng(7).normal(size=(400, 250)),
    ],
    ids=["AR 0.2", "AR -0.2", "GARCH", "Student t(5)", "normal, one year"],
)
def test_intervals_cover_and_certainty_is_rare_in_other_markets(histories):
    sure, _, covered = shares(histories)
    assert sure <= 0.08
    assert 0.85 <= covered <= 0.95


def test_an_edge_is_found_however_the_positions_overlap():
    histories = overlapping(5, 2_500, 200, seed=9) + 0.2
    sure, _, covered = shares(histories, true_ratio=0.2 * math.sqrt(252))
    assert sure >= 0.9
    assert 0.84 <= covered <= 0.96


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.3])
def test_inflation_is_that_of_an_autoregression(rho):
    found = estimate(autoregressive(rho, 60_000, 1, seed=2)[0])
    assert found.inflation == pytest.approx((1 + rho) / (1 - rho), rel=0.12)


def test_lo_s_eta_equals_the_published_table():
    # Lo (2002), table 2: twelve months
    for rho, expected in ((0.0, 3.46), (0.2, 2.88), (-0.2, 4.17), (0.5, 2.12)):
        assert lo_eta(periods=12, autocorrelation=rho) == pytest.approx(expected, abs=5.1e-3)


def test_the_error_of_an_autoregression_agrees_with_lo_s_eta():
    rho = 0.3
    found = estimate(autoregressive(rho, 60_000, 1, seed=8)[0])
    dependent = math.sqrt(2_000) / lo_eta(periods=2_000, autocorrelation=rho)
    ratio = found.standard_error / found.plain_standard_error
    assert ratio == pytest.approx(dependent, rel=0.06)


def test_the_cosine_transform_equals_scipy_s():
    for count in (2, 3, 5, 24, 1_000, 1_009):
        values = np.random.default_rng(count).normal(size=count)
        terms = cosine_terms(count)
        quick = values[1:] if count == 1_009 else values  # a prime; 1,008 is quick
        expected = (dct(quick, norm="ortho")[1 : terms + 1] ** 2).mean()
        assert long_run_variance(values) == pytest.approx(expected, rel=1e-10)


@settings(max_examples=30)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40))
def test_all_cosines_together_give_the_plain_sample_variance(values):
    found = long_run_variance(values, terms=len(values) - 1)
    assert found == pytest.approx(np.var(values, ddof=1), rel=1e-9, abs=1e-12)


def test_no_value_and_one_value_have_no_variance():
    assert math.isnan(long_run_variance([]))
    assert math.isnan(long_run_variance([1.0]))


@pytest.mark.parametrize(
    "returns",
    [[], [0.01], [0.01] * 50, [0.0] * 50, [0.01, math.nan, 0.02], [0.01, math.inf, 0.02]],
    ids=["nothing", "one bar", "constant", "never traded", "ruin", "infinite"],
)
def test_what_cannot_be_measured_is_nan_throughout(returns):
    found = estimate(returns)
    for value in (found.ratio, found.standard_error, found.probability_above, found.inflation):
        assert math.isnan(value)
    assert all(math.isnan(bound) for bound in found.interval())
    assert math.isnan(found.minimum_track_record_bars())
    named = sharpe_trust(returns, periods_per_year=252)
    assert tuple(named) == SHARPE_TRUST_NAMES
    assert all(math.isnan(value) for value in named.values())


def test_one_lucky_bar_proves_nothing():
    returns = np.zeros(1_000)
    returns[400] = 0.1
    found = estimate(returns)
    assert found.plain_probability_above > 0.95
    assert found.probability_above < 0.9
    assert found.degrees == 1


@pytest.mark.parametrize("trades", [2, 3, 4])
def test_a_handful_of_gains_in_a_flat_account_proves_nothing(trades):
    returns = np.zeros(1_250)
    returns[np.linspace(100, 1_150, trades).astype(int)] = 0.02
    found = estimate(returns)
    assert found.plain_probability_above > 0.95
    assert found.probability_above < 0.95
    assert found.degrees == trades


def test_an_outlier_among_many_bars_does_not_make_a_ratio_sure():
    returns = np.random.default_rng(1).normal(0.0, 0.01, 1_250)
    returns -= returns.mean()
    returns[700] += 0.6
    assert estimate(returns).probability_above < 0.95


def test_gains_that_follow_losses_by_rule_do_not_look_certain():
    found = estimate(np.tile([0.01, -0.0098], 600))
    assert found.inflation == pytest.approx(LOWEST_SHARE, rel=0.01)


def test_a_skew_to_the_right_never_makes_a_ratio_surer():
    returns = np.random.default_rng(2).exponential(0.01, 1_000) - 0.008
    mirrored = estimate(returns)
    floor = math.sqrt(long_run_variance((returns - returns.mean()) / returns.std(ddof=1)) / 1_000)
    assert mirrored.standard_error >= floor * math.sqrt(252) * (1 - 1e-12)
    assert mirrored.standard_error > mirrored.plain_standard_error * 0.99


def test_size_of_the_account_and_of_the_position_do_not_matter():
    returns = np.random.default_rng(3).normal(0.0004, 0.01, 800)
    one, ten = estimate(returns), estimate(10.0 * returns)
    assert ten.ratio == pytest.approx(one.ratio, rel=1e-10)
    assert ten.standard_error == pytest.approx(one.standard_error, rel=1e-10)


def test_returns_that_are_turned_round_in_sign_mirror_the_probability_of_symmetric_returns():
    half = np.random.default_rng(4).normal(0.0, 0.01, 400)
    returns = np.concatenate((half, -half)) + 0.0005
    gained, lost = estimate(returns), estimate(-returns)
    assert gained.probability_above + lost.probability_above == pytest.approx(1.0, abs=0.01)


def test_benchmark_is_annual_and_lowers_the_probability():
    returns = np.random.default_rng(5).normal(0.0008, 0.01, 1_000)
    at_itself = estimate(returns, benchmark=estimate(returns).ratio)
    assert at_itself.probability_above == pytest.approx(0.5)
    assert at_itself.plain_probability_above == pytest.approx(0.5)
    higher = estimate(returns, benchmark=0.5)
    assert higher.probability_above < estimate(returns).probability_above


@settings(max_examples=40)
@given(st.floats(0.02, 0.5), st.floats(0.5, 3.0), st.floats(0.05, 1.0))
def test_the_track_record_is_the_first_length_at_which_the_probability_is_enough(
    excess, error, share
):
    bars = track_record_bars(
        excess=excess, error_of_one_bar=error, effective_share=share, confidence=0.95
    )

    def probability(count):
        degrees = max(1, min(cosine_terms(count), int(count * share + 1e-9)))
        return deflated_probability(
            sharpe=excess,
            standard_error=error / math.sqrt(count),
            degrees=degrees,
            trials=1,
            variance=0.0,
        )

    assert probability(int(bars)) >= 0.95
    assert bars == 2 or probability(int(bars) - 1) < 0.95


def test_a_result_that_is_sure_has_the_bars_that_it_needs():
    for seed in range(30):
        found = estimate(np.random.default_rng(seed).normal(0.0007, 0.01, 900))
        needed = found.minimum_track_record_bars()
        assert (found.probability_above >= 0.95) == (needed <= 900)


def test_a_tiny_edge_needs_more_bars_than_anyone_has_and_no_edge_no_number():
    long = track_record_bars(excess=1e-9, error_of_one_bar=1.0, confidence=0.95)
    assert long == pytest.approx(1.645**2 * 1e18, rel=0.01)
    assert math.isnan(track_record_bars(excess=0.0, error_of_one_bar=1.0, confidence=0.95))
    assert math.isnan(track_record_bars(excess=0.1, error_of_one_bar=math.nan, confidence=0.95))
    with pytest.raises(ConfigurationError, match="confidence"):
        track_record_bars(excess=0.1, error_of_one_bar=1.0, confidence=0.5)


def test_deflation_equals_the_published_form_where_bars_are_independent_and_many():
    plain = deflated_sharpe_ratio(
        sharpe=0.05, bars=100_001, skew=0.0, kurtosis=3.0, trials=50, variance=0.0004
    )
    error = math.sqrt((1 + 0.05**2 / 2) / 100_000)
    found = deflated_probability(
        sharpe=0.05, standard_error=error, degrees=100_000, trials=50, variance=0.0004
    )
    assert found == pytest.approx(plain, rel=1e-4)


def test_deflation_without_an_error_is_nan():
    for error, degrees in ((math.nan, 9), (0.0, 9), (0.1, math.nan)):
        found = deflated_probability(
            sharpe=1.0, standard_error=error, degrees=degrees, trials=3, variance=0.1
        )
        assert math.isnan(found)


def test_a_wider_confidence_holds_the_narrower():
    found = estimate(np.random.default_rng(6).normal(0.0005, 0.01, 500))
    (low, high), (lower, higher) = found.interval(0.5), found.interval(0.99)
    assert lower < low < found.ratio < high < higher
    with pytest.raises(ConfigurationError, match="confidence"):
        found.interval(1.0)


def test_wrong_inputs_are_refused():
    with pytest.raises(DataQualityError, match="one return a bar"):
        estimate([[0.01, 0.02]])
    with pytest.raises(ConfigurationError, match="periods_per_year"):
        estimate_sharpe([0.01, 0.02], periods_per_year=0)
    with pytest.raises(ConfigurationError, match="autocorrelation"):
        lo_eta(periods=12, autocorrelation=1.0)
