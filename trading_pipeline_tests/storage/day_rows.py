"""The rows that the tests of the warehouse write: ids in `daily_results`."""

from __future__ import annotations

import duckdb

from trading_pipeline.storage.warehouse import Warehouse


def days(warehouse: Warehouse) -> list[str]:
    """Ids of the rows that are stored."""
    with warehouse.read() as connection:
        rows = connection.execute("SELECT result_id FROM daily_results ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def write_days(warehouse: Warehouse, *names: str, error: BaseException | None = None) -> None:
    """Write rows in one transaction, which then fails where an error is given."""
    with warehouse.write() as connection:
        for name in names:
            add_day(connection, name)
        if error is not None:
            raise error


def add_day(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Add one row inside a transaction."""
    connection.execute("INSERT INTO daily_results (result_id) VALUES (?)", [name])
