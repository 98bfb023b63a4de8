"""Probability of backtest overfitting: published definition, reference values, properties."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError, InsufficientDataError
from trading_pipeline.performance.search.overfitting import overfitting_probability


def noise(seed: int, bars: int = 400, trials: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (bars, trials))


def by_definition(returns: np.ndarray, blocks: int) -> tuple[list[float], float]:
    """Logits and share of losses, from the returns of each half put together."""
    rows = len(returns) // blocks
    parts = np.split(returns[len(returns) - rows * blocks :], blocks)

    def ratios(chosen: tuple[int, ...]) -> np.ndarray:
        joined = np.concatenate([parts[block] for block in chosen])
        deviation = joined.std(axis=0)
        flat = deviation <= 1e-9 * np.abs(joined).max(axis=0, initial=0.0)
        return np.where(flat, 0.0, joined.mean(axis=0) / np.where(flat, 1.0, deviation))

    logits, losses = [], 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = ratios(chosen).round(12)
        outside = ratios(tuple(sorted(set(range(blocks)) - set(chosen)))).round(12)
        winner = min(np.flatnonzero(inside == inside.max()), key=lambda trial: outside[trial])
        share = (1 + int((outside < outside[winner]).sum())) / (returns.shape[1] + 1)
        logits.append(math.log(share / (1.0 - share)))
        losses += bool(outside[winner] < 0.0)
    return logits, losses / len(logits)


def test_the_reference_values_hold_to_all_digits(sp500_rules):
    planted = np.random.default_rng(0).normal(0, 0.01, (1600, 40))
    planted[:, 0] += 0.0004
    assert overfitting_probability(planted, blocks=8).probability == 0.2571428571428571
    assert overfitting_probability(planted).probability == 0.25423465423465424
    rules, _ = sp500_rules
    old_end_left_out = overfitting_probability(rules)
    assert old_end_left_out.probability == 0.1027972027972028
    assert (old_end_left_out.bars, len(old_end_left_out.logits)) == (4816, 12_870)
    assert overfitting_probability(rules[:4816]).probability == 0.12556332556332556
    known = noise(42, 1000, 20)
    known[:, 3] += 0.001
    assert overfitting_probability(known, blocks=8).probability == pytest.approx(
        0.0285714, abs=1e-7
    )


@pytest.mark.parametrize("seed", range(6))
def test_each_split_is_judged_as_the_definition_says_with_ties_and_idle_trials(seed):
    returns = noise(seed, 67, 5)
    returns[:, 1] = returns[:, 0]  # ties in every split
    returns[: 20 + 5 * seed, 2] = 0.0  # idle in some blocks
    logits, losses = by_definition(returns, 6)
    found = overfitting_probability(returns, blocks=6)
    assert found.logits == pytest.approx(logits)
    assert found.loss_probability == losses


def test_noise_is_overfitted_half_of_the_time_and_a_dominant_rule_never():
    found = [overfitting_probability(noise(seed), blocks=10) for seed in range(60)]
    assert 0.42 < np.mean([each.probability for each in found]) < 0.58
    assert np.mean([each.degradation_slope for each in found]) < 0.0
    best = noise(1)
    best[:, 4] += 0.005
    dominant = overfitting_probability(best, blocks=10)
    assert dominant.probability == dominant.loss_probability == 0.0


def test_the_order_of_trials_and_useless_trials_change_nothing():
    returns = noise(3)
    returns[:, 5] = returns[:, 6]
    plain = overfitting_probability(returns)
    order = np.random.default_rng(1).permutation(12)
    assert overfitting_probability(returns[:, order]).probability == plain.probability
    useless = np.column_stack(
        [np.zeros(400), returns, np.full(400, 0.01), np.where(np.arange(400) == 9, np.nan, 0.01)]
    )
    found = overfitting_probability(useless)
    assert (found.probability, found.trials, found.left_out) == (plain.probability, 12, 3)


def test_what_cannot_be_told_says_what_is_missing():
    with pytest.raises(InsufficientDataError, match="1 trials with returns that vary"):
        overfitting_probability(np.column_stack([noise(0, trials=1), np.zeros(400)]))
    with pytest.raises(InsufficientDataError, match="159 bars; 16 blocks need at least 160"):
        overfitting_probability(noise(0, 159))
    with pytest.raises(InsufficientDataError):
        overfitting_probability(np.empty((0, 3)))
    for blocks in (0, 3, 22, 2.5, True):
        with pytest.raises(ConfigurationError, match="must be even"):
            overfitting_probability(noise(0), blocks=blocks)
    for wrong in (noise(0)[:, 0], [["a", "b"]], [[1.0], [1.0, 2.0]]):
        with pytest.raises(DataQualityError, match="returns of the trials"):
            overfitting_probability(wrong)
