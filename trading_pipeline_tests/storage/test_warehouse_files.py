"""Tests of files that cannot be used: too new, damaged, full disk, no rights."""

from __future__ import annotations

import base64
import os
import tempfile
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
from trading_pipeline.storage.file_lock import hold_lock
from trading_pipeline.storage.schema import SCHEMA_VERSION
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline_tests.storage.day_rows import add_day, days, write_days

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
            pytest.raises(WarehouseBusy, match=rf"process {os.getpid()}, writing"),
            hold_lock(path, exclusive=False, wait_seconds=0),
        ):
            pass
