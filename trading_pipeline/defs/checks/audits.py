"""The asset checks of the audits: one a kind of audit; each lists what it found."""

from collections.abc import Mapping, Sequence

import dagster as dg

from trading_pipeline.features.audits.causality import CausalityFinding
from trading_pipeline.features.audits.told_findings import finding_lines

__all__ = ["FEATURE_CHECKS", "LABEL_CHECKS", "PATTERN_CHECKS", "audit_results", "audit_specs"]

_PREFIX = "No value changes at the sampled bars when later bars are taken away."
FEATURE_CHECKS = {
    "prefix_truncation": _PREFIX,
    "scrambled_future": "No value changes at the sampled bars when later bars are replaced.",
    "warmup": "Values do not depend on bars further back than the declared warm-up.",
    "permuted_labels": "A model of these features learns nothing from permuted outcomes.",
}
LABEL_CHECKS = {
    "label_span": "A label changes with the bars up to its end and with no later one.",
    "permuted_labels": "A model learns nothing from these labels once they are permuted.",
}
PATTERN_CHECKS = {
    "prefix_truncation": "No pattern known at the sampled bars changes without later bars."
}
_SHOWN_FINDINGS = 20


def audit_specs(key: dg.AssetKey, checks: Mapping[str, str]) -> list[dg.AssetCheckSpec]:
    """Blocking checks of an asset, by name and description."""
    return [
        dg.AssetCheckSpec(name, asset=key, blocking=True, description=text)
        for name, text in checks.items()
    ]


def audit_results(
    findings: Sequence[CausalityFinding], checks: Mapping[str, str]
) -> list[dg.AssetCheckResult]:
    """One result a check; a failed one names columns, rows, both values and the fix."""
    return [_result(name, [f for f in findings if f.audit == name]) for name in checks]


def _result(name: str, findings: Sequence[CausalityFinding]) -> dg.AssetCheckResult:
    rows = [
        dg.TableRecord(
            {
                "column": finding.column,
                "ts": str(finding.ts),
                # as text: the UI cannot read a table with a NaN in it
                "with_future": f"{finding.value_with_future:.10g}",
                "without_future": f"{finding.value_without_future:.10g}",
                "mend": finding.mend,
            }
        )
        for finding in findings[:_SHOWN_FINDINGS]
    ]
    return dg.AssetCheckResult(
        passed=not findings,
        check_name=name,
        description="\n".join(finding_lines(findings)) or None,
        metadata={
            "findings": len(findings),
            "columns": ", ".join(sorted({finding.column for finding in findings})),
            **({"examples": dg.MetadataValue.table(rows)} if rows else {}),
        },
    )
