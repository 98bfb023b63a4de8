"""How the lines of a text file become cells: delimiter, lines to skip, header.

All rules look at the head of the file and follow the majority of its lines, so that one truncated
line changes nothing.
"""

from __future__ import annotations

import contextlib
import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trading_pipeline.datasets.columns.values import is_value

__all__ = [
    "DELIMITERS",
    "TextLayout",
    "find_layout",
    "split_line",
    "symbols_of_columns",
]

DELIMITERS = (",", ";", "\t", "|")
_LINES = 1000
_TICKER_LINES = ("ticker", "tickers", "symbol", "symbols")
"""First cells of the header line that holds the symbols of a wide table."""


@dataclass(frozen=True, kw_only=True)
class TextLayout:
    """Delimiter, lines before the header, header lines, names of the columns, cells of a full row.

    `header`: False where the first full line holds values, "multi" where more than one line names
    the columns. `rows`: cells of the lines after the header, truncated lines included.
    `header_cells`: cells of the header lines.
    """

    delimiter: str
    skip_rows: int
    header: bool | Literal["multi"]
    header_rows: int
    width: int
    names: tuple[str, ...]
    header_cells: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]


def symbols_of_columns(layout: TextLayout) -> tuple[str, ...]:
    """Symbol over each column of a table whose header has a line of tickers; () for other
    tables."""
    if layout.header != "multi":
        return ()
    for row in layout.header_cells:
        if row[0].strip().casefold() in _TICKER_LINES:
            return ("", *(cell.strip() for cell in row[1:]))
    return ()


def split_line(line: str, delimiter: str) -> tuple[str, ...]:
    """Cells of one line; quotation marks around a cell are removed."""
    if '"' in line:
        with contextlib.suppress(csv.Error):
            return tuple(next(csv.reader([line], delimiter=delimiter), ()))
    return tuple(line.split(delimiter))


def find_layout(lines: Sequence[str], delimiter: str | None = None) -> TextLayout:
    """Layout of a table from the lines of its head; `delimiter` overrides the one found.

    The delimiter with the highest share of lines of the commonest width, times that width, times
    the share of cells that hold no other delimiter. Lines before the first one of that width are
    skipped. Without any table-like line the whole is one column.
    """
    numbered = [(number, line) for number, line in enumerate(lines) if line.strip()]
    shown = [line for _, line in numbered[:_LINES]]
    chosen = delimiter or max(DELIMITERS, key=lambda each: _score(shown, each))
    cells = [(number, split_line(line, chosen)) for number, line in numbered]
    width = _modal_width([row for _, row in cells[:_LINES]])
    start = next((i for i, (_, row) in enumerate(cells) if len(row) == width), 0)
    start -= _is_short_header(cells, start, width)
    heads = 0
    while start + heads < len(cells) and heads < 3 and _names_columns(cells[start + heads][1]):
        heads += 1
    if heads > 1 and not _continues_header(cells[start + 1][1]):
        heads = 1  # the line after the header is a row without a single value
    header_cells = tuple(row for _, row in cells[start : start + heads])
    skip = cells[start][0] if cells else 0
    behind = cells[start + heads - 1][0] + 1 - skip if heads else 0
    return TextLayout(
        delimiter=chosen,
        skip_rows=skip,
        header="multi" if heads > 1 else heads == 1,
        header_rows=behind,
        width=width,
        names=_names(header_cells, width),
        header_cells=header_cells,
        rows=tuple(row for _, row in cells[start + heads :]),
    )


def _score(lines: Sequence[str], delimiter: str) -> float:
    rows = [split_line(line, delimiter) for line in lines]
    width = _modal_width(rows)
    if width < 2:
        return 0.0
    full = [row for row in rows if len(row) == width]
    others = [other for other in DELIMITERS if other not in (delimiter, ",")]
    flat = [cell for row in full[:200] for cell in row]
    clean = sum(not any(other in cell for other in others) for cell in flat) / len(flat)
    return len(full) / len(rows) * width * clean


def _modal_width(rows: Sequence[tuple[str, ...]]) -> int:
    """Commonest number of cells; of two as common the larger."""
    counts = Counter(map(len, rows))
    return max(counts, key=lambda width: (counts[width], width)) if counts else 1


def _names_columns(row: tuple[str, ...]) -> bool:
    return not any(is_value(cell) for cell in row) and any(cell.strip() for cell in row)


def _continues_header(row: tuple[str, ...]) -> bool:
    """True for the second line of a header: it names tickers, or the index alone."""
    first, others = row[0].strip().casefold(), {cell.strip() for cell in row[1:]}
    return first in {*_TICKER_LINES, "price", "date", "datetime"} or others == {""}


def _is_short_header(cells: Sequence[tuple[int, tuple[str, ...]]], start: int, width: int) -> bool:
    """True where the line before `start` is a header whose rows end in one more, empty, cell."""
    if start == 0 or not cells or _names_columns(cells[start][1]):
        return False
    before, rows = cells[start - 1][1], [row for _, row in cells[start:] if len(row) == width]
    trailing = all(row[-1].strip() == "" for row in rows)
    return len(before) == width - 1 >= 5 and _names_columns(before) and trailing


def _names(header: tuple[tuple[str, ...], ...], width: int) -> tuple[str, ...]:
    if not header:
        return tuple(str(position) for position in range(width))
    named = header[0]
    if len(header) > 1 and named[0].strip().casefold() in _TICKER_LINES:
        named = header[1]
    names = [cell.strip() for cell in named]
    if len(header) > 1:
        index_name = next((row[0].strip() for row in reversed(header[1:]) if row[0].strip()), "")
        if index_name.casefold() not in {"", "price", *_TICKER_LINES}:
            names[0] = index_name
    names += [""] * (width - len(names))
    return tuple(names[:width])
