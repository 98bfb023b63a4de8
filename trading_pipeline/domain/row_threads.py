"""Threads for indicators of many windows: a sweep allows them, compiled loops share their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["allow_threads", "share_rows"]

_allowed: ContextVar[int] = ContextVar("threads_for_rows", default=1)


@contextmanager
def allow_threads(count: int) -> Iterator[None]:
    """Within it, `share_rows` of this thread uses at most `count` threads.

    >>> with allow_threads(2):
    ...     share_rows(3, lambda first, last: None)
    """
    token = _allowed.set(count)
    try:
        yield
    finally:
        _allowed.reset(token)


def share_rows(count: int, work: Callable[[int, int], None], *, together: int = 1) -> None:
    """Call `work(first, last)` for parts of `count` rows, in as many threads as are allowed.

    `work` computes rows of its own that depend on no other part, and holds no lock of Python for
    long. All parts but the last are a multiple of `together` rows, which are as quick as one.
    """
    groups = -(-count // together)
    parts = min(_allowed.get(), groups)
    if parts < 2:
        work(0, count)
        return
    ends = [min(count, groups * part // parts * together) for part in range(parts + 1)]
    with ThreadPoolExecutor(parts - 1, thread_name_prefix="rows") as pool:
        others = [pool.submit(work, *ends[at : at + 2]) for at in range(1, parts)]
        work(*ends[:2])
        for each in others:
            each.result()
