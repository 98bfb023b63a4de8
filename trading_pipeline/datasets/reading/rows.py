"""This file holds the rows of a user's file as batches of arrays, from either of its readers.

DuckDB reads every form of file. Large plain text files are read faster in blocks of bytes; both give the
same rows.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any

import numpy as np
import numpy.typing as npt

from trading_pipeline.datasets.checks.rows import RowBatch
from trading_pipeline.storage.user_files.csv_scan import NO_MOMENT, TableScan
from trading_pipeline.storage.user_files.plain_lines import PlainBlock, plain_blocks

__all__ = ["plain_row_batches", "row_batches"]

_FLAGS = ("aware", "loss", "short", "long", "formula")
_NUMBERS = ("open", "high", "low", "close", "volume")


def row_batches(
    scan: TableScan,
    codes: dict[str, int],
    *,
    symbol: str | None = None,
    naive_zone: str | None = None,
    trusting: bool = False,
) -> Generator[RowBatch]:
    """Batches of a scan in the order of the file; `codes` takes up the symbols as they appear.

    `symbol`, `naive_zone`, `trusting`: see `TableScan.batches`.
    """
    for batch in scan.batches(symbol=symbol, naive_zone=naive_zone, trusting=trusting):
        if batch.num_rows:
            yield _batch(batch, codes)


def plain_row_batches(scan: TableScan, codes: dict[str, int]) -> Generator[RowBatch]:
    """The same rows of a large text file, read faster; see `plain_blocks`.

    Close the iterator to end its threads. Raises `NotPlainError` where the file must be read by
    `row_batches` from the beginning.
    """
    with closing(plain_blocks(scan)) as blocks:
        for block in blocks:
            if not isinstance(block, PlainBlock):
                yield from (_batch(batch, codes) for batch in block if batch.num_rows)
            elif len(block.moments):
                yield _plain_batch(block, codes)


def _batch(batch: Any, codes: dict[str, int]) -> RowBatch:
    columns = {name: batch.column(name) for name in batch.schema.names}
    moments = columns["moment"].to_numpy()
    values = np.empty((5, len(moments)))  # a row for each column: checks go along columns
    for row, name in zip(values, _NUMBERS, strict=True):
        row[:] = columns[name].to_numpy(zero_copy_only=False)
    return RowBatch(
        moments=moments,
        stamped=moments != NO_MOMENT,
        values=values.T,
        codes=_codes(columns.get("symbol"), codes, len(moments)),
        **{name: columns[name].to_numpy(zero_copy_only=False) for name in _FLAGS},
    )


def _plain_batch(block: PlainBlock, codes: dict[str, int]) -> RowBatch:
    rows = len(block.moments)
    none = np.zeros(rows, dtype=np.bool_)
    if block.codes is None:
        owners = np.full(rows, codes.setdefault("", len(codes)))
    else:
        numbers = [codes.setdefault(name, len(codes)) for name in block.names]
        owners = np.asarray(numbers, dtype=np.int64)[block.codes]
    return RowBatch(
        moments=block.moments,
        stamped=np.ones(rows, dtype=np.bool_),
        aware=np.full(rows, block.is_aware),
        loss=none,
        short=none,
        long=none,
        formula=none,
        values=block.values.T,
        codes=owners,
    )


def _codes(column: Any, codes: dict[str, int], rows: int) -> npt.NDArray[np.int64]:
    if column is None:
        return np.full(rows, codes.setdefault("", len(codes)))
    encoded = column.dictionary_encode()
    numbers = [codes.setdefault(name, len(codes)) for name in encoded.dictionary.to_pylist()]
    return np.asarray(np.asarray(numbers, dtype=np.int64)[encoded.indices.to_numpy()])
