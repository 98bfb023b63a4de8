"""Tests of full disks: told apart from other failures, with the place and the mend."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections import namedtuple
from pathlib import Path

import duckdb
import pytest

from trading_pipeline.errors import (
    ConfigurationError,
    DiskFullError,
    TradingPipelineError,
    WarehouseError,
)
from trading_pipeline.storage.disk_space import disk_full_error, is_full_disk, shown_bytes
from trading_pipeline.storage.parquet_files import write_atomically
from trading_pipeline.storage.storage_failures import storage_error

Usage = namedtuple("Usage", "total used free")
FULL_DEVICE = Path("/dev/full")
needs_full_device = pytest.mark.skipif(not FULL_DEVICE.exists(), reason="no /dev/full here")


@pytest.fixture
def room(monkeypatch):
    """`room(free)`: every disk has 4 MB, of which these bytes are free."""

    def set_free(free):
        usage = Usage(4_000_000, 4_000_000 - free, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    return set_free


def raised(build):
    """The error that the call raises."""
    with pytest.raises(Exception) as caught:
        build()
    return caught.value


def full_sqlite(folder):
    """SQLite's own error of a database that may not grow any more."""
    database = sqlite3.connect(folder / "a.db")
    try:
        database.execute("PRAGMA max_page_count=2")
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (zeroblob(100000))")
    finally:
        database.close()


@needs_full_device
def test_a_file_that_finds_no_room_is_told_with_its_folder_and_what_stood_there_stays(tmp_path):
    target = tmp_path / "page.html"
    target.write_text("before")

    def write(path):
        path.write_text("half")
        FULL_DEVICE.write_text("the rest")

    error = raised(lambda: write_atomically(target, write))
    assert isinstance(error, DiskFullError)
    assert "is full" in str(error)
    assert "run the same command again" in str(error)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_right_that_is_missing_is_no_full_disk(tmp_path, room):
    room(0)
    denied = PermissionError(errno.EACCES, "Permission denied", str(tmp_path))
    assert disk_full_error(denied, tmp_path) is None
    assert not is_full_disk(denied)


def test_the_words_of_sqlite_are_known(tmp_path):
    error = raised(lambda: full_sqlite(tmp_path))
    assert is_full_disk(error)
    assert isinstance(disk_full_error(error, tmp_path), DiskFullError)


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("disk I/O error"),
        sqlite3.OperationalError("unable to open database file"),
        duckdb.IOException("IO Error: Could not write file"),
        RuntimeError("cannot cache function 'f': no locator available for file 'f.py'"),
    ],
)
def test_words_that_do_not_tell_why_count_only_where_the_disk_has_no_room(tmp_path, room, error):
    room(2_000_000)
    assert disk_full_error(error, tmp_path) is None
    room(100_000)
    assert "0.1 MB of 4.0 MB are free" in str(disk_full_error(error, tmp_path))


def test_another_mistake_on_a_full_disk_is_still_that_mistake(tmp_path, room):
    room(0)
    for error in (
        ValueError("fast must be a number"),
        RuntimeError("no"),
        duckdb.ParserException("no"),
    ):
        assert disk_full_error(error, tmp_path) is None
    assert storage_error(duckdb.ParserException("syntax"), tmp_path / "w.duckdb") is None


def test_the_reason_is_found_behind_the_errors_that_were_made_of_it(tmp_path):
    def fail():
        try:
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            except OSError as error:
                raise ConfigurationError("The feature 'a' failed.") from error
        except ConfigurationError:
            raise TradingPipelineError("The run failed.")  # noqa: B904 - the context is looked at

    error = raised(fail)
    assert is_full_disk(error)
    assert isinstance(disk_full_error(error, tmp_path), DiskFullError)


def test_the_place_is_the_runtime_folder_or_the_other_disk_that_the_error_names(tmp_path):
    runtime, other = tmp_path / "runtime", tmp_path / "other"
    (runtime / "cache").mkdir(parents=True)
    other.mkdir()
    below = OSError(errno.ENOSPC, "No space left on device", str(runtime / "cache" / "a.nbi"))
    assert disk_full_error(below, runtime).path == str(runtime)
    away = OSError(errno.EDQUOT, "Disk quota exceeded", str(other / "gone" / "a.tmp"))
    assert disk_full_error(away, runtime).path == str(other)
    assert disk_full_error(disk_full_error(below, runtime / "cache"), runtime).path == str(runtime)
    assert disk_full_error(OSError(errno.ENOSPC, "full"), runtime).path == str(runtime)


def test_the_largest_parts_of_the_folder_are_named(tmp_path):
    (tmp_path / "dagster" / "runs").mkdir(parents=True)
    (tmp_path / "dagster" / "runs" / "a.db").write_bytes(bytes(300_000))
    (tmp_path / "warehouse.duckdb").write_bytes(bytes(500_000))
    (tmp_path / "small.lock").write_bytes(b"1")
    text = str(disk_full_error(OSError(errno.ENOSPC, "full"), tmp_path))
    assert "Its largest parts are warehouse.duckdb (0.5 MB), dagster (0.3 MB)." in text


def test_duckdb_without_room_is_a_full_disk_and_its_other_failures_are_not(tmp_path):
    path = tmp_path / "w.duckdb"
    full = duckdb.IOException('IO Error: Could not write file "w": No space left on device')
    assert isinstance(storage_error(full, path), DiskFullError)
    other = storage_error(duckdb.IOException("IO Error: Permission denied"), path)
    assert type(other) is WarehouseError


def test_sizes_are_told_in_the_unit_that_people_read():
    assert shown_bytes(1_500_000_000) == "1.5 GB"
    assert shown_bytes(999_000) == "1.0 MB"
