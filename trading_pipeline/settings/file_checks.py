"""Whether files are still those that were written: by their sha256, each file hashed once."""

from __future__ import annotations

from pathlib import Path

from trading_pipeline.domain.hashing import file_hash

__all__ = ["is_intact", "present_hash"]

_KEPT = 100_000
_Stamp = tuple[int, int, int, int]
_seen: dict[Path, tuple[_Stamp, str]] = {}


def is_intact(path: Path, sha256: str | None) -> bool:
    """True where the file is there and has this sha256; where that is not known, any file will
    do."""
    found = present_hash(path)
    return found is not None and sha256 in (None, found)


def present_hash(path: Path) -> str | None:
    """sha256 of a file; None where it is missing or cannot be read.

    A file of the same inode, size and times as before is not read again by this process.
    """
    try:
        status = path.stat()
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = _seen.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        found = file_hash(path)
    except OSError:
        return None
    if len(_seen) >= _KEPT:
        _seen.clear()
    _seen[path] = (stamp, found)
    return found
