"""How long runs report progress, stop when asked, and share the processor cores."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from trading_pipeline.backtest.arrays import IntArray
from trading_pipeline.domain.row_threads import allow_threads, work_together
from trading_pipeline.errors import ConfigurationError, RunCancelledError

__all__ = [
    "Cancelled",
    "Pace",
    "Progress",
    "paced",
    "run_blocks",
    "run_watched",
    "stopped_at",
    "usable_threads",
]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) from the caller's own thread."""

Cancelled: TypeAlias = Callable[[], bool]
"""Asked between blocks of work; True ends the run with `RunCancelledError`."""


@dataclass(frozen=True)
class Pace:
    """How far a run is, and how fast it goes.

    `rate`: units a second since it began; what a checkpoint held was done before, and is no part of
    it. `seconds_left`: at that rate. Both NaN until something is done.

    >>> str(Pace(done=250, total=1000, rate=50.0, seconds_left=15.0))
    '250 of 1,000, 50 a second, 15 s left'
    """

    done: int
    total: int
    rate: float
    seconds_left: float

    def __str__(self) -> str:
        """In one line, for a terminal."""
        told = f"{self.done:,} of {self.total:,}"
        if self.rate == self.rate:
            told += f", {self.rate:,.3g} a second, {self.seconds_left:,.0f} s left"
        return told


def paced(show: Callable[[Pace], object]) -> Progress:
    """A `progress` that calls `show` with the pace: `run_sweep(..., progress=paced(print))`."""
    began: list[tuple[float, int]] = []

    def progress(done: int, total: int) -> None:
        now = time.monotonic()
        if not began:
            began.append((now, done))
        (start, before), rate, left = began[0], math.nan, math.nan
        if done > before and now > start:
            rate = (done - before) / (now - start)
            left = (total - done) / rate
        show(Pace(done=done, total=total, rate=rate, seconds_left=left))

    return progress


_POLL_SECONDS = 0.05


def stopped_at(bar: int, bars: int) -> RunCancelledError:
    """The error of a run over bars that was stopped."""
    return RunCancelledError(
        f"The run was stopped at bar {bar} of {bars}; nothing of it is kept. Start it again for "
        "all of them.",
        done=bar,
        total=bars,
    )


def run_watched(
    work: Callable[[IntArray], None],
    bars: int,
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> None:
    """Call `work(control)`, which writes the bar it is at into `control[0]`.

    With `progress` or `cancelled` it works in a thread of its own and must hold no lock; both are
    called from the caller's thread, about 20 times a second. `work` ends early once `control[1]` is
    not 0; then `RunCancelledError` is raised.
    """
    control = np.zeros(2, dtype=np.int64)
    if progress is None and cancelled is None:
        work(control)
        return
    failure: list[BaseException] = []

    def guarded() -> None:
        try:
            work(control)
        except BaseException as error:  # raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=guarded, name="account")
    thread.start()
    stopped = False
    try:
        while True:
            stopped = cancelled is not None and cancelled()
            if stopped:
                break
            thread.join(_POLL_SECONDS)
            if not thread.is_alive():
                break
            if progress is not None:
                progress(int(control[0]), bars)
    finally:
        control[1] = int(thread.is_alive())
        thread.join()
    if failure:
        raise failure[0]
    if stopped:
        raise stopped_at(int(control[0]), bars)
    if progress is not None:
        progress(bars, bars)


def usable_threads(threads: int | None) -> int:
    """The given number, or one a core that this process may use.

    Raises `ConfigurationError` for a number below 1.

    >>> usable_threads(3)
    3
    """
    if threads is None:
        has_affinity = hasattr(os, "sched_getaffinity")
        return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    if threads < 1:
        raise ConfigurationError(
            f"A run was asked to use {threads} threads; give 1 or more, or None for one a core.",
            threads=threads,
        )
    return threads


def run_blocks(
    work: Callable[[int, int], None],
    sizes: Sequence[tuple[int, int]],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> None:
    """Call `work(first, last)` for each block, in as many threads as asked.

    The caller's thread is one of them; between its blocks `progress` and `cancelled` are called.
    `work` must write to places of its own, so that the order of blocks cannot matter. A run that is
    stopped ends after the blocks in work. An error in a block ends the run and is raised as it is.
    """
    total, told = sum(last - first for first, last in sizes), 0
    waiting, finished = deque(sizes), deque[int]()
    stops = cancelled is not None and cancelled()

    def tell() -> None:
        nonlocal told
        if progress is not None and told < (done := sum(finished)):
            told = done
            progress(done, total)

    def take_blocks(part: int) -> None:
        nonlocal stops
        try:
            while not stops:
                try:
                    first, last = waiting.popleft()
                except IndexError:
                    return
                work(first, last)
                finished.append(last - first)
                if part == 0:
                    tell()
                    stops = stops or (cancelled is not None and cancelled())
        except BaseException:
            stops = True
            raise

    count = min(usable_threads(threads), len(sizes))
    with allow_threads(count):
        work_together(count, take_blocks)
    tell()
    if stops:
        done = sum(finished)
        raise RunCancelledError(
            f"The run was stopped after {done} of {total} combinations; nothing of it is kept. "
            "Start it again for all of them.",
            done=done,
            total=total,
        )
