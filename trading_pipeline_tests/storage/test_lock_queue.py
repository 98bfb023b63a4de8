"""Tests of the queue of the warehouse's lock: first come, first served, and holders by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trading_pipeline.errors import WarehouseBusy
from trading_pipeline.storage.file_lock import hold_lock, lock_holder, queue_of

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from trading_pipeline.storage.file_lock import hold_lock
with hold_lock(Path(sys.argv[1]), exclusive=sys.argv[2] == "write", wait_seconds=30):
    print("held", flush=True)
    sys.stdin.read()
"""


def start(path: Path, kind: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "w.duckdb.lock"


@pytest.fixture
def processes(lock):
    """`processes("write", waits=False)` starts one that holds the lock, or waits for it."""
    started: list[subprocess.Popen[str]] = []

    def begin(kind: str, *, waits: bool = False) -> subprocess.Popen[str]:
        before = len(places(lock))
        process = start(lock, kind)
        started.append(process)
        if waits:
            until(lambda: len(places(lock)) > before)
        else:
            assert process.stdout.readline() == "held\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def places(lock: Path) -> list[str]:
    return sorted(path.name for path in queue_of(lock).glob("*"))


def until(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def in_threads(lock: Path, kinds: list[str]) -> list[int]:
    """The order in which threads that came in this order got the lock, while it was held."""
    order: list[int] = []

    def work(number: int, kind: str) -> None:
        with hold_lock(lock, exclusive=kind == "write", wait_seconds=30):
            order.append(number)
            time.sleep(0.03)

    threads = []
    with hold_lock(lock, exclusive=True, wait_seconds=0):
        for number, kind in enumerate(kinds):
            threads.append(threading.Thread(target=work, args=(number, kind)))
            threads[-1].start()
            until(lambda: len(places(lock)) == len(threads) + 1)
    for thread in threads:
        thread.join()
    return order


def test_writers_get_the_lock_in_the_order_in_which_they_came(lock):
    assert in_threads(lock, ["write"] * 8) == list(range(8))
    assert places(lock) == []


def test_a_writer_is_not_overtaken_by_readers_that_come_later_nor_they_by_a_later_writer(lock):
    order = in_threads(lock, ["read", "read", "write", "read", "read", "write"])
    assert set(order[:2]) == {0, 1}
    assert order[2] == 2
    assert set(order[3:5]) == {3, 4}
    assert order[5] == 5


def test_readers_without_a_pause_do_not_starve_a_writer(lock):
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with hold_lock(lock, exclusive=False, wait_seconds=30):
                time.sleep(0.02)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            with hold_lock(lock, exclusive=True, wait_seconds=5):
                pass
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("kind", ["read", "write"])
def test_the_message_names_the_holder_that_is_there_now(lock, processes, kind):
    first = processes(kind)
    told = f"process {first.pid} on .* \\(.*\\), {'reading' if kind == 'read' else 'writing'} since"
    with (
        pytest.raises(WarehouseBusy, match=told),
        hold_lock(lock, exclusive=True, wait_seconds=0.1),
    ):
        pass
    first.kill()
    first.wait()
    second = processes(kind)
    assert f"process {second.pid} on " in lock_holder(lock)
    assert str(first.pid) not in lock_holder(lock).split(" (")[0]


def test_all_readers_are_named_up_to_three(lock, processes):
    readers = [processes("read") for _ in range(4)]
    with (
        pytest.raises(WarehouseBusy) as caught,
        hold_lock(lock, exclusive=True, wait_seconds=0.05),
    ):
        pass
    assert sum(str(reader.pid) in str(caught.value) for reader in readers) == 3
    assert "; and 1 more" in str(caught.value)


@pytest.mark.parametrize("victim", ["holder", "waiter"])
def test_a_killed_holder_or_waiter_holds_nobody_up(lock, processes, victim):
    holder = processes("write")
    waiter = processes("write", waits=True)
    if victim == "waiter":
        waiter.send_signal(signal.SIGKILL)
        waiter.wait()
        holder.communicate("")
    else:
        holder.send_signal(signal.SIGKILL)
        assert waiter.stdout.readline() == "held\n"
        waiter.communicate("")
    with hold_lock(lock, exclusive=True, wait_seconds=5):
        assert len(places(lock)) == 1
    assert places(lock) == []


def test_a_read_inside_a_read_does_not_wait_for_the_writer_that_waits_for_it(lock, processes):
    with hold_lock(lock, exclusive=False, wait_seconds=1):
        processes("write", waits=True)
        started = time.monotonic()
        with hold_lock(lock, exclusive=False, wait_seconds=5):
            assert time.monotonic() - started < 0.4


def test_a_read_in_another_thread_of_a_reader_passes_the_writer_after_half_a_second(
    lock, processes
):
    done = []

    def read() -> None:
        with hold_lock(lock, exclusive=False, wait_seconds=10):
            done.append(time.monotonic())

    with hold_lock(lock, exclusive=False, wait_seconds=1):
        processes("write", waits=True)
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert done


def test_dead_places_are_taken_away_by_the_next_in_the_queue(lock):
    queue_of(lock).mkdir()
    dead = queue_of(lock) / "000000000007-write-1-0"
    dead.write_text("waits ")
    with hold_lock(lock, exclusive=False, wait_seconds=1):
        assert not dead.exists()
        assert [name.split("-")[0] for name in places(lock)] == ["000000000008"]
