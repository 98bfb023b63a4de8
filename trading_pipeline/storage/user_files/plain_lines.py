"""Fast reading of large text files: blocks of bytes, each parsed by pyarrow in a thread.

pyarrow reads the numbers of a block, and the stamps as bytes in fixed places. DuckDB reads lines
that hold anything else. Blocks come in the order of the file. Memory is that of a few blocks.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.domain.dataset_shape import TableShape
from trading_pipeline.domain.moments import Floats, Moments
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.storage.user_files.csv_scan import TableScan
from trading_pipeline.storage.user_files.plain_stamps import PlainStamps, plain_stamps

__all__ = ["NotPlainError", "PlainBlock", "plain_blocks"]

BLOCK_BYTES = 2 << 20
_THREADS = 2
_AHEAD = 2
"""Blocks that may be ready before the caller asks for them."""
_TAIL_BYTES = 65_536
"""The longest line; DuckDB reads a file with a longer one."""
_PIECE_BYTES = 16_384
"""Odd blocks are halved until the odd lines are in pieces of about this size."""
_ODD_PIECES, _ODD_SHARE = 8, 0.25
"""With more odd pieces than this number and this share of the blocks, DuckDB reads the file
faster."""
_HEAD_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_ABSENT = ("", "nan", "NaN", "n/a", "N/A", "NA", "null", "NULL", "None", "-")
"""Cells that are no number for DuckDB either, and that no spreadsheet would run."""


class NotPlainError(DatasetFormatError):
    """DuckDB must read the file from the beginning; callers catch this and do so."""


@dataclass(frozen=True, eq=False)
class PlainBlock:
    """Consecutive rows of a file, all of which have a stamp and as many cells as there are columns.

    `moments`: microseconds. `values`: a row each for open, high, low, close, volume, NaN where
    there is no number. `codes`: positions in `names`, the symbols of the block; None where the file
    has no column of symbols. `is_aware`: its stamps are in UTC.
    """

    moments: Moments
    values: Floats
    is_aware: bool
    codes: npt.NDArray[np.int32] | None
    names: list[str]


@dataclass(frozen=True, eq=False)
class _Form:
    """What pyarrow must know, and the stamps. `typed`: every column is read, and none as text."""

    read: csv.ReadOptions
    parse: csv.ParseOptions
    convert: csv.ConvertOptions
    stamps: PlainStamps
    cells: tuple[str, ...]
    numbers: tuple[str | None, ...]
    symbol: str | None
    typed: bool
    crlf: bool


def plain_blocks(scan: TableScan) -> Generator[PlainBlock | Iterator[pa.RecordBatch]]:
    """Rows of the file of a scan, in its order; close the iterator to end its threads.

    Lines that are not plain come, with some around them, as the batches of `TableScan.batches`. The
    file must be UTF-8 without quotation marks, as its head shows. Raises `NotPlainError` as soon as
    a block shows otherwise, lines end in different ways, or too many are odd.
    """
    path = scan.path
    begin, form = _form(path, scan.shape)
    blocks = odd = 0
    with closing(_read_blocks(path, form, begin, BLOCK_BYTES)) as found_blocks:
        for pieces in found_blocks:
            blocks += 1
            for piece in pieces:
                if isinstance(piece, PlainBlock):
                    yield piece
                    continue
                odd += 1
                if odd > max(_ODD_PIECES, _ODD_SHARE * blocks):
                    raise NotPlainError("Too many lines are odd.", path=str(path), odd_pieces=odd)
                yield scan.rows_of_lines(piece)


def _form(path: Path, shape: TableShape) -> tuple[int, _Form]:
    """Place of the first line of data, and how lines are read from there."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    at = len(_BOM) if head.startswith(_BOM) else 0
    crlf = head[: head.find(b"\n")].endswith(b"\r")
    for _ in range(shape.skip_rows + shape.header_rows):
        end = head.find(b"\n", at)
        if end < 0 or b"\r" in head[at:end].removesuffix(b"\r" if crlf else b""):
            raise NotPlainError("The header has line ends of its own.", path=str(path))
        at = end + 1
    delimiter, places = shape.delimiter, shape.positions
    used = [place for each in places.values() for place in each]
    stamp_places = places.get("timestamp", ())
    shared = len(set(used)) < len(used) or len(places.get("volume", ())) > 1
    if delimiter is None or shape.quoted or shared or not stamp_places:
        raise NotPlainError("The columns are not plain.", path=str(path))
    first = head[at:].lstrip(b"\r\n").partition(b"\n")[0].split(delimiter.encode())
    is_full = len(first) == shape.width
    stamps = plain_stamps(shape, tuple(first[i] for i in stamp_places)) if is_full else None
    if stamps is None or delimiter == shape.numbers.decimal:
        raise NotPlainError("The stamps are not plain.", path=str(path))
    cells = tuple(f"c{place}" for place in stamp_places)
    numbers = tuple(f"c{places[role][0]}" if role in places else None for role in BAR_COLUMNS)
    symbol = f"c{places['symbol'][0]}" if "symbol" in places else None
    types = {name: pa.float64() for name in numbers if name is not None}
    types |= {name: pa.binary(w) for name, w in zip(cells, stamps.widths, strict=True)}
    if symbol is not None:
        types[symbol] = pa.dictionary(pa.int32(), pa.string())
    form = _Form(
        read=csv.ReadOptions(
            use_threads=False,
            block_size=1 << 30,
            column_names=[f"c{i}" for i in range(shape.width)],
        ),
        parse=csv.ParseOptions(delimiter=delimiter, quote_char=False, double_quote=False),
        convert=csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=list(_ABSENT),
            strings_can_be_null=False,
            check_utf8=False,
            decimal_point=shape.numbers.decimal,
        ),
        stamps=stamps,
        cells=cells,
        numbers=numbers,
        symbol=symbol,
        typed=symbol is None and len(types) == shape.width,
        crlf=crlf,
    )
    return at, form


