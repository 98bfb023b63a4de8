"""Finds the form of a user's file: cells, roles of columns, numbers, time stamps.

Only the head of a text file is looked at here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from trading_pipeline.datasets.columns.numbers import find_number_format
from trading_pipeline.datasets.columns.roles import (
    answered_columns,
    columns_by_name,
    columns_by_value,
)
from trading_pipeline.datasets.columns.timestamps import (
    DateOrder,
    candidate_formats,
    is_timestamp_column,
)
from trading_pipeline.datasets.columns.zone_names import header_zone
from trading_pipeline.datasets.reading.encodings import HEAD_BYTES, FileBytes, head_text, transcode
from trading_pipeline.datasets.reading.layout import find_layout, symbols_of_columns
from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.domain.dataset_shape import (
    NumberFormat,
    TableShape,
    TimestampFormat,
    is_aware_format,
)
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.settings.dataset_answers import EPOCH_FORMATS, DatasetAnswers
from trading_pipeline.storage.user_files.csv_scan import parquet_head

__all__ = ["FoundTable", "find_table", "readable_copy"]

_HEAD_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class FoundTable:
    """Form of a file and its first rows. `formats`: what its time stamps can be, by date order.

    `symbols`: those named in the header of a wide table. `is_blank`: all lines are empty.
    """

    shape: TableShape
    rows: tuple[tuple[str, ...], ...]
    formats: dict[DateOrder, TimestampFormat]
    symbols: tuple[str, ...] = ()
    is_blank: bool = False

    def cells(self, role: str) -> list[str]:
        """Cells of a role in the first full rows; of a date and a time only the date."""
        positions = self.shape.positions.get(role, ())
        width = self.shape.width
        return [row[positions[0]] for row in self.rows if positions and len(row) == width]


@contextmanager
def readable_copy(path: Path, content: FileBytes) -> Iterator[Path]:
    """The file itself, or a temporary copy in UTF-8 where its encoding or line ends need one."""
    if not content.needs_transcoding:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="datasets-") as folder:
        copy = Path(folder) / "utf-8.csv"
        try:
            transcode(path, copy, content.encoding or "utf-8")
        except OSError as error:
            raise DatasetFormatError(
                f"{path} is written in {content.encoding} and no copy in UTF-8 could be made: "
                f"{error.strerror}. Make room on the disk of {folder}, or save the file as UTF-8.",
                path=str(path),
            ) from error
        yield copy


def find_table(
    path: Path,
    content: FileBytes,
    answers: DatasetAnswers,
    *,
    encoding: str = "utf-8",
    limit: int = HEAD_BYTES,
) -> FoundTable:
    """Form of the file at `path`; an answer overrides what is found.

    `encoding`: of the file that is read here; `content` has that of the original. `limit`: bytes of
    its head. Raises `DatasetFormatError` for an answered column that is missing, and for damaged
    Parquet.
    """
    if content.kind == "parquet":
        names, rows, _ = parquet_head(path, _HEAD_ROWS)
        shape = TableShape(
            encoding="parquet",
            delimiter=None,
            header=True,
            skip_rows=0,
            header_rows=0,
            width=len(names),
            names=tuple(names),
        )
        return _with_roles(shape, tuple(rows), answers, ())
    lines = head_text(path, encoding, limit)
    layout = find_layout(lines, answers.delimiter)
    shape = TableShape(
        encoding=content.encoding or "utf-8",
        delimiter=layout.delimiter,
        header=layout.header,
        skip_rows=layout.skip_rows,
        header_rows=layout.header_rows,
        width=layout.width,
        names=layout.names,
        quoted=content.quoted,
    )
    found = _with_roles(shape, layout.rows, answers, symbols_of_columns(layout))
    return replace(found, is_blank=not any(line.strip() for line in lines))


def _with_roles(
    shape: TableShape,
    rows: tuple[tuple[str, ...], ...],
    answers: DatasetAnswers,
    column_symbols: Sequence[str],
) -> FoundTable:
    full = [row for row in rows[:_HEAD_ROWS] if len(row) == shape.width]
    symbols = tuple(dict.fromkeys(symbol for symbol in column_symbols if symbol))
    chosen = answers.symbol if answers.symbol in symbols else next(iter(symbols), None)
    names = [
        name if not symbols or i == 0 or column_symbols[i] == chosen else ""
        for i, name in enumerate(shape.names)
    ]
    if shape.header:
        positions = columns_by_name(names, full, is_timestamp_column)
    else:
        positions = columns_by_value(full, is_timestamp_column)
    positions |= answered_columns(answers.columns, shape.names)
    if answers.volume == "none":
        positions.pop("volume", None)
    shape = replace(shape, positions=positions)
    found = FoundTable(shape=shape, rows=tuple(rows), formats={}, symbols=symbols)
    numbers = NumberFormat()
    if shape.delimiter is not None:
        prices = [cell for role in PRICE_COLUMNS for cell in found.cells(role)]
        numbers = find_number_format(
            prices, _volume_cells(shape, full), delimiter=shape.delimiter, decimal=answers.decimal
        )
    formats = _formats(found, full, answers)
    return replace(found, shape=replace(shape, numbers=numbers), formats=formats)


def _volume_cells(shape: TableShape, full: Sequence[tuple[str, ...]]) -> list[str]:
    return [row[place] for place in shape.positions.get("volume", ()) for row in full]


def _formats(
    found: FoundTable, full: Sequence[tuple[str, ...]], answers: DatasetAnswers
) -> dict[DateOrder, TimestampFormat]:
    positions = found.shape.positions.get("timestamp", ())
    given = answers.timestamp_format
    clocks = [row[positions[1]] for row in full] if len(positions) == 2 else []
    formats: dict[DateOrder, TimestampFormat]
    if given is not None and positions:
        formats = {"ymd": _given_format(given, len(positions))}
    else:
        formats = candidate_formats(found.cells("timestamp"), clocks, order=answers.date_order)
    zone = header_zone([found.shape.names[p] for p in positions]) if found.shape.header else None
    return {
        order: replace(each, zone=zone) if each.is_wall and each.zone is None else each
        for order, each in formats.items()
    }


def _given_format(given: str, columns: int) -> TimestampFormat:
    if given in EPOCH_FORMATS:
        return TimestampFormat(kind="epoch", unit=given.removeprefix("epoch_"), formats=(given,))
    has_clock = any(mark in given for mark in ("%H", "%I"))
    return TimestampFormat(
        kind="date+time" if columns == 2 else "datetime" if has_clock else "date",
        format=given,
        formats=(given,),
        shows_offset=is_aware_format(given),
    )
