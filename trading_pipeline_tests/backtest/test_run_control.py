"""Blocks of work: threads, progress, errors and stops."""

import threading

import pytest

from trading_pipeline.backtest import run_control
from trading_pipeline.backtest.run_control import Pace, paced, run_blocks, usable_threads
from trading_pipeline.errors import ConfigurationError, RunCancelledError

BLOCKS = [(0, 3), (3, 6), (6, 7)]


def test_every_block_is_worked_on_once():
    seen = []
    run_blocks(lambda first, last: seen.append((first, last)), BLOCKS, threads=2)
    assert sorted(seen) == BLOCKS


def test_progress_counts_pieces_from_the_callers_thread():
    told, names = [], set()

    def progress(done, total):
        told.append((done, total))
        names.add(threading.current_thread())

    run_blocks(lambda first, last: None, BLOCKS, threads=1, progress=progress)
    assert told[-1] == (7, 7)
    assert names == {threading.current_thread()}


def test_error_in_a_block_is_raised_as_it_is():
    def fail(first, last):
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        run_blocks(fail, BLOCKS, threads=2)


def test_stop_before_the_first_block_does_nothing():
    seen = []
    with pytest.raises(RunCancelledError, match="after 0 of 7") as stopped:
        run_blocks(lambda first, last: seen.append(first), BLOCKS, cancelled=lambda: True)
    assert seen == []
    assert stopped.value.values == {"done": 0, "total": 7}


def test_no_blocks_are_done_at_once():
    run_blocks(lambda first, last: None, [], threads=1)


def test_two_threads_work_at_the_same_time():
    meeting = threading.Barrier(2, timeout=10)
    run_blocks(lambda first, last: meeting.wait(), [(0, 1), (1, 2)], threads=2)


def test_threads_below_one_are_refused():
    with pytest.raises(ConfigurationError, match="0 threads"):
        usable_threads(0)
    assert usable_threads(None) >= 1


def test_a_pace_counts_what_was_done_since_the_first_call(monkeypatch):
    clock = iter([100.0, 102.0, 104.0])
    monkeypatch.setattr(run_control.time, "monotonic", lambda: next(clock))
    seen: list[Pace] = []
    progress = paced(seen.append)
    for done in (40, 50, 100):  # 40 were done before
        progress(done, 100)
    assert str(seen[0]) == "40 of 100"
    assert (seen[1].rate, seen[1].seconds_left) == (5.0, 10.0)
    assert str(seen[2]) == "100 of 100, 15 a second, 0 s left"
