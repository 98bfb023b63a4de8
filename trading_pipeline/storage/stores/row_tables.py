"""How rows go into a table (bound as Arrow, cast to the table's types) and come out as dicts."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, TypeAlias, TypeVar

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import JsonValue

from trading_pipeline.errors import WarehouseError
from trading_pipeline.storage.stores.kept_rows import KeptRows
from trading_pipeline.storage.warehouse import Warehouse

__all__ = [
    "Row",
    "WarehouseStore",
    "add_double_columns",
    "column_types",
    "fetch_rows",
    "insert_arrow",
    "insert_columns",
    "insert_rows",
    "next_seq",
    "stored_values",
]

Row: TypeAlias = dict[str, Any]
"""A row by column name; values have the types of the table's columns."""

Answer = TypeVar("Answer")
_FEW_ROWS = 3
"""Up to so many rows, values of a statement are stored sooner than an Arrow table."""
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


class WarehouseStore:
    """Base of the stores: some tables of one warehouse."""

    def __init__(self, warehouse: Warehouse, kept: KeptRows | None = None) -> None:
        """`kept`: answers for a batch of instruments; without it each question is a query."""
        self._warehouse = warehouse
        self._kept = kept

    def _answer(
        self, question: str, instrument: str, read: Callable[[list[str]], Mapping[str, Answer]]
    ) -> Answer:
        """What `read` says of an instrument, or what it said of the whole batch."""
        if self._kept is None:
            return read([instrument])[instrument]
        return self._kept.answer(question, instrument, read)

    def _held(self, instrument: str, question: str) -> Any:
        """What is kept of an instrument, or None."""
        return None if self._kept is None else self._kept.held(question, instrument)

    def _forget(self, instrument: str, *questions: str) -> None:
        if self._kept is not None:
            self._kept.forget(instrument, *questions)

    def _rows(self, sql: str, *parameters: object) -> list[Row]:
        """Rows of a query."""
        with self._warehouse.read() as connection:
            return fetch_rows(connection, sql, parameters)


def fetch_rows(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> list[Row]:
    """Rows of a query as dicts by column name."""
    cursor = connection.execute(sql, list(parameters))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def insert_arrow(
    connection: duckdb.DuckDBPyConnection, sql: str, source: pa.Table, *parameters: object
) -> None:
    """Run an INSERT that selects from `incoming`, which is the Arrow table."""
    connection.register("incoming", source)
    try:
        connection.execute(sql, list(parameters))
    finally:
        connection.unregister("incoming")


def insert_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, object]]
) -> int:
    """Append rows by column name, in one statement; columns that a row lacks are NULL.

    A table with `seq` numbers rows that bring none from the last on. Returns the `seq` of the last
    row, 0 where there is none.

    None, NaT and pandas' NA are NULL in every column, NaN in all but DOUBLE ones. Values of a JSON
    column are encoded (NaN and infinities as null), except text, which must be JSON already.
    Raises `WarehouseError` that names the column for a value that its type cannot hold exactly: a
    fraction in a whole number, a time stamp without a zone.
    """
    if not rows:
        return 0
    known = column_types(connection, table)
    if not known:
        raise WarehouseError(f"The warehouse has no table {table}.", table=table)
    if "seq" in known and "seq" not in rows[0]:
        first = next_seq(connection, table)
        rows = [{**row, "seq": first + place} for place, row in enumerate(rows)]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    unknown = [column for column in columns if column not in known]
    if unknown:
        raise WarehouseError(f"The table {table} has no column {', '.join(unknown)}.", table=table)
    arrays = [
        _array([row.get(column) for row in rows], known[column], f"{table}.{column}")
        for column in columns
    ]
    source = pa.Table.from_arrays(arrays, names=columns)
    insert_columns(connection, table, source, [known[column] for column in columns])
    last = rows[-1].get("seq")
    return last if isinstance(last, int) else 0


def insert_columns(
    connection: duckdb.DuckDBPyConnection, table: str, source: pa.Table, types: Sequence[str]
) -> None:
    """Append rows of an Arrow table to columns of these names, cast to the SQL types `types`.

    A few rows go as values of the statement, which costs half as much.
    """
    names = ", ".join(f'"{column}"' for column in source.column_names)
    if len(source) > _FEW_ROWS:
        of_types = zip(source.column_names, types, strict=True)
        casts = ", ".join(f'"{column}"::{kind}' for column, kind in of_types)
        insert_arrow(
            connection, f'INSERT INTO "{table}" ({names}) SELECT {casts} FROM incoming', source
        )
        return
    row = f"({', '.join(f'?::{kind}' for kind in types)})"
    columns = [column.to_pylist() for column in source.columns]
    values = [value for each in zip(*columns, strict=True) for value in each]
    connection.execute(
        f'INSERT INTO "{table}" ({names}) VALUES {", ".join([row] * len(source))}', values
    )


