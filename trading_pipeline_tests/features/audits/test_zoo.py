"""The audit of a run on features that leak in few rows, and on honest ones that look like leaks."""

from __future__ import annotations

import warnings
from collections import Counter

import pytest

from trading_pipeline_tests.features.audits.zoo.cases import CONTEXTS, MARKETS, columns_found
from trading_pipeline_tests.features.audits.zoo.causal import honest
from trading_pipeline_tests.features.audits.zoo.leaks_of_rare_bars import leak as rare_bars
from trading_pipeline_tests.features.audits.zoo.leaks_of_time import leak as of_time
from trading_pipeline_tests.features.audits.zoo.leaks_of_windows import leak as of_windows
from trading_pipeline_tests.features.audits.zoo.memos import HONEST as HONEST_CACHES
from trading_pipeline_tests.features.audits.zoo.memos import LEAKY as MEMOS
from trading_pipeline_tests.features.audits.zoo.memos import blocked_files

TO_FIND = rare_bars | of_windows | of_time
SEEDS = range(1, 11)
LEAST_FOUND = 0.95


@pytest.fixture(autouse=True)
def quiet_numerics():
    # some formulas divide by a range or a volume of 0, as people's do
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def test_the_zoo_is_large_enough_and_of_every_kind():
    assert len(TO_FIND) >= 60
    assert len(honest) >= 40
    assert {case.bars for case in TO_FIND.values()} == set(MARKETS) == set(CONTEXTS)
    assert {case.bars for case in honest.values()} == set(MARKETS)
    assert sum(case.memory == "all" for case in honest.values()) >= 5


def test_rare_leaks_are_found():
    found = columns_found(TO_FIND.values(), seed=1)
    missed = sorted(set(TO_FIND) - set(found))
    assert len(missed) <= (1.0 - LEAST_FOUND) * len(TO_FIND), missed


def test_honest_features_are_not_blocked():
    assert columns_found(honest.values(), seed=1) == {}


def test_memos_that_the_first_computation_filled_are_found(tmp_path):
    assert set(blocked_files(MEMOS, tmp_path / "features", seed=1)) == set(MEMOS)


def test_caches_that_know_no_future_are_not_blocked(tmp_path):
    assert blocked_files(HONEST_CACHES, tmp_path / "features", seed=1) == {}


@pytest.mark.long
def test_memos_are_found_and_caches_are_not_blocked_with_any_seed(tmp_path):
    for seed in SEEDS:
        found = blocked_files(MEMOS, tmp_path / f"leaky_{seed}", seed)
        assert set(found) == set(MEMOS), seed
        assert blocked_files(HONEST_CACHES, tmp_path / f"honest_{seed}", seed) == {}, seed


@pytest.mark.long
def test_nearly_all_leaks_are_found_with_any_seed():
    missed = Counter()
    for seed in SEEDS:
        missed.update(set(TO_FIND) - set(columns_found(TO_FIND.values(), seed)))
    assert missed.total() <= (1.0 - LEAST_FOUND) * len(TO_FIND) * len(SEEDS), missed


@pytest.mark.long
def test_no_honest_feature_is_blocked_with_other_seeds():
    for seed in SEEDS[1:5]:
        assert columns_found(honest.values(), seed) == {}, seed
