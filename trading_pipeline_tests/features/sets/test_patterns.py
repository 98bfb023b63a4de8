from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.code_identity import SourceTree
from trading_pipeline.features.audits.causality import audit_warmup, ensure_causal
from trading_pipeline.features.patterns.kinds import FAMILIES
from trading_pipeline.features.patterns.search import find_patterns
from trading_pipeline.features.patterns.zigzag import average_true_range_14, find_pivots
from trading_pipeline.features.sets.patterns import WARMUP_BARS, pattern_table
from trading_pipeline.features.sets.registry import compute_features, feature_set
from trading_pipeline_tests.features.conftest import random_walk
from trading_pipeline_tests.features.patterns.drawn_paths import DRAWN, path

PATTERNS = feature_set("patterns")


def computed(bars):
    return compute_features(PATTERNS, bars)


def test_the_set_has_four_columns_of_swings_and_four_of_each_family():
    assert len(PATTERNS.columns) == 4 + 4 * len(FAMILIES) == 44
    assert "head_shoulders_distance" in PATTERNS.columns
    assert all(spec.meaning for spec in PATTERNS.specs)
    assert {spec.warmup for spec in PATTERNS.specs} == {WARMUP_BARS}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_set_is_causal_and_forgets_within_its_warm_up(seed):
    bars = random_walk(2500, seed)
    ensure_causal(computed, bars, subject="patterns", warmup=WARMUP_BARS)
    assert audit_warmup(computed, bars, WARMUP_BARS, cuts=40) == []


def test_the_set_is_causal_on_the_sp_500_and_without_gaps(index_bars):
    ensure_causal(computed, index_bars, subject="patterns", warmup=WARMUP_BARS)
    table = computed(index_bars)
    assert table.iloc[WARMUP_BARS:].notna().all().all()
    assert table.iloc[:WARMUP_BARS].isna().all().all()


def test_a_pattern_is_in_its_columns_from_the_bar_at_which_it_is_known():
    bars = path([*DRAWN["head_shoulders"], (180, 85)])
    table = pattern_table(bars)
    row = find_patterns(bars).query("kind == 'head_shoulders'").iloc[-1]
    known = bars.index.get_loc(row["known_ts"])
    ages = table["head_shoulders_age"].to_numpy()
    assert ages[known - 1] == 1.0
    assert ages[known : known + 60].tolist() == pytest.approx([age / 60 for age in range(60)])
    assert ages[known + 60] == 1.0
    assert table["head_shoulders_quality"].iloc[known] == row["quality"]
    assert table["head_shoulders_quality"].iloc[known + 60] == 0.0
    assert table["head_shoulders_direction"].iloc[known] == -1


def test_distance_is_in_atrs_beyond_the_line_that_is_expected_to_break():
    bars = path(DRAWN["double_top"])
    table, atr = pattern_table(bars), average_true_range_14(bars)
    row = find_patterns(bars).query("kind == 'double_top'").iloc[-1]
    for ts in bars.loc[row["known_ts"] :].index:
        at = bars.index.get_loc(ts)
        expected = (row["lower_end"] - bars["close"].iloc[at]) / atr[at]
        assert table["double_distance"].iloc[at] == pytest.approx(expected)
    assert table["double_distance"].loc[row["breakout_ts"]] > 0.0


def test_a_breakout_against_what_is_expected_turns_the_direction():
    bars = path([*DRAWN["double_top"][:3], (42, 99.9), (60, 115)])
    table = pattern_table(bars)
    row = find_patterns(bars).query("kind == 'double_top'").iloc[-1]
    directions = table["double_direction"]
    assert directions.loc[row["known_ts"]] == -1
    assert directions.loc[row["breakout_ts"]] == 1


def test_swing_columns_are_those_of_the_last_confirmed_pivot():
    bars = random_walk(400, 5)
    table, zigzag = pattern_table(bars), find_pivots(bars)
    for number in (3, 10, 20):
        known = zigzag.known_rows[number]
        assert table["swing_direction"].iloc[known] == -zigzag.kinds[number]
        assert table["swing_direction"].iloc[known - 1] == zigzag.kinds[number]
        age = min((known - zigzag.rows[number]) / 60, 1.0)
        assert table["swing_age"].iloc[known] == pytest.approx(age)
        legs = np.abs(np.diff(zigzag.prices[number - 2 : number + 1]))
        assert table["swing_retraced"].iloc[known] == pytest.approx(min(legs[1] / legs[0], 3.0))
        # a high lies above the close that confirms it
        assert np.sign(table["swing_distance"].iloc[known]) == -zigzag.kinds[number]


def test_without_any_pattern_ages_are_one_and_the_rest_is_nothing():
    bars = random_walk(600, 1).assign(open=5.0, high=5.0, low=5.0, close=5.0)
    table = computed(bars).iloc[WARMUP_BARS:]
    ages = [name for name in PATTERNS.columns if name.endswith("_age")]
    assert (table[ages] == 1.0).all().all()
    assert (table.drop(columns=ages) == 0.0).all().all()


def test_the_table_is_made_once_for_the_columns_of_equal_bars(monkeypatch):
    from trading_pipeline.features.sets import patterns as pattern_features

    calls = []
    real = pattern_features.pattern_table
    monkeypatch.setattr(
        pattern_features, "pattern_table", lambda bars: calls.append(1) or real(bars)
    )
    bars = random_walk(700, 1)
    first = computed(bars)
    assert len(calls) == 1
    # written into between two calls: what is kept must not be given
    bars.iloc[600:, :4] *= 1.3
    assert not computed(bars).equals(first)
    assert len(calls) == 2
    del bars
    gc.collect()
    assert pattern_features._last.known is None


def test_the_hash_covers_kinds_search_and_loops():
    covered = {
        name.partition(".features.")[2]
        for name in SourceTree().reached_modules(*(spec.compute for spec in PATTERNS.specs))
    }
    assert covered >= {
        "patterns.kinds",
        "patterns.search",
        "patterns.kernels",
        "patterns.break_kernels",
        "patterns.zigzag",
        "patterns.zigzag_kernel",
    }


def test_bars_shorter_than_the_warm_up_give_nothing_but_nan():
    table = computed(random_walk(WARMUP_BARS, 1))
    assert isinstance(table, pd.DataFrame)
    assert table.isna().all().all()
