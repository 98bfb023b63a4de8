"""The asset checks of bars; each evaluation lists the windows that failed."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from trading_pipeline.market_data.quality.findings import CHECK_NAMES, ERROR_CHECKS, Finding
from trading_pipeline.stages.market_data.bars import BarsOutcome
from trading_pipeline.stages.outcome import Outcome

__all__ = ["bar_check_results", "bar_check_specs"]

_SHOWN_FINDINGS = 20
_SHOWN_STAMPS = 4
_DESCRIPTIONS = {
    "schema": "The columns of a bar are there, numeric and without gaps.",
    "duplicate_ts": "No time stamp occurs twice.",
    "order": "Time stamps rise.",
    "grid": "Every bar is on its timeframe's grid within the session.",
    "ohlc": "High is the highest and low the lowest price of each bar.",
    "positive": "Prices are above 0 and finite, volumes are not negative.",
    "identity": "No other company under the same ticker after a long gap.",
    "gap": "No bar that the calendar expects is missing; above 1 % of the window's bars it blocks.",
    "extra_bar": "No bar is outside the calendar or the span that was asked for.",
    "coverage": "At least 90 % of the due bars are there, from the start of the listing on.",
    "zero_volume": "At most 5 % of the bars have no volume; not for indices and currencies.",
    "stale": "No run of 5 daily (20 intraday) bars has the same four prices.",
    "spike": "No close moves by over 20 usual sizes and is taken back by the next one.",
    "level_shift": "No open is a simple multiple of the close before it without a recorded split.",
    "split_mismatch": "Prices around each recorded split jump as it says.",
    "restatement": "No past bar was changed by the source since it was first stored.",
    "partial_last": "The source's last bar is complete; one that is not is left out.",
    "freshness": "The bar of the last closed session is there within two hours.",
    "repair": "Nothing was repaired; repairs are made only where a setting asks for them.",
    "price_rounding": "Passes always: counts bars whose high or low was widened by the rounding of "
    "32-bit prices, at most 1.2e-7 of the price.",
}


_REFETCH = (
    "Ask the source again with 'trading-pipeline run {id} --refetch', correct the file and add it "
    "again where the bars are of one, or leave the instrument out with 'trading-pipeline universe "
    "remove {id}'."
)
_FIXES = {
    "duplicate_ts": "Bars of a file: 'trading-pipeline datasets add FILE --duplicates first' (or "
    "last) keeps one of them. Others: 'checks: {{repairs: [drop_equal_duplicates]}}' of {id} in "
    "universe.yaml drops equal ones. " + _REFETCH,
    "grid": "See that the timeframe and the calendar of {id} in universe.yaml are right. "
    + _REFETCH,
    "gap": "Where such bars are absent for good, raise 'checks: {{gap_error_fraction: ...}}' of "
    "{id} in universe.yaml above that share. " + _REFETCH,
    "identity": "If it is the same company, record the split that is missing; if not, set "
    "'listed_from' of {id} in universe.yaml to the first day of the newer one.",
}
"""What to do where a check blocks; `_REFETCH` where a name is absent."""


def bar_check_specs() -> list[dg.AssetCheckSpec]:
    """One check a name of the quality record; those that can find an ERROR block."""
    return [
        dg.AssetCheckSpec(
            name, asset="bars", blocking=name in ERROR_CHECKS, description=_DESCRIPTIONS[name]
        )
        for name in CHECK_NAMES
    ]


def bar_check_results(outcomes: Sequence[Outcome]) -> list[dg.AssetCheckResult]:
    """One result a check over all windows of the run: ERROR where a finding blocks, else WARN."""
    found = [
        (outcome.partition, finding)
        for outcome in outcomes
        if isinstance(outcome, BarsOutcome)
        for finding in outcome.findings
    ]
    results = []
    for name in CHECK_NAMES:
        mine = [(p, f) for p, f in found if f.check_name == name]
        errors = [(p, f) for p, f in mine if f.severity == "ERROR"]
        severity = dg.AssetCheckSeverity.WARN
        if errors or (name in ERROR_CHECKS and not mine):
            severity = dg.AssetCheckSeverity.ERROR
        results.append(_result(name, errors or mine, severity))
    return results


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
    description = _said(name, found) if found else None
    return dg.AssetCheckResult(
        passed=all(finding.severity == "INFO" for _, finding in found),
        check_name=name,
        severity=severity,
        description=description,
        metadata={**metadata, **table},
    )


def _said(name: str, found: Sequence[tuple[str, Finding]]) -> str:
    """The first finding with its stamp, how many there are, and for one that blocks the fix."""
    partition, first = found[0]
    instrument = partition.partition("|")[0]
    count = sum(finding.count for _, finding in found)
    at = f"{instrument} at {first.ts}" if first.ts is not None else partition
    others = [str(f.ts) for _, f in found[1:_SHOWN_STAMPS] if f.ts is not None]
    more = f" {count} findings in all" if count > 1 else ""
    more += f"; the next at {', '.join(others)}." if more and others else "." if more else ""
    fix = ""
    if first.severity == "ERROR":
        fix = " " + _FIXES.get(name, _REFETCH).format(id=instrument)
    return f"{at}: {first.detail}{more}{fix}"
