"""Tests of superior predictive ability against reference values and planted truths."""

from __future__ import annotations

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError, InsufficientDataError
from trading_pipeline.performance.search.superior_ability import superior_ability


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
