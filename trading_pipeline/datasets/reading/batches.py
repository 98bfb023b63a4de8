"""This file holds the passes over a user's file: rows, then series, in memory that does not grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import numpy as np
import numpy.typing as npt

from trading_pipeline.datasets.checks.rows import RowBatch, RowTally
from trading_pipeline.datasets.checks.series import SeriesTally
from trading_pipeline.datasets.reading.rows import plain_row_batches, row_batches
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.storage.user_files.csv_scan import TableScan
from trading_pipeline.storage.user_files.sorted_rows import KeySample, RowSorter

__all__ = ["FileTally", "Progress", "tally_file"]

Progress = Callable[[int], None]


@dataclass
class FileTally:
    """What the passes counted: rows of the file, and checks of all its series together."""

    rows: RowTally
    symbols: list[str]
    duplicate_rows: int = 0
    duplicate_conflicts: int = 0
    price_spikes: int = 0
    stale_runs: int = 0
    steps: Counter[int] = field(default_factory=Counter)

    def add_series(self, series: SeriesTally) -> None:
        """Join the counts of a finished series."""
        self.duplicate_rows += series.duplicate_rows
        self.duplicate_conflicts += series.duplicate_conflicts
        self.price_spikes += series.price_spikes
        self.stale_runs += series.stale_runs
        self.steps.update(series.steps)

    @property
    def is_mixed(self) -> bool:
        """True where some rows carry an offset and others do not."""
        return self.rows.aware_rows > 0 and self.rows.naive_rows > 0


def tally_file(
    scan: TableScan,
    *,
    naive_zone: str | None,
    on_series: Callable[[SeriesTally, FileTally], None],
    progress: Progress | None = None,
    plain: bool = False,
) -> FileTally:
    """All checks of a file. One pass for one series in order; otherwise a second one, which sorts.

    Rows without an offset in a file that has aware ones are bars only with `naive_zone`; a file without
    any offset ignores it, as its stamps stay on its own clock. `on_series` is called with each complete
    series, in the order of the symbols. `progress` is called in the caller's thread; what it raises
    ends the reading. `plain`: read in blocks, see `plain_row_batches`.
    """
    rows = _plain if plain else _trusting
    try:
        found = _file_pass(scan, rows, drop_naive=False, progress=progress)
    except DatasetFormatError:
        if plain:
            raise
        rows = _careful  # which says what is wrong with the file, if anything
        found = _file_pass(scan, rows, drop_naive=False, progress=progress)
    drop = False
    if found.tally.is_mixed:
        mixed, drop = found.tally.rows, naive_zone is None
        rows = rows if drop else partial(_careful, naive_zone=naive_zone)
        found = _file_pass(scan, rows, drop_naive=drop, progress=progress)
        found.tally.rows.aware_rows = mixed.aware_rows
        found.tally.rows.naive_rows = mixed.naive_rows
    tally = found.tally
    if found.series is not None and tally.rows.is_ordered:
        tally.add_series(found.series)
        on_series(found.series, tally)
    else:
        _sorted_pass(scan, rows, found, drop, on_series, progress)
    return tally


_Rows = Callable[[TableScan, dict[str, int]], Iterator[RowBatch]]
_plain: _Rows = plain_row_batches
_careful = row_batches
_trusting: _Rows = partial(row_batches, trusting=True)


@dataclass
class _Pass:
    """A pass in the order of the file. `series` is None where there are several or it is unsorted."""

    tally: FileTally
    series: SeriesTally | None
    codes: dict[str, int]
    keys: KeySample


def _file_pass(
    scan: TableScan, reading: _Rows, *, drop_naive: bool, progress: Progress | None
) -> _Pass:
    rows, codes, keys = RowTally(), dict[str, int](), KeySample()
    series: SeriesTally | None = SeriesTally()
    with _closed(reading(scan, codes)) as batches:
        for batch in batches:
            usable = batch.readable & batch.aware if drop_naive else batch.readable
            rows.add(batch, usable)
            keys.add(batch.codes, batch.moments, usable)
            if series is not None and (len(codes) > 1 or not rows.is_ordered):
                series = None
            if series is not None:
                series.add(*_chosen(batch, usable))
            if progress is not None:
                progress(rows.rows)
    if series is not None:
        series.finish()
    return _Pass(FileTally(rows, [name for name in codes if name]), series, codes, keys)


def _sorted_pass(
    scan: TableScan,
    reading: _Rows,
    found: _Pass,
    drop_naive: bool,
    on_series: Callable[[SeriesTally, FileTally], None],
    progress: Progress | None,
) -> None:
    tally, done = found.tally, found.tally.rows.rows
    ranks = np.empty(len(found.codes), dtype=np.int64)
    ranks[[found.codes[name] for name in sorted(found.codes)]] = np.arange(len(ranks))
    with RowSorter(found.keys.bounds(ranks)) as sorter:
        codes = dict(found.codes)  # a second reading gives the symbols the same numbers
        with _closed(reading(scan, codes)) as batches:
            for batch in batches:
                usable = batch.readable & batch.aware if drop_naive else batch.readable
                moments, values = _chosen(batch, usable)
                sorter.add(ranks[batch.codes[usable]], moments, values)
                done += len(batch.moments)
                if progress is not None:
                    progress(done)
        current, series = -1, SeriesTally()
        for rank, moments, values in sorter.series_parts():
            if rank != current and current >= 0:
                _end(series, tally, on_series)
                series = SeriesTally()
            current = rank
            series.add(moments, values)
            if progress is not None:
                progress(done)
        if current >= 0:
            _end(series, tally, on_series)


def _end(
    series: SeriesTally, tally: FileTally, on_series: Callable[[SeriesTally, FileTally], None]
) -> None:
    series.finish()
    tally.add_series(series)
    on_series(series, tally)


@contextmanager
def _closed(batches: Iterator[RowBatch]) -> Iterator[Iterator[RowBatch]]:
    """The batches; the threads of a reader end with it, not when the garbage is collected."""
    with closing(cast("Generator[RowBatch]", batches)):
        yield batches


def _chosen(
    batch: RowBatch, usable: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Moments, and open, high, low, close, volume of the usable rows; columns lie together."""
    if usable.all():
        return batch.moments, batch.values
    return batch.moments[usable], batch.values.T[:, usable].T
