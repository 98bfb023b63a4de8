"""Tests of a warehouse in use by others: bounded waits that name the holder."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from trading_pipeline.errors import (
    WarehouseBusy,
)
from trading_pipeline.storage.file_lock import hold_lock, lock_holder, queue_of
from trading_pipeline.storage.warehouse import Warehouse
from trading_pipeline_tests.storage.day_rows import add_day, days


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

    @pytest.mark.parametrize("content", ["", "[]", "{}", "no json", 'holds {"pid": 1}'])
    def test_records_that_say_nothing_and_dead_ones_still_give_words(self, tmp_path, content):
        path = tmp_path / "x.lock"
        path.write_text('{"pid": 1, "host": "old", "command": "c", "since": "1999"}')
        queue_of(path).mkdir()
        (queue_of(path) / "000000000001-write-1-0").write_text(content)
        (queue_of(path) / "notes.txt").write_text("of the user")
        assert lock_holder(path) == "a process without a place in its queue"
        assert lock_holder(tmp_path / "none.lock") == "a process without a place in its queue"

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
