"""Feature sets that were found to look ahead: a finding on one instrument holds for all.

It is the same code. A finding holds until the code of the set, or that of the audit, changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.audit_records import AuditRecord, AuditSubject, is_still_proven
from trading_pipeline.errors import LookaheadError
from trading_pipeline.features.audits.comparison import CausalityFinding
from trading_pipeline.features.audits.features import audit_feature_set
from trading_pipeline.features.audits.told_findings import as_details, findings_of, found_words
from trading_pipeline.features.sets.feature_set import FeatureSet
from trading_pipeline.stages.workspace import Workspace

__all__ = [
    "is_proven",
    "keep_findings",
    "keep_pass",
    "known_findings",
    "passed_audits",
    "refuse_known_look_ahead_of_set",
    "subject_of_set",
]

_PROOFS = ("prefix_truncation", "scrambled_future", "warmup")
"""Audits whose findings are differences; `permuted_labels` is a statistic of one series."""


def keep_findings(
    workspace: Workspace,
    chosen: FeatureSet,
    instrument_id: str,
    findings: Sequence[CausalityFinding],
    *,
    bars: int,
) -> None:
    """Record what an audit of the set found on an instrument; differences, or that there are none.

    `bars`: how many the instrument has. What only statistics found is not recorded.
    """
    proofs = [finding for finding in findings if finding.audit in _PROOFS]
    if proofs or not findings:
        record = AuditRecord(
            subject=subject_of_set(chosen),
            instrument=instrument_id,
            bars=bars,
            data_hash="",
            cuts=0,
            slices=0,
            finding=found_words(proofs) if proofs else "",
            details=as_details(proofs) if proofs else "",
        )
        workspace.write(partial(workspace.audits.keep, record))


def is_proven(
    workspace: Workspace, subject: AuditSubject, instrument_id: str, *, bars: int
) -> bool:
    """Whether code of the package needs no audit now: it passed on the instrument, which has at
    most a tenth more bars since then."""
    before = workspace.audits.passed(subject).get(instrument_id, 0)
    return is_still_proven(before, bars)


def keep_pass(
    workspace: Workspace, subject: AuditSubject, instrument_id: str, *, bars: int
) -> None:
    """Record that an audit found nothing on an instrument that has so many bars."""
    record = AuditRecord(
        subject=subject, instrument=instrument_id, bars=bars, data_hash="", cuts=0, slices=0,
        finding="", details="",
    )  # fmt: skip
    workspace.write(partial(workspace.audits.keep, record))


def passed_audits(workspace: Workspace, chosen: FeatureSet) -> Mapping[str, int]:
    """Instruments on which the set was audited with nothing found, and how many bars they had."""
    return workspace.audits.passed(subject_of_set(chosen))


def known_findings(
    workspace: Workspace, chosen: FeatureSet, instrument_id: str
) -> list[CausalityFinding]:
    """What was found in the set on another instrument; each finding says where."""
    record = _record(workspace, chosen)
    if record is None or record.instrument == instrument_id:
        return []
    where = (
        f" Found on {record.instrument}; {instrument_id} would be computed by the same code, so "
        "the set is refused there until its code is changed."
    )
    return [replace(each, mend=f"{each.mend}{where}") for each in findings_of(record)]


def refuse_known_look_ahead_of_set(
    workspace: Workspace, chosen: FeatureSet, instrument_id: str
) -> None:
    """Raise `LookaheadError` where the set was found to look ahead on any instrument."""
    record = _record(workspace, chosen)
    if record is None:
        return
    findings = findings_of(record)
    elsewhere = (
        ""
        if record.instrument == instrument_id
        else f" It is the same code on {instrument_id}, so nothing may be built on it there."
    )
    raise LookaheadError(
        f"The feature set '{chosen.name}' was refused by its audit on {record.instrument}: "
        f"{record.finding}{elsewhere} Change the set and materialize it again.",
        feature_set=chosen.name,
        instrument=record.instrument,
        findings=findings,
        column=findings[0].column,
        row=findings[0].row,
    )


def subject_of_set(chosen: FeatureSet) -> AuditSubject:
    """A feature set as the audits know it."""
    return AuditSubject(
        kind="feature_set",
        name=chosen.name,
        code_hash=chosen.hash,
        audit_hash=code_hash(audit_feature_set),
    )


def _record(workspace: Workspace, chosen: FeatureSet) -> AuditRecord | None:
    return next(iter(workspace.audits.findings(subject_of_set(chosen))), None)
