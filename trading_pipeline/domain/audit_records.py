"""What an audit of look-ahead was asked about, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

__all__ = [
    "LOOK_AHEAD_ALLOWED",
    "NOT_AUDITED",
    "PASSED",
    "AuditLog",
    "AuditMemory",
    "AuditOutcome",
    "AuditRecord",
    "AuditSubject",
    "AuditedKind",
    "ResultAudit",
    "found_no_difference",
    "is_still_proven",
]

AuditedKind = Literal[
    "strategy", "feature_set", "label", "chart_patterns", "cross_features", "chart_lines"
]
ResultAudit = Literal["passed", "not_audited", "look_ahead_allowed"]
"""What a result says of its strategy's audit; in old rows of the warehouse it is NULL."""
PASSED: ResultAudit = "passed"
NOT_AUDITED: ResultAudit = "not_audited"
LOOK_AHEAD_ALLOWED: ResultAudit = "look_ahead_allowed"
_AUDITED_AGAIN = 1.1  # times the bars of the last audit


@dataclass(frozen=True, kw_only=True)
class AuditSubject:
    """Code with its parameters.

    `code_hash`: of the audited code and all that it reaches; `audit_hash`: of the code of the
    audit; `parameters`: JSON with sorted keys, empty where there are none.
    """

    kind: AuditedKind
    name: str
    code_hash: str
    audit_hash: str
    parameters: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """The outcome of one audit on one instrument.

    `bars`: number of bars that are covered, from the first one on; `data_hash`: of these bars and
    of all else that the code reads. `cuts` and `slices`: how many were tried. `finding`: the
    difference in words, empty where none was found; `details`: JSON of the first findings.
    `outside`: a sentence on what the code reads besides its inputs, of which no audit knows.
    """

    subject: AuditSubject
    instrument: str
    bars: int
    data_hash: str
    cuts: int
    slices: int
    finding: str = ""
    details: str = ""
    outside: str = ""
    run_id: str = ""

    @property
    def passed(self) -> bool:
        """True where no difference was found."""
        return not self.finding

    @property
    def note(self) -> str:
        """The finding, or how much was tried without one."""
        return self.finding or found_no_difference(self.cuts, self.slices)

    def note_on(self, bars: int) -> str:
        """The note of a result on so many bars: also which of them the audit covered.

        A finding stands alone: it holds for all bars.
        """
        if self.finding or self.bars >= bars:
            return self.note
        return f"{self.note}, on the first {self.bars:,} of {bars:,} bars"


@dataclass(frozen=True, kw_only=True)
class AuditOutcome:
    """What a result says of its audit; `warnings` must be shown beside its numbers."""

    audit: ResultAudit = NOT_AUDITED
    note: str = ""
    warnings: tuple[str, ...] = ()


def is_still_proven(audited_bars: int, bars: int) -> bool:
    """Whether code of the package that passed on so many bars needs no audit on these yet.

    An audit proves a property of code, so it is made again after a tenth more bars.

    >>> is_still_proven(1_000, 1_100), is_still_proven(1_000, 1_101)
    (True, False)
    """
    return audited_bars <= bars <= audited_bars * _AUDITED_AGAIN


def found_no_difference(cuts: int, slices: int) -> str:
    """What an audit without a finding may say.

    >>> found_no_difference(7, 1)
    'no difference at 7 cuts and 1 slice'
    """
    return f"no difference at {_count(cuts, 'cut')} and {_count(slices, 'slice')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class AuditLog(Protocol):
    """Where outcomes of audits are kept."""

    def keep(self, record: AuditRecord) -> None:
        """Add an outcome."""

    def of(self, subject: AuditSubject, instrument: str) -> Sequence[AuditRecord]:
        """Outcomes for a subject on an instrument, the newest first."""

    def findings(self, subject: AuditSubject) -> Sequence[AuditRecord]:
        """Findings in a subject's code on any instrument, with any parameters, newest first."""


@dataclass
class AuditMemory:
    """A log for one process, such as a notebook that runs many scenarios of one strategy."""

    records: list[AuditRecord] = field(default_factory=list)

    def keep(self, record: AuditRecord) -> None:
        """Add an outcome."""
        self.records.append(record)

    def of(self, subject: AuditSubject, instrument: str) -> Sequence[AuditRecord]:
        """Outcomes for a subject on an instrument, the newest first."""
        return [
            each
            for each in reversed(self.records)
            if each.subject == subject and each.instrument == instrument
        ]

    def findings(self, subject: AuditSubject) -> Sequence[AuditRecord]:
        """Findings in a subject's code on any instrument, with any parameters, newest first."""
        code = replace(subject, parameters="")
        return [
            each
            for each in reversed(self.records)
            if not each.passed and replace(each.subject, parameters="") == code
        ]
