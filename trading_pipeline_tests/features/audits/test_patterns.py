from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.features.audits.patterns import audit_patterns, known_by
from trading_pipeline.features.patterns.search import find_patterns
from trading_pipeline_tests.features.conftest import random_walk


def shifted_known(bars):
    """Says that a pattern was known at its last pivot, before anything confirmed it."""
    found = find_patterns(bars)
    return found.assign(known_ts=[stamps[-1] for stamps in found["pivot_ts"]])


def graded_by_the_end(bars):
    """Quality that depends on where the price ended."""
    found = find_patterns(bars)
    return found.assign(quality=found["quality"] * bars["close"].iloc[-1] / 1000)


def breakouts_too_early(bars):
    """Says that a breakout was known a bar before it closed."""
    found = find_patterns(bars)
    before = bars.index[np.maximum(bars.index.get_indexer(found["breakout_ts"]) - 1, 0)]
    moved = pd.Series(before, index=found.index).where(found["breakout_ts"].notna())
    return found.assign(breakout_known_ts=moved)


def only_those_that_worked(bars):
    """Keeps only patterns that broke out as expected."""
    found = find_patterns(bars)
    return found.loc[found["breakout_direction"] == found["direction"]].reset_index(drop=True)


def test_the_search_itself_raises_no_alarm(index_bars):
    assert audit_patterns(index_bars, cuts=10) == []
    for seed in (1, 2, 3):
        assert audit_patterns(random_walk(1500, seed), cuts=10, seed=seed) == []


@pytest.mark.parametrize(
    "leak", [shifted_known, graded_by_the_end, breakouts_too_early, only_those_that_worked]
)
def test_patterns_that_know_the_future_are_caught(index_bars, leak):
    findings = audit_patterns(index_bars, find=leak, cuts=20)
    assert findings
    assert all(finding.audit == "prefix_truncation" for finding in findings)
    assert all(0 <= finding.row < finding.cut for finding in findings)
    assert "confirmed by its known_ts" in findings[0].sentence()


def test_a_finding_names_the_column_and_both_values(index_bars):
    finding = audit_patterns(index_bars, find=graded_by_the_end)[0]
    assert finding.column.endswith(".quality")
    assert finding.value_with_future != finding.value_without_future
    assert finding.ts == index_bars.index[finding.row]


def test_a_pattern_that_stands_on_one_side_only_is_named_as_a_whole(index_bars):
    findings = audit_patterns(index_bars, find=only_those_that_worked, cuts=20)
    assert any(finding.column.endswith("(whole row)") for finding in findings)


def test_known_by_takes_back_what_came_later(index_bars):
    whole = find_patterns(index_bars)
    late = whole.loc[whole["breakout_ts"] > whole["known_ts"]].iloc[5]
    then = known_by(whole, late["known_ts"])
    assert then["known_ts"].max() == late["known_ts"]
    same = then.loc[(then["kind"] == late["kind"]) & (then["known_ts"] == late["known_ts"])].iloc[0]
    assert pd.isna(same["breakout_ts"])
    assert same["breakout_direction"] == 0
    assert same["quality"] == late["quality"]
    assert whole["breakout_ts"].notna().any()  # the rows given are left as they are


def test_one_bar_is_too_few():
    with pytest.raises(InsufficientDataError, match="1 bars are too few"):
        audit_patterns(random_walk(1, 1))
