"""The sidecar lock of the warehouse: exclusive for a writer, shared for readers, first come first.

The lock belongs to the open file description, so it ends with the process however that ends, and it
also keeps threads of one process apart. Beside it is a queue: a folder with a claim of each that
waits or holds. The queue gives the turns and the names; the lock alone keeps writers apart, so
those who cannot write into the folder still read safely, only without a place in the queue.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading_pipeline.errors import WarehouseBusy, WarehouseError
from trading_pipeline.settings.claims import (
    is_held,
    make_claim,
    mark,
    owner_of,
    release_claim,
    remove_dead,
    state_of,
)

__all__ = ["hold_lock", "lock_holder", "queue_of"]

_log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS = 0.0005
_LONGEST_PAUSE_SECONDS = 0.01
_LOG_AFTER_SECONDS = 2.0
_OWN_PROCESS_SECONDS = 0.5
_WAITS, _HOLDS = "waits ", "holds "
_SHOWN_HOLDERS = 3
_WRITER, _READER = "write", "read"
_numbers = itertools.count()
_reading: Counter[tuple[str, int]] = Counter()  # shared locks held, by file and thread
_reading_guard = threading.Lock()


@contextmanager
def hold_lock(path: Path, *, exclusive: bool, wait_seconds: float) -> Iterator[None]:
    """Hold the lock during the block; those who came earlier have it earlier.

    A thread that reads already is let in at once, and one whose process reads after half a second:
    a writer that waits for the first read would otherwise keep the second from its end.

    Raises `WarehouseBusy` naming the holders where it is not free within `wait_seconds`; a wait is
    logged after two seconds. Raises `WarehouseError` where the lock file cannot be opened; a reader
    needs no right to write where the file is there already.
    """
    descriptor = _open(path, exclusive=exclusive)
    try:
        place = _Place(path, exclusive=exclusive)
        try:
            _acquire(descriptor, place, wait_seconds)
            try:
                place.holds()
                with _counted(path, exclusive=exclusive):
                    yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may have the file open
        finally:
            place.leave()
    finally:
        os.close(descriptor)


def queue_of(path: Path) -> Path:
    """The folder of those who wait for a lock or hold it."""
    return path.with_suffix(".queue")


def lock_holder(path: Path, *, besides: str = "") -> str:
    """Who holds the lock at this moment, in words; up to three readers."""
    found, unsaid = [], []
    for name in _names(queue_of(path)):
        place = queue_of(path) / name
        kind = _parts(name)[1]
        owner = owner_of(place, "writing" if kind == _WRITER else "reading")
        if name == besides:
            continue
        if owner is None:
            if is_held(place):  # the disk was full when it came
                doing = "writing" if kind == _WRITER else "reading"
                unsaid.append(f"process {name.split('-')[2]}, {doing}")
        elif state_of(place) == _HOLDS:
            found.append(owner)
    found = found or unsaid
    if not found:
        return "a process without a place in its queue"
    more = len(found) - _SHOWN_HOLDERS
    return "; ".join(found[:_SHOWN_HOLDERS]) + (f"; and {more} more" if more > 0 else "")


class _Place:
    """A place in the queue, or none where its folder cannot be written."""

    def __init__(self, path: Path, *, exclusive: bool) -> None:
        self.path, self.exclusive = path, exclusive
        self.name = ""
        self._descriptor: int | None = None
        self._started = time.monotonic()
        folder = str(queue_of(path))
        before = _names(folder)
        number = _parts(before[-1])[0] + 1 if before else 1
        kind = _WRITER if exclusive else _READER
        name = f"{number:012d}-{kind}-{os.getpid()}-{next(_numbers)}"
        try:
            self._descriptor = _claim_in(folder, name)
            self.name = name
        except OSError:
            before = []  # without a place: whoever finds the lock free has it
        self._ahead = [
            f"{folder}/{each}" for each in before if exclusive or _parts(each)[1] == _WRITER
        ]

    def is_first(self) -> bool:
        """True where nobody who is alive comes first."""
        while self._ahead:
            if self._is_nested():
                return True
            if is_held(self._ahead[-1]):
                return False
            remove_dead(self._ahead.pop())
        return True

    def holds(self) -> None:
        """Say that the lock is held now."""
        if self._descriptor is not None:
            mark(self._descriptor, _HOLDS)

    def leave(self) -> None:
        """Give the place up."""
        if self._descriptor is not None:
            release_claim(queue_of(self.path) / self.name, self._descriptor)

    def _is_nested(self) -> bool:
        if self.exclusive or not _reading:
            return False
        file = str(self.path)
        if _reading[file, threading.get_ident()]:
            return True
        waited = time.monotonic() - self._started
        return waited >= _OWN_PROCESS_SECONDS and any(
            count for (name, _), count in list(_reading.items()) if name == file
        )


def _claim_in(folder: str, name: str) -> int:
    place = f"{folder}/{name}"
    try:
        return make_claim(place, state=_WAITS)
    except FileNotFoundError:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return make_claim(place, state=_WAITS)


def _names(folder: Path | str) -> list[str]:
    """Places in a queue, the earliest first."""
    try:
        return sorted(filter(_is_place, os.listdir(folder)))  # noqa: PTH208 - names are enough
    except OSError:
        return []


def _is_place(name: str) -> bool:
    return bool(_parts(name)[1])


def _parts(name: str) -> tuple[int, str]:
    number, _, rest = name.partition("-")
    kind = rest.partition("-")[0]
    known = number.isdigit() and kind in (_WRITER, _READER) and rest.count("-") == 2
    return (int(number), kind) if known else (0, "")


@contextmanager
def _counted(path: Path, *, exclusive: bool) -> Iterator[None]:
    if exclusive:
        yield
        return
    key = (str(path), threading.get_ident())
    with _reading_guard:
        _reading[key] += 1
    try:
        yield
    finally:
        with _reading_guard:
            _reading[key] -= 1
            if not _reading[key]:
                del _reading[key]


def _open(path: Path, *, exclusive: bool) -> int:
    try:
        if not exclusive and path.exists():
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise WarehouseError(
            f"The lock file {path} of the warehouse cannot be opened: {error.strerror}. Allow this "
            "user to write in that folder, or point TRADING_PIPELINE_RUNTIME_DIR at another one.",
            path=str(path),
        ) from error


def _acquire(descriptor: int, place: _Place, wait_seconds: float) -> None:
    path = place.path
    mode = (fcntl.LOCK_EX if place.exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
    started, pause, logged = time.monotonic(), _FIRST_PAUSE_SECONDS, False
    while True:
        if place.is_first():
            try:
                fcntl.flock(descriptor, mode)
                return
            except BlockingIOError:
                pass
        waited = time.monotonic() - started
        if waited >= wait_seconds:
            holder = lock_holder(path, besides=place.name)
            raise WarehouseBusy(
                f"The warehouse {path.with_suffix('')} is in use by {holder}; it was not free "
                f"within {wait_seconds:g} s. Wait for that process or end it, or raise "
                "TRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS.",
                path=str(path.with_suffix("")),
                holder=holder,
                wait_seconds=wait_seconds,
            )
        if waited > _LOG_AFTER_SECONDS and not logged:
            logged = True
            holder = lock_holder(path, besides=place.name)
            _log.warning("waiting for the warehouse, held by %s", holder)
        time.sleep(min(pause, max(0.0, wait_seconds - waited)))
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
