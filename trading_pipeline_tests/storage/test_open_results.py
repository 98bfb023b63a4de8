"""Tests of the notebook's door to the warehouse."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import pytest

from trading_pipeline.errors import WarehouseBusy
from trading_pipeline.storage.open_results import open_results
from trading_pipeline.storage.stores.results import ResultStore
from trading_pipeline.storage.warehouse import Warehouse

QUERY = "SELECT scenario, sharpe, created_at FROM backtest_results ORDER BY scenario"


def save(warehouse: Warehouse, name: str) -> None:
    row = {"result_id": name, "scenario": name, "parameters": {"fast": 5}}
    assert ResultStore(warehouse).save(row, {"sharpe": 1.5}, [], [])


def test_a_look_sees_the_results_and_cannot_change_them(warehouse):
    save(warehouse, "a")
    with open_results() as connection:
        ((scenario, sharpe, created_at),) = connection.execute(QUERY).fetchall()
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("DELETE FROM backtest_results")
    assert (scenario, sharpe) == ("a", 1.5)
    assert created_at.astimezone(UTC) <= datetime.now(UTC)


def test_a_look_before_anything_ran_sees_empty_tables(runtime):
    with open_results() as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchall() == [(0,)]
    assert (runtime / "warehouse.duckdb").is_file()


def test_a_look_holds_writers_up_and_a_snapshot_does_not(warehouse, tmp_path):
    save(warehouse, "a")
    hurried = Warehouse(warehouse.path, wait_seconds=0.1)
    with open_results(), pytest.raises(WarehouseBusy):
        # its own thread's reads are not known to another warehouse object: it waits and gives up
        save(hurried, "b")
    with open_results(tmp_path / "copies" / "it's a copy.duckdb") as connection:
        save(hurried, "b")
        assert [row[0] for row in connection.execute(QUERY).fetchall()] == ["a"]


def test_a_snapshot_is_whole_and_replaces_the_one_before(warehouse, tmp_path):
    path = tmp_path / "copy.duckdb"
    for name in ("a", "b"):
        save(warehouse, name)
        with open_results(path) as connection:
            found = [row[0] for row in connection.execute(QUERY).fetchall()]
            types = connection.execute(
                "SELECT data_type FROM duckdb_columns() WHERE table_name = 'backtest_results' "
                "AND column_name = 'parameters'"
            ).fetchall()
        assert found[-1] == name
        assert types == [("JSON",)]
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [
        "copy.duckdb",
        "copy.duckdb.lock",
    ]


def test_a_snapshot_holds_what_stands_in_the_log_of_the_warehouse(warehouse, tmp_path):
    save(warehouse, "a")
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("INSERT INTO backtest_results (scenario) VALUES ('in the log')")
    assert warehouse.path.with_name("warehouse.duckdb.wal").is_file()
    with open_results(tmp_path / "copy.duckdb") as connection:
        assert [row[0] for row in connection.execute(QUERY).fetchall()] == ["a", "in the log"]
