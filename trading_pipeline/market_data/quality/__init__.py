"""Checks of bars: what blocks, what warns, what may be repaired, and a score.

Read `findings` (what a check reports, how strict it is), then `checks` (all that can block),
`calendar_checks` and `warnings`. `restatements` compares bars that are fetched again, `repairs`
drops bars on request, `score` sums a window up in one number. Every check takes bars and returns
findings; none of them changes bars, reads a store or asks a source.
"""

from __future__ import annotations

from trading_pipeline.market_data.quality.calendar_checks import due_bars
from trading_pipeline.market_data.quality.checks import check_bars, has_errors
from trading_pipeline.market_data.quality.findings import (
    CHECK_NAMES,
    ERROR_CHECKS,
    WARNING_CHECKS,
    CheckSettings,
    Finding,
    check_settings,
)
from trading_pipeline.market_data.quality.repairs import repair_bars
from trading_pipeline.market_data.quality.restatements import (
    bar_revisions,
    keep_equal_values,
    restatement_findings,
)
from trading_pipeline.market_data.quality.score import coverage_of, quality_score

__all__ = [
    "CHECK_NAMES",
    "ERROR_CHECKS",
    "WARNING_CHECKS",
    "CheckSettings",
    "Finding",
    "bar_revisions",
    "check_bars",
    "check_settings",
    "coverage_of",
    "due_bars",
    "has_errors",
    "keep_equal_values",
    "quality_score",
    "repair_bars",
    "restatement_findings",
]
