"""This file holds the asset checks of bars; each evaluation lists the windows that failed."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from trading_pipeline.market_data.quality_findings import CHECK_NAMES, ERROR_CHECKS, Finding
from trading_pipeline.stages.bars_stage import BarsOutcome
from trading_pipeline.stages.outcome import Outcome

__all__ = ["bar_check_results", "bar_check_specs"]

_SHOWN_FINDINGS = 20
_DESCRIPTIONS = {
    "schema": "The columns of a bar are there, numeric and without gaps.",
    "duplicate_ts": "No time stamp stands twice.",
    "order": "Time stamps rise.",
    "grid": "Every bar lies on its timeframe's grid within the session.",
    "ohlc": "High is the highest and low the lowest price of each bar.",
    "positive": "Prices are above 0 and finite, volumes are not negative.",
    "identity": "No other company under the same ticker after a long gap.",
    "gap": "At most 1 % of the bars that the calendar expects are missing.",
}


def bar_check_specs() -> list[dg.AssetCheckSpec]:
    """Blocking checks, and one that only warns."""
    blocking = [
        dg.AssetCheckSpec(name, asset="bars", blocking=True, description=_DESCRIPTIONS[name])
        for name in ERROR_CHECKS
    ]
    text = "Findings that a person should look at; each is a row of quality_findings."
    return [*blocking, dg.AssetCheckSpec("warnings", asset="bars", description=text)]


def bar_check_results(outcomes: Sequence[Outcome]) -> list[dg.AssetCheckResult]:
    """One result a check over all windows of the run."""
    found = [
        (outcome.partition, finding)
        for outcome in outcomes
        if isinstance(outcome, BarsOutcome)
        for finding in outcome.findings
    ]
    results = []
    for name in ERROR_CHECKS:
        errors = [(p, f) for p, f in found if f.check_name == name and f.severity == "ERROR"]
        results.append(_result(name, errors, dg.AssetCheckSeverity.ERROR))
    warnings = [(p, f) for p, f in found if f.severity == "WARN" and f.check_name in CHECK_NAMES]
    return [*results, _result("warnings", warnings, dg.AssetCheckSeverity.WARN)]


def _result(
    name: str, found: Sequence[tuple[str, Finding]], severity: dg.AssetCheckSeverity
) -> dg.AssetCheckResult:
    windows = sorted({partition for partition, _ in found})
    metadata: dict[str, Any] = {
        "findings": len(found),
        "windows": ", ".join(windows[:_SHOWN_FINDINGS]),
    }
    rows = [
        dg.TableRecord(
            {
                "partition": partition,
                "check": finding.check_name,
                "ts": str(finding.ts or ""),
                "detail": finding.detail,
            }
        )
        for partition, finding in found[:_SHOWN_FINDINGS]
    ]
    table = {"examples": dg.MetadataValue.table(rows)} if rows else {}
    description = found[0][1].detail if found else None
    return dg.AssetCheckResult(
        passed=not found,
        check_name=name,
        severity=severity,
        description=description,
        metadata={**metadata, **table},
    )
