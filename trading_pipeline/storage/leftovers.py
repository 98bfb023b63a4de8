"""Removes what killed processes left: unfinished files and folders, and claims that nobody holds.

Only what is known to be dead goes: the claim beside it is held by nobody (`settings/claims.py`).
Without a claim, which earlier versions did not make, it must be a day old.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from trading_pipeline.errors import WarehouseError
from trading_pipeline.settings.claims import is_held, remove_dead
from trading_pipeline.settings.written_files import claim_beside, remove
from trading_pipeline.storage.file_lock import hold_lock, queue_of

__all__ = ["leftovers", "sweep"]

_OLD_SECONDS = 86_400.0
_OF_EARLIER_VERSIONS = re.compile(r"^\.(?:[0-9a-f]{8,64}-[A-Za-z0-9_]{8}|.+\.before)$")


def sweep(folders: Iterable[Path], warehouse: Path) -> list[Path]:
    """Remove what dead processes left in the folders and beside the warehouse; gives what is gone.

    Safe at any time, beside running passes too. What cannot be removed stays, without an error.
    """
    gone = [path for path in leftovers(folders) if _removed(path)]
    gone += _beside_the_warehouse(warehouse)
    for place in _entries(queue_of(warehouse.with_name(f"{warehouse.name}.lock"))):
        remove_dead(place.path)
    return gone


def leftovers(folders: Iterable[Path]) -> Iterator[Path]:
    """Unfinished files, folders and claims below the folders that no live process works on."""
    for folder in folders:
        for path in _walk(folder):
            claim = claim_beside(path)
            if claim is None:
                if _OF_EARLIER_VERSIONS.match(path.name) and _is_old(path):
                    yield path
            elif not is_held(claim) and (claim.exists() or _is_old(path)):
                yield path


def _walk(folder: Path) -> Iterator[Path]:
    """Hidden entries below a folder, as all that is unfinished is; they are not entered."""
    for entry in _entries(folder):
        if entry.name.startswith("."):
            yield Path(entry.path)
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _removed(path: Path) -> bool:
    """Remove it while its claim is held here, so that nobody else does the same."""
    claim = claim_beside(path)
    if claim is None or not claim.exists():
        remove(path)
        return not path.exists()
    try:
        descriptor = os.open(claim, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(descriptor).st_nlink:
            return False  # another was first, and the name may be another's by now
        if path == claim and _has_its_file(claim):
            return False  # goes with it
        remove(path)
        if not path.exists():
            claim.unlink(missing_ok=True)
        return not path.exists()
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _has_its_file(claim: Path) -> bool:
    key = claim.name.split(".")[1]
    return any(entry.name.endswith(f".{key}.tmp") for entry in _entries(claim.parent))


def _is_old(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - path.lstat().st_mtime > _OLD_SECONDS
    return False


def _beside_the_warehouse(warehouse: Path) -> list[Path]:
    """A warehouse that was being made, and DuckDB's folder of spilled rows; under the lock."""
    names = (".new", ".new.wal", ".tmp")
    beside = [warehouse.with_name(warehouse.name + ending) for ending in names]
    found = [path for path in beside if path.exists()]
    if not found:
        return []
    lock = warehouse.with_name(f"{warehouse.name}.lock")
    with (
        contextlib.suppress(WarehouseError),  # in use: the next pass looks again
        hold_lock(lock, exclusive=True, wait_seconds=0),
    ):
        for path in found:
            remove(path)
    return [path for path in found if not path.exists()]
