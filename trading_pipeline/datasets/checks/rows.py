"""This file holds the checks of single rows of a user's file and of their order, batch by batch.

Moments are int64 microseconds. Memory does not grow with the number of rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["RowBatch", "RowTally"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Moments = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RowBatch:
    """Consecutive rows of a file. `stamped`: the time stamp could be read.

    `aware`: it says what it is in UTC; `loss`: digits of it got lost. `short` and `long`: fewer or more
    cells than columns. `codes`: number of the row's symbol. `values`: shape (rows, 5), open, high, low,
    close and volume, best with columns that lie together; NaN where there is no number.
    """

    moments: Moments
    stamped: Flags
    aware: Flags
    loss: Flags
    short: Flags
    long: Flags
    formula: Flags
    values: Floats
    codes: npt.NDArray[np.int64]

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
        """True where no check of a single row but those of the volume can find anything.

        Few comparisons show that, and most batches are so.
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
        """Rows that can be bars: whole, with a time stamp and four prices."""
        return self.priced if self.is_sound else self.stamped & ~self.short & self.priced


@dataclass
class RowTally:
    """Counts over all batches so far; `add` takes the next one.

    `problems` has the published codes, `others` what has none: `bad_timestamp`, `extra_cells`,
    `missing_volume`. `first` and `last` are the smallest and largest moment of bars.
    """

    rows: int = 0
    valid_rows: int = 0
    aware_rows: int = 0
    naive_rows: int = 0
    first: int | None = None
    last: int | None = None
    first_formula_row: int | None = None
    problems: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    falls: int = 0
    rises: int = 0
    _last_of_symbol: Moments = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def add(self, batch: RowBatch, usable: Flags) -> None:
        """Count one batch. `usable`: the rows that become bars (a subset of the readable ones)."""
        if not batch.is_sound:
            self._count_faults(batch)
        self._count_volumes(batch)
        self.rows += len(batch.moments)
        readable = batch.readable
        aware = int(np.count_nonzero(readable & batch.aware))
        self.aware_rows += aware
        self.naive_rows += int(np.count_nonzero(readable)) - aware
        self.valid_rows += int(np.count_nonzero(usable))
        moments = batch.moments if usable.all() else batch.moments[usable]
        if len(moments):
            low, high = int(moments.min()), int(moments.max())
            self.first = low if self.first is None else min(self.first, low)
            self.last = high if self.last is None else max(self.last, high)
            self._order(moments, batch.codes if usable.all() else batch.codes[usable])

    def _count_faults(self, batch: RowBatch) -> None:
        whole, readable = ~batch.short, batch.readable
        if batch.formula.any() and self.first_formula_row is None:
            self.first_formula_row = self.rows + int(np.argmax(batch.formula)) + 1
        self._count("truncated_line", batch.short)
        self._count("null_ohlc", whole & ~batch.priced)
        self._count("timestamp_precision_loss", whole & batch.stamped & batch.loss)
        self.others.update(
            bad_timestamp=int(np.count_nonzero(whole & ~batch.stamped)),
            extra_cells=int(np.count_nonzero(batch.long)),
        )
        self._prices(batch, readable)

    @property
    def is_descending(self) -> bool:
        """True for a file that is newest first throughout."""
        return self.falls > 0 and self.rises == 0

    @property
    def is_ordered(self) -> bool:
        """True where equal moments of a symbol follow each other, oldest or newest first."""
        return self.falls == 0 or self.rises == 0

    def all_problems(self) -> dict[str, int]:
        """Counts above zero, with those of the order."""
        found = dict(self.problems)
        if self.is_descending:
            found["descending"] = 1
        else:
            found["unsorted"] = self.falls
        return {code: count for code, count in found.items() if count}

    def _count(self, code: str, rows: Flags) -> None:
        self.problems[code] += int(np.count_nonzero(rows))

    def _prices(self, batch: RowBatch, readable: Flags) -> None:
        opened, high, low, close = (batch.prices[:, i] for i in range(4))
        with np.errstate(invalid="ignore"):
            below = high < low
            top, bottom = np.maximum(opened, close), np.minimum(opened, close)
            lowest = np.minimum(np.minimum(high, low), bottom)
            loose = (high < top) | (low > bottom) | below
            self._count("high_below_low", readable & below)
            self._count("ohlc_inconsistent", readable & loose)
            self._count("non_positive_price", readable & (lowest <= 0))

    def _count_volumes(self, batch: RowBatch) -> None:
        volume, readable = batch.volume, batch.readable
        with np.errstate(invalid="ignore"):
            if not len(volume) or (volume.min() > 0 and volume.max() < np.inf):
                return
            self.others["missing_volume"] += int(np.count_nonzero(readable & ~np.isfinite(volume)))
            self._count("zero_volume", readable & (volume == 0))
            self._count("negative_volume", readable & (volume < 0))

    def _order(self, moments: Moments, codes: npt.NDArray[np.int64]) -> None:
        """Count rises and falls against the row before of the same symbol."""
        missing = int(codes.max()) + 1 - len(self._last_of_symbol)
        if missing > 0:
            unseen = np.full(missing, np.iinfo(np.int64).min)
            self._last_of_symbol = np.concatenate([self._last_of_symbol, unseen])
        starts = np.zeros(1, dtype=np.int64)
        if codes.min() != codes.max():
            by_symbol = np.argsort(codes, kind="stable")
            moments, codes = moments[by_symbol], codes[by_symbol]
            starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
        elif len(moments) > 1:
            # all but the first have the row before beside them
            rises = int(np.count_nonzero(moments[1:] > moments[:-1]))
            self.rises += rises
            if rises < len(moments) - 1:
                self.falls += int(np.count_nonzero(moments[1:] < moments[:-1]))
            self._order(moments[:1], codes[:1])
            self._last_of_symbol[codes[0]] = moments[-1]
            return
        before = np.empty_like(moments)
        before[1:] = moments[:-1]
        before[starts] = self._last_of_symbol[codes[starts]]
        known = before != np.iinfo(np.int64).min
        self.falls += int(np.count_nonzero(known & (moments < before)))
        self.rises += int(np.count_nonzero(known & (moments > before)))
        ends = np.r_[starts[1:], len(moments)] - 1
        self._last_of_symbol[codes[ends]] = moments[ends]
