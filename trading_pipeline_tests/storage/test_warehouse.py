"""Tests of the warehouse's transactions: whole or not at all, nested or alone."""

from __future__ import annotations

import time

import duckdb
import pytest

from trading_pipeline.errors import (
    WarehouseError,
)
from trading_pipeline.storage.schema import SCHEMA_VERSION, TABLES, stored_version
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline_tests.storage.day_rows import add_day, days, write_days


class TestTransactions:
    def test_what_was_written_can_be_read_by_another_warehouse_object(self, warehouse):
        with warehouse.write() as connection:
            add_day(connection, "a")
        assert days(Warehouse(warehouse.path)) == ["a"]

    def test_first_read_of_no_file_makes_an_empty_warehouse_with_all_tables(self, warehouse):
        with warehouse.read() as connection:
            names = {
                row[0]
                for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            }
            assert stored_version(connection) == SCHEMA_VERSION
        assert names == set(TABLES)

    def test_no_table_has_a_primary_key(self, warehouse):
        with warehouse.read() as connection:
            assert connection.execute("SELECT * FROM duckdb_constraints()").fetchall() == []

    def test_an_error_rolls_the_whole_write_back_and_passes(self, warehouse):
        with warehouse.write() as connection:
            add_day(connection, "kept")
        with pytest.raises(KeyError, match="mine"):
            write_days(warehouse, "lost", error=KeyError("mine"))
        assert days(warehouse) == ["kept"]

    def test_an_interrupt_rolls_back_too(self, warehouse):
        with pytest.raises(KeyboardInterrupt):
            write_days(warehouse, "lost", error=KeyboardInterrupt())
        assert days(warehouse) == []

    def test_a_wrong_statement_rolls_back_and_passes_as_it_is(self, warehouse):
        with pytest.raises(duckdb.CatalogException), warehouse.write() as connection:
            connection.execute(
                "INSERT INTO daily_results (result_id) VALUES ('lost'); INSERT INTO nowhere VALUES "
                "(1)"
            )
        assert days(warehouse) == []

    def test_the_hook_runs_after_the_last_statement_and_its_error_rolls_back(self, runtime):
        seen: list[str] = []

        def hook() -> None:
            seen.append("hook")
            raise RuntimeError("stop here")

        warehouse = Warehouse(runtime / "w.duckdb", before_commit=hook)

        def write() -> None:
            with warehouse.write() as connection:
                add_day(connection, "lost")
                seen.append("statement")

        with pytest.raises(RuntimeError, match="stop here"):
            write()
        assert seen == ["statement", "hook"]
        assert days(Warehouse(warehouse.path)) == []

    def test_a_read_inside_a_write_sees_the_open_transaction(self, warehouse):
        with warehouse.write() as connection:
            add_day(connection, "open")
            assert days(warehouse) == ["open"]

    def test_a_write_inside_a_write_is_part_of_it(self, warehouse):
        def write(error: BaseException | None) -> None:
            with warehouse.write() as outer:
                add_day(outer, "outer")
                write_days(warehouse, "inner")
                if error is not None:
                    raise error

        with pytest.raises(ZeroDivisionError):
            write(ZeroDivisionError())
        assert days(warehouse) == []
        write(None)
        assert days(warehouse) == ["inner", "outer"]

    def test_a_caught_error_of_an_inner_write_keeps_the_outer_one_from_committing(self, warehouse):
        def write() -> None:
            with warehouse.write() as outer:
                add_day(outer, "outer")
                with pytest.raises(ValueError, match="second half"):
                    write_days(warehouse, "first half", error=ValueError("second half"))

        with pytest.raises(WarehouseError, match="nothing of the write was kept"):
            write()
        assert days(warehouse) == []
        with warehouse.write() as connection:
            add_day(connection, "next")
        assert days(warehouse) == ["next"]

    def test_a_write_inside_a_read_is_refused_at_once(self, warehouse):
        started = time.monotonic()
        with warehouse.read(), pytest.raises(WarehouseError, match="inside a read"):
            write_days(warehouse, "never")
        assert time.monotonic() - started < 1.0
        with warehouse.write() as connection:
            add_day(connection, "after")
        assert days(warehouse) == ["after"]

    def test_reads_can_be_nested_and_cannot_write(self, warehouse):
        with warehouse.read() as outer, warehouse.read() as inner:
            assert outer.execute("SELECT 1").fetchall() == inner.execute("SELECT 1").fetchall()
            with pytest.raises(duckdb.Error, match="read-only"):
                add_day(inner, "x")

    def test_sessions_work_in_utc(self, warehouse):
        with warehouse.read() as connection:
            shown = connection.execute("SELECT current_setting('TimeZone')").fetchall()
        assert shown == [("UTC",)]

    def test_an_error_in_a_read_frees_the_file(self, warehouse):
        with pytest.raises(duckdb.ParserException), warehouse.read() as connection:
            connection.execute("SELEKT")
        with Warehouse(warehouse.path, wait_seconds=0.0).write() as connection:
            add_day(connection, "free")

    def test_a_file_that_was_deleted_meanwhile_is_made_anew(self, warehouse):
        with warehouse.write() as connection:
            add_day(connection, "old")
        warehouse.path.unlink()
        assert days(warehouse) == []
        warehouse.path.unlink()
        with warehouse.write() as connection:
            add_day(connection, "new")
        assert days(warehouse) == ["new"]

    def test_an_empty_file_counts_as_none(self, warehouse):
        warehouse.path.touch()
        assert days(warehouse) == []

    def test_the_log_of_a_deleted_file_does_not_come_back(self, warehouse):
        warehouse.path.with_name("warehouse.duckdb.wal").write_bytes(b"of another file")
        assert days(warehouse) == []

    def test_leftovers_of_a_creation_that_was_ended_do_no_harm(self, warehouse):
        warehouse.path.with_name("warehouse.duckdb.new").write_bytes(b"half")
        assert days(warehouse) == []
        names = sorted(path.name for path in warehouse.path.parent.iterdir())
        assert names == ["warehouse.duckdb", "warehouse.duckdb.lock", "warehouse.duckdb.queue"]
