"""What the checks of bars say: where, how many, and what to do."""

import pandas as pd
import pytest

from trading_pipeline.defs.checks.bars import bar_check_results
from trading_pipeline.market_data.quality.findings import ERROR_CHECKS, Finding
from trading_pipeline.stages.market_data.bars import BarsOutcome

STAMPS = pd.date_range("2004-01-05", periods=6, tz="UTC")


def said(name, count, severity="ERROR", more=0):
    """The description of a check with so many findings of AAPL_1d in 2004."""
    findings = [
        Finding(check_name=name, severity=severity, ts=ts, value=1.0, detail="It is wrong, by 1.")
        for ts in STAMPS[:count]
    ]
    if more:
        rest = {"ts": None, "value": float(more), "detail": f"{more} more.", "count": more}
        findings.append(Finding(check_name=name, severity=severity, **rest))
    outcome = BarsOutcome(
        asset="bars",
        partition="AAPL_1d|2004-01-01",
        status="ok",
        rows=6,
        changed=True,
        content_hash="",
        findings=tuple(findings),
    )
    (result,) = [each for each in bar_check_results([outcome]) if each.check_name == name]
    return result.description


@pytest.mark.parametrize("name", ERROR_CHECKS)
def test_every_blocking_check_says_the_bar_and_a_mend(name):
    text = said(name, 1)
    assert text.startswith("AAPL_1d at 2004-01-05 00:00:00+00:00: It is wrong, by 1. ")
    assert "universe.yaml" in text or "--refetch" in text
    assert "{" not in text.replace("{repairs:", "").replace("{gap_error_fraction:", "")
    assert "findings in all" not in text


def test_duplicates_are_told_the_option_that_keeps_one():
    assert "datasets add FILE --duplicates first" in said("duplicate_ts", 1)
    assert "trading-pipeline run AAPL_1d --refetch" in said("duplicate_ts", 1)


def test_several_findings_are_counted_and_the_next_stamps_named():
    text = said("ohlc", 6, more=14)
    assert "20 findings in all; the next at 2004-01-06 00:00:00+00:00, 2004-01-07" in text
    assert "2004-01-09" not in text


def test_a_warning_says_the_bar_and_asks_for_nothing():
    assert said("spike", 1, "WARN") == "AAPL_1d at 2004-01-05 00:00:00+00:00: It is wrong, by 1."


def test_a_check_that_found_nothing_says_nothing():
    assert said("order", 0) is None
