"""Threads for compiled loops: a sweep allows them, and the work inside it shares them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["allow_threads", "share_rows", "work_together"]

_allowed: ContextVar[tuple[int, ThreadPoolExecutor | None]] = ContextVar(
    "threads_for_rows", default=(1, None)
)


_idle: dict[int, ThreadPoolExecutor] = {}
"""Threads that wait for their next block, by their number; a block has its own for itself."""
os.register_at_fork(after_in_child=_idle.clear)  # a child has none of the threads


@contextmanager
def allow_threads(count: int) -> Iterator[None]:
    """Within it, work of this thread is shared by at most `count` threads, itself among them.

    A thread begins where it first has something to do, and waits for the next block after the
    outermost one: a block inside it that asks for as many threads or fewer has those of the outer.

    >>> with allow_threads(2):
    ...     share_rows(3, lambda first, last: None)
    """
    most, outer = _allowed.get()
    if outer is not None and count <= most:
        token = _allowed.set((count, outer))
        try:
            yield
        finally:
            _allowed.reset(token)
        return
    workers = max(1, count - 1)
    pool = _idle.pop(workers, None) or ThreadPoolExecutor(workers, thread_name_prefix="rows")
    token = _allowed.set((count, pool))
    try:
        yield
    finally:
        _allowed.reset(token)
        if _idle.setdefault(workers, pool) is not pool:
            pool.shutdown(wait=False)  # all that was given to it has been waited for


def work_together(count: int, work: Callable[[int], None]) -> None:
    """Call `work(part)` for `count` parts at once, the first one in this thread.

    There are fewer parts where fewer threads are allowed. Returns once all have ended; then the
    error of the first part that failed is raised.
    """
    most, pool = _allowed.get()
    others: list[Future[None]] = []
    if pool is not None:
        others = [pool.submit(work, part) for part in range(1, min(count, most))]
    try:
        work(0)
    finally:
        failures = [each.exception() for each in others]
    for failure in failures:
        if failure is not None:
            raise failure


def share_rows(count: int, work: Callable[[int, int], None], *, together: int = 1) -> None:
    """Call `work(first, last)` for parts of `count` rows, in as many threads as are allowed.

    `work` computes rows of its own that depend on no other part, and holds no lock of Python for
    long. All parts but the last are a multiple of `together` rows, which are as quick as one.
    """
    groups = -(-count // together)
    parts = min(_allowed.get()[0], groups)
    if parts < 2:
        work(0, count)
        return
    ends = [min(count, groups * part // parts * together) for part in range(parts + 1)]
    work_together(parts, lambda part: work(*ends[part : part + 2]))
