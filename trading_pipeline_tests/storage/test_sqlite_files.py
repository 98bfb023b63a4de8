"""Tests of SQLite files that give back the space of removed rows."""

import sqlite3
from contextlib import closing

import pytest

from trading_pipeline.storage.sqlite_files import shrink


@pytest.fixture
def half_empty(tmp_path):
    """A file of 200 rows of which 50 are left."""
    path = tmp_path / "index.db"
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("CREATE TABLE rows (number INTEGER, text TEXT)")
        opened.executemany("INSERT INTO rows VALUES (?, ?)", [(n, "x" * 2000) for n in range(200)])
        opened.execute("DELETE FROM rows WHERE number >= 50")
        opened.commit()
    return path


def numbers(path):
    with closing(sqlite3.connect(path)) as opened:
        return [number for (number,) in opened.execute("SELECT number FROM rows ORDER BY number")]


def test_a_file_gives_back_the_space_of_removed_rows_once(half_empty):
    before = half_empty.stat().st_size
    freed = shrink(half_empty)
    assert freed > before // 2
    assert half_empty.stat().st_size == before - freed
    assert numbers(half_empty) == list(range(50))
    assert shrink(half_empty) == 0


def test_a_file_that_another_connection_reads_is_left_as_it_is(half_empty, monkeypatch):
    monkeypatch.setattr("trading_pipeline.storage.sqlite_files._WAIT_SECONDS", 0.05)
    with closing(sqlite3.connect(half_empty, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert shrink(half_empty) == 0
        other.execute("ROLLBACK")
    assert numbers(half_empty) == list(range(50))


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    assert shrink(tmp_path / "index.db") == 0
    assert not (tmp_path / "index.db").exists()
