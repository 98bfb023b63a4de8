"""This file holds the tests of the warehouse: transactions, waits, versions, what cannot be opened."""

from __future__ import annotations

import base64
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

import duckdb
import pytest

from trading_pipeline.errors import (
    WarehouseBusy,
    WarehouseCorruptError,
    WarehouseError,
    WarehouseVersionError,
)
from trading_pipeline.storage.file_lock import hold_lock, lock_holder
from trading_pipeline.storage.schema import SCHEMA_VERSION, TABLES, stored_version
from trading_pipeline.storage.warehouse import Warehouse

# an empty database in the storage format of DuckDB 2.0, compressed
NEWER_STORAGE = (
    b"c-rmUJ!?~86bJBgZwl6e;NYl}b4zJ_85K+&ba3kA)FwAILUjoxV?jTGxG1<d2@XP+qMslg-2DbRI7_#u_a&h"
    b"cj7U{b`27ex&pqed5R&QtT*${u@6M+7@Lp%**4@vo_$9k*E2}H3^ZUK4SGrqUMZ4Gk`TKmk{qW5}r+w#r>-p"
    b"D%^`~C~0002^D?VKxjV|8r+{k|1&QIzK&9c}m>%KYw008)JEPZ(S?84@gSJUe>BTkY3J^u#)0DynX^6R(zm-"
    b"83brg^^?c{lQ2WaVZM@i@wLVP|vjXmT>ptvc1KZ0<z8EhqX>&!kjDzPnb<RX4WEeO=FnDUBl=9>(O}qTHNIX"
    b"*=S<^vIzq?M-AwET+_tXa)w&j2{aC002(uB==`^l#e2!4&LJ`s~2_uOiG8%RTa)h)4ZPb>r;XvZvL4MQPgJx"
    b"#dp=RGLF6T!ao220Q_F=pRLdS55Uo!IRF3v0000000000000000000000000000000000000000000000000"
    b"000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    b"000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    b"000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    b"04k_jsdOavrq"
)


