"""Tells a full disk from other failures, and says what to do about it. Sizes in bytes."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb

from trading_pipeline.errors import DiskFullError

__all__ = ["disk_full_error", "error_chain", "is_full_disk", "shown_bytes"]

_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
_WORDS = ("No space left on device", "database or disk is full", "Disk quota exceeded")
# Vague words of a failed write; where the disk has less room than this, that is the reason.
_TIGHT_BYTES = 1_000_000
_VAGUE = (
    "disk I/O error",
    "unable to open database file",
    "cannot cache function",
    "no such table",
)
_SHOWN_PARTS = 3


def is_full_disk(error: BaseException) -> bool:
    """True where the error, or a cause of it, says that a disk is full or a quota used up."""
    return any(_says_full(each) for each in error_chain(error))


def disk_full_error(error: BaseException, folder: Path) -> DiskFullError | None:
    """The typed error of a full disk; None where neither `error` nor a cause of it is of that kind.

    `folder`: where the write went, for errors that do not name their file. SQLite's words for a
    failed write are vague; they count where the disk of `folder` has less than 1 MB left.
    """
    chain = list(error_chain(error))
    told = [each for each in chain if _says_full(each)]
    if not told and not any(_is_vague(each) and _room(folder)[0] < _TIGHT_BYTES for each in chain):
        return None
    place = next((path for each in told if (path := _place(each)) is not None), folder)
    if place.is_relative_to(folder):
        place = folder
    free, total = _room(place)
    return DiskFullError(
        f"The disk that holds {place} is full: {shown_bytes(free)} of {shown_bytes(total)} are "
        f"free, and more had to be written.{_largest(place)} What was finished is kept, and "
        "nothing is half written. Free some space there and run the same command again: it "
        "continues from there. Or copy the folder to a larger disk and point "
        "TRADING_PIPELINE_RUNTIME_DIR at the copy.",
        path=str(place),
        free_bytes=free,
        total_bytes=total,
    )


def shown_bytes(size: int) -> str:
    """A size for people.

    >>> shown_bytes(0), shown_bytes(2_633_728), shown_bytes(400_000_000_000)
    ('0.0 MB', '2.6 MB', '400.0 GB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def error_chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all its causes, each once."""
    open_ends, seen = [error], set()
    while open_ends:
        each = open_ends.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            open_ends += [e for e in (each.__context__, each.__cause__) if e is not None]


def _says_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _NUMBERS
    if isinstance(error, (OSError, sqlite3.Error, duckdb.Error)):
        return any(words in str(error) for words in _WORDS)
    return isinstance(error, DiskFullError)


def _is_vague(error: BaseException) -> bool:
    return isinstance(error, (sqlite3.Error, duckdb.IOException, RuntimeError)) and (
        isinstance(error, duckdb.IOException) or any(words in str(error) for words in _VAGUE)
    )


def _place(error: BaseException) -> Path | None:
    """The folder that the error names, or its nearest parent that exists."""
    if isinstance(error, DiskFullError):
        return Path(error.path)
    if isinstance(error, OSError) and error.filename:
        return _existing(Path(os.fsdecode(error.filename)).absolute())
    return None


def _existing(path: Path) -> Path:
    return next((each for each in (path, *path.parents) if each.is_dir()), path)


def _room(folder: Path) -> tuple[int, int]:
    usage = shutil.disk_usage(_existing(folder))
    return usage.free, usage.total


def _largest(folder: Path) -> str:
    """A sentence with the largest parts of a folder; empty where they are small."""
    if not folder.is_dir():
        return ""
    sizes = {each.name: _size(each) for each in folder.iterdir()}
    ordered = sorted(sizes, key=lambda name: (-sizes[name], name))[:_SHOWN_PARTS]
    shown = [f"{name} ({shown_bytes(sizes[name])})" for name in ordered if sizes[name] >= 50_000]
    return f" Its largest parts are {', '.join(shown)}." if shown else ""


def _size(path: Path) -> int:
    """Bytes of a file or of all below a folder; files that vanish meanwhile count 0."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    total = 0
    for each in files:
        with contextlib.suppress(FileNotFoundError):
            total += each.lstat().st_size
    return total