def _read_blocks(
    path: Path, form: _Form, begin: int, block_bytes: int
) -> Generator[list[PlainBlock | bytes]]:
    size = path.stat().st_size
    free = [bytearray(block_bytes + 1 + _TAIL_BYTES) for _ in range(_THREADS)]
    waiting: deque[Future[list[PlainBlock | bytes]]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="plain-lines")
    try:
        for start in range(begin, size, block_bytes):
            stop, first = min(start + block_bytes, size), start == begin
            waiting.append(pool.submit(_read_block, path, form, free, start, stop, size, first))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read_block(
    path: Path,
    form: _Form,
    free: list[bytearray],
    start: int,
    stop: int,
    size: int,
    is_first: bool,
) -> list[PlainBlock | bytes]:
    """The lines that begin in `start <= place < stop` of the file, in pieces; odd ones as bytes.

    `free`: memory for as many blocks as there are threads; new memory costs more than filling it.
    """
    first = start if is_first else start - 1  # the byte before says whether a line begins at start
    text = free.pop()
    try:
        length = _fill(path, text, first, min(stop + _TAIL_BYTES, size) - first)
        begin = 0 if is_first else text.find(b"\n", 0, length) + 1
        end = text.find(b"\n", stop - first - 1, length) + 1
        if (end == 0 or (begin == 0 and not is_first)) and first + length < size:
            raise NotPlainError(f"A line is longer than {_TAIL_BYTES:,} bytes.", path=str(path))
        if begin == 0 and not is_first:
            return []
        return _pieces(path, form, text, begin, end or length)
    finally:
        free.append(text)


def _nothing(form: _Form) -> PlainBlock:
    codes = None if form.symbol is None else np.empty(0, dtype=np.int32)
    return PlainBlock(
        np.empty(0, dtype=np.int64), np.empty((5, 0)), form.stamps.is_aware, codes, []
    )


