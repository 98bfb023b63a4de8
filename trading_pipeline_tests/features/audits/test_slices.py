"""Other bars after many rows at once: what is found, what is not blamed, and what a run costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.features.audits.causality import (
    audit_prefix_truncation,
    audit_scrambled_future,
)
from trading_pipeline.features.audits.continuations import KINDS, Continuations
from trading_pipeline.features.audits.features import audit_feature_set
from trading_pipeline.features.audits.set_slices import audit_set_slices
from trading_pipeline.features.audits.slices import audit_other_futures, audit_slices
from trading_pipeline.features.audits.telling_rows import telling_rows
from trading_pipeline.features.own_features import feature
from trading_pipeline.features.sets.registry import FeatureSet, FeatureSpec, compute_features
from trading_pipeline_tests.features.conftest import random_walk

SEEDS = range(1, 11)


def change(bars):
    return bars.close / bars.close.shift(1) - 1.0


def after_large_losses(bars):
    """Return of the bar, and of the next bar in the three rows that lost most."""
    moves = change(bars)
    ahead = (bars.close.shift(-1) / bars.close - 1.0).fillna(0.0)
    return pd.Series(np.where(moves < LIMIT, ahead, moves), bars.index, name="rare")


LIMIT = float(np.sort(change(random_walk(1500, 3)).dropna())[2]) + 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_a_leak_of_three_rows_in_1500_is_found_with_every_seed(seed):
    (finding,) = audit_slices(after_large_losses, random_walk(1500, 3), 1, seed=seed)
    assert (finding.column, finding.audit) == ("rare", "scrambled_future")
    assert finding.cut == finding.row + 1
    moves = change(random_walk(1500, 3))
    assert moves.iloc[finding.row] < LIMIT
    assert finding.value_with_future != finding.value_without_future


def test_random_cuts_alone_do_not_find_it():
    bars = random_walk(1500, 3)
    assert audit_prefix_truncation(after_large_losses, bars, cuts=12) == []
    assert audit_scrambled_future(after_large_losses, bars, cuts=2) == []


@pytest.mark.parametrize("memory", [0, 1, 20, 60, 250])
def test_one_leaking_row_of_five_hundred_is_found_whatever_the_memory(memory):
    def rare(bars):
        mean = bars.close.rolling(memory + 1).mean()
        chosen = (bars.index.asi8 // 86_400_000_000) % 499 == 7
        return mean.where(~chosen, bars.close.shift(-1)).rename("rare")

    found = [audit_slices(rare, random_walk(3000, seed), memory, seed=seed) for seed in SEEDS]
    assert sum(map(bool, found)) >= 9


def test_equal_seeds_give_equal_findings():
    bars = random_walk(900, 2)
    leaky = lambda b: b.close.shift(-3).rename("leaky")  # noqa: E731
    assert audit_slices(leaky, bars, 5, seed=4) == audit_slices(leaky, bars, 5, seed=4)
    assert audit_other_futures(leaky, bars, seed=4) == audit_other_futures(leaky, bars, seed=4)


@pytest.mark.parametrize("memory", [0, 3, 30])
def test_a_memory_that_is_longer_than_said_is_no_leak(memory):
    bars = random_walk(900, 1)
    for honest in (
        lambda b: b.close.expanding().mean(),
        lambda b: b.close.ewm(span=200, adjust=False).mean(),
        lambda b: (b.close >= b.close.cummax()).astype(float),
        lambda b: b.volume.cumsum(),
    ):
        assert audit_slices(honest, bars, memory) == []
        assert audit_other_futures(honest, bars, rows=20) == []


def test_a_formula_that_cannot_cope_with_other_bars_is_left_alone():
    bars = random_walk(400, 1)

    def only_these(part):
        if not part.equals(bars):
            raise DataQualityError("The feature 'x' is inf at some bar.")
        return part.close

    assert audit_slices(only_these, bars, 5) == []


def test_a_formula_with_other_rows_for_other_bars_is_refused():
    bars = random_walk(400, 1)
    with pytest.raises(DataQualityError, match="one row for each bar"):
        audit_slices(lambda b: b.close[b.close > 0].iloc[: 400 if b.equals(bars) else 399], bars, 5)


def test_too_few_bars_give_no_finding():
    leaky = lambda b: b.close.shift(-1).fillna(0.0)  # noqa: E731
    assert audit_slices(leaky, random_walk(11, 1), 10) == []
    assert audit_other_futures(leaky, random_walk(2, 1)) == []
    for rows in range(12, 60):
        audit_slices(leaky, random_walk(rows, 1), 10)


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
@pytest.mark.parametrize("volume", [True, False])
def test_a_continuation_is_made_of_possible_bars_and_changes_no_other(kind, volume):
    bars = random_walk(300, 1, volume=volume)
    rows, lengths = np.array([50, 120, 298]), np.array([1, 3, 25])
    generator = np.random.default_rng(1)
    changed = Continuations.of(bars).replaced(rows, lengths, np.full(3, kind), generator)
    assert changed.index.equals(bars.index)
    assert list(changed.columns) == list(bars.columns)
    differing = np.flatnonzero((changed != bars).any(axis=1))
    assert differing.tolist() == [51, 121, 122, 123, 299]
    body = changed[["open", "close"]]
    assert (changed.low <= body.min(axis=1)).all()
    assert (changed.high >= body.max(axis=1)).all()
    assert (changed.low > 0).all()
    assert (changed.high > changed.low).all()
    assert (changed.volume == 0).all() != volume


def test_telling_rows_hold_what_is_rare_and_never_the_last_bar():
    bars = random_walk(1500, 3)
    moves = change(bars)
    flags = pd.Series(0.0, bars.index)
    flags.iloc[[400, 401, 900]] = 1.0
    rows = telling_rows(bars, pd.DataFrame({"flag": flags}), np.random.default_rng(1))
    assert len(set(rows)) == len(rows)
    assert rows.max() < len(bars) - 1
    worst = int(np.argmin(moves))
    assert {400, 900, worst, worst - 1} <= set(rows)


def expanding_rank(bars):
    return change(bars).expanding(20).rank(pct=True).fillna(0.5)


def rank_of_all(bars):
    return change(bars).rank(pct=True).fillna(0.5)


def spec(compute, **others):
    return FeatureSpec(
        name=compute.__name__, version=1, inputs=("close",), lookback=0, warmup=20,
        compute=compute, **others,
    )  # fmt: skip


def test_a_feature_may_remember_all_bars_and_is_not_held_to_its_warm_up():
    bars = random_walk(900, 1)
    undeclared = FeatureSet(name="own", version=1, specs=(spec(expanding_rank),))
    assert {f.audit for f in audit_feature_set(undeclared, bars)} == {"warmup"}
    specs = (spec(expanding_rank, memory="all"), spec(rank_of_all, memory="all"))
    declared = replace(undeclared, specs=specs)
    assert declared.remembers_all
    assert {f.column for f in audit_feature_set(declared, bars)} == {"rank_of_all"}
    assert undeclared.hash != replace(declared, specs=specs[:1]).hash


def test_columns_that_were_found_already_are_not_tried_again():
    bars = random_walk(900, 1)
    both = FeatureSet(name="own", version=1, specs=(spec(rank_of_all), spec(expanding_rank)))
    full = compute_features(both, bars, complete=False)
    assert [f.column for f in audit_set_slices(both, bars, full)] == ["rank_of_all"]
    assert audit_set_slices(both, bars, full, found=["rank_of_all"]) == []


def test_memory_is_declared_by_the_decorator_and_checked():
    @feature(warmup=0, inputs=["close"], memory="all")
    def drawdown(bars):
        return bars.close / bars.close.cummax() - 1.0

    assert drawdown.__feature_spec__.memory == "all"
    with pytest.raises(ConfigurationError, match=r"has the memory 'al'.*Did you mean 'all'"):
        feature(warmup=0, inputs=["close"], memory="al")(drawdown)
