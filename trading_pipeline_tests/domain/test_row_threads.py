"""Rows shared among threads: each row once, the same bits, and errors as they are."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from trading_pipeline.domain.row_threads import allow_threads, share_rows, work_together
from trading_pipeline.strategies.exponential_average import exponential_averages, macd_lines
from trading_pipeline.strategies.trend.moving_average import simple_moving_averages


@pytest.mark.parametrize("allowed", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 33, 100])
def test_each_row_is_in_one_part_and_parts_are_whole_groups(count, allowed):
    parts = []
    with allow_threads(allowed):
        share_rows(count, lambda first, last: parts.append((first, last)), together=16)
    assert sorted(row for part in parts for row in range(*part)) == list(range(count))
    assert len(parts) <= allowed
    assert all(first % 16 == 0 for first, _ in parts)


def test_without_leave_the_callers_thread_does_all():
    threads = []
    with allow_threads(3):
        share_rows(3, lambda *_: threads.append(threading.get_ident()))
    assert len(threads) == 3
    threads.clear()
    share_rows(3, lambda *_: threads.append(threading.get_ident()))
    assert threads == [threading.get_ident()]


def test_an_error_of_any_part_is_raised():
    def work(first, _):
        if first:
            raise ValueError(f"row {first}")

    with allow_threads(2), pytest.raises(ValueError, match="row 1"):
        share_rows(2, work)


def test_a_call_inside_uses_the_threads_that_are_there():
    meeting, names = threading.Barrier(3, timeout=10), set()

    def work(part):
        names.add(threading.current_thread())
        meeting.wait()

    with allow_threads(3):
        work_together(3, work)
        with allow_threads(3):
            work_together(5, work)  # as many as are allowed
    assert len(names) == 3
    assert threading.current_thread() in names


def test_a_later_block_has_the_threads_of_an_earlier_one_and_blocks_at_once_have_their_own():
    def threads_of(blocks):
        meeting, names = threading.Barrier(2 * blocks, timeout=10), [set() for _ in range(blocks)]

        def block(number):
            def work(_):
                names[number].add(threading.current_thread())
                meeting.wait()

            with allow_threads(2):
                work_together(2, work)

        callers = [threading.Thread(target=block, args=(number,)) for number in range(1, blocks)]
        for caller in callers:
            caller.start()
        block(0)
        for caller in callers:
            caller.join()
        return names

    assert threads_of(1) == threads_of(1)
    first, second = threads_of(2)
    assert not first & second


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_begins_threads_of_its_own():
    with allow_threads(2):
        work_together(2, lambda part: None)
    child = os.fork()
    if child == 0:
        parts: list[int] = []
        with allow_threads(2):
            work_together(2, parts.append)
        os._exit(0 if sorted(parts) == [0, 1] else 1)
    for _ in range(1000):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
    assert (ended, status) == (child, 0)


def test_the_caller_s_error_comes_after_the_others_have_ended():
    ended = threading.Event()

    def work(part):
        if part == 0:
            raise KeyError("mine")
        ended.set()

    with allow_threads(2), pytest.raises(KeyError, match="mine"):
        work_together(2, work)
    assert ended.is_set()


def test_threads_change_no_bit_of_an_average():
    values = 100.0 + np.random.default_rng(5).normal(size=700).cumsum()
    windows = list(range(1, 60))
    triples = [(fast, fast + 9, signal) for fast in range(2, 20) for signal in (2, 9, 30)]
    for compute in (
        lambda: simple_moving_averages(values, windows),
        lambda: exponential_averages(values, windows),
        lambda: macd_lines(values, triples)[0],
    ):
        alone = compute()
        with allow_threads(3):
            np.testing.assert_array_equal(compute(), alone)
