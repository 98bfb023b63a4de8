"""The audit of strategies on rules that leak in few bars, and honest ones that look like leaks."""

from __future__ import annotations

from collections import Counter

import pytest

from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import LookaheadError
from trading_pipeline.strategies import (
    Market,
    Strategy,
    StrategyParams,
    ensure_strategy_causal,
    own_strategies,
)
from trading_pipeline.strategies.strategy_audit import strategy_outcome
from trading_pipeline_tests.features.audits.zoo.cases import MARKETS, daily
from trading_pipeline_tests.strategies.zoo import memos
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


def blocked_files(texts, folder, seed):
    """Names of the strategies of a user's files that the audit refuses."""
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(memos.HEAD + text)
    known, market = own_strategies(folder), Market(daily(seed, rows=400))
    assert known.own.broken == ()
    names = set()
    for name in texts:
        params = known.validate_params(name, {})
        known.signals(name, market, params)  # as a run does before it audits
        try:
            strategy_outcome(known, name, params, market, instrument="A_1d")
        except LookaheadError:
            names.add(name)
    return names


def test_memos_that_the_run_filled_are_found(tmp_path):
    assert blocked_files(memos.LEAKY, tmp_path / "strategies", seed=1) == set(memos.LEAKY)


def test_caches_that_know_no_future_are_not_blocked(tmp_path):
    assert blocked_files(memos.HONEST, tmp_path / "strategies", seed=1) == set()


@pytest.mark.long
def test_memos_are_found_and_caches_are_not_blocked_with_any_seed(tmp_path):
    for seed in SEEDS:
        assert blocked_files(memos.LEAKY, tmp_path / f"leaky_{seed}", seed) == set(memos.LEAKY)
        assert blocked_files(memos.HONEST, tmp_path / f"honest_{seed}", seed) == set()


def test_a_memo_on_the_object_shows_without_a_file_too():
    class Kept(Strategy):
        name = "kept"

        def __init__(self):
            self.mean = None

        def signals(self, market, params):
            self.mean = market.close.mean() if self.mean is None else self.mean
            below = market.close < self.mean
            return Signals.long_only(below, ~below)

    with pytest.raises(LookaheadError):
        ensure_strategy_causal(Kept(), StrategyParams(), Market(MARKETS["daily"](1)))


def test_the_zoo_is_large_enough():
    assert min(len(LEAKY), len(HONEST)) >= 20


def test_rare_leaks_are_found():
    missed = set(LEAKY) - blocked(LEAKY, seed=1)
    assert len(missed) <= (1.0 - LEAST_FOUND) * len(LEAKY), missed


def test_honest_rules_are_not_blocked():
    assert blocked(HONEST, seed=1) == set()


@pytest.mark.long
def test_nearly_all_leaks_are_found_with_any_seed():
    missed = Counter()
    for seed in SEEDS:
        missed.update(set(LEAKY) - blocked(LEAKY, seed))
    assert missed.total() <= (1.0 - LEAST_FOUND) * len(LEAKY) * len(SEEDS), missed


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_no_honest_rule_is_blocked_with_other_seeds(seed):
    assert blocked(HONEST, seed) == set()
