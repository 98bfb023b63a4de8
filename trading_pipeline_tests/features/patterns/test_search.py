from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.errors import UnknownNameError
from trading_pipeline.features.audits.patterns import known_by
from trading_pipeline.features.patterns.kinds import FAMILIES, KINDS, pattern_kind
from trading_pipeline.features.patterns.search import PATTERN_COLUMNS, find_patterns
from trading_pipeline_tests.features.conftest import random_walk
from trading_pipeline_tests.features.patterns.drawn_paths import DRAWN, NEAR_MISSES, mirrored, path

MIRRORS = {
    "head_shoulders": "inverse_head_shoulders",
    "double_top": "double_bottom",
    "triple_top": "triple_bottom",
    "rectangle_top": "rectangle_bottom",
    "broadening_top": "broadening_bottom",
    "ascending_triangle": "descending_triangle",
    "symmetrical_triangle": "symmetrical_triangle",
    "rising_wedge": "falling_wedge",
    "rising_channel": "falling_channel",
    "bull_flag": "bear_flag",
    "bull_pennant": "bear_pennant",
    "cup_and_handle": "inverse_cup_and_handle",
}
MISSES = [(kind, why) for kind, paths in NEAR_MISSES.items() for why in paths]


def found(kind, bars):
    """The last pattern of that kind, which the path was drawn for."""
    patterns = find_patterns(bars)
    rows = patterns.loc[patterns["kind"] == kind]
    assert len(rows), f"{kind} is not among {patterns['kind'].tolist()}"
    return rows.iloc[-1]


def test_there_is_a_drawing_and_a_near_miss_of_every_kind():
    assert set(DRAWN) | set(MIRRORS.values()) == {kind.name for kind in KINDS}
    assert set(NEAR_MISSES) == set(DRAWN) == set(MIRRORS)


@pytest.mark.parametrize("kind", DRAWN)
def test_a_drawn_pattern_is_found_once_all_its_pivots_are_confirmed(kind):
    bars = path(DRAWN[kind])
    row = found(kind, bars)
    assert row["known_ts"] > row["pivot_ts"][-1]
    before = find_patterns(bars.loc[: row["known_ts"]].iloc[:-1])
    after = find_patterns(bars.loc[: row["known_ts"]])
    assert row["known_ts"] not in before["known_ts"].tolist()
    assert kind in after.loc[after["known_ts"] == row["known_ts"], "kind"].tolist()
    assert 0.0 <= row["quality"] <= 1.0


@pytest.mark.parametrize(("kind", "why"), MISSES)
def test_a_near_miss_is_not_taken_for_the_pattern(kind, why):
    straight = path(NEAR_MISSES[kind][why])
    assert kind not in find_patterns(straight)["kind"].tolist()
    assert MIRRORS[kind] not in find_patterns(mirrored(straight))["kind"].tolist()


@pytest.mark.parametrize("kind", DRAWN)
def test_upside_down_it_is_the_mirrored_kind_with_mirrored_lines(kind):
    bars = path(DRAWN[kind])
    straight, turned = find_patterns(bars), find_patterns(mirrored(bars))
    both = MIRRORS | {value: key for key, value in MIRRORS.items()}
    by_time = [(str(ts), both[name]) for ts, name in zip(turned.known_ts, turned.kind, strict=True)]
    assert sorted(by_time) == sorted(
        (str(t), k) for t, k in zip(straight.known_ts, straight.kind, strict=True)
    )
    row, other = found(kind, bars), found(MIRRORS[kind], mirrored(bars))
    assert other["quality"] == pytest.approx(row["quality"])
    assert other["height"] == pytest.approx(row["height"])
    assert 200.0 - other["upper_end"] == pytest.approx(row["lower_end"])
    assert 200.0 - other["lower_start"] == pytest.approx(row["upper_start"])
    assert other["direction"] == -row["direction"]
    assert other["breakout_direction"] == -row["breakout_direction"]
    np.testing.assert_allclose(200.0 - other["pivot_prices"], row["pivot_prices"])


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("factor", [0.01, 3.0])
def test_the_unit_of_prices_does_not_matter(kind, factor):
    bars = path(DRAWN[kind])
    scaled = bars.assign(**{c: bars[c] * factor for c in ("open", "high", "low", "close")})
    one, other = find_patterns(bars), find_patterns(scaled)
    assert one["kind"].tolist() == other["kind"].tolist()
    assert one["known_ts"].tolist() == other["known_ts"].tolist()
    np.testing.assert_allclose(one["quality"], other["quality"])
    np.testing.assert_allclose(one["target"] * factor, other["target"])


def test_a_falling_neckline_gives_head_and_shoulders_its_target():
    row = found("head_shoulders", path(DRAWN["head_shoulders"]))
    # wicks of 0.1: shoulders 105.1 and 105.4, neck 98.9 and 99.4, head 111.1
    assert row["pivot_prices"] == pytest.approx([105.1, 98.9, 111.1, 99.4, 105.4])
    assert row["lower_start"] == pytest.approx(98.9)
    neck_at_head = (98.9 + 99.4) / 2
    assert row["height"] == pytest.approx(111.1 - neck_at_head)
    assert row["target"] == pytest.approx(row["lower_end"] - row["height"])
    assert row["direction"] == row["breakout_direction"] == -1


