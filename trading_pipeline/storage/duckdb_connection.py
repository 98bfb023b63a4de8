"""The one door to DuckDB: every connection is made here, and none fetches or loads extensions.

DuckDB answers some files and names (a SQLite file, an address, an unknown type) by downloading an
extension from the network and running it. Nothing here needs one, so that is off everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

__all__ = ["NO_EXTENSIONS", "connect", "foreign_format"]

Setting = str | bool | int | float | list[str]

NO_EXTENSIONS: dict[str, Setting] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""Settings of every connection."""

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
