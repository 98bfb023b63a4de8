"""Writes and reads frames as Parquet (zstd); a file is complete or absent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from trading_pipeline.domain.hashing import file_hash
from trading_pipeline.errors import DatasetFormatError, WarehouseError
from trading_pipeline.settings.written_files import replace_file
from trading_pipeline.storage.disk_space import disk_full_error

__all__ = [
    "read_column",
    "read_frame",
    "read_rows",
    "write_atomically",
    "write_frame",
    "write_text",
]


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a temporary file beside `path`, fsync it, and rename it into place.

    If `write` fails, the old file at `path` stays and no temporary file is left. Raises
    `DiskFullError` where the disk is full, `WarehouseError` where the folder cannot be written.
    """
    try:
        replace_file(path, write)
    except OSError as error:
        full = disk_full_error(error, path.parent)
        if full is not None:
            raise full from error
        raise WarehouseError(
            f"The file {path} could not be written: {error}. What was there is unchanged. Check "
            "that the disk has room and that this user may write there, then run it again.",
            path=str(path),
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 as `write_atomically` does."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_atomically(path, write)


def write_frame(path: Path, frame: pd.DataFrame) -> str:
    """Write a frame whose index is `ts` (becomes the first column); returns the file's sha256.

    Equal frames give equal bytes. Raises `DatasetFormatError` where the index is not `ts` in order.
    """
    if frame.index.name != "ts" or not frame.index.is_monotonic_increasing:
        raise DatasetFormatError(
            f"A frame for {path} has the index {frame.index.name!r}, or its rows are not in the "
            "order of time. Give it the index 'ts' and sort it: "
            "frame.rename_axis('ts').sort_index().",
            path=str(path),
        )
    table = pa.Table.from_pandas(frame.reset_index(), preserve_index=False)
    table = table.replace_schema_metadata(None)  # versions of libraries would change the bytes
    write_atomically(path, lambda p: pq.write_table(table, p, compression="zstd"))
    return file_hash(path)


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Some columns of a file as plain rows."""
    rows: list[dict[str, Any]] = pq.read_table(path, columns=list(columns)).to_pylist()
    return rows


def read_column(path: Path, name: str) -> pd.Series:
    """One column of a frame that `write_frame` wrote, with its index `ts` (aware UTC)."""
    table = pq.read_table(path, columns=["ts", name])
    index = pd.DatetimeIndex(table.column("ts").to_pandas(), name="ts")
    return pd.Series(table.column(name).to_numpy(), index=index, name=name)


def read_frame(path: Path) -> pd.DataFrame:
    """The frame that `write_frame` wrote, with its index `ts` (aware UTC, microseconds)."""
    frame: pd.DataFrame = pq.read_table(path).to_pandas()
    for column in frame.columns:
        if isinstance(frame[column].dtype, pd.DatetimeTZDtype):
            frame[column] = frame[column].dt.as_unit("us")
    return frame.set_index("ts")
