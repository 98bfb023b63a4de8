"""Outcomes of audits: kept by code, parameters, instrument; a finding holds for all of these."""

import pytest

from trading_pipeline.domain.audit_records import (
    AuditMemory,
    AuditRecord,
    AuditSubject,
    found_no_difference,
)
from trading_pipeline.storage.stores.audits import AuditStore

SUBJECT = AuditSubject(kind="strategy", name="mine", code_hash="c", audit_hash="a", parameters="{}")


def record(instrument="A_1d", *, bars=10, finding="", subject=SUBJECT):
    return AuditRecord(
        subject=subject,
        instrument=instrument,
        bars=bars,
        data_hash=f"d{bars}",
        cuts=6,
        slices=1200,
        finding=finding,
        details='[{"column": "entry_long", "row": 3, "value": null}]' if finding else "",
        run_id="r",
    )


def other(**changed):
    return AuditSubject(**{**vars(SUBJECT), **changed})


@pytest.fixture(params=["warehouse", "memory"])
def log(request, warehouse):
    return AuditStore(warehouse) if request.param == "warehouse" else AuditMemory()


def test_the_newest_outcome_on_an_instrument_comes_first(log):
    for bars in (10, 20):
        log.keep(record(bars=bars))
    log.keep(record("B_1d"))
    assert log.of(SUBJECT, "A_1d") == [record(bars=20), record(bars=10)]
    assert log.of(SUBJECT, "C_1d") == []


@pytest.mark.parametrize(
    "changed",
    [{"code_hash": "new"}, {"audit_hash": "new"}, {"parameters": '{"a": 1}'}, {"kind": "label"}],
)
def test_other_code_audit_or_parameters_are_another_subject(log, changed):
    log.keep(record(finding="found"))
    found = log.findings(other(**changed))
    assert bool(found) == ("parameters" in changed)  # the caller says which parameters it means
    assert log.of(other(**changed), "A_1d") == []


def test_a_finding_on_one_instrument_is_known_on_all_and_outlasts_later_passes(log):
    assert log.findings(SUBJECT) == []
    log.keep(record(finding="column 'entry_long' changes"))
    log.keep(record("B_1d"))
    log.keep(record())
    assert log.findings(SUBJECT) == [record(finding="column 'entry_long' changes")]


def test_a_record_says_what_was_tried_or_what_was_found():
    assert record().note == "no difference at 6 cuts and 1,200 slices"
    assert found_no_difference(1, 0) == "no difference at 1 cut and 0 slices"
    assert record(finding="found").note == "found"
    assert not record(finding="found").passed
