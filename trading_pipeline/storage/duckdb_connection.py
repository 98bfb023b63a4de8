"""The one door to DuckDB: every connection is made here, and none fetches or loads extensions.

DuckDB answers some files and names (a SQLite file, an address, an unknown type) by downloading an
extension from the network and running it. Nothing here needs one, so that is off everywhere.

Making a DuckDB instance and closing it takes about 20 ms, attaching a file to one about 2 ms. So
each thread keeps one, with no file and no threads of its own, between two uses of the warehouse.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

__all__ = ["NO_EXTENSIONS", "attached", "connect", "foreign_format"]

Setting = str | bool | int | float | list[str]

NO_EXTENSIONS: dict[str, Setting] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""Settings of every connection."""

_STORAGE_VERSION = "v1.5.0"  # readable by every DuckDB that the package allows
_HEADER_BYTES = 16
_DUCKDB = b"DUCK"  # from the ninth byte of its files on
_KNOWN = {
    b"SQLite format 3": "a SQLite database",
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"\x1f\x8b": "a compressed file",
}


def connect(
    path: Path | None = None,
    *,
    read_only: bool = False,
    config: Mapping[str, Setting] | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection to a file, or to a database in memory where there is no path.

    `config`: further settings of DuckDB. Errors of DuckDB pass as they are.
    """
    settings = {**(config or {}), **NO_EXTENSIONS}
    name = ":memory:" if path is None else str(path)
    return duckdb.connect(name, read_only=read_only, config=settings)


class _Kept(threading.local):
    """The instance of a thread that waits for its next use."""

    instance: duckdb.DuckDBPyConnection | None = None


_kept = _Kept()


def _close_kept() -> None:
    instance, _kept.instance = _kept.instance, None
    if instance is not None:
        instance.close()


os.register_at_fork(before=_close_kept)  # a child has none of the threads that an instance needs


@contextlib.contextmanager
def attached(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose default database is the file `path`, closed after the block.

    A file that does not exist is made, unless `read_only`. The block may be inside another one of
    the same thread on another file. After an error nothing of the instance is used again, so a
    failure of one file cannot reach the next use. Errors of DuckDB pass as they are.
    """
    instance = _taken()
    connection = instance.cursor()
    try:
        name = str(path).replace("'", "''")
        mode = "READ_ONLY" if read_only else "READ_WRITE"
        connection.execute(f"ATTACH '{name}' AS warehouse (TYPE duckdb, {mode})")
        connection.execute("USE warehouse")
        connection.execute("RESET threads")
        yield connection
        connection.execute("SET threads = 1")  # a kept instance has none of its own
        connection.execute("USE memory")
        connection.execute("DETACH warehouse")
    except BaseException:
        connection.close()
        instance.close()
        raise
    connection.close()
    _close_kept()  # of a block inside this one
    _kept.instance = instance


def _taken() -> duckdb.DuckDBPyConnection:
    """The thread's instance, or a new one where it has none or it is in use."""
    instance, _kept.instance = _kept.instance, None
    if instance is not None:
        return instance
    return connect(config={"threads": 1, "storage_compatibility_version": _STORAGE_VERSION})


def foreign_format(path: Path) -> str | None:
    """What a file is that is no DuckDB database, in words; None for one that may be.

    DuckDB is not asked: it would open a SQLite file with an extension that happens to be installed,
    and tables would be made in it. A file that is missing, empty or cannot be read gives None.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return None
    if not header or header[8:12] == _DUCKDB:
        return None
    named = (what for magic, what in _KNOWN.items() if header.startswith(magic))
    return next(named, "no DuckDB database")
