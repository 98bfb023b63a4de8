"""The cumulative CSV files of trades and daily results: every row of the warehouse, in order.

The database writes them, and other writers wait meanwhile. Stamps are in UTC
(`2012-01-03T14:30:00Z`), numbers have a point and full precision whatever the locale, and a missing
value is an empty field.
"""

from __future__ import annotations

from pathlib import Path

from trading_pipeline.storage.parquet_files import write_atomically
from trading_pipeline.storage.stores.result_queries import DAY_COLUMNS as DAYS
from trading_pipeline.storage.stores.result_queries import TRADE_COLUMNS as TRADES
from trading_pipeline.storage.warehouse import Warehouse

__all__ = ["DAY_COLUMNS", "TRADE_COLUMNS", "write_result_tables"]

_WHOSE = ("result_id", "is_newest", "scenario", "strategy")
TRADE_COLUMNS = (*_WHOSE, *TRADES)
DAY_COLUMNS = (*_WHOSE, "instruments", *DAYS)
_OF_RESULT = ("is_newest", "scenario", "strategy", "instruments")
_RESULTS = (
    "SELECT *, row_number() OVER (PARTITION BY scenario, instruments ORDER BY seq DESC) = 1 "
    "AS is_newest FROM backtest_results"
)
_STAMPS = ("entry_ts", "exit_ts")


def write_result_tables(warehouse: Warehouse, folder: Path) -> tuple[int, int]:
    """Write `trades.csv` and `daily_results.csv`; returns the number of rows of each.

    Results are in the order of their creation, their trades and days in their own; `is_newest` is
    true for the newest result of its scenario and instruments. Each file is replaced whole or left
    as it was.
    """
    with warehouse.read():  # both are of one moment
        return (
            _write(warehouse, folder / "trades.csv", "trades", TRADE_COLUMNS, "trade_no"),
            _write(warehouse, folder / "daily_results.csv", "daily_results", DAY_COLUMNS, "date"),
        )


def _write(
    warehouse: Warehouse, path: Path, table: str, columns: tuple[str, ...], order: str
) -> int:
    shown = ", ".join(_shown(column) for column in columns)
    query = (
        f"SELECT {shown} FROM {table} t JOIN ({_RESULTS}) r USING (result_id) "
        f"ORDER BY r.created_at, r.result_id, t.{order}"
    )
    rows = 0

    def copy(temporary: Path) -> None:
        nonlocal rows
        target = str(temporary).replace("'", "''")
        with warehouse.read() as connection:
            connection.execute(f"COPY ({query}) TO '{target}' (FORMAT csv, HEADER true)")
            (counted,) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        rows = int(counted[0])

    write_atomically(path, copy)
    return rows


def _shown(column: str) -> str:
    if column in _STAMPS:
        # a bar's stamp has whole seconds
        return f"strftime(t.{column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS {column}"
    owner = "r" if column in _OF_RESULT else "t"
    name = "result_id" if column == "result_id" else f'{owner}."{column}"'
    return f'{name} AS "{column}"'
