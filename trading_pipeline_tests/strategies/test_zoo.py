"""The audit of strategies on rules that leak in few bars, and honest ones that look like leaks."""

from __future__ import annotations

from collections import Counter

import pytest

from trading_pipeline.errors import LookaheadError
from trading_pipeline.strategies import Market, StrategyParams, ensure_strategy_causal
from trading_pipeline_tests.features.audits.zoo.cases import MARKETS
from trading_pipeline_tests.strategies.zoo.rules import HONEST, LEAKY

SEEDS = range(1, 11)
LEAST_FOUND = 0.95


def blocked(rules, seed):
    """Names of the rules that the audit refuses."""
    markets = {name: make(seed) for name, make in MARKETS.items()}
    names = set()
    for name, (rule, bars) in rules.items():
        try:
            ensure_strategy_causal(rule, StrategyParams(), Market(markets[bars]), seed=seed)
        except LookaheadError:
            names.add(name)
    return names


def test_the_zoo_is_large_enough():
    assert min(len(LEAKY), len(HONEST)) >= 20


def test_rare_leaks_are_found():
    missed = set(LEAKY) - blocked(LEAKY, seed=1)
    assert len(missed) <= (1.0 - LEAST_FOUND) * len(LEAKY), missed


def test_honest_rules_are_not_blocked():
    assert blocked(HONEST, seed=1) == set()


@pytest.mark.slow
def test_nearly_all_leaks_are_found_with_any_seed():
    missed = Counter()
    for seed in SEEDS:
        missed.update(set(LEAKY) - blocked(LEAKY, seed))
    assert missed.total() <= (1.0 - LEAST_FOUND) * len(LEAKY) * len(SEEDS), missed


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_no_honest_rule_is_blocked_with_other_seeds(seed):
    assert blocked(HONEST, seed) == set()
