"""SQLite files, which keep the space of removed rows until they are rewritten."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

__all__ = ["shrink"]

_WAIT_SECONDS = 5.0


def shrink(path: Path) -> int:
    """Rewrite a SQLite file without its free pages; gives the bytes that it is smaller by.

    0 where it is not there, where less than a tenth of it is free, and where another process is at
    work in it or the disk has no room for the copy: it stays as it is then. A process that is
    killed in the middle loses nothing, since SQLite writes the copy through its log.
    """
    if not path.is_file():
        return 0
    before = path.stat().st_size
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)) as opened,
    ):
        (pages,), (free,) = (
            opened.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count")
        )
        if free * 10 >= pages > 0:
            opened.execute("VACUUM")
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return max(0, before - path.stat().st_size)
