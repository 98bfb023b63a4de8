"""Failures of paths and of Dagster's records: one paragraph with the path and the way out."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trading_pipeline.errors import RuntimeFolderError
from trading_pipeline.storage.path_failures import damaged_databases, folder_error, wrong_folders


def raised(call, *arguments):
    """The error that a call raises, with what it came from."""
    with pytest.raises(Exception) as caught:
        call(*arguments)
    return caught.value


def told(error, runtime):
    found = folder_error(error, runtime, runtime / "config")
    assert isinstance(found, RuntimeFolderError)
    assert str(found).isprintable()
    return str(found)


class TestPaths:
    def test_a_file_where_a_folder_should_be(self, tmp_path):
        (tmp_path / "models").write_text("x")
        for call in ((tmp_path / "models").mkdir, lambda: list((tmp_path / "models").iterdir())):
            said = told(raised(call), tmp_path)
            assert str(tmp_path / "models") in said
            assert "a file stands where a folder should be" in said
            assert "Move what stands there away" in said

    def test_a_folder_where_a_file_should_be(self, tmp_path):
        (tmp_path / "x").mkdir()
        assert "a folder where a file" in told(raised((tmp_path / "x").read_text), tmp_path)

    @pytest.mark.parametrize("length", [300, 5000])
    def test_a_name_longer_than_the_file_system_takes(self, tmp_path, length):
        runtime = tmp_path / ("n" * length)
        said = told(raised(runtime.mkdir), runtime)
        assert "longer than the file system takes" in said
        assert len(said) < 700

    def test_a_folder_that_is_gone(self, tmp_path):
        error = raised((tmp_path / "dagster" / "x").write_text, "x")
        assert "it is gone" in told(error, tmp_path)

    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (errno.EACCES, "may not read or write"),
            (errno.EPERM, "may not read or write"),
            (errno.EROFS, "can only be read"),
            (errno.EMFILE, "too many files are open"),
            (errno.EIO, "the disk failed"),
            (errno.ELOOP, "links lead in a circle"),
        ],
    )
    def test_no_right_and_other_reasons(self, tmp_path, number, words):
        error = OSError(number, os.strerror(number), str(tmp_path / "cache"))
        assert words in told(error, tmp_path)
        wrapped = RuntimeError("a library's own")
        wrapped.__cause__ = error
        assert words in told(wrapped, tmp_path)

    def test_a_folder_above_the_project_counts_too(self, tmp_path):
        runtime = tmp_path / "above" / "runtime"
        error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "above"))
        assert "may not read or write" in told(error, runtime)

    @pytest.mark.parametrize("name", ["a%20b%s %d", "a\nb", os.fsdecode(b"b\xff\xfe"), "東京 ü"])
    def test_a_path_of_any_name_is_shown_on_one_line(self, tmp_path, name):
        runtime = tmp_path / name
        error = PermissionError(errno.EACCES, "Permission denied", str(runtime / "cache"))
        told(error, runtime).encode("utf-8")

    def test_a_path_that_is_no_text_is_named_by_its_bytes(self, tmp_path):
        error = raised(os.fsdecode(b"b\xff").encode)
        assert "b'b\\xff'" in told(error, tmp_path)

    @pytest.mark.parametrize(
        "error",
        [
            ZeroDivisionError("of the program"),
            FileNotFoundError(errno.ENOENT, "gone", "/usr/lib/x.so"),
            ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
            ValueError("x"),
        ],
    )
    def test_other_errors_are_not_explained_away(self, tmp_path, error):
        assert folder_error(error, tmp_path) is None


class TestRecords:
    @pytest.fixture
    def records(self, tmp_path):
        path = tmp_path / "dagster" / "history" / "runs.db"
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as opened:
            opened.execute("CREATE TABLE runs (id INTEGER, text VARCHAR)")
            rows = [(number, "x" * 400) for number in range(200)]
            opened.executemany("INSERT INTO runs VALUES (?, ?)", rows)
            opened.commit()
        return path

    @pytest.mark.parametrize("damage", ["text", "cut", "middle"])
    def test_a_damaged_database_is_found_and_named(self, tmp_path, records, damage):
        assert damaged_databases(tmp_path / "dagster") == []
        whole = records.read_bytes()
        records.write_bytes(
            {
                "text": b"not a database\n" * 500,
                "cut": whole[: len(whole) // 2],
                "middle": whole[:4096] + b"\xa5" * 8192 + whole[12288:],
            }[damage]
        )
        assert damaged_databases(tmp_path / "dagster") == [records]

    @pytest.mark.parametrize(
        "error",
        [
            sqlite3.DatabaseError("file is not a database"),
            sqlite3.DatabaseError("database disk image is malformed"),
            sqlite3.OperationalError("no such table: runs"),
            sqlite3.OperationalError("unable to open database file"),
            sqlite3.OperationalError("attempt to write a readonly database"),
        ],
    )
    def test_its_error_says_what_is_lost_and_what_to_do(self, tmp_path, error):
        outer = RuntimeError(f"({error})\n[SQL: PRAGMA x]")
        outer.__cause__ = error
        (tmp_path / "dagster").mkdir()
        said = told(outer, tmp_path)
        assert f"move {tmp_path / 'dagster'} away" in said
        assert "bars, models and results are elsewhere" in said

    def test_records_that_are_gone_are_made_anew(self, tmp_path):
        said = told(sqlite3.OperationalError("unable to open database file"), tmp_path)
        assert "is gone" in said
        assert "Run the same command again" in said

    def test_a_busy_database_is_waited_for_and_not_moved(self, tmp_path):
        (tmp_path / "dagster").mkdir()
        said = told(sqlite3.OperationalError("database is locked"), tmp_path)
        assert "in use by another process" in said
        assert "move" not in said


def test_folders_that_cannot_be_used_are_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    (tmp_path / "closed").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "closed")
    (tmp_path / "open").mkdir()
    names = ("file", "closed", "link", "open", "absent")
    found = wrong_folders({name: tmp_path / name for name in names})
    assert len(found) == 3
    assert "no folder: move it away" in found[0]
    assert "may not read and write" in found[1]