def test_a_breakout_is_the_first_close_beyond_a_line_and_not_the_bar_before():
    bars = path(DRAWN["double_top"])
    row = found("double_top", bars)
    assert row["lower_end"] == pytest.approx(97.9)
    closes = bars["close"].loc[row["known_ts"] :]
    assert row["breakout_ts"] == closes.index[closes < 97.9][0]
    assert row["breakout_known_ts"] == row["breakout_ts"]
    assert row["breakout_target"] == pytest.approx(97.9 - row["height"])
    until = find_patterns(bars.loc[: row["breakout_ts"]].iloc[:-1])
    still = until.loc[until["kind"] == "double_top"].iloc[-1]
    assert pd.isna(still["breakout_ts"])
    assert still["breakout_direction"] == 0
    assert np.isnan(still["breakout_target"])


def test_a_pattern_that_fails_breaks_out_on_the_other_side():
    points = [*DRAWN["double_top"][:3], (42, 99.9), (60, 115)]
    row = found("double_top", path(points))
    assert row["direction"] == -1
    assert row["breakout_direction"] == 1
    assert row["breakout_target"] > row["upper_end"]


def test_nothing_breaks_out_after_the_wait_or_once_the_lines_have_met():
    quiet = [
        *DRAWN["double_top"][:3],
        (41, 100),
        *[(41 + 4 * n, 100 + n % 2) for n in range(1, 30)],
    ]
    row = found("double_top", path([*quiet, (200, 80)]))
    assert pd.isna(row["breakout_ts"])
    tight = [*DRAWN["symmetrical_triangle"][:5], (64, 102.3), (150, 102.3), (160, 120)]
    row = found("symmetrical_triangle", path(tight))
    assert pd.isna(row["breakout_ts"])


@given(st.integers(0, 10_000), st.integers(40, 699))
@settings(max_examples=30, deadline=None)
def test_what_is_known_by_a_bar_does_not_change_with_later_ones(seed, cut):
    bars = random_walk(700, seed)
    whole = find_patterns(bars)
    part = find_patterns(bars.iloc[:cut])
    expected = known_by(whole, bars.index[cut - 1])
    assert part["pivot_ts"].map(list).tolist() == expected["pivot_ts"].map(list).tolist()
    lists = ["pivot_ts", "pivot_prices"]
    pd.testing.assert_frame_equal(part.drop(columns=lists), expected.drop(columns=lists))


def test_random_walks_have_few_patterns_and_better_ones_fewer():
    patterns = [find_patterns(random_walk(5000, seed)) for seed in (1, 2, 3)]
    a_thousand_bars = sum(len(one) for one in patterns) / 15
    assert a_thousand_bars < 50
    good = sum((one["quality"] > 0.75).sum() for one in patterns)
    assert good < 0.15 * sum(len(one) for one in patterns)
    counts = pd.concat(patterns)["kind"].value_counts() / 15
    assert counts.max() < 6  # of no kind more than six in a thousand bars
    assert len(counts) > 15  # and the walk is long enough for most kinds to be there


def test_kinds_that_exclude_each_other_are_not_found_at_one_bar(index_bars):
    patterns = find_patterns(index_bars)
    at_a_bar = patterns.groupby("known_ts")["kind"].agg(set)
    exclusive = [
        {"head_shoulders", "rectangle_top", "broadening_top"},
        {"rising_wedge", "rising_channel", "ascending_triangle", "symmetrical_triangle"},
        {"bull_flag", "bull_pennant"},
    ]
    assert max(len(kinds & group) for kinds in at_a_bar for group in exclusive) == 1
    assert not patterns.duplicated(["kind", "known_ts"]).any()


def test_rows_are_in_the_order_of_time_with_the_declared_columns(index_bars):
    patterns = find_patterns(index_bars)
    assert tuple(patterns.columns) == PATTERN_COLUMNS
    assert patterns["known_ts"].is_monotonic_increasing
    assert str(patterns["known_ts"].dtype) == "datetime64[us, UTC]"
    assert patterns["quality"].between(0.0, 1.0).all()
    assert (patterns["height"] > 0.0).all()
    directed = patterns["direction"] != 0
    assert patterns.loc[directed, "target"].notna().all()
    assert patterns.loc[~directed, "target"].isna().all()
    broken = patterns["breakout_direction"] != 0
    assert (broken == patterns["breakout_ts"].notna()).all()
    assert (broken == patterns["breakout_target"].notna()).all()


def test_too_few_bars_give_no_row_but_all_columns():
    for bars in (empty_bars(), random_walk(10, 1)):
        patterns = find_patterns(bars)
        assert len(patterns) == 0
        assert tuple(patterns.columns) == PATTERN_COLUMNS


def test_kinds_have_names_families_and_close_matches():
    assert len(FAMILIES) == 10
    assert {kind.direction for kind in KINDS} == {-1, 0, 1}
    for even, odd in zip(KINDS[::2], KINDS[1::2], strict=True):
        assert even.family == odd.family
        assert even.direction == -odd.direction
    with pytest.raises(UnknownNameError, match="Did you mean 'double_top'"):
        pattern_kind("double_tops")