def _fill(path: Path, text: bytearray, first: int, wanted: int) -> int:
    """Bytes of the file from `first` into `text`; their number."""
    length = 0
    try:
        with path.open("rb", buffering=0) as file, memoryview(text) as view:
            file.seek(first, os.SEEK_SET)
            while length < wanted:
                got = file.readinto(view[length:wanted])
                if not got:
                    raise NotPlainError("The file got shorter while it was read.", path=str(path))
                length += got
    except OSError as error:
        raise DatasetFormatError(
            f"{path} cannot be read: {error.strerror}. Check the path and the disk.", path=str(path)
        ) from error
    return length


def _pieces(
    path: Path, form: _Form, text: bytearray, begin: int, end: int
) -> list[PlainBlock | bytes]:
    """The lines in `begin:end` of a text, halved while they are odd and long."""
    found = _block(path, form, text, begin, end)
    middle = text.find(b"\n", (begin + end) // 2, end) + 1
    if isinstance(found, PlainBlock) or end - begin <= _PIECE_BYTES or middle in (0, end):
        return [found]
    first = _pieces(path, form, text, begin, middle)
    return [*first, *_pieces(path, form, text, middle, end)]


def _block(path: Path, form: _Form, text: bytearray, begin: int, end: int) -> PlainBlock | bytes:
    """The lines in `begin:end` of a text; their bytes if they are odd."""
    _require_line_ends(path, form, text, begin, end)
    found = _nothing(form) if begin == end else None
    if found is None:
        lines = pa.py_buffer(memoryview(text)[begin:end])
        with contextlib.suppress(pa.ArrowInvalid):  # an odd line; it does not say which
            table = csv.read_csv(pa.BufferReader(lines), form.read, form.parse, form.convert)
            found = _plain(form, table)
    if found is not None and form.typed:
        return found
    odd = bytes(text[begin:end])
    if not odd.isascii() or b'"' in odd or b"\0" in odd:
        raise NotPlainError("The text is not plain.", path=str(path))
    if found is None and not odd.strip():
        found = _nothing(form)  # blank lines are no rows
    return found or (odd if odd.endswith(b"\n") else odd + b"\n")


def _require_line_ends(path: Path, form: _Form, text: bytearray, begin: int, end: int) -> None:
    """Raise where lines do not all end as the first one does."""
    if not form.crlf and text.find(b"\r", begin, end) < 0:
        return
    feeds, returns = text.count(b"\n", begin, end), text.count(b"\r", begin, end)
    if not form.crlf or feeds != returns or text.count(b"\r\n", begin, end) != feeds:
        raise NotPlainError("Lines end in different ways.", path=str(path))


def _plain(form: _Form, table: pa.Table) -> PlainBlock | None:
    table = table.combine_chunks()
    rows = table.num_rows
    if not rows:
        return _nothing(form)
    columns = {name: table.column(name).chunk(0) for name in table.column_names}
    cells = []
    for cell_name, width in zip(form.cells, form.stamps.widths, strict=True):
        cell = columns[cell_name]
        if cell.null_count:
            return None
        content = np.frombuffer(cell.buffers()[1], dtype=np.uint8)
        content = content[cell.offset * width :][: rows * width]
        cells.append(content.reshape(rows, width))
    moments = form.stamps.moments(cells)
    if moments is None:
        return None
    values = np.empty((5, rows))
    for row, name in zip(values, form.numbers, strict=True):
        row[:] = np.nan if name is None else columns[name].to_numpy(zero_copy_only=False)
    codes, names = None, list[str]()
    if form.symbol is not None:
        codes = columns[form.symbol].indices.to_numpy()
        names = [name.strip(" ") for name in columns[form.symbol].dictionary.to_pylist()]
    return PlainBlock(moments, values, form.stamps.is_aware, codes, names)
