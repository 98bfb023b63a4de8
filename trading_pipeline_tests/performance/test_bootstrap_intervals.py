"""The stationary bootstrap and its intervals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, InsufficientDataError, UnknownNameError
from trading_pipeline.performance import bootstrap_intervals as module
from trading_pipeline.performance import return_metrics as measure
from trading_pipeline.performance.bootstrap_intervals import (
    HEADLINE_METRICS,
    bootstrap_intervals,
    optimal_block_bars,
    resampled_metrics,
    stationary_bootstrap_rows,
)


def autoregressive(rho, rows, seed=1):
    shocks = np.random.default_rng(seed).normal(0.0, 0.01, rows)
    values = np.empty(rows)
    last = 0.0
    for row, shock in enumerate(shocks):
        last = rho * last + shock
        values[row] = last
    return values


def rows_of(rows, samples, block, seed=0):
    return stationary_bootstrap_rows(rows, samples, block, np.random.default_rng(seed))


def literal_block_length(values):
    """Politis and White (2004), section 3.2, as written: a slow reading, one lag at a time."""
    n = len(values)
    mean = values.mean()
    covariance = [
        sum((values[t] - mean) * (values[t - k] - mean) for t in range(k, n)) / n
        for k in range(math.ceil(math.sqrt(n)) + 6)
    ]
    quiet = max(5, int(math.log10(n)))
    bound = 2 * math.sqrt(math.log10(n) / n)
    m_hat = next(
        m
        for m in range(len(covariance))
        if all(abs(covariance[m + k] / covariance[0]) < bound for k in range(1, quiet + 1))
    )
    width = min(2 * max(m_hat, 1), math.ceil(math.sqrt(n)) + quiet)
    slope = long_run = 0.0
    for k in range(-width, width + 1):
        t = abs(k) / width
        window = 1.0 if t <= 0.5 else 2 * (1 - t)
        slope += window * abs(k) * covariance[abs(k)]
        long_run += window * covariance[abs(k)]
    # Patton, Politis and White (2009): D = 2 g(0)^2 for the stationary bootstrap
    return (2 * slope**2 / (2 * long_run**2)) ** (1 / 3) * n ** (1 / 3)


@given(st.integers(1, 60), st.integers(1, 8), st.floats(1.0, 40.0), st.integers(0, 99))
def test_rows_are_rows_of_the_series_and_follow_each_other_within_a_block(
    rows, samples, block, seed
):
    found = rows_of(rows, samples, block, seed)
    assert found.shape == (samples, rows)
    assert ((found >= 0) & (found < rows)).all()


def test_blocks_are_as_long_as_asked_on_average():
    found = rows_of(5_000, 40, 12.0)
    follows = (found[:, 1:] - found[:, :-1]) % 5_000 == 1
    # a row follows the one before unless a block begins (a new start may follow by chance)
    assert 1.0 / (1.0 - follows.mean()) == pytest.approx(12.0, rel=0.03)


def test_blocks_of_one_bar_are_independent_draws():
    found = rows_of(2_000, 20, 1.0)
    follows = (found[:, 1:] - found[:, :-1]) % 2_000 == 1
    assert follows.mean() < 0.002


def test_every_row_is_drawn_equally_often_the_ends_too():
    counts = np.bincount(rows_of(50, 4_000, 8.0).ravel(), minlength=50) / 4_000
    assert np.abs(counts - 1.0).max() < 0.15


def test_equal_seeds_draw_equal_rows_and_others_do_not():
    assert (rows_of(30, 5, 3.0, seed=4) == rows_of(30, 5, 3.0, seed=4)).all()
    assert (rows_of(30, 5, 3.0, seed=4) != rows_of(30, 5, 3.0, seed=5)).any()


@pytest.mark.parametrize("block", [0.5, 0.0, -1.0, math.nan, math.inf])
def test_a_block_below_one_bar_is_refused(block):
    with pytest.raises(ConfigurationError, match="block"):
        rows_of(10, 2, block)


def test_resampled_metrics_equal_the_functions_row_by_row():
    histories = np.random.default_rng(8).normal(0.0, 0.02, (12, 90))
    found = resampled_metrics(histories, HEADLINE_METRICS, periods_per_year=252)
    annual = ("cagr", "annual_volatility", "sharpe", "sortino", "calmar")
    for row, history in enumerate(histories):
        for column, name in enumerate(HEADLINE_METRICS):
            others = {"periods_per_year": 252} if name in annual else {}
            expected = getattr(measure, name)(history, **others)
            assert found[row, column] == pytest.approx(expected, rel=1e-9, abs=1e-13), name


def test_resampled_metrics_are_nan_where_not_defined_never_infinite():
    found = resampled_metrics(np.full((1, 30), 0.01), HEADLINE_METRICS, periods_per_year=252)
    undefined = dict(zip(HEADLINE_METRICS, np.isnan(found[0]), strict=True))
    assert undefined == {name: name in ("sharpe", "sortino", "calmar") for name in HEADLINE_METRICS}


def test_value_lies_between_low_and_high_and_equals_the_metric(index_returns):
    table = bootstrap_intervals(index_returns[-1500:], periods_per_year=252, samples=300)
    assert table.index.tolist() == list(HEADLINE_METRICS)
    assert (table["low"] < table["high"]).all()
    assert (table["defined_share"] == 1.0).all()
    inside = table.drop(index=["max_drawdown", "calmar"])  # their resampled values lean to one side
    assert ((inside["low"] < inside["value"]) & (inside["value"] < inside["high"])).all()
    expected = measure.sharpe(index_returns[-1500:], periods_per_year=252)
    assert table.loc["sharpe", "value"] == pytest.approx(expected, rel=1e-12)


def test_equal_seeds_give_equal_tables_and_chunks_do_not_matter_for_shape(index_returns):
    def table(**others):
        return bootstrap_intervals(
            index_returns[:400], periods_per_year=252, samples=120, metrics=["sharpe"], **others
        )

    assert table().equals(table())
    assert not table(seed=8).equals(table())


def test_interval_agrees_with_the_library_arch():
    from arch.bootstrap import StationaryBootstrap

    returns = autoregressive(0.2, 1_000) + 0.0008
    ours = bootstrap_intervals(
        returns, periods_per_year=252, samples=2_000, average_block_bars=10.0, metrics=["sharpe"]
    )
    peer = StationaryBootstrap(10, returns, seed=np.random.default_rng(3))
    low, high = peer.conf_int(
        lambda x: measure.sharpe(x, periods_per_year=252),
        reps=2_000,
        method="percentile",
        size=0.95,
    ).ravel()
    width = high - low
    assert ours.loc["sharpe", "low"] == pytest.approx(low, abs=0.08 * width)
    assert ours.loc["sharpe", "high"] == pytest.approx(high, abs=0.08 * width)


def test_low_and_high_are_the_quantiles_of_the_resampled_values():
    returns = autoregressive(0.1, 300)
    table = bootstrap_intervals(
        returns,
        periods_per_year=252,
        samples=250,
        confidence=0.8,
        average_block_bars=4.0,
        seed=11,
        metrics=["cagr"],
    )
    drawn = returns[rows_of(300, 250, 4.0, seed=11)]
    values = [measure.cagr(history, periods_per_year=252) for history in drawn]
    assert table.loc["cagr", "low"] == pytest.approx(np.quantile(values, 0.1), rel=1e-9)
    assert table.loc["cagr", "high"] == pytest.approx(np.quantile(values, 0.9), rel=1e-9)
    assert table.loc["cagr", "standard_error"] == pytest.approx(np.std(values, ddof=1), rel=1e-9)


def test_standard_error_of_independent_returns_is_lo_s():
    from trading_pipeline.performance.sharpe_statistics import lo_standard_error_annual

    returns = np.random.default_rng(5).normal(0.0005, 0.01, 1_500)
    table = bootstrap_intervals(
        returns, periods_per_year=252, average_block_bars=1.0, metrics=["sharpe"]
    )
    ratio = float(returns.mean() / returns.std(ddof=1))
    expected = lo_standard_error_annual(sharpe=ratio, bars=1_500, periods_per_year=252)
    assert table.loc["sharpe", "standard_error"] == pytest.approx(expected, rel=0.1)


def test_interval_covers_the_true_ratio_about_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        returns = np.random.default_rng(seed).normal(0.0005, 0.01, 400)
        row = bootstrap_intervals(
            returns,
            periods_per_year=252,
            samples=200,
            confidence=0.9,
            seed=seed,
            metrics=["sharpe"],
        ).loc["sharpe"]
        covered += row["low"] <= 0.05 * math.sqrt(252) <= row["high"]
    assert 0.82 <= covered / 200 <= 0.96


def test_wider_confidence_holds_the_narrower(index_returns):
    narrow, wide = (
        bootstrap_intervals(
            index_returns[:300], periods_per_year=252, samples=200, confidence=confidence
        )
        for confidence in (0.5, 0.99)
    )
    assert (wide["low"] <= narrow["low"]).all()
    assert (wide["high"] >= narrow["high"]).all()


def test_dependence_widens_the_interval_only_with_longer_blocks():
    returns = autoregressive(0.5, 2_000)

    def error(block):
        table = bootstrap_intervals(
            returns, periods_per_year=252, average_block_bars=block, metrics=["total_return"]
        )
        return table.loc["total_return", "standard_error"]

    assert error(30.0) > 1.3 * error(1.0)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, -0.4])
@pytest.mark.parametrize("seed", [1, 2])
def test_block_length_equals_a_literal_reading_of_the_paper(rho, seed):
    values = autoregressive(rho, 600, seed)
    ceiling = math.ceil(min(3 * math.sqrt(600), 600 / 3))
    expected = min(max(literal_block_length(values), 1.0), ceiling)
    # the search for quiet lags scales each overlap by itself, which may move it near the bound
    assert optimal_block_bars(values) == pytest.approx(expected, rel=1e-9)


def test_block_length_is_near_that_of_the_library_arch():
    from arch.bootstrap import optimal_block_length

    values = autoregressive(0.5, 4_000, seed=9)
    peer = float(optimal_block_length(values)["stationary"].iloc[0])
    assert optimal_block_bars(values) == pytest.approx(peer, rel=0.35)


def test_block_grows_with_dependence_and_stays_below_its_ceiling():
    lengths = [optimal_block_bars(autoregressive(rho, 3_000)) for rho in (0.0, 0.5, 0.9)]
    assert lengths == sorted(lengths)
    walk = np.cumsum(np.random.default_rng(2).normal(0.0, 0.01, 400))
    assert optimal_block_bars(walk) <= math.ceil(3 * math.sqrt(400))


def test_returns_that_do_not_vary_need_no_block():
    assert optimal_block_bars(np.full(50, 0.01)) == 1.0
    table = bootstrap_intervals(np.full(50, 0.01), periods_per_year=252, samples=100)
    assert table.loc["sharpe", ["value", "low", "high", "standard_error"]].isna().all()
    assert table.loc["sharpe", "defined_share"] == 0.0
    assert table.loc["annual_volatility", "high"] == 0.0


@settings(max_examples=20)
@given(st.lists(st.floats(-0.05, 0.05), min_size=20, max_size=60))
def test_any_finite_returns_give_a_block_of_at_least_one_bar(returns):
    assert 1.0 <= optimal_block_bars(returns) <= 3 * math.sqrt(60) + 1


def test_chunks_do_not_change_the_number_of_samples(monkeypatch, index_returns):
    monkeypatch.setattr(module, "_CHUNK_VALUES", 1_000)
    table = bootstrap_intervals(index_returns[:300], periods_per_year=252, samples=101)
    assert (table["defined_share"] == 1.0).all()


@pytest.mark.parametrize("returns", [[0.01] * 19, [0.01] * 30 + [math.nan], [[0.01] * 30]])
def test_too_few_or_missing_returns_are_refused(returns):
    with pytest.raises(InsufficientDataError, match="20 or more"):
        bootstrap_intervals(returns, periods_per_year=252)


def test_unknown_metric_offers_the_closest():
    with pytest.raises(UnknownNameError, match="'sharpe'"):
        bootstrap_intervals([0.01, -0.01] * 20, periods_per_year=252, metrics=["sharp"])


@pytest.mark.parametrize(
    ("others", "words"), [({"confidence": 1.0}, "confidence"), ({"samples": 99}, "99 samples")]
)
def test_an_interval_that_cannot_be_shown_is_refused(others, words):
    with pytest.raises(ConfigurationError, match=words):
        bootstrap_intervals([0.01, -0.01] * 20, periods_per_year=252, **others)
