"""Tests of many reads by one opening of the warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from trading_pipeline.errors import WarehouseError
from trading_pipeline.storage import warehouse as warehouse_module
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline_tests.storage.day_rows import days, write_days


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that is opened from here on."""
    found: list[Path] = []
    attached = warehouse_module.attached

    @contextmanager
    def noted(path: Path, *, read_only: bool) -> Iterator[Any]:
        found.append(path)
        with attached(path, read_only=read_only) as connection:
            yield connection

    monkeypatch.setattr(warehouse_module, "attached", noted)
    return found


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    """A warehouse with one row, whose tables are known to be there."""
    write_days(warehouse, "a")
    assert days(warehouse) == ["a"]
    return warehouse


def test_all_questions_of_a_block_open_the_file_once(filled, openings):
    with filled.questions():
        assert days(filled) == days(filled) == ["a"]
        with filled.read(), filled.questions():
            assert days(filled) == ["a"]
    assert openings == [filled.path]
    assert days(filled) == ["a"]
    assert len(openings) == 2


def test_a_block_that_asks_nothing_opens_nothing(filled, openings):
    with filled.questions() as let_others_write, filled.read():
        let_others_write()
    assert openings == []


def test_others_write_between_two_questions_once_the_file_was_open_for_a_second(
    filled, openings, monkeypatch
):
    other = Warehouse(filled.path, wait_seconds=0.0)
    with filled.questions() as let_others_write:
        assert days(filled) == ["a"]
        let_others_write()  # too early
        with pytest.raises(WarehouseError):
            write_days(other, "refused")
        monkeypatch.setattr(warehouse_module, "_LONGEST_QUESTIONS_SECONDS", 0.0)
        let_others_write()
        write_days(other, "b")
        assert days(filled) == ["a", "b"]
    assert openings == [filled.path] * 3


def test_a_block_inside_another_one_does_not_close_its_file(filled, openings, monkeypatch):
    monkeypatch.setattr(warehouse_module, "_LONGEST_QUESTIONS_SECONDS", 0.0)
    with filled.questions():
        assert days(filled) == ["a"]
        with filled.questions() as let_others_write:
            let_others_write()
            assert days(filled) == ["a"]
    assert openings == [filled.path]


def test_a_write_is_refused_once_the_file_is_open_and_made_before(filled):
    with filled.questions():
        write_days(filled, "b")
        assert days(filled) == ["a", "b"]
        with pytest.raises(WarehouseError, match="inside a read"):
            write_days(filled, "never")
    write_days(filled, "c")
    assert days(filled) == ["a", "b", "c"]


def test_a_wrong_statement_passes_and_the_next_question_opens_the_file_anew(filled, openings):
    with filled.questions():
        assert days(filled) == ["a"]
        with pytest.raises(duckdb.ParserException), filled.read() as connection:
            connection.execute("SELEKT")
        assert days(filled) == ["a"]
    assert len(openings) == 2
    write_days(Warehouse(filled.path, wait_seconds=0.0), "free")


def test_questions_cannot_write_and_are_in_utc(filled):
    with filled.questions(), filled.read() as connection:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("DELETE FROM daily_results")


def test_an_error_of_the_block_frees_the_file(filled):
    def fail() -> None:
        with filled.questions():
            assert days(filled) == ["a"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    write_days(Warehouse(filled.path, wait_seconds=0.0), "free")


def test_questions_inside_a_write_see_its_transaction(filled):
    with filled.write() as connection:
        connection.execute("DELETE FROM daily_results")
        with filled.questions():
            assert days(filled) == []
