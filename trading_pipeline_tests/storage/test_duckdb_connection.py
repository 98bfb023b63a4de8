"""Connections to DuckDB: no extensions anywhere, and files that are no database are left alone."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trading_pipeline.errors import WarehouseCorruptError
from trading_pipeline.storage.duckdb_connection import connect, foreign_format
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
