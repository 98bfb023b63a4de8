"""A warehouse in memory that holds only what one piece of work reads.

Stages work against it as against the file. Tables that no stage of an instrument reads are not
there, so a row that was not brought along is an error and never an empty answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from trading_pipeline.errors import WarehouseError
from trading_pipeline.storage.duckdb_connection import connect
from trading_pipeline.storage.excerpt_rows import EXCERPT_TABLES
from trading_pipeline.storage.schema import TABLES, migrate
from trading_pipeline.storage.stores.row_tables import (
    add_double_columns,
    column_types,
    insert_columns,
)
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["PrivateWarehouse"]

_KEPT = ("trial_chain", "schema_version")
"""Tables that a store writes or reads by itself, beside those of an excerpt."""


class PrivateWarehouse(Warehouse):
    """One database in memory; for one thread at a time.

    Writes are refused outside of `noting`, which whoever hands the writes on puts around them: a
    write of which nobody takes note would be lost.
    """

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))
        self._connection = connect(config={"threads": 1})
        self._connection.execute("SET TimeZone='UTC'")
        migrate(self._connection, ":memory:")
        self._connection.execute("DROP VIEW window_quality")
        for table in TABLES:
            if table not in (*EXCERPT_TABLES, *_KEPT):
                self._connection.execute(f"DROP TABLE {table}")
        self._depth = 0
        self._noting = 0

    def fill(self, tables: Mapping[str, pa.Table]) -> None:
        """Replace everything by the rows of `read_excerpts`."""
        connection = self._connection
        connection.execute("BEGIN")
        try:
            for table in (*EXCERPT_TABLES, "trial_chain"):
                connection.execute(f"TRUNCATE {table}")
            for name, rows in tables.items():
                if name == "backtest_results":
                    doubles = [f.name for f in rows.schema if pa.types.is_float64(f.type)]
                    add_double_columns(connection, name, doubles)
                if len(rows):
                    types = column_types(connection, name)
                    insert_columns(connection, name, rows, [types[c] for c in rows.column_names])
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Allow writes during the block."""
        self._noting += 1
        try:
            yield
        finally:
            self._noting -= 1

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection."""
        yield self._connection

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection inside one transaction, as that of the file.

        Raises `WarehouseError` outside of `noting`.
        """
        if not self._noting:
            raise WarehouseError(
                "A stage that was handed to a worker tried to write a table that workers do not "
                "hand back. Run it in the process that has the warehouse, with "
                "TRADING_PIPELINE_WORKERS=1."
            )
        self._depth += 1
        try:
            if self._depth > 1:
                yield self._connection
                return
            self._connection.execute("BEGIN")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    self._connection.execute("ROLLBACK")
                raise
        finally:
            self._depth -= 1
