"""Tests of the chain of the ledger: old tables get it, and what was changed afterwards is found."""

from __future__ import annotations

import duckdb
import pytest

from trading_pipeline.storage import schema
from trading_pipeline.storage.stores.trial_ledger import TrialLedger
from trading_pipeline.storage.trial_chain import chain_hash
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline_tests.storage.stores.test_trial_ledger import rows, trial, variant

OLD_ROWS = (
    (2, "p2", 0.1),
    (1, "p1", None),
    (3, "p1", 0.25),  # the same trial on other bars
)


@pytest.fixture
def old_warehouse(tmp_path) -> Warehouse:
    """A file of schema version 2 with three evaluations of two trials."""
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        for version in (1, 2):
            connection.execute(schema._MIGRATIONS[version])
            connection.execute("INSERT INTO schema_version VALUES (?, now())", [version])
        for number, parameters, sharpe in OLD_ROWS:
            connection.execute(
                "INSERT INTO trials (trial_no, study, instrument, strategy, parameters_hash, "
                "parameters, bars_hash, code_hash, fold, sharpe, bars, status, created_at) VALUES "
                "(?, 'sma_grid', 'AAPL_1d', 'sma_crossover', ?, ?, ?, 'c', 'f', ?, 250, 'ok', "
                "'2024-03-01 12:00:00.123456+01')",
                [number, parameters, '{"fast": 5}', f"b{number}", sharpe],
            )
    return Warehouse(path)


@pytest.fixture
def ledger(warehouse) -> TrialLedger:
    ledger = TrialLedger(warehouse)
    ledger.append([variant("p1"), variant("p2", sharpe=None)])
    ledger.append([variant("p3", parameters={"k": 0.1}), variant("p4"), variant("p5")])
    assert ledger.verify().faults == ()
    return ledger


def tamper(ledger: TrialLedger, sql: str) -> tuple[str, ...]:
    with ledger._warehouse.write() as connection:
        connection.execute(sql)
    return ledger.verify().faults


def test_an_old_warehouse_keeps_its_rows_and_count_and_gets_a_chain(old_warehouse):
    ledger = TrialLedger(old_warehouse)
    assert ledger.count() == 2
    found = rows(old_warehouse)
    assert [(r["trial_no"], r["seq"], r["sharpe"]) for r in found] == [
        (1, 1, None),
        (2, 2, 0.1),
        (3, 3, 0.25),
    ]
    assert {r["settings_hash"] for r in found} == {None}
    assert ledger.verify().faults == ()
    assert ledger.verify().rows == 3


def test_an_old_warehouse_goes_on_where_it_was(old_warehouse):
    ledger = TrialLedger(old_warehouse)
    assert ledger.append([trial("p1"), variant("p1"), variant("p2")]) == 3
    assert ledger.count() == 2  # evaluated again under the settings that they always had
    assert [r["seq"] for r in rows(old_warehouse)] == [1, 2, 3, 4, 5, 6]
    assert ledger.verify().faults == ()


def test_the_first_write_after_an_upgrade_may_be_a_trial(old_warehouse):
    with old_warehouse.write():
        assert TrialLedger(old_warehouse).append([variant("p9")]) == 1
    assert TrialLedger(old_warehouse).count() == 3


def test_an_empty_old_table_is_chained_from_the_first_new_row_on(tmp_path):
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        for version in (1, 2):
            connection.execute(schema._MIGRATIONS[version])
            connection.execute("INSERT INTO schema_version VALUES (?, now())", [version])
    ledger = TrialLedger(Warehouse(path))
    assert ledger.verify().rows == 0
    ledger.append([variant("p1")])
    assert ledger.verify() == ledger.verify()
    assert (ledger.verify().rows, ledger.verify().faults) == (1, ())


@pytest.mark.parametrize(
    "change",
    [
        "sharpe = 0.1",
        "sharpe = NULL",
        "status = 'invalid'",
        "reason = 'none'",
        "parameters = '{}'",
        "created_at = created_at + INTERVAL 1 MICROSECOND",
        "settings_hash = NULL",
        "chain_hash = 'x'",
    ],
)
def test_a_row_that_was_changed_is_named(ledger, change):
    faults = tamper(ledger, f"UPDATE trials SET {change} WHERE seq = 3")
    assert faults[0] == "Row 3 (trial 3) was changed or moved."


def test_a_changed_row_whose_hash_was_made_anew_breaks_the_next(ledger, warehouse):
    row = {**rows(warehouse)[2], "sharpe": 0.0}
    before = rows(warehouse)[1]["chain_hash"]
    faults = tamper(
        ledger,
        f"UPDATE trials SET sharpe = 0.0, chain_hash = '{chain_hash(before, row)}' WHERE seq = 3",
    )
    assert faults == ("Row 4 (trial 4) was changed or moved.",)


@pytest.mark.parametrize(
    ("seqs", "said"),
    [
        ("1", "Row 1 is missing."),
        ("3", "Row 3 is missing."),
        ("2, 3", "Rows 2 to 3 are missing."),
        ("5", "Row 5 is missing at the end."),
        ("4, 5", "Rows 4 to 5 are missing at the end."),
        ("1, 2, 3, 4, 5", "Rows 1 to 5 are missing at the end."),
    ],
)
def test_rows_that_were_removed_are_missed(ledger, seqs, said):
    assert tamper(ledger, f"DELETE FROM trials WHERE seq IN ({seqs})") == (said,)


def test_rows_that_changed_places_are_found(ledger):
    faults = tamper(ledger, "UPDATE trials SET seq = 7 - seq WHERE seq IN (3, 4)")
    assert "Row 3 (trial 4) was changed or moved." in faults


def test_rows_that_closed_ranks_over_a_removed_one_are_found(ledger):
    tamper(ledger, "DELETE FROM trials WHERE seq = 2")
    assert tamper(ledger, "UPDATE trials SET seq = seq - 1 WHERE seq > 2")


def test_a_row_that_was_not_written_by_the_ledger_is_found(ledger):
    faults = tamper(ledger, "INSERT INTO trials (trial_no, strategy) VALUES (6, 'x')")
    assert faults == ("Trial 6 has no place in the ledger; it was not written by it.",)


def test_a_copied_row_is_found(ledger):
    faults = tamper(ledger, "INSERT INTO trials SELECT * FROM trials WHERE seq = 5")
    assert faults == ("Row 5 is there twice (trial 5).",)


def test_a_row_added_at_the_end_with_a_right_hash_is_found(ledger, warehouse):
    last = rows(warehouse)[-1]
    row = {**last, "trial_no": 6, "seq": 6, "sharpe": -3.0}
    link = chain_hash(last["chain_hash"], row)
    sql = (
        f"INSERT INTO trials SELECT * REPLACE (6 AS trial_no, 6 AS seq, -3.0 AS sharpe, '{link}' "
        "AS chain_hash) FROM trials WHERE seq = 5"
    )
    assert tamper(ledger, sql) == ("The rows after 5 were not written by the ledger.",)


def test_values_of_every_kind_give_the_same_hash_when_read_back(warehouse):
    ledger = TrialLedger(warehouse)
    ledger.append(
        [
            trial("p1", sharpe=float("inf"), mean=-0.0, sd=5e-324, skew=1, bars=2**40),
            trial("p2", sharpe=float("nan"), parameters={"b": [1, 2.5], "a": "ä"}, fold=0),
            trial("p3", parameters='{"z": 1,   "a": 2}', value=1 / 3),
        ]
    )
    assert ledger.verify().faults == ()
