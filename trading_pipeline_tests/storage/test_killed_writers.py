"""Tests of writers that are killed: a window is old or new, never torn."""

from __future__ import annotations

import contextlib
import random

from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.storage.stores.bars import BarStore
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline_tests.storage.forked_writers import (
    INSTRUMENT,
    ROWS,
    WINDOW,
    write_version,
)

KILLS_BEFORE_COMMIT = 10
KILLS_AT_RANDOM = 12


def stored_window(warehouse: Warehouse) -> int:
    """Version of the window that is stored; fails where it is torn or its attempt is another's."""
    store = BarStore(warehouse)
    bars = store.read(INSTRUMENT, [WINDOW])
    assert len(bars) == ROWS
    assert bars.index.is_monotonic_increasing
    versions = set(bars.to_numpy().ravel().tolist())
    assert len(versions) == 1, f"a torn window: {versions}"
    version = int(versions.pop())
    assert store.newest_attempts(INSTRUMENT)[WINDOW.key].content_hash == str(version)
    return version


def test_a_writer_killed_between_its_last_statement_and_the_commit_leaves_the_old_window(
    warehouse, forked_writers
):
    warehouse.wait_seconds = 0.5  # the lock of the dead must be free
    write_version(warehouse, 0)
    for kill in range(KILLS_BEFORE_COMMIT):
        answer = forked_writers(
            do="write", path=warehouse.path, version=100 + kill, kill="before_commit"
        )
        assert answer["killed"]
        assert stored_window(warehouse) == kill
        write_version(warehouse, kill + 1)  # the next write works
        assert stored_window(warehouse) == kill + 1


def test_a_writer_killed_at_any_moment_leaves_the_old_window_or_the_new_one(
    warehouse, forked_writers
):
    warehouse.wait_seconds = 0.5
    write_version(warehouse, 0)
    duration = forked_writers(do="write", path=warehouse.path, version=1, kill=None)["seconds"]
    assert stored_window(warehouse) == 1
    moments, version, killed = random.Random(7), 1, 0
    for _ in range(KILLS_AT_RANDOM):
        after = moments.uniform(0.0, duration)
        answer = forked_writers(do="write", path=warehouse.path, version=version + 1, kill=after)
        killed += answer["killed"]
        found = stored_window(warehouse)
        assert found in (version, version + 1)
        version = found
    assert killed >= KILLS_AT_RANDOM // 2
    write_version(warehouse, 99)
    assert stored_window(warehouse) == 99


def test_a_writer_killed_while_it_makes_the_file_leaves_none_or_a_whole_one(
    runtime, forked_writers
):
    for number in range(10):
        warehouse = Warehouse(runtime / f"{number}.duckdb", wait_seconds=0.5)
        answer = forked_writers(
            do="write",
            path=warehouse.path,
            version=1,
            kill=0.0007 * number,  # making the file takes some milliseconds
            from_creation=True,
        )
        assert answer["killed"]
        with contextlib.suppress(InsufficientDataError):  # killed before the commit
            assert stored_window(warehouse) == 1
        write_version(warehouse, 2)
        assert stored_window(warehouse) == 2


def test_the_next_read_sees_what_another_process_wrote(warehouse, forked_writers):
    write_version(warehouse, 0)
    for version in (1, 2, 3):
        answer = forked_writers(do="write", path=warehouse.path, version=version, kill=None)
        assert answer["status"] == 0
        assert stored_window(warehouse) == version


def test_a_killed_write_leaves_no_row_of_its_attempt(warehouse, forked_writers):
    answer = forked_writers(do="write", path=warehouse.path, version=5, kill="before_commit")
    assert answer["killed"]
    assert BarStore(warehouse).newest_attempts(INSTRUMENT) == {}
    assert BarStore(warehouse).counts() == {}
