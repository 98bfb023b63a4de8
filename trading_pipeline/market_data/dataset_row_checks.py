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
    cells than columns. `codes`: number of the row's symbol.
    """

    moments: Moments
    stamped: Flags
    aware: Flags
    loss: Flags
    short: Flags
    long: Flags
    formula: Flags
    prices: Floats
    volume: Floats
    codes: npt.NDArray[np.int64]

    @cached_property
    def priced(self) -> Flags:
        """Rows with four finite prices."""
        finite = np.isfinite(self.prices[:, 0])
        for column in self.prices.T[1:]:
            finite &= np.isfinite(column)
        return np.asarray(finite)

    @cached_property
    def readable(self) -> Flags:
        """Rows that can be bars: whole, with a time stamp and four prices."""
        return np.asarray(self.stamped & ~self.short & self.priced)


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
        whole = ~batch.short
        if batch.formula.any() and self.first_formula_row is None:
            self.first_formula_row = self.rows + int(np.argmax(batch.formula)) + 1
        self.rows += len(batch.moments)
        readable = batch.readable
        aware = int(np.count_nonzero(readable & batch.aware))
        self.aware_rows += aware
        self.naive_rows += int(np.count_nonzero(readable)) - aware
        self._count("truncated_line", batch.short)
        self._count("null_ohlc", whole & ~batch.priced)
        self._count("timestamp_precision_loss", whole & batch.stamped & batch.loss)
        self.others.update(
            bad_timestamp=int(np.count_nonzero(whole & ~batch.stamped)),
            extra_cells=int(np.count_nonzero(batch.long)),
            missing_volume=int(np.count_nonzero(readable & ~np.isfinite(batch.volume))),
        )
        self._prices(batch, readable)
        self.valid_rows += int(np.count_nonzero(usable))
        moments = batch.moments if usable.all() else batch.moments[usable]
        if len(moments):
            low, high = int(moments.min()), int(moments.max())
            self.first = low if self.first is None else min(self.first, low)
            self.last = high if self.last is None else max(self.last, high)
            self._order(moments, batch.codes if usable.all() else batch.codes[usable])

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
            self._count("zero_volume", readable & (batch.volume == 0))
            self._count("negative_volume", readable & (batch.volume < 0))

    def _order(self, moments: Moments, codes: npt.NDArray[np.int64]) -> None:
        """Count rises and falls against the row before of the same symbol."""
        missing = int(codes.max()) + 1 - len(self._last_of_symbol)
        if missing > 0:
            unseen = np.full(missing, np.iinfo(np.int64).min)
            self._last_of_symbol = np.concatenate([self._last_of_symbol, unseen])
        several = codes.min() != codes.max()
        if several:
            by_symbol = np.argsort(codes, kind="stable")
            moments, codes = moments[by_symbol], codes[by_symbol]
        starts = np.zeros(1, dtype=np.int64)
        if several:
            starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
        before = np.empty_like(moments)
        before[1:] = moments[:-1]
        before[starts] = self._last_of_symbol[codes[starts]]
        known = before != np.iinfo(np.int64).min
        self.falls += int(np.count_nonzero(known & (moments < before)))
        self.rises += int(np.count_nonzero(known & (moments > before)))
        ends = np.r_[starts[1:], len(moments)] - 1
        self._last_of_symbol[codes[ends]] = moments[ends]
