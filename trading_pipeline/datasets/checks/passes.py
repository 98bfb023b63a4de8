"""The passes over a user's file: rows, then series, in memory that does not grow with the file."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter

import numpy as np

from trading_pipeline.datasets.checks.rows import RowTally
from trading_pipeline.datasets.checks.series import SeriesCounts, SeriesTally
from trading_pipeline.datasets.clocks.local_rows import LocalRows
from trading_pipeline.datasets.reading.rows import RowBatch, plain_row_batches, row_batches
from trading_pipeline.domain.moments import Flags, Floats, Moments
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.storage.user_files.csv_scan import TableScan
from trading_pipeline.storage.user_files.sorted_rows import KeySample, RowSorter

__all__ = ["FileTally", "Progress", "tally_file"]

Progress = Callable[[int], None]
OnSeries = Callable[[SeriesTally], None]


@dataclass
class FileTally(SeriesCounts):
    """What the passes counted: rows of the file, and checks of all its series together."""

    rows: RowTally = field(default_factory=RowTally)
    symbols: list[str] = field(default_factory=list)

    @property
    def is_mixed(self) -> bool:
        """True where some rows carry an offset and others do not."""
        return self.rows.aware_rows > 0 and self.rows.naive_rows > 0


def tally_file(
    scan: TableScan,
    *,
    naive_zone: str | None,
    on_series: OnSeries,
    progress: Progress | None = None,
    plain: bool = False,
    local: LocalRows | None = None,
) -> FileTally:
    """All checks of a file. One pass for one series in order; otherwise a second one, which sorts.

    Parameters
    ----------
    naive_zone
        Zone of rows without an offset in a file whose other rows have one; without it they are no
        bars. A file without any offset ignores it, as its stamps stay on its own clock.
    on_series
        Called with each complete series, in the order of the symbols.
    progress
        Called in the caller's thread with the number of rows; what it raises ends the reading.
    plain
        Read in blocks, see `plain_row_batches`.
    local
        The wall clock of stamps without an offset; its `utc_zone` is set where they had to be
        turned into UTC.
    """
    rows: _Rows = plain_row_batches if plain else partial(row_batches, trusting=True)
    watch = _unwatched if local is None else local.collecting
    try:
        found = _file_pass(scan, watch(rows), drop_naive=False, progress=progress)
    except DatasetFormatError:
        if plain:
            raise
        rows = row_batches  # which says what is wrong with the file, if anything
        if local is not None:
            local.reset()
        found = _file_pass(scan, watch(rows), drop_naive=False, progress=progress)
    drop = False
    if found.tally.is_mixed:
        mixed, drop = found.tally.rows, naive_zone is None
        rows = rows if drop else partial(row_batches, naive_zone=naive_zone)
        found = _file_pass(scan, rows, drop_naive=drop, progress=progress)
        found.tally.rows.aware_rows = mixed.aware_rows
        found.tally.rows.naive_rows = mixed.naive_rows
    elif local is not None:
        found, rows = _local_pass(scan, rows, found, local, progress)
    tally = found.tally
    if found.series is not None and tally.rows.is_ordered:
        tally.add_counts(found.series)
        on_series(found.series)
    else:
        _sorted_pass(scan, rows, found, drop, on_series, progress)
    return tally


def _unwatched(reading: _Rows) -> _Rows:
    return reading


def _local_pass(
    scan: TableScan, rows: _Rows, found: _Pass, local: LocalRows, progress: Progress | None
) -> tuple[_Pass, _Rows]:
    """Read again in UTC where the wall clock repeats or skips an hour of the file."""
    if local.zone is None:
        zone = local.likely_zone()
        if zone is None:
            return found, rows
        local.reset(zone)
        _file_pass(scan, local.collecting(rows), drop_naive=False, progress=progress)
    if not local.is_needed:
        return found, rows
    rows, local.utc_zone = local.in_utc(rows), local.zone
    found = _file_pass(scan, rows, drop_naive=False, progress=progress)
    passes, others = local.passes, found.tally.rows.others
    others.update(
        single_hour=passes.single, unclear_hour=passes.unclear, skipped_hour=local.skipped
    )
    return found, rows


_Rows = Callable[[TableScan, dict[str, int]], Generator[RowBatch]]


@dataclass
class _Pass:
    """A pass in the order of the file. `series` is None where there are several or it is
    unsorted."""

    tally: FileTally
    series: SeriesTally | None
    codes: dict[str, int]
    keys: KeySample


def _file_pass(
    scan: TableScan, reading: _Rows, *, drop_naive: bool, progress: Progress | None
) -> _Pass:
    rows, codes, keys = RowTally(), dict[str, int](), KeySample()
    series: SeriesTally | None = SeriesTally()
    with closing(reading(scan, codes)) as batches:  # ends the threads of a reader
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
    tally = FileTally(rows=rows, symbols=[name for name in codes if name])
    return _Pass(tally, series, codes, keys)


def _sorted_pass(
    scan: TableScan,
    reading: _Rows,
    found: _Pass,
    drop_naive: bool,
    on_series: OnSeries,
    progress: Progress | None,
) -> None:
    tally, done = found.tally, found.tally.rows.rows
    ranks = np.empty(len(found.codes), dtype=np.int64)
    ranks[[found.codes[name] for name in sorted(found.codes)]] = np.arange(len(ranks))
    with RowSorter(found.keys.bounds(ranks)) as sorter:
        codes = dict(found.codes)  # a second reading gives the symbols the same numbers
        with closing(reading(scan, codes)) as batches:
            for batch in batches:
                usable = batch.readable & batch.aware if drop_naive else batch.readable
                moments, values = _chosen(batch, usable)
                sorter.add(ranks[batch.codes[usable]], moments, values)
                done += len(batch.moments)
                if progress is not None:
                    progress(done)
        for _, parts in groupby(sorter.series_parts(), key=itemgetter(0)):
            series = SeriesTally()
            for _, moments, values in parts:
                series.add(moments, values)
                if progress is not None:
                    progress(done)
            series.finish()
            tally.add_counts(series)
            on_series(series)


def _chosen(batch: RowBatch, usable: Flags) -> tuple[Moments, Floats]:
    """Moments, and open, high, low, close, volume of the usable rows; columns are contiguous."""
    if usable.all():
        return batch.moments, batch.values
    return batch.moments[usable], batch.values.T[:, usable].T
