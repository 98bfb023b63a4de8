"""The audit for rare leaks: other bars after many rows at once, and no row before them may change.

One recomputation replaces short stretches all over the series. Between two of them lie at least as
many bars as a value remembers, so each row just before a stretch is judged as if its own future
alone were another one.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from trading_pipeline.errors import InsufficientDataError, TradingPipelineError
from trading_pipeline.features.arrays import BoolArray, FloatArray, IntArray
from trading_pipeline.features.audits.comparison import (
    AuditName,
    AuditTally,
    CausalityFinding,
    Compute,
    Recomputation,
    computed_table,
    differences,
    recomputed_table,
    usual_size,
)
from trading_pipeline.features.audits.continuations import KINDS, Continuations
from trading_pipeline.features.audits.telling_rows import telling_rows

__all__ = ["audit_other_futures", "audit_slices"]

_CELLS = 2_000_000  # values that one audit of slices computes again
_LEAST_CALLS, _MOST_CALLS = 12, 200
_PASSES = ((16, 4), (48, 2), (10**9, 1))  # times that every row is tried, up to a spacing
_LONGEST_SECONDS = 4.0  # slow formulas get the least number of calls, whatever `_CELLS` allows
_LONG = ((3, 6), (25, 40))  # bars replaced, and rows before them that are judged as well
_CONFIRMED_ROWS = 50
_CANDIDATE_RTOL = 1e-6
_TRIES = 4  # rows of one call that are looked at alone
_MOST_TRIES, _MOST_DOUBTFUL_TRIES = 60, 12


def audit_slices(
    compute: Compute,
    bars: pd.DataFrame,
    memory: int,
    *,
    seed: int = 7,
    rtol: float = 1e-9,
    full: pd.DataFrame | None = None,
    first: int = 0,
    tally: AuditTally | None = None,
    most_calls: int = _MOST_CALLS,
) -> list[CausalityFinding]:
    """Replace the bars after as many rows as time allows; no row before may change.

    `memory`: bars before a row that its value depends on, as in a warm-up. Every row is tried, with
    several continuations where memory is short; where it is long, those of `telling_rows` and
    random ones. What differs is computed again with the bars up to that row as they were, so that a
    memory longer than said is no finding. At most one finding a column. Bars too few for two rows
    with `memory` bars before them give no finding.

    `first`: rows that were audited when there were no more bars; only the last of them and later
    ones are tried. `tally` takes the number of rows that got other bars.
    `most_calls`: recomputations at the most.
    """
    full = computed_table(compute, bars) if full is None else full
    begin, last = max(memory, first - 1), len(bars) - 1
    if last - begin < (2 if first == 0 else 1) or full.empty:
        return []
    search = _Search(compute, bars, full, rtol, seed, first=begin, tally=tally)
    share = (last - begin) / max(last - memory, 1)
    calls = int(np.clip(_CELLS // full.size * share, _LEAST_CALLS, most_calls))
    began = time.perf_counter()
    for call, rows in enumerate(_rows_of_calls(search, memory, calls)):
        late = call >= _LEAST_CALLS and time.perf_counter() - began > _LONGEST_SECONDS
        if late or search.is_done():
            break
        search.try_rows(rows, memory)
    return search.findings


def audit_other_futures(
    compute: Compute,
    bars: pd.DataFrame,
    *,
    rows: int = 60,
    seed: int = 7,
    rtol: float = 1e-9,
    full: pd.DataFrame | None = None,
    audit: AuditName = "scrambled_future",
    first: int = 0,
    tally: AuditTally | None = None,
) -> list[CausalityFinding]:
    """Replace all bars after one row, for `rows` telling and random rows; none before may change.

    For computations that may remember all the past. One recomputation a row; slow ones get fewer
    rows. At most one finding a column; `audit` is the one that findings name. `first` and `tally`
    as in `audit_slices`.
    """
    full = computed_table(compute, bars) if full is None else full
    if len(bars) < 3 or full.empty:
        return []
    begin, last = max(first - 1, 0), len(bars) - 1
    search = _Search(compute, bars, full, rtol, seed, audit, first=begin, tally=tally)
    rows = min(rows, max(2 * (last - begin), 1))
    telling = search.telling[: rows - rows // 3]
    drawn = search.generator.integers(begin, last, rows - len(telling))
    began = time.perf_counter()
    for tried, row in enumerate(np.append(telling, drawn)):
        late = tried >= _LEAST_CALLS and time.perf_counter() - began > _LONGEST_SECONDS
        if late or search.is_done():
            break
        search.try_future(int(row))
    return search.findings


class _Search:
    """What was found so far, and the columns still to be judged."""

    def __init__(
        self,
        compute: Compute,
        bars: pd.DataFrame,
        full: pd.DataFrame,
        rtol: float,
        seed: int,
        audit: AuditName = "scrambled_future",
        *,
        first: int = 0,
        tally: AuditTally | None = None,
    ) -> None:
        self.compute, self.bars, self.full, self.rtol = compute, bars, full, rtol
        self.audit, self.first = audit, first
        self.tally = AuditTally() if tally is None else tally
        self.generator = np.random.default_rng(seed)
        self.continuations = Continuations.of(bars)
        self._bars = bars.to_numpy(dtype="float64")
        telling = telling_rows(bars, full, self.generator)
        self.telling = telling[telling >= first]
        self.findings: list[CausalityFinding] = []
        self._values = full.to_numpy()
        self._scale = np.array([usual_size(values) for values in self._values.T])
        self._sizes = dict(zip(full.columns, self._scale.tolist(), strict=True))
        self._open = np.ones(full.shape[1], dtype=bool)
        # each row goes through the kinds in turn
        self._next_kind = self.generator.integers(len(KINDS), size=len(bars))
        self._tries = 0

    def is_done(self) -> bool:
        return not self._open.any()

    def try_rows(self, rows: tuple[IntArray, IntArray], memory: int) -> None:
        """Replace a stretch after each of `rows` (rows and lengths) and judge what precedes it."""
        after, lengths = rows
        changed = self._replaced(after, lengths)
        part = self._computed(changed)
        if part is None:
            return
        self.tally.slices += len(after)
        clean = np.flatnonzero(_clean_rows(after, lengths, memory, len(self.bars)))
        differing = self._differing(clean, part.to_numpy()[clean])
        tried: list[int] = []
        for column in np.flatnonzero(differing.any(axis=0) & self._open):
            wrong = clean[differing[:, column]]
            # a value that was right a row before has hardly got wrong by what it remembers
            before = self._differing(np.maximum(wrong - 1, 0), part.to_numpy()[wrong - 1])[
                :, column
            ]
            if not before.all():
                wrong = wrong[~before]
            elif self._tries > _MOST_DOUBTFUL_TRIES:
                continue
            # the first has the fewest changed bars before it
            tried += [int(wrong[0]), int(self.generator.choice(wrong))]
        for row in list(dict.fromkeys(tried))[:_TRIES]:
            if self._tries < _MOST_TRIES:
                self._tries += 1
                self._confirm(row, changed)

    def try_future(self, row: int) -> None:
        """Replace the bars after a row, some by a continuation, the others by each other."""
        stretch = self.generator.choice([1, 3, 25])
        starts = np.arange(row, len(self.bars) - 1, stretch + 1)
        self.tally.slices += 1
        self._confirm(row, self._replaced(starts, np.full(len(starts), stretch)))

    def _replaced(self, after: IntArray, lengths: IntArray) -> pd.DataFrame:
        kinds = self._next_kind[after] % len(KINDS)
        self._next_kind[after] += 1
        return self.continuations.replaced(after, lengths, kinds, self.generator)

    def _confirm(self, row: int, changed: pd.DataFrame) -> None:
        """Findings of columns whose values up to `row` change when only the bars after it do."""
        block = changed.to_numpy(copy=True)
        block[: row + 1] = self._bars[: row + 1]
        bars = pd.DataFrame(block, self.bars.index, self.bars.columns)
        part = self._computed(bars)
        if part is None:
            return
        start = max(row + 1 - _CONFIRMED_ROWS, 0)
        expected, given = self._values[start : row + 1], part.to_numpy()[start : row + 1]
        if ((expected == given) | (np.isnan(expected) & np.isnan(given))).all():
            return  # as nearly always: there is nothing to look at by column
        judged = Recomputation(table=part, start=start, stop=row + 1, cut=row + 1)
        try:
            found = differences(self.audit, self.full, [judged], rtol=self.rtol, sizes=self._sizes)
        except InsufficientDataError:  # no column has a value yet
            return
        for finding in found:
            place = self.full.columns.get_loc(finding.column)
            if self._open[place]:
                self._open[place] = False
                self.findings.append(finding)

    def _computed(self, bars: pd.DataFrame) -> pd.DataFrame | None:
        """The columns of other bars; None where the formula cannot cope with these."""
        try:
            given = self.compute(bars.copy())
        except TradingPipelineError:
            return None
        return recomputed_table(lambda _: given, bars, self.full)

    def _differing(self, rows: IntArray, given: FloatArray) -> BoolArray:
        expected = self._values[rows]
        with np.errstate(invalid="ignore"):
            gap = np.abs(expected - given)
            reference = np.fmax(np.fmax(np.abs(expected), np.abs(given)), self._scale)
            near = gap <= _CANDIDATE_RTOL * reference
        same = near | (expected == given) | (np.isnan(expected) & np.isnan(given))
        return np.asarray(~same, dtype=bool)


def _clean_rows(after: IntArray, lengths: IntArray, memory: int, count: int) -> BoolArray:
    """Rows that remember no replaced bar and have one ahead."""
    touched = np.zeros(count + 1, dtype="int64")
    np.add.at(touched, np.minimum(after + 1, count), 1)
    np.add.at(touched, np.minimum(after + lengths + memory + 1, count), -1)
    clean: BoolArray = np.cumsum(touched)[:count] == 0
    clean[:memory] = False
    clean[int(after[-1]) + 1 :] = False
    return clean


def _rows_of_calls(search: _Search, memory: int, calls: int) -> list[tuple[IntArray, IntArray]]:
    """Rows and lengths of each call: long stretches first, then every row, or the telling ones."""
    generator, last = search.generator, len(search.bars) - 1
    first = max(memory, search.first)
    plans: list[tuple[IntArray, IntArray]] = []
    for length, reach in _LONG:
        for _ in range(2):
            spacing = memory + length + reach
            begin = first + int(generator.integers(min(spacing, last - first)))
            after = np.arange(begin, last, spacing)
            plans.append((after, np.full(len(after), length)))
    spacing = memory + 2
    phases = min(spacing, last - first)
    left = max(calls - len(plans), 1)
    passes = min(left // phases, next(most for limit, most in _PASSES if spacing <= limit))
    for _ in range(passes):
        for phase in generator.permutation(phases):
            after = np.arange(first + phase, last, spacing)
            if len(after):
                plans.append((after, np.ones(len(after), dtype="int64")))
    telling = search.telling[search.telling >= memory]
    waiting = np.zeros(last)
    waiting[:first] = -1.0
    # a telling row is wanted once for each kind of continuation
    waiting[telling] = len(KINDS) - passes - np.arange(len(telling)) / max(len(telling), 1)
    while len(plans) < calls and (passes == 0 or waiting.max() > 0.0):
        after = _spaced(waiting, first, spacing, generator)
        waiting[after] -= 1.0
        plans.append((after, np.ones(len(after), dtype="int64")))
    return plans


def _spaced(
    waiting: FloatArray, first: int, spacing: int, generator: np.random.Generator
) -> IntArray:
    """Rows at least `spacing` apart, the most wanted of each next `spacing` rows."""
    after = []
    noise = generator.random(len(waiting)) * 0.5
    begin = first + int(generator.integers(min(spacing, len(waiting) - first)))
    while begin < len(waiting):
        window = slice(begin, begin + spacing // 2 + 1)
        row = begin + int(np.argmax(waiting[window] + noise[window]))
        after.append(row)
        begin = row + spacing
    return np.array(after, dtype="int64")
