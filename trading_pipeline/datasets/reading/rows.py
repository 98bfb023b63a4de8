"""The rows of a user's file as batches of arrays, from either of its readers.

DuckDB reads every form of file. Large plain text files are read faster in blocks of bytes; both
readers give the same rows. Moments are int64 microseconds.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trading_pipeline.domain.bars import BAR_COLUMNS
from trading_pipeline.domain.moments import Flags, Floats, Moments
from trading_pipeline.storage.user_files.csv_scan import NO_MOMENT, TableScan
from trading_pipeline.storage.user_files.plain_lines import PlainBlock, plain_blocks

__all__ = ["RowBatch", "plain_row_batches", "row_batches"]

_FLAGS = ("aware", "loss", "short", "long", "formula")


@dataclass(frozen=True, eq=False)
class RowBatch:
    """Consecutive rows of a file. `stamped`: the time stamp could be read.

    `aware`: it says what it is in UTC; `loss`: digits of it were lost. `short` and `long`: fewer or
    more cells than columns. `codes`: number of the row's symbol. `values`: shape (rows, 5), open,
    high, low, close and volume, best with each column contiguous; NaN where there is no number.
    """

    moments: Moments
    stamped: Flags
    aware: Flags
    loss: Flags
    short: Flags
    long: Flags
    formula: Flags
    values: Floats
    codes: Moments

    @property
    def prices(self) -> Floats:
        """Shape (rows, 4): open, high, low, close."""
        return self.values[:, :4]

    @property
    def volume(self) -> Floats:
        """Volume of each row."""
        return self.values[:, 4]

    @cached_property
    def is_sound(self) -> bool:
        """True where the checks of single rows, except those of the volume, find nothing.

        A few comparisons show that, and most batches are sound.
        """
        if not len(self.moments):
            return True
        if self.short.any() or self.long.any() or self.loss.any() or self.formula.any():
            return False
        opened, high, low, close = self.prices.T
        with np.errstate(invalid="ignore"):  # NaN fails every comparison
            return bool(
                self.stamped.all()
                and low.min() > 0
                and high.max() < np.inf
                and (high >= np.maximum(opened, close)).all()
                and (low <= np.minimum(opened, close)).all()
            )

    @cached_property
    def priced(self) -> Flags:
        """Rows with four finite prices."""
        if self.is_sound:
            return np.ones(len(self.moments), dtype=np.bool_)
        finite = np.isfinite(self.prices[:, 0])
        for column in self.prices.T[1:]:
            finite &= np.isfinite(column)
        return np.asarray(finite)

    @cached_property
    def readable(self) -> Flags:
        """Rows that can be bars: complete, with a time stamp and four prices."""
        return self.priced if self.is_sound else self.stamped & ~self.short & self.priced


def row_batches(
    scan: TableScan,
    codes: dict[str, int],
    *,
    symbol: str | None = None,
    naive_zone: str | None = None,
    trusting: bool = False,
) -> Generator[RowBatch]:
    """Batches of a scan in the order of the file; `codes` collects the symbols as they appear.

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


def _batch(batch: pa.RecordBatch, codes: dict[str, int]) -> RowBatch:
    columns = {name: batch.column(name) for name in batch.schema.names}
    moments = columns["moment"].to_numpy()
    values = np.empty((5, len(moments)))  # a row for each column: checks go along columns
    for row, name in zip(values, BAR_COLUMNS, strict=True):
        row[:] = columns[name].to_numpy(zero_copy_only=False)
    symbols, owners = list[str](), None
    if "symbol" in columns:
        encoded = columns["symbol"].dictionary_encode()
        symbols, owners = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    return RowBatch(
        moments=moments,
        stamped=moments != NO_MOMENT,
        values=values.T,
        codes=_codes(symbols, owners, len(moments), codes),
        **{name: columns[name].to_numpy(zero_copy_only=False) for name in _FLAGS},
    )


def _plain_batch(block: PlainBlock, codes: dict[str, int]) -> RowBatch:
    rows = len(block.moments)
    none = np.zeros(rows, dtype=np.bool_)
    return RowBatch(
        moments=block.moments,
        stamped=np.ones(rows, dtype=np.bool_),
        aware=np.full(rows, block.is_aware),
        loss=none,
        short=none,
        long=none,
        formula=none,
        values=block.values.T,
        codes=_codes(block.names, block.codes, rows, codes),
    )


def _codes(
    names: list[str],
    owners: npt.NDArray[np.signedinteger] | None,
    rows: int,
    codes: dict[str, int],
) -> Moments:
    """Number of each row's symbol in the whole file; `owners`: positions in `names`, None: no
    symbol."""
    if owners is None:
        return np.full(rows, codes.setdefault("", len(codes)))
    numbers = [codes.setdefault(name, len(codes)) for name in names]
    return np.asarray(np.asarray(numbers, dtype=np.int64)[owners])
