"""The door to the warehouse for notebooks: a short read, or a copy that blocks no run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from trading_pipeline.settings.environment import load_settings
from trading_pipeline.storage.duckdb_connection import connect
from trading_pipeline.storage.file_lock import hold_lock
from trading_pipeline.storage.parquet_files import write_atomically
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["open_results"]


@contextmanager
def open_results(snapshot: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the project's warehouse for the time of the block.

    Keep the block short, since writers wait for it. Or give a path as `snapshot`: the warehouse is
    copied there first, replacing what is there, and reading the copy blocks no run.
    """
    settings = load_settings()
    warehouse = Warehouse(settings.warehouse_path, wait_seconds=settings.warehouse_wait_seconds)
    if snapshot is not None:
        with warehouse.read():
            pass  # tables are there, and the version is one that this code knows
        wait_seconds = settings.warehouse_wait_seconds
        with hold_lock(warehouse.lock_path, exclusive=True, wait_seconds=wait_seconds):
            write_atomically(snapshot, lambda p: _copy(warehouse.path, p))
        warehouse = Warehouse(snapshot)
    with warehouse.read() as connection:
        yield connection


def _copy(source: Path, target: Path) -> None:
    # through the database, so that the write-ahead log is copied too
    with connect() as connection:
        connection.execute(f"ATTACH '{_quoted(source)}' AS source (READ_ONLY)")
        connection.execute(f"ATTACH '{_quoted(target)}' AS target (STORAGE_VERSION 'v1.5.0')")
        connection.execute("COPY FROM DATABASE source TO target")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
