"""The sidecar lock of the warehouse: exclusive for a writer, shared for readers.

The lock belongs to the open file description, so it ends with the process however that ends, and it
also keeps threads of one process apart.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trading_pipeline.errors import WarehouseBusy, WarehouseError

__all__ = ["hold_lock", "lock_holder"]

_log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS = 0.002
_LONGEST_PAUSE_SECONDS = 0.05
_LOG_AFTER_SECONDS = 2.0


@contextmanager
def hold_lock(path: Path, *, exclusive: bool, wait_seconds: float) -> Iterator[None]:
    """Hold the lock during the block.

    Raises `WarehouseBusy` naming the holder where it is not free within `wait_seconds`; a wait is
    logged after two seconds. Raises `WarehouseError` where the lock file cannot be opened; a reader
    needs no right to write where the file is there already.
    """
    descriptor = _open(path, exclusive=exclusive)
    try:
        _acquire(descriptor, path, exclusive=exclusive, wait_seconds=wait_seconds)
        try:
            if exclusive:
                _write_holder(descriptor)
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may have the file open still
    finally:
        os.close(descriptor)


def lock_holder(path: Path) -> str:
    """Who wrote last, in words; the lock itself may be free."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return (
            f"process {record['pid']} on {record['host']} ({record['command']}), "
            f"since {record['since']}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "a reader"


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


def _acquire(descriptor: int, path: Path, *, exclusive: bool, wait_seconds: float) -> None:
    mode = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
    started, pause, logged = time.monotonic(), _FIRST_PAUSE_SECONDS, False
    while True:
        try:
            fcntl.flock(descriptor, mode)
            return
        except BlockingIOError:
            waited = time.monotonic() - started
        if waited >= wait_seconds:
            raise WarehouseBusy(
                f"The warehouse {path.with_suffix('')} is in use, last written by "
                f"{lock_holder(path)}; it was not free within {wait_seconds:g} s. Wait for that "
                "process or end it, or raise TRADING_PIPELINE_WAREHOUSE_WAIT_SECONDS.",
                path=str(path.with_suffix("")),
                holder=lock_holder(path),
                wait_seconds=wait_seconds,
            )
        if waited > _LOG_AFTER_SECONDS and not logged:
            logged = True
            _log.warning("waiting for the warehouse, held by %s", lock_holder(path))
        time.sleep(min(pause, max(0.0, wait_seconds - waited)))
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _write_holder(descriptor: int) -> None:
    record = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": Path(sys.argv[0] or sys.executable).name,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with contextlib.suppress(OSError):  # on a full disk the lock holds, only its holder is unnamed
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(record).encode(), 0)
