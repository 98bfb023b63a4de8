"""Rows that left the ledger are noticed by their number, and a loss goes on record."""

from __future__ import annotations

import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.storage.stores.results import ResultStore
from trading_pipeline.storage.stores.trial_ledger import TrialLedger
from trading_pipeline_tests.storage.stores.test_results import result
from trading_pipeline_tests.storage.stores.test_trial_ledger import variant

EVERYTHING = "DELETE FROM trials; DELETE FROM trial_chain"
REMOVALS = {
    "in the middle": "DELETE FROM trials WHERE seq = 2",
    "at the end": "DELETE FROM trials WHERE seq > 3",
    "all rows": "DELETE FROM trials",
    "all rows and the ends of the chain": EVERYTHING,
    "the ends of the chain": "DELETE FROM trial_chain",
}


@pytest.fixture
def ledger(warehouse) -> TrialLedger:
    ledger = TrialLedger(warehouse)
    ledger.append([variant("p1"), variant("p2")])
    ledger.append([variant("p3"), variant("p4"), variant("p5")])
    ResultStore(warehouse).save(result(trials_at_creation=5), {"sharpe": 1.0}, [], [])
    ledger.require_whole()
    return ledger


def tamper(ledger: TrialLedger, statements: str) -> None:
    with ledger._warehouse.write() as connection:
        for sql in statements.split("; "):
            connection.execute(sql)


@pytest.mark.parametrize("removed", REMOVALS)
def test_rows_that_were_removed_are_noticed_where_the_ledger_judges(ledger, removed):
    tamper(ledger, REMOVALS[removed])
    assert ledger.verify().faults
    with pytest.raises(DataQualityError, match=r"not whole.*trials accept-loss"):
        ledger.require_whole()


@pytest.mark.parametrize("removed", REMOVALS)
def test_a_loss_on_record_is_no_fault_and_a_further_one_is(ledger, removed):
    tamper(ledger, REMOVALS[removed])
    assert ledger.accept_losses("the disk failed") >= 1
    check = ledger.verify()
    assert (check.faults, len(check.accepted)) == ((), 1)
    assert "the disk failed" in check.accepted[0]
    ledger.require_whole()
    ledger.append([variant("p6"), variant("p7")])
    assert ledger.verify().faults == ()
    ledger.require_whole()
    tamper(ledger, "DELETE FROM trials WHERE parameters_hash = 'p6'")
    assert ledger.verify().faults
    with pytest.raises(DataQualityError, match="not whole"):
        ledger.require_whole()
    ledger.accept_losses("again")
    assert ledger.verify().faults == ()
    ledger.require_whole()


def test_rows_after_removed_ones_do_not_take_their_place(ledger):
    tamper(ledger, "DELETE FROM trials WHERE seq > 3")
    ledger.append([variant("p6"), variant("p7")])
    assert ledger.verify().faults == ("Rows 4 to 5 are missing.",)
    with pytest.raises(DataQualityError, match="It has 5 rows, 7 were written"):
        ledger.require_whole()


def test_a_loss_is_accepted_for_a_reason_and_only_where_there_is_one(ledger):
    with pytest.raises(ConfigurationError, match="no fault"):
        ledger.accept_losses("tidying")
    tamper(ledger, "DELETE FROM trials WHERE seq = 2")
    with pytest.raises(ConfigurationError, match="none was given"):
        ledger.accept_losses("  ")


def test_an_evaluation_with_other_numbers_is_added_where_that_repairs(ledger):
    assert ledger.append([variant("p1", sharpe=0.75)]) == 0
    assert ledger.append([variant("p1")], repairing=True) == 0
    assert ledger.append([variant("p1", sharpe=0.75)], repairing=True) == 1
    assert ledger.count() == 5
