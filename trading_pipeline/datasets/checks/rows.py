"""Checks of single rows of a user's file and of their order, batch by batch.

Memory does not grow with the number of rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from trading_pipeline.datasets.reading.rows import RowBatch
from trading_pipeline.domain.moments import Flags, Moments
from trading_pipeline.domain.price_rounding import widen_rounded

__all__ = ["RowTally"]

_NONE_YET = np.iinfo(np.int64).min


@dataclass
class RowTally:
    """Counts over all batches so far; `add` takes the next one.

    `problems` has the published codes, `others` the rest: `bad_timestamp`, `extra_cells`,
    `missing_volume`, `price_rounding`. `first` and `last` are the smallest and largest moment of
    bars. `cut_stamps`: rows whose epoch a spreadsheet cut to an exponent, which are no bars.
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
    cut_stamps: int = 0
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
        moments, codes = batch.moments, batch.codes
        if not usable.all():
            moments, codes = moments[usable], codes[usable]
        if len(moments):
            low, high = int(moments.min()), int(moments.max())
            self.first = low if self.first is None else min(self.first, low)
            self.last = high if self.last is None else max(self.last, high)
            self._order(moments, codes)

    def _count_faults(self, batch: RowBatch) -> None:
        whole = ~batch.short
        if batch.formula.any() and self.first_formula_row is None:
            self.first_formula_row = self.rows + int(np.argmax(batch.formula)) + 1
        self._count("truncated_line", batch.short)
        self._count("null_ohlc", whole & ~batch.priced)
        self._count("timestamp_precision_loss", whole & batch.loss)
        self.cut_stamps += int(np.count_nonzero(whole & batch.loss & ~batch.stamped))
        self.others.update(
            bad_timestamp=int(np.count_nonzero(whole & ~batch.stamped & ~batch.loss)),
            extra_cells=int(np.count_nonzero(batch.long)),
        )
        self._prices(batch)

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
        order = {"descending": 1} if self.is_descending else {"unsorted": self.falls}
        return {code: count for code, count in {**self.problems, **order}.items() if count}

    def _count(self, code: str, rows: Flags) -> None:
        self.problems[code] += int(np.count_nonzero(rows))

    def _prices(self, batch: RowBatch) -> None:
        opened, high, low, close = batch.prices.T
        readable = batch.readable
        high, low, moved = widen_rounded(opened, high, low, close)
        self.others["price_rounding"] += int(np.count_nonzero(readable & moved))
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

    def _order(self, moments: Moments, codes: Moments) -> None:
        """Count rises and falls against the previous row of the same symbol."""
        missing = int(codes.max()) + 1 - len(self._last_of_symbol)
        if missing > 0:
            unseen = np.full(missing, _NONE_YET)
            self._last_of_symbol = np.concatenate([self._last_of_symbol, unseen])
        starts = np.zeros(1, dtype=np.int64)
        if codes.min() != codes.max():
            by_symbol = np.argsort(codes, kind="stable")
            moments, codes = moments[by_symbol], codes[by_symbol]
            starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
        elif len(moments) > 1:
            # all but the first are next to their previous row
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
        known = before != _NONE_YET
        self.falls += int(np.count_nonzero(known & (moments < before)))
        self.rises += int(np.count_nonzero(known & (moments > before)))
        ends = np.r_[starts[1:], len(moments)] - 1
        self._last_of_symbol[codes[ends]] = moments[ends]
