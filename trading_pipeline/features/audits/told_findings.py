"""Findings in words and as JSON: many that say the same become one line with a count."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from trading_pipeline.domain.audit_records import AuditRecord
from trading_pipeline.features.audits.comparison import CausalityFinding

__all__ = ["as_details", "finding_lines", "findings_of", "found_words"]

_KEPT = 20
_NAMED = 3
_VALUES = ("value_with_future", "value_without_future")


def finding_lines(findings: Sequence[CausalityFinding]) -> list[str]:
    """One line for all findings of one audit that have one fix; the first of them in full.

    >>> row = {"ts": pd.Timestamp("2024-01-02"), "row": 1, "cut": 2, "mend": "Use older bars."}
    >>> more = {"value_with_future": 1.0, "value_without_future": 0.0, **row}
    >>> names = ("a", "b", "c", "d", "a")
    >>> many = [CausalityFinding(audit="prefix_truncation", column=c, **more) for c in names]
    >>> finding_lines(many)[0][108:]
    'Use older bars. Also b, c and d: 5 findings in 4 columns.'
    """
    groups: dict[tuple[str, str], list[CausalityFinding]] = {}
    for finding in findings:
        groups.setdefault((finding.audit, finding.mend), []).append(finding)
    return [group[0].sentence() + _also(group) for group in groups.values()]


def found_words(findings: Sequence[CausalityFinding]) -> str:
    """The first finding with its values and fix, and how many others; empty without findings."""
    if not findings:
        return ""
    first = findings[0]
    return (
        f"column {first.column!r} at {first.ts} (row {first.row}) is {first.value_with_future!r} "
        f"with the later bars and {first.value_without_future!r} without them. {first.mend}"
        f"{_also(findings)}"
    )


def as_details(findings: Sequence[CausalityFinding]) -> str:
    """JSON of the first findings, 20 at most; empty without findings."""
    rows = []
    for each in findings[:_KEPT]:
        values = {name: _jsonable(getattr(each, name)) for name in _VALUES}
        places = {"ts": each.ts.isoformat(), "row": int(each.row), "cut": int(each.cut)}
        rows.append(asdict(each) | values | places)
    return json.dumps(rows) if rows else ""


def findings_of(record: AuditRecord) -> list[CausalityFinding]:
    """The findings of a kept outcome."""
    found = []
    for row in json.loads(record.details or "[]"):
        values = {name: math.nan if row[name] is None else row[name] for name in _VALUES}
        found.append(CausalityFinding(**row | values | {"ts": pd.Timestamp(row["ts"])}))
    return found


def _jsonable(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has no NaN


def _also(findings: Sequence[CausalityFinding]) -> str:
    if len(findings) < 2:
        return ""
    columns = list(dict.fromkeys(finding.column for finding in findings))
    others = columns[1:]
    count = f"{len(findings):,} findings"
    if not others:
        return f" {count} in this column."
    named = others[:_NAMED]
    more = len(others) - len(named)
    last = f"{more:,} more" if more else named.pop()
    listed = f"{', '.join(named)} and {last}" if named else last
    return f" Also {listed}: {count} in {len(columns):,} columns."
