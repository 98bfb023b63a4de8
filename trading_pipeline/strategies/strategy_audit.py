"""The audit of a strategy before a result of it is believed; made once for equal code and bars.

An outcome is kept by the strategy's code and that of the audit, by its parameters, the instrument,
and the hash of the bars and predictions that it covers. Where only bars were added since, only they
are audited: of an own strategy at once, of one of the package when they are a tenth of all. A
finding on one instrument holds for all: it is the same code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Protocol

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.audit_records import (
    LOOK_AHEAD_ALLOWED,
    NOT_AUDITED,
    PASSED,
    AuditLog,
    AuditMemory,
    AuditOutcome,
    AuditRecord,
    AuditSubject,
    is_still_proven,
)
from trading_pipeline.errors import InsufficientDataError, LookaheadError
from trading_pipeline.features.audits.comparison import AuditTally, CausalityFinding
from trading_pipeline.features.audits.told_findings import as_details, findings_of, found_words
from trading_pipeline.own_code import not_audited
from trading_pipeline.strategies.base import StrategyParams
from trading_pipeline.strategies.catalogue import StrategyCatalogue
from trading_pipeline.strategies.lookahead_check import audit_strategy
from trading_pipeline.strategies.market import Market

__all__ = [
    "ALLOWED",
    "NOT_TRIED",
    "AuditOfMarket",
    "Audited",
    "covered_record",
    "known_finding",
    "not_tried",
    "outcome_of",
    "refusal",
    "strategy_outcome",
    "strategy_record",
    "strategy_subject",
]


class Audited(Protocol):
    """Bars that a strategy sees: a market, or the panel of a portfolio."""

    def __len__(self) -> int:
        """Number of bars."""

    def data_hash(self, rows: int) -> str:
        """Hash of all that a strategy can read at the close of bar `rows - 1`."""


AuditOfMarket = Callable[[int, AuditTally], Sequence[CausalityFinding]]
"""Takes the bars that were audited before, and where to count; gives what was found."""
ALLOWED = "Look-ahead allowed"
"""First words of the warning of a result that is kept although its strategy looks ahead."""
NOT_TRIED = "Not audited"
"""First words of the warning of a result whose strategy could not be audited."""
_LOOKED_BACK = 8  # older outcomes that the bars are compared with


def strategy_subject(
    strategies: StrategyCatalogue, name: str, params: StrategyParams
) -> AuditSubject:
    """A strategy with its parameters, as what is audited."""
    return AuditSubject(
        kind="strategy",
        name=name,
        code_hash=strategies.code_hash(name, params),
        audit_hash=code_hash(audit_strategy),
        parameters=json.dumps(params.model_dump(mode="json"), sort_keys=True),
    )


def strategy_outcome(
    strategies: StrategyCatalogue,
    name: str,
    params: StrategyParams,
    market: Market,
    *,
    instrument: str,
    log: AuditLog | None = None,
    allow_lookahead: str | None = None,
) -> AuditOutcome:
    """What a result of the strategy on this market has to say of its audit.

    `log` keeps outcomes; without one nothing is remembered. `allow_lookahead`: the reason for
    keeping the result whatever is found. Raises `LookaheadError` where the strategy reads the
    future here, or was found to do so on another instrument.
    """
    kept = AuditMemory() if log is None else log
    try:
        record = strategy_record(strategies, name, params, market, instrument=instrument, log=kept)
    except InsufficientDataError as error:
        return not_tried(str(error), allow_lookahead)
    return outcome_of(record, instrument, allow_lookahead, bars=len(market))


def strategy_record(
    strategies: StrategyCatalogue,
    name: str,
    params: StrategyParams,
    market: Market,
    *,
    instrument: str,
    log: AuditLog,
) -> AuditRecord:
    """The outcome that is kept for the strategy on this market, or that of a new audit.

    Raises `InsufficientDataError` where its signals cannot be computed on fewer bars.
    """
    subject = strategy_subject(strategies, name, params)
    found = known_finding(subject, log)
    if found is not None:
        return found

    fresh = strategies.fresh_signals(name, params)

    def audit(first: int, tally: AuditTally) -> Sequence[CausalityFinding]:
        return audit_strategy(
            lambda seen: strategies.signals(name, seen, params),
            market,
            fresh=fresh,
            memory=strategies.warmup_bars(name, params.model_dump()),
            first=first,
            tally=tally,
        )

    def outside() -> str:
        return not_audited(f"The strategy '{name}'", fresh.notes, read_from="market.inputs")

    return covered_record(
        subject, instrument, market, log, audit, outside=outside,
        of_package=strategies.is_of_package(name, params),
    )  # fmt: skip


def known_finding(subject: AuditSubject, log: AuditLog) -> AuditRecord | None:
    """The newest finding for this code with these parameters, on whatever instrument."""
    return next((r for r in log.findings(subject) if r.subject == subject), None)


def covered_record(
    subject: AuditSubject,
    instrument: str,
    market: Audited,
    log: AuditLog,
    audit: AuditOfMarket,
    *,
    outside: Callable[[], str] = str,
    of_package: bool = False,
) -> AuditRecord:
    """An outcome that covers the bars: a kept one, or `audit` of the bars that are new.

    `outside` says after the audit what the code read besides its inputs; empty for nothing.
    `of_package`: no user's code is in it, so that a kept outcome of equal bars holds for a tenth
    more of them (`is_still_proven`).
    """
    kept = [
        record
        for record in log.of(subject, instrument)[:_LOOKED_BACK]
        if record.passed and record.bars <= len(market)
    ]
    longest_first = sorted(kept, key=lambda record: -record.bars)
    covered = next((r for r in longest_first if market.data_hash(r.bars) == r.data_hash), None)
    if covered is not None:
        still_proven = of_package and is_still_proven(covered.bars, len(market))
        if covered.bars == len(market) or still_proven:
            return covered
    tally = AuditTally()
    # entries before exits and levels: what a reader looks for first
    findings = sorted(audit(covered.bars if covered else 0, tally), key=_by_field)
    record = AuditRecord(
        subject=subject,
        instrument=instrument,
        bars=len(market),
        data_hash=market.data_hash(len(market)),
        cuts=tally.cuts + (covered.cuts if covered else 0),
        slices=tally.slices + (covered.slices if covered else 0),
        finding=found_words(findings),
        details=as_details(findings),
        outside=outside() or (covered.outside if covered else ""),
    )
    log.keep(record)
    return record


def outcome_of(
    record: AuditRecord, instrument: str, allow_lookahead: str | None = None, *, bars: int
) -> AuditOutcome:
    """What a result on so many bars of `instrument` says.

    Raises `LookaheadError` for a finding, unless allowed.
    """
    note = record.note_on(bars)
    if allow_lookahead is not None:
        warning = f"{ALLOWED}: {_sentence(allow_lookahead)} The audit says: {note}"
        return AuditOutcome(audit=LOOK_AHEAD_ALLOWED, note=note, warnings=(_sentence(warning),))
    if record.passed and record.outside:
        return AuditOutcome(audit=NOT_AUDITED, note=note, warnings=(record.outside,))
    if record.passed:
        return AuditOutcome(audit=PASSED, note=note)
    raise refusal(record, instrument)


def refusal(record: AuditRecord, instrument: str) -> LookaheadError:
    """The error of a finding, for a result on `instrument`."""
    subject = record.subject
    elsewhere = (
        ""
        if record.instrument == instrument
        else f" It is the same code on {instrument}, so it is refused there as well."
    )
    findings = findings_of(record)
    return LookaheadError(
        f"the strategy '{subject.name}' reads the future: {record.finding} Found on "
        f"{record.instrument} with the parameters {subject.parameters or '{}'}.{elsewhere} No "
        "result is stored until its code is changed. If this refusal is wrong, say why under "
        "'allow_lookahead' in the scenario: the result is then stored and marked.",
        strategy=subject.name,
        parameters=subject.parameters,
        instrument=record.instrument,
        findings=findings,
        column=findings[0].column,
        row=findings[0].row,
    )


def not_tried(why: str, allow_lookahead: str | None) -> AuditOutcome:
    """What a result says whose strategy could not be audited, and why."""
    if allow_lookahead is not None:
        warning = f"{ALLOWED}: {_sentence(allow_lookahead)} The audit could not be made: {why}"
        return AuditOutcome(audit=LOOK_AHEAD_ALLOWED, note=why, warnings=(warning,))
    warning = f"{NOT_TRIED}: whether the strategy reads the future is not known. {why}"
    return AuditOutcome(audit=NOT_AUDITED, note=why, warnings=(warning,))


def _by_field(finding: CausalityFinding) -> bool:
    return not finding.column.rpartition(":")[2].startswith("entry")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
