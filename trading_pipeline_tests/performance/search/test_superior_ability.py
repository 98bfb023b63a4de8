"""Tests of superior predictive ability against reference values and planted truths."""

from __future__ import annotations

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError, InsufficientDataError
from trading_pipeline.performance.search.superior_ability import (
    _long_run_variances,
    _recentred_means,
    superior_ability,
)


def test_the_reference_values_hold_against_holding_and_against_cash(sp500_rules):
    rules, held = sp500_rules
    found = superior_ability(rules, held, block_bars=10, seed=1)
    assert (found.lower, found.consistent, found.upper) == (0.369, 0.449, 0.449)
    assert found.superior == ()
    cash = superior_ability(rules, np.zeros(len(held)), block_bars=10, seed=1)
    assert cash.lower == cash.consistent == cash.upper == 0.037
    assert cash.superior == (19,)  # 20 above 200, the best


def test_planted_trials_are_named_by_their_columns_and_the_seed_alone_decides():
    returns = np.random.default_rng(5).normal(0.0, 0.01, (1_000, 10))
    returns[:, [3, 7]] += 0.003
    returns[:, 1] = 0.0  # left out: the columns of the others stay
    found = superior_ability(returns, np.zeros(1_000), samples=300)
    assert (found.superior, found.trials, found.left_out) == ((3, 7), 9, 1)
    assert found.consistent == 0.0
    assert superior_ability(returns, np.zeros(1_000), samples=300) == found
    assert found.block_bars <= 3.0  # chosen by the data: independent bars


def test_all_trials_may_beat_the_benchmark_some_of_them_in_a_later_round():
    returns = np.random.default_rng(8).normal(0.0, 0.01, (600, 1)) * np.ones(4)
    returns = returns + np.random.default_rng(9).normal(0.0, 0.002, (600, 4))
    returns += 0.0009 - returns[:, :1].mean() + np.array([0.002, 0.0, 0.0, 0.0])
    found = superior_ability(returns, np.zeros(600), samples=400)
    assert found.superior == (0, 1, 2, 3)


def test_large_tables_are_joined_and_still_find_what_was_planted():
    returns = np.random.default_rng(6).normal(0.0, 0.01, (2_000, 300))
    found = superior_ability(returns, np.zeros(2_000), samples=200)
    assert (found.rows, found.joined_bars) == (666, 3)
    long = superior_ability(np.tile(returns[:, :1], (6, 1)), np.zeros(12_000), samples=100)
    assert (long.rows, long.joined_bars) == (4_000, 3)
    returns[:, 250] += 0.003
    assert superior_ability(returns, np.zeros(2_000), samples=200).superior == (250,)


def test_what_cannot_be_tested_is_refused_in_words():
    returns = np.random.default_rng(7).normal(0.0, 0.01, (200, 3))
    held = np.zeros(200)
    with pytest.raises(InsufficientDataError, match="0 trials with returns that vary, on 200 bars"):
        superior_ability(np.zeros((200, 3)), held)
    with pytest.raises(InsufficientDataError, match="at least 1 trial and 100 bars"):
        superior_ability(returns[:50], held[:50])
    for wrong in (held[1:], np.where(np.arange(200) == 3, np.nan, 0.0)):
        with pytest.raises(DataQualityError, match="benchmark has the shape"):
            superior_ability(returns, wrong)
    for knobs in ({"size": 0.0}, {"samples": 10}, {"block_bars": 0}):
        with pytest.raises(ConfigurationError):
            superior_ability(returns, held, **knobs)


@pytest.mark.parametrize(("bars", "trials"), [(250, 2), (500, 7), (1_003, 42), (150, 1)])
@pytest.mark.parametrize("block_bars", [1, 12])
def test_the_numbers_are_those_of_the_package_arch(bars, trials, block_bars):
    from arch.bootstrap import SPA, StepM

    generator = np.random.default_rng([bars, block_bars])
    returns = generator.normal(0.0, 0.01, (bars, trials)) + generator.normal(0.0, 0.01, (bars, 1))
    returns[:, -1] += 0.0012
    held = generator.normal(0.0, 0.01, bars)
    found = superior_ability(returns, held, block_bars=block_bars, samples=200, seed=3)
    given = {"block_size": block_bars, "reps": 200, "bootstrap": "stationary", "seed": 3}
    test = SPA(-held[:, np.newaxis], -returns, **given)
    test.compute()
    told = {name: getattr(found, name) for name in ("lower", "consistent", "upper")}
    assert told == test.pvalues.to_dict()
    better = StepM(-held, -returns, **given)
    if trials > 1:  # of one trial StepM has nothing left for a second round, and fails
        better.compute()
        assert list(found.superior) == sorted(map(int, better.superior_models))
    differences = returns - held[:, np.newaxis]
    means = differences.mean(axis=0)
    resampled = np.stack(_recentred_means(differences, float(block_bars), 200, 3))
    expected = test._simulated_vals.transpose(2, 1, 0)
    if trials > 1:  # numpy adds the rows of a single column in pairs
        assert (resampled == expected).all()
        variances = _long_run_variances(differences, means, float(block_bars))
        assert (variances == test._loss_diff_var).all()
    assert resampled == pytest.approx(expected, rel=1e-12, abs=1e-16)
