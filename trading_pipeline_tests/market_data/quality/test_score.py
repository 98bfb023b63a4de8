"""Tests of the quality score against values worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.market_data.quality.findings import (
    CHECK_NAMES,
    ERROR_CHECKS,
    WARNING_CHECKS,
    Finding,
)
from trading_pipeline.market_data.quality.score import (
    WARNING_WEIGHTS,
    coverage_of,
    quality_score,
)

DAY = pd.Timestamp("2012-01-03", tz="UTC")


def found(name: str, severity: str = "WARN", count: int = 1) -> Finding:
    return Finding(
        check_name=name,
        severity=severity,  # type: ignore[arg-type]
        ts=DAY,
        value=None,
        detail="The bar.",
        count=count,
    )


@pytest.mark.parametrize(
    ("findings", "coverage", "score"),
    [
        ([], 1.0, 1.0),
        ([], 0.9, 0.9),
        ([found("gap")] * 3, 0.99, 0.99),
        ([found("spike")], 1.0, 0.98),
        ([found("spike")] * 9, 1.0, 0.9),
        ([found("level_shift")] * 5 + [found("stale")] * 5, 1.0, 0.8 * 0.9),
        ([found("ohlc", "ERROR")] * 7, 1.0, 0.5),
        ([found("ohlc", "ERROR"), found("gap", "ERROR")], 0.8, 0.8 * 0.25),
        ([found("repair"), found("partial_last"), found("freshness")], 1.0, 1.0),
        ([found("zero_volume")], 1.0, 0.98),
        ([found("restatement", count=30)], 1.0, 0.95),
    ],
)
def test_scores_are_those_worked_out_by_hand(findings, coverage, score):
    assert quality_score(findings, coverage) == pytest.approx(score)


@given(st.lists(st.sampled_from(CHECK_NAMES), max_size=30), st.floats(0.0, 1.0))
def test_a_score_is_a_share_and_a_further_finding_never_raises_it(names, coverage):
    findings = [found(name, "ERROR" if name in ERROR_CHECKS else "WARN") for name in names]
    scores = [quality_score(findings[:count], coverage) for count in range(len(findings) + 1)]
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert all(later <= earlier for earlier, later in pairwise(scores))


def test_only_warnings_have_weights():
    assert set(WARNING_WEIGHTS) <= set(WARNING_CHECKS)


def test_coverage_counts_due_bars_only():
    due = pd.date_range("2012-01-02", periods=4, tz="UTC")
    assert coverage_of(due[:3], due) == 0.75
    assert coverage_of(due.shift(10), due) == 0.0
    assert coverage_of(due, due[:0]) == 1.0
