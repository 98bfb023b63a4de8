"""Connections to DuckDB: no extensions anywhere, and files that are no database are left alone."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trading_pipeline.errors import WarehouseCorruptError
from trading_pipeline.storage.duckdb_connection import attached, connect, foreign_format
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline_tests.storage.day_rows import days, write_days

ROOT = Path(__file__).parents[2]
OFF = (False, False)
SETTINGS = (
    "SELECT current_setting('autoinstall_known_extensions')::BOOL, "
    "current_setting('autoload_known_extensions')::BOOL"
)


@pytest.mark.parametrize("folder", ["trading_pipeline", "tools", "benchmarks", ".ci"])
def test_every_connection_is_made_by_the_one_function(folder):
    files = [path for path in (ROOT / folder).rglob("*.py") if path.name != "duckdb_connection.py"]
    assert files
    other = re.compile(
        r"duckdb\.(connect|sql|query|execute|read_\w+|from_\w+)\(|from duckdb import"
    )
    found = [path for path in files if other.search(path.read_text("utf-8"))]
    assert found == []


def test_no_connection_installs_or_loads_extensions(warehouse, tmp_path):
    with connect() as memory:
        assert memory.execute(SETTINGS).fetchone() == OFF
    with connect(tmp_path / "x.duckdb", config={"threads": 1}) as file:
        assert file.execute(SETTINGS).fetchone() == OFF
    with warehouse.write() as connection:
        assert connection.execute(SETTINGS).fetchone() == OFF
    with warehouse.read() as connection:
        assert connection.execute(SETTINGS).fetchone() == OFF


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM 'http://127.0.0.1:9/a.parquet'",
        "SELECT '1.1.1.1'::INET",
        "SELECT * FROM sqlite_scan('a', 'b')",
    ],
)
def test_what_needs_an_extension_fails_at_once(statement):
    with connect() as memory, pytest.raises(duckdb.Error, match="extension"):
        memory.execute(statement)


def sqlite_file(path):
    with sqlite3.connect(path) as opened:
        opened.execute("CREATE TABLE notes (text)")
    opened.close()


def parquet_file(path):
    pq.write_table(pa.table({"x": [1.0]}), path)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (sqlite_file, "it is a SQLite database"),
        (parquet_file, "it is a Parquet file"),
        (lambda path: path.write_text("ts,open\n" * 3), "it is no DuckDB database"),
        (lambda path: path.write_text("x"), "it is no DuckDB database"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)), "a zip archive"),
        (lambda path: path.write_bytes(b"\x1f\x8b" + bytes(100)), "a compressed file"),
        (lambda path: path.write_bytes(bytes(100_000)), "it is no DuckDB database"),
        (lambda path: path.write_bytes(b"version https://git-lfs"), "it is no DuckDB database"),
    ],
    ids=["sqlite", "parquet", "text", "one letter", "zip", "gzip", "zeros", "pointer"],
)
def test_another_file_in_place_of_the_warehouse_is_named_and_not_touched(
    warehouse, monkeypatch, write, words
):
    write(warehouse.path)
    before = warehouse.path.read_bytes()
    monkeypatch.setattr(duckdb, "connect", lambda *_, **__: pytest.fail("DuckDB was asked"))
    for use in (days, write_days):
        with pytest.raises(WarehouseCorruptError, match=words) as caught:
            use(Warehouse(warehouse.path))
        assert "Move the file away" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
    assert warehouse.path.read_bytes() == before


def test_a_database_of_duckdb_is_not_foreign(warehouse, tmp_path):
    days(warehouse)
    assert foreign_format(warehouse.path) is None
    assert foreign_format(tmp_path / "none") is None
    (tmp_path / "empty").touch()
    assert foreign_format(tmp_path / "empty") is None


def threads_of_this_process():
    return len(list(Path("/proc/self/task").iterdir()))


def one_value(path, sql, *, read_only=True):
    with attached(path, read_only=read_only) as connection:
        return connection.execute(sql).fetchall()[0][0]


@pytest.fixture
def files(tmp_path):
    """Two databases, each with its own name in a table; one has a name that needs quotes."""
    made = [tmp_path / "a.duckdb", tmp_path / "it's b.duckdb"]
    for path in made:
        with attached(path, read_only=False) as connection:
            connection.execute("CREATE TABLE named AS SELECT ? AS name", [path.name])
    return made


def test_an_attached_file_is_complete_and_closed_after_the_block(files):
    for path in files:
        assert not path.with_name(path.name + ".wal").exists()
        with duckdb.connect(str(path)) as own:  # needs the file for itself
            assert own.execute("SELECT name FROM named").fetchall() == [(path.name,)]


def test_an_instance_is_made_once_a_thread_and_not_again_for_each_use(files, monkeypatch):
    made = []
    monkeypatch.setattr(duckdb, "connect", lambda *_, **__: made.append(1) or pytest.fail("made"))
    for path in files * 3:
        assert one_value(path, "SELECT name FROM named") == path.name
    assert made == []


def test_a_file_inside_the_block_of_another_is_a_database_of_its_own(files):
    first, second = files
    with attached(first, read_only=True) as outer:
        assert one_value(second, "SELECT name FROM named") == second.name
        assert outer.execute("SELECT name FROM named").fetchall() == [(first.name,)]
        assert outer.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(1,)]


def test_threads_read_one_file_at_the_same_time(files):
    together, found = threading.Barrier(4, timeout=20), []

    def read():
        with attached(files[0], read_only=True) as connection:
            together.wait()
            found.extend(connection.execute("SELECT name FROM named").fetchall())

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [("a.duckdb",)] * 4


def interrupted(path):
    with attached(path, read_only=False) as connection:
        connection.execute("CREATE TEMP TABLE scratch AS SELECT 1")
        connection.execute("SET memory_limit = '77MB'")
        connection.execute("BEGIN; DELETE FROM named")
        raise ZeroDivisionError


def test_what_an_interrupted_block_left_does_not_reach_the_next_one(files):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            interrupted(files[0])
        assert one_value(files[0], "SELECT name FROM named") == "a.duckdb"
        limit = one_value(files[0], "SELECT current_setting('memory_limit')")
        assert not limit.startswith(("73", "77"))
        assert one_value(files[0], "SELECT count(*) FROM duckdb_tables()") == 1


def test_a_file_that_may_only_be_read_is_neither_written_nor_made(files, tmp_path):
    with pytest.raises(duckdb.Error, match="read-only"):
        one_value(files[0], "DELETE FROM named")
    with pytest.raises(duckdb.Error, match="does not exist"):
        one_value(tmp_path / "none.duckdb", "SELECT 1")
    assert not (tmp_path / "none.duckdb").exists()


def test_inside_the_block_duckdb_may_use_as_many_threads_as_elsewhere(files):
    threads = "SELECT current_setting('threads')"
    with connect() as memory:
        usual = memory.execute(threads).fetchall()[0][0]
    assert [one_value(path, threads) for path in files] == [usual, usual]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in /proc")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_no_kept_instance_crosses_a_fork(files):
    one_value(files[0], "SELECT 1")
    before = threads_of_this_process()
    one_value(files[0], "SELECT 1")
    assert threads_of_this_process() == before
    child = os.fork()
    if child == 0:
        os._exit(0 if one_value(files[0], "SELECT name FROM named") == "a.duckdb" else 1)
    assert threads_of_this_process() <= before
    assert os.waitpid(child, 0)[1] == 0
    assert one_value(files[0], "SELECT name FROM named") == "a.duckdb"