def days(warehouse: Warehouse) -> list[str]:
    with warehouse.read() as connection:
        rows = connection.execute("SELECT result_id FROM daily_results ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def write_days(warehouse: Warehouse, *names: str, error: BaseException | None = None) -> None:
    with warehouse.write() as connection:
        for name in names:
            add_day(connection, name)
        if error is not None:
            raise error


def add_day(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute("INSERT INTO daily_results (result_id) VALUES (?)", [name])


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
                "INSERT INTO daily_results (result_id) VALUES ('lost'); INSERT INTO nowhere VALUES (1)"
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
        assert names == ["warehouse.duckdb", "warehouse.duckdb.lock"]


class TestWaiting:
    def test_threads_write_one_after_the_other_and_none_is_lost(self, warehouse):
        errors: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(5):
                    with Warehouse(warehouse.path, wait_seconds=20).write() as connection:
                        add_day(connection, f"{number}-{turn}")
                    days(warehouse)
            except BaseException as error:
                errors.append(error)

        warehouse.wait_seconds = 20
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(days(warehouse)) == 20

    def test_one_object_shared_by_threads_keeps_their_transactions_apart(self, warehouse):
        warehouse.wait_seconds = 20
        inside, failed = threading.Event(), threading.Event()

        def other() -> None:
            inside.wait()
            try:
                with pytest.raises(WarehouseBusy):
                    days(Warehouse(warehouse.path, wait_seconds=0.1))
            except BaseException:
                failed.set()

        thread = threading.Thread(target=other)
        thread.start()
        with warehouse.write() as connection:
            add_day(connection, "mine")
            inside.set()
            thread.join()
        assert not failed.is_set()

    def test_processes_write_and_read_without_a_lock_error(self, warehouse, forked_writers):
        answer = forked_writers(do="together", path=warehouse.path, children=5, each=6)
        assert answer["statuses"] == [0] * 5
        with warehouse.read() as connection:
            found = connection.execute(
                "SELECT count(*), count(DISTINCT result_id) FROM daily_results"
            ).fetchall()
        assert found == [(3 * 6 * 50, 3 * 6)]

    def test_a_file_held_by_another_process_is_waited_for_and_then_its_holder_is_named(
        self, warehouse
    ):
        days(warehouse)
        holder = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys, time; from pathlib import Path\n"
                "from trading_pipeline.storage.file_lock import hold_lock\n"
                "with hold_lock(Path(sys.argv[1]), exclusive=True, wait_seconds=5):\n"
                "    print('held', flush=True); sys.stdin.read()",
                str(warehouse.lock_path),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            warehouse.wait_seconds = 0.3
            for use in (warehouse.read, warehouse.write):
                started = time.monotonic()
                with (
                    pytest.raises(WarehouseBusy, match=f"process {holder.pid} on ") as caught,
                    use(),
                ):
                    pass
                assert 0.3 <= time.monotonic() - started < 2.0
                assert caught.value.wait_seconds == 0.3
                assert str(holder.pid) in caught.value.holder
                assert caught.value.path == str(warehouse.path)
                assert "WAREHOUSE_WAIT_SECONDS" in str(caught.value)
            timer = threading.Timer(0.2, holder.communicate)
            timer.start()
            warehouse.wait_seconds = 10.0
            assert days(warehouse) == []  # was waited for until the holder let go
            timer.join()

    def test_a_program_that_locks_the_file_itself_is_waited_for_and_then_named(self, warehouse):
        days(warehouse)
        holder = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import duckdb, sys\nc = duckdb.connect(sys.argv[1])\n"
                "print('held', flush=True); sys.stdin.read()",
                str(warehouse.path),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            warehouse.wait_seconds = 0.3
            started = time.monotonic()
            with (
                pytest.raises(WarehouseBusy, match=f"PID {holder.pid}.*Close that program"),
                warehouse.write(),
            ):
                pass
            assert 0.3 <= time.monotonic() - started < 2.0
            holder.communicate()
        with warehouse.write() as connection:
            add_day(connection, "free again")

    def test_a_connection_that_this_process_left_open_is_busy_and_not_corrupt(self, warehouse):
        days(warehouse)
        warehouse.wait_seconds = 0.2
        other = duckdb.connect(str(warehouse.path))
        try:
            with pytest.raises(WarehouseBusy), warehouse.read():
                pass
        finally:
            other.close()
        assert days(warehouse) == []

    def test_readers_do_not_wait_for_each_other(self, warehouse):
        days(warehouse)
        hurried = Warehouse(warehouse.path, wait_seconds=0.0)
        with warehouse.read():
            thread_result: list[object] = []
            thread = threading.Thread(target=lambda: thread_result.append(days(hurried)))
            thread.start()
            thread.join()
            with pytest.raises(WarehouseBusy), hurried.write():
                pass
        assert thread_result == [[]]

    def test_a_long_wait_is_logged_once(self, warehouse, caplog, monkeypatch):
        monkeypatch.setattr("trading_pipeline.storage.file_lock._LOG_AFTER_SECONDS", 0.05)
        caplog.set_level(logging.WARNING)
        with (
            hold_lock(warehouse.lock_path, exclusive=True, wait_seconds=0),
            pytest.raises(WarehouseBusy),
            hold_lock(warehouse.lock_path, exclusive=False, wait_seconds=0.3),
        ):
            pass
        assert [record.message.split(",")[0] for record in caplog.records] == [
            "waiting for the warehouse"
        ]

    @pytest.mark.parametrize("content", ["", "[]", "{}", "no json", '{"pid": 1}'])
    def test_a_lock_file_without_a_record_still_gives_words(self, tmp_path, content):
        path = tmp_path / "x.lock"
        path.write_text(content)
        assert lock_holder(path) == "a reader"
        assert lock_holder(tmp_path / "none.lock") == "a reader"

    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    def test_a_child_that_was_forked_inside_the_block_does_not_keep_the_lock(self, tmp_path):
        path = tmp_path / "x.lock"
        with hold_lock(path, exclusive=True, wait_seconds=0):
            child = os.fork()
            if child == 0:
                time.sleep(20)
                os._exit(0)
        try:
            with hold_lock(path, exclusive=True, wait_seconds=0):
                pass
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def test_the_lock_is_free_after_an_error_in_its_block(self, tmp_path):
        path = tmp_path / "deep" / "er" / "x.lock"
        with pytest.raises(KeyError), hold_lock(path, exclusive=True, wait_seconds=0):
            raise KeyError
        with hold_lock(path, exclusive=True, wait_seconds=0):
            assert f"process {os.getpid()} on" in lock_holder(path)


class TestVersions:
    def test_a_newer_schema_is_refused_by_reads_and_writes(self, warehouse):
        with warehouse.write() as connection:
            connection.execute("INSERT INTO schema_version VALUES (99, now())")
        for newcomer in (Warehouse(warehouse.path), Warehouse(warehouse.path)):
            with pytest.raises(WarehouseVersionError, match=r"version 99.*Upgrade") as caught:
                days(newcomer)
            assert (caught.value.version, caught.value.known_version) == (99, SCHEMA_VERSION)
            with pytest.raises(WarehouseVersionError), newcomer.write():
                pass

    def test_a_process_that_runs_on_while_another_upgrades_the_file_stops_writing(self, warehouse):
        days(warehouse)
        with Warehouse(warehouse.path).write() as connection:
            connection.execute("INSERT INTO schema_version VALUES (99, now())")
        with pytest.raises(WarehouseVersionError), warehouse.write() as connection:
            add_day(connection, "lost")

    def test_a_database_without_our_tables_gets_them(self, warehouse):
        with duckdb.connect(str(warehouse.path)) as connection:
            connection.execute("CREATE TABLE notes AS SELECT 'mine' AS text")
        assert days(warehouse) == []
        with warehouse.read() as connection:
            assert connection.execute("SELECT * FROM notes").fetchall() == [("mine",)]

    def test_a_database_of_another_program_with_such_a_table_is_refused_and_unchanged(
        self, warehouse
    ):
        with duckdb.connect(str(warehouse.path)) as connection:
            connection.execute("CREATE TABLE bars AS SELECT 1 AS x")
        with pytest.raises(WarehouseCorruptError, match="is not a warehouse"):
            days(warehouse)
        with duckdb.connect(str(warehouse.path)) as connection:
            tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        assert tables == [("bars",)]

    def test_the_file_has_the_storage_format_that_every_allowed_duckdb_reads(self, warehouse):
        days(warehouse)
        with warehouse.write() as connection:
            add_day(connection, "x")
            tags = connection.execute(
                "SELECT tags['storage_version'] FROM duckdb_databases() WHERE path IS NOT NULL"
            ).fetchall()
        assert [tag[0][:6] for tag in tags] == ["v1.5.0"]

    @pytest.mark.skipif(duckdb.__version__ >= "2", reason="this DuckDB can read the newer format")
    def test_a_newer_storage_format_is_a_version_error_and_not_a_damage(self, warehouse):
        warehouse.path.write_bytes(zlib.decompress(base64.b85decode(NEWER_STORAGE)))
        with pytest.raises(WarehouseVersionError, match="Upgrade the package duckdb"):
            days(warehouse)


class TestUnusableFiles:
    def test_a_file_that_is_no_database_is_named(self, warehouse):
        warehouse.path.write_text("ts,open,high,low,close\n" * 500)
        for use in (days, write_days):
            with pytest.raises(WarehouseCorruptError, match=r"warehouse\.duckdb.*Move the file"):
                use(warehouse)
        assert warehouse.path.read_text().startswith("ts,open")  # never touched

    @pytest.mark.parametrize("size", [100, 5000, 12288, 20000])
    def test_a_file_that_was_cut_off_is_corrupt(self, warehouse, size):
        days(warehouse)
        warehouse.path.write_bytes(warehouse.path.read_bytes()[:size])
        with pytest.raises(WarehouseCorruptError):
            days(Warehouse(warehouse.path))

    def test_a_changed_header_is_corrupt_at_once_though_the_error_speaks_of_a_block(
        self, warehouse
    ):
        days(warehouse)
        content = bytearray(warehouse.path.read_bytes())
        for start in (4096, 8192):
            content[start + 20] ^= 0xFF
        warehouse.path.write_bytes(content)
        started = time.monotonic()
        with pytest.raises(WarehouseCorruptError, match="checksum"):
            days(Warehouse(warehouse.path, wait_seconds=5))
        assert time.monotonic() - started < 2.0

    def test_a_folder_named_like_a_lock_does_not_turn_damage_into_a_wait(self, tmp_path):
        path = tmp_path / "clock" / "locked.duckdb"
        path.parent.mkdir()
        path.write_text("no database" * 1000)
        started = time.monotonic()
        with pytest.raises(WarehouseCorruptError):
            days(Warehouse(path, wait_seconds=5))
        assert time.monotonic() - started < 2.0

    def test_damaged_data_are_corrupt_when_they_are_read(self, warehouse):
        with warehouse.write() as connection:
            connection.execute(
                "INSERT INTO bars SELECT 'A_1d', now(), random(), random(), random(), random(), 1 "
                "FROM range(200000)"
            )
        size = warehouse.path.stat().st_size
        with warehouse.path.open("r+b") as handle:
            for position in range(300_000, size, 100_000):
                handle.seek(position)
                handle.write(b"\xa5" * 64)
        with pytest.raises(WarehouseCorruptError), Warehouse(warehouse.path).read() as connection:
            connection.execute("SELECT sum(open), max(close) FROM bars").fetchall()

    def test_a_folder_in_place_of_the_file_is_a_typed_error(self, warehouse):
        warehouse.path.mkdir()
        (warehouse.path / "x").touch()
        with pytest.raises(WarehouseError, match=r"warehouse\.duckdb"):
            days(warehouse)

    def test_a_file_in_place_of_the_folder_is_a_typed_error(self, tmp_path):
        (tmp_path / "runtime").write_text("a file")
        with pytest.raises(WarehouseError, match=r"cannot be opened.*RUNTIME_DIR"):
            days(Warehouse(tmp_path / "runtime" / "warehouse.duckdb"))

    def test_a_folder_without_rights_is_a_typed_error(self, runtime, without_rights):
        runtime.chmod(0o555)
        try:
            with without_rights(), pytest.raises(WarehouseError, match="Allow this user"):
                days(Warehouse(runtime / "warehouse.duckdb"))
        finally:
            runtime.chmod(0o755)

    def test_a_user_who_may_only_read_reads_and_is_refused_a_write(self, without_rights):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o755)
            warehouse = Warehouse(folder / "warehouse.duckdb")
            with warehouse.write() as connection:
                add_day(connection, "seen")
            for path in folder.iterdir():
                path.chmod(0o444)
            folder.chmod(0o555)
            try:
                with without_rights():
                    visitor = Warehouse(warehouse.path, wait_seconds=1)
                    assert days(visitor) == ["seen"]
                    with pytest.raises(WarehouseError, match="Permission denied"):
                        write_days(visitor, "never")
            finally:
                folder.chmod(0o755)

    def test_a_full_disk_is_a_typed_error_and_the_old_content_stays(self, warehouse, disk_limit):
        with warehouse.write() as connection:
            add_day(connection, "old")
        limit = warehouse.path.stat().st_size + 50_000
        with (
            disk_limit(limit),
            pytest.raises(WarehouseError, match="disk has room") as caught,
            warehouse.write() as connection,
        ):
            connection.execute(
                "INSERT INTO bars SELECT 'A_1d', now(), random(), random(), random(), "
                "random(), 1 FROM range(500000)"
            )
        assert isinstance(caught.value.__cause__, duckdb.Error)
        assert days(warehouse) == ["old"]
        with warehouse.write() as connection:
            assert connection.execute("SELECT count(*) FROM bars").fetchall() == [(0,)]
            add_day(connection, "works again")

    def test_a_full_disk_at_the_very_start_leaves_no_broken_file(self, warehouse, disk_limit):
        with disk_limit(2_000), pytest.raises(WarehouseError):
            days(warehouse)
        assert not warehouse.path.exists()
        assert days(warehouse) == []

    def test_a_lock_on_a_full_disk_is_held_though_its_holder_cannot_be_written(
        self, tmp_path, disk_limit
    ):
        path = tmp_path / "x.lock"
        with (
            disk_limit(0),
            hold_lock(path, exclusive=True, wait_seconds=0),
            pytest.raises(WarehouseBusy, match="a reader"),
            hold_lock(path, exclusive=False, wait_seconds=0),
        ):
            pass