def next_seq(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """The number of the table's next row. Only a writer may ask; there is one at a time."""
    (last,) = connection.execute(f'SELECT max(seq) FROM "{table}"').fetchall()
    return int(last[0] or 0) + 1


def stored_values(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, object]]
) -> list[Row]:
    """The rows with the values that the table would give back after `insert_rows`.

    Values of columns that the table lacks stay as they are. Raises `WarehouseError` as that does.
    """
    known = column_types(connection, table)
    return [
        {
            name: _stored(value, known[name], f"{table}.{name}") if name in known else value
            for name, value in row.items()
        }
        for row in rows
    ]


def add_double_columns(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> None:
    """Add the DOUBLE columns that the table does not have yet.

    Raises `WarehouseError` for a name that cannot be a column's, or is that of another type's.
    """
    known = column_types(connection, table)
    for column in columns:
        if not _IDENTIFIER.fullmatch(column):
            raise WarehouseError(f"{column!r} cannot be the name of a column of {table}.")
        if known.get(column, "DOUBLE") != "DOUBLE":
            raise WarehouseError(
                f"The column {column} of {table} holds {known[column]}, not numbers. Give the "
                "number another name.",
                table=table,
                column=column,
            )
        if column not in known:
            connection.execute(f'ALTER TABLE "{table}" ADD COLUMN "{column}" DOUBLE')


def column_types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """SQL types by column, empty where there is no such table.

    An empty answer tells them in a tenth of the time that the list of all columns takes.
    """
    try:
        described = connection.execute(f'SELECT * FROM "{table}" LIMIT 0').description
    except duckdb.CatalogException:
        return {}
    return {str(name): str(kind) for name, kind, *_ in described or ()}


_ARROW_TYPES = {
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
}


_AS_THEY_ARE: dict[type, tuple[str, ...]] = {
    str: ("VARCHAR", "JSON"),
    float: ("DOUBLE",),
    int: ("BIGINT", "INTEGER"),
    bool: ("BOOLEAN",),
    date: ("DATE",),
}
"""Types of columns that hold a value of the type as it is; most values are of these."""


def _array(values: list[object], sql_type: str, where: str) -> pa.Array:
    try:
        plain = [_plain(value, sql_type) for value in values]
        return pa.array(plain, type=_ARROW_TYPES.get(sql_type, pa.string()))
    except (TypeError, ValueError, OverflowError) as error:  # pyarrow's errors are among them
        raise _refused(where, sql_type, error) from error


def _stored(value: object, sql_type: str, where: str) -> object:
    try:
        return _plain(value, sql_type)
    except (TypeError, ValueError, OverflowError) as error:
        raise _refused(where, sql_type, error) from error


def _refused(where: str, sql_type: str, error: Exception) -> WarehouseError:
    return WarehouseError(
        f"A value for the column {where} ({sql_type}) cannot be stored: {error}.", column=where
    )


def _plain(value: Any, sql_type: str) -> object:
    if value is None or sql_type in _AS_THEY_ARE.get(type(value), ()):
        return value
    if isinstance(value, np.datetime64):  # numpy knows no zones; what this package holds is UTC
        value = pd.Timestamp(value).tz_localize("UTC")
    elif isinstance(value, np.generic):
        value = value.item()
    if value is pd.NaT or value is pd.NA:
        return None
    if sql_type == "JSON":
        return value if isinstance(value, str) else json.dumps(_jsonable(value), sort_keys=True)
    if sql_type != "DOUBLE" and isinstance(value, float) and value != value:
        return None
    if sql_type == "VARCHAR":
        return str(value.value if isinstance(value, Enum) else value)
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return _moment(value)
    if sql_type == "DATE":
        return _day(value)
    if sql_type in ("BIGINT", "INTEGER"):
        if int(value) != value:
            raise ValueError(f"{value!r} is not a whole number")
        return int(value)
    return value if sql_type == "BOOLEAN" else float(value)


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise ValueError(f"{value!r} is not a date")
    return value.date() if isinstance(value, datetime) else value


def _moment(value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{value!r} is not a time stamp with a zone")
    moment = value.to_pydatetime(warn=False) if isinstance(value, pd.Timestamp) else value
    return moment.astimezone(UTC)


def _jsonable(value: Any) -> JsonValue:
    """Values as JSON has them; numbers that it lacks become null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bool, int)):
        return value
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, Enum):
        return _jsonable(value.value)
    if isinstance(value, Mapping):
        return {str(key): _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [_jsonable(inner) for inner in items]
    return value.isoformat() if isinstance(value, (datetime, date)) else str(value)
