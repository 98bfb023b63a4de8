"""Reads users' CSV and Parquet files through DuckDB, in bounded memory.

Every cell is read as text first. Rows come in batches, in the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from trading_pipeline.domain.dataset_shape import TableShape, TimestampFormat
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.storage.duckdb_connection import connect
from trading_pipeline.storage.user_files.cell_sql import text_literal, timestamp_sql
from trading_pipeline.storage.user_files.row_sql import MARKS, NO_MOMENT, number_positions, rows_sql
from trading_pipeline.storage.user_files.temporary_folder import (
    temporary_file_error,
    temporary_folder,
)

__all__ = ["NO_MOMENT", "TableScan", "open_scan", "parquet_head"]

_MEMORY_LIMIT = "100MB"
_BATCH_ROWS = 32_768
_NO_NULL = "\x02"  # in no cell: an empty cell stays '', a missing one becomes NULL
_LONGEST_LINE = 1_000_000


class TableScan:
    """One open file; made by `open_scan`. `path`: what is read; `shape`: its form as far as
    known."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        path: Path,
        shape: TableShape,
        folder: Path,
    ) -> None:
        self.path = path
        self.shape = shape
        self._connection = connection
        self._folder = folder

    def rows_of_lines(self, lines: bytes) -> Iterator[pa.RecordBatch]:
        """Batches as of `batches`, of lines of this file alone; each must end in a line feed.

        Raises `DatasetFormatError` where the temporary folder cannot hold them.
        """
        part = self._folder / "lines.csv"
        try:
            part.write_bytes(lines)
        except OSError as error:
            raise temporary_file_error(self._folder, error) from error
        shape = replace(self.shape, skip_rows=0, header_rows=0)
        yield from TableScan(self._connection, part, shape, self._folder).batches()

    def batches(
        self,
        *,
        symbol: str | None = None,
        naive_zone: str | None = None,
        trusting: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Arrow batches of at most 32,768 rows, in the order of the file.

        Columns: moment (int64, microseconds; `NO_MOMENT` where unreadable), aware, loss, short
        (fewer cells than columns), long (more), formula (bool), open, high, low, close, volume
        (float64, null where unreadable, NaN where absent), symbol (text, if the file has any).

        Parameters
        ----------
        symbol
            Rows of that one only.
        naive_zone
            IANA zone that turns stamps without an offset into UTC.
        trusting
            Faster, but the first number that cannot be read is an error.

        Raises
        ------
        DatasetFormatError
            DuckDB cannot read the file.
        """
        shape, stamp = self.shape, self.shape.timestamp
        if stamp is None:
            raise DatasetFormatError(
                f"{self.path} has no column of time stamps that can be read. Name it with "
                "--column timestamp=NAME and, where needed, --timestamp-format.",
                path=str(self.path),
            )
        typed = number_positions(shape) if trusting else frozenset[int]()
        query = rows_sql(shape, stamp, self._source(typed), typed)
        values: list[str] = []
        if naive_zone is not None:
            query = (
                f"SELECT * REPLACE (CASE WHEN marks & {MARKS['aware']} <> 0 OR moment = "
                f"{NO_MOMENT} THEN moment ELSE epoch_us(timezone({text_literal(naive_zone)}, "
                f"make_timestamp(moment))) END AS moment) FROM ({query})"
            )
        if symbol is not None:
            query, values = f"SELECT * FROM ({query}) WHERE symbol = ?", [symbol]
        with _explained(self.path):
            reader = self._connection.sql(query, params=values).to_arrow_reader(_BATCH_ROWS)
            yield from map(_with_flags, reader)

    def readable_stamps(self, formats: list[TimestampFormat]) -> tuple[list[int], int]:
        """Rows that each of the formats can read, and rows that all of them can."""
        cells = [f"c{position}" for position in self.shape.positions.get("timestamp", ())]
        known = [f"({timestamp_sql(cells, each).moment}) IS NOT NULL" for each in formats]
        counts = ", ".join(f"count_if({each})" for each in [*known, " AND ".join(known)])
        with _explained(self.path):
            (row,) = self._connection.execute(f"SELECT {counts} FROM {self._source()}").fetchall()
        return list(row[:-1]), int(row[-1])

    def _source(self, typed: frozenset[int] = frozenset()) -> str:
        shape = self.shape
        path = text_literal(str(self.path))
        if shape.delimiter is None:
            names = ", ".join(
                f"CAST({_identifier(name)} AS VARCHAR) AS c{i}"
                for i, name in enumerate(shape.names)
            )
            return f"(SELECT {names} FROM read_parquet({path}, hive_partitioning=false))"
        columns = ", ".join(
            f"'c{i}': '{'DOUBLE' if i in typed else 'VARCHAR'}'" for i in range(shape.width + 1)
        )
        quote = '"' if shape.quoted else ""
        return (
            f"read_csv({path}, auto_detect=false, delim={text_literal(shape.delimiter)}, "
            f"quote='{quote}', escape='{quote}', header=false, "
            f"skip={shape.skip_rows + shape.header_rows}, columns={{{columns}}}, "
            f"null_padding=true, nullstr='{_NO_NULL}', strict_mode=false, compression='none', "
            f"hive_partitioning=false, buffer_size={4 * _LONGEST_LINE}, "
            f"max_line_size={_LONGEST_LINE}, parallel={'false' if shape.quoted else 'true'})"
        )


@contextmanager
def open_scan(path: Path, shape: TableShape) -> Iterator[TableScan]:
    """A scan of `path`, which is UTF-8 text or Parquet; temporary files vanish when it ends.

    DuckDB uses about 100 MB of memory, whatever the size of the file.
    """
    with temporary_folder() as folder, _connection(folder) as opened:
        yield TableScan(opened, _plain_path(path, folder), shape, folder)


def parquet_head(path: Path, rows: int) -> tuple[list[str], list[tuple[str, ...]], int]:
    """Column names, the first rows as text, and the number of rows of a Parquet file.

    Raises `DatasetFormatError` for a file that is damaged or has nested columns.
    """
    with (
        temporary_folder() as folder,
        _connection(folder) as opened,
        _explained(path),
    ):
        source = text_literal(str(_plain_path(path, folder)))
        table = f"read_parquet({source}, hive_partitioning=false)"
        names = [str(r[0]) for r in opened.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()]
        cells = ", ".join(f"coalesce(CAST({_identifier(n)} AS VARCHAR), '')" for n in names)
        head = opened.execute(f"SELECT {cells} FROM {table} LIMIT ?", [rows]).fetchall()
        ((total,),) = opened.execute(f"SELECT count(*) FROM {table}").fetchall()
    return names, [tuple(map(str, row)) for row in head], int(total)


@contextmanager
def _connection(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect(config={"temp_directory": f"{folder}/spill"})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
        connection.execute("SET threads = 2")
        # the default of 1 MB makes the two threads wait for each other
        connection.execute("SET streaming_buffer_size = '12MB'")
        connection.execute("SET enable_progress_bar = false")  # it would mix with printed JSON
        yield connection
    finally:
        connection.close()


def _with_flags(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch with a column of truth values for each mark."""
    marks = batch.column("marks").to_numpy()
    flags = {name: pa.array((marks & bit) != 0) for name, bit in MARKS.items()}
    others = {name: batch.column(name) for name in batch.schema.names if name != "marks"}
    return pa.RecordBatch.from_pydict({**others, **flags})


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError, UnicodeDecodeError, pa.ArrowException) as error:
        # an error in the middle of a stream comes through Arrow, as an OSError; a message that
        # quotes a line may cut a letter in two
        first = str(error).strip().splitlines()[0]
        raise DatasetFormatError(
            f"{path} cannot be read as a table: {first} A line may be longer than "
            f"{_LONGEST_LINE:,} characters, or a quotation mark may not be closed. Check it in an "
            "editor, or export it again.",
            path=str(path),
        ) from error


def _plain_path(path: Path, folder: Path) -> Path:
    """A path that DuckDB does not mistake for a pattern of several files."""
    absolute = path.resolve()
    if not any(mark in str(absolute) for mark in "*?["):
        return absolute
    link = folder / f"data{absolute.suffix}"
    link.symlink_to(absolute)
    return link


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
