"""What errors of DuckDB mean for the warehouse: damaged, too new, held, or no space."""

from __future__ import annotations

from pathlib import Path

import duckdb

from trading_pipeline.errors import WarehouseCorruptError, WarehouseError, WarehouseVersionError
from trading_pipeline.storage.disk_space import disk_full_error

__all__ = ["corrupt_error", "is_held_elsewhere", "storage_error"]

# DuckDB 1.5 and 2.0 raise some of these under different types, but with the same words.
_HELD = ("Could not set lock on file", "being used by another process", "file handle conflict")
_DAMAGED = ("Corrupt database file", "not a valid DuckDB", "Could not read enough bytes")
_TOO_NEW = "database file with version number"
_DISK = ("Could not write", "No space left", "Failed to commit", "Failed to checkpoint")
_DISK_TYPES = (duckdb.IOException, duckdb.FatalException, duckdb.OutOfMemoryException)


def is_held_elsewhere(error: duckdb.Error) -> bool:
    """True where the file cannot be opened because a connection outside this package has it
    open."""
    return any(words in str(error) for words in _HELD)


def corrupt_error(reason: str, path: Path) -> WarehouseCorruptError:
    """The error of a file that is damaged or no database; `reason` is a sentence."""
    return WarehouseCorruptError(
        f"The warehouse {path} cannot be opened or read: {' '.join(reason.split())} Move the file "
        "away (bars can be fetched again, results and trials are lost with it) or restore a copy.",
        path=str(path),
    )


def storage_error(
    error: duckdb.Error, path: Path, *, opening: bool = False
) -> WarehouseError | None:
    """The typed error of a failure of file or disk; None for one of the statement itself.

    `opening`: the file could not be opened, so that every error is one of the file.
    """
    text = " ".join(str(error).split())
    if any(words in text for words in _DAMAGED) or isinstance(error, duckdb.SerializationException):
        return corrupt_error(text, path)
    if _TOO_NEW in text:
        return WarehouseVersionError(
            f"The warehouse {path} was written by a newer DuckDB than {duckdb.__version__}: "
            f"{text.splitlines()[0]} Upgrade the package duckdb, or point "
            "TRADING_PIPELINE_RUNTIME_DIR at another folder.",
            path=str(path),
        )
    full = disk_full_error(error, path.parent)
    if full is not None:
        return full
    if opening or isinstance(error, _DISK_TYPES) or any(words in text for words in _DISK):
        return WarehouseError(
            f"The warehouse {path} could not be read or written: {text} Nothing of an unfinished "
            "write was kept. Check that the disk has room and that this user may write there, then "
            "run it again.",
            path=str(path),
        )
    return None
