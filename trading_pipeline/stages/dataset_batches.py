"""This file holds the passes over a user's file: rows, then series, in memory that does not grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.dataset_row_checks import RowBatch, RowTally
from trading_pipeline.market_data.dataset_series_checks import SeriesTally
from trading_pipeline.storage.csv_scan import NO_MOMENT, TableScan

__all__ = ["FileTally", "row_batches", "tally_file"]

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
) -> FileTally:
    """All checks of a file. One pass for one series in order; otherwise a second one, sorted.

    Rows without an offset in a file that has aware ones are bars only with `naive_zone`; a file without
    any offset ignores it, as its stamps stay on its own clock. `on_series` is called with each complete
    series, in the order of the symbols.
    """
    tally, series = _first_pass(scan, progress)
    zone, drop = None, False
    if tally.is_mixed:
        mixed, zone, drop = tally.rows, naive_zone, naive_zone is None
        tally, series = _file_pass(scan, zone, drop_naive=drop, progress=progress)
        tally.rows.aware_rows, tally.rows.naive_rows = mixed.aware_rows, mixed.naive_rows
    if series is not None and tally.rows.is_ordered:
        tally.add_series(series)
        on_series(series, tally)
        return tally
    _sorted_pass(scan, tally, zone, drop, on_series, progress)
    return tally


def row_batches(
    scan: TableScan,
    codes: dict[str, int],
    *,
    order: Any = "file",
    symbol: str | None = None,
    naive_zone: str | None = None,
    trusting: bool = False,
) -> Iterator[RowBatch]:
    """Batches of a scan as arrays; `codes` takes up the symbols in the order of their appearance.

    `trusting`: see `TableScan.batches`.
    """
    names = ("open", "high", "low", "close", "volume")
    batches = scan.batches(order, symbol=symbol, naive_zone=naive_zone, trusting=trusting)
    for batch in batches:
        if batch.num_rows == 0:
            continue
        columns = {name: batch.column(name) for name in batch.schema.names}
        flags = {
            name: columns[name].to_numpy(zero_copy_only=False)
            for name in ("aware", "loss", "short", "long", "formula")
        }
        moments = columns["moment"].to_numpy()
        values = np.empty((5, len(moments)))  # a row for each column: checks go along columns
        for row, name in zip(values, names, strict=True):
            row[:] = columns[name].to_numpy(zero_copy_only=False)
        yield RowBatch(
            moments=moments,
            stamped=moments != NO_MOMENT,
            prices=values[:4].T,
            volume=values[4],
            codes=_codes(columns.get("symbol"), codes, len(moments)),
            **flags,
        )


def _codes(column: Any, codes: dict[str, int], rows: int) -> npt.NDArray[np.int64]:
    if column is None:
        return np.full(rows, codes.setdefault("", len(codes)))
    encoded = column.dictionary_encode()
    numbers = [codes.setdefault(name, len(codes)) for name in encoded.dictionary.to_pylist()]
    return np.asarray(np.asarray(numbers, dtype=np.int64)[encoded.indices.to_numpy()])


def _first_pass(scan: TableScan, progress: Progress | None) -> tuple[FileTally, SeriesTally | None]:
    """As if all numbers could be read; where one cannot, from the beginning again, cell by cell."""
    try:
        return _file_pass(scan, None, drop_naive=False, progress=progress, trusting=True)
    except DatasetFormatError:  # the careful pass says what is wrong with the file, if anything
        return _file_pass(scan, None, drop_naive=False, progress=progress)


def _file_pass(
    scan: TableScan,
    zone: str | None,
    *,
    drop_naive: bool,
    progress: Progress | None,
    trusting: bool = False,
) -> tuple[FileTally, SeriesTally | None]:
    """Rows in the order of the file, and their one series; None where there are several."""
    rows, codes = RowTally(), dict[str, int]()
    series: SeriesTally | None = SeriesTally()
    for batch in row_batches(scan, codes, naive_zone=zone, trusting=trusting):
        usable = batch.readable & batch.aware if drop_naive else batch.readable
        rows.add(batch, usable)
        if series is not None and (len(codes) > 1 or not rows.is_ordered):
            series = None
        if series is not None:
            series.add(*_chosen(batch, usable))
        if progress is not None:
            progress(rows.rows)
    if series is not None:
        series.finish()
    return FileTally(rows, [name for name in codes if name]), series


def _sorted_pass(
    scan: TableScan,
    tally: FileTally,
    zone: str | None,
    drop_naive: bool,
    on_series: Callable[[SeriesTally, FileTally], None],
    progress: Progress | None,
) -> None:
    codes, current, done = dict[str, int](), -1, 0
    series: SeriesTally | None = None

    def end() -> None:
        if series is not None:
            series.finish()
            tally.add_series(series)
            on_series(series, tally)

    for batch in row_batches(scan, codes, order="time", naive_zone=zone):
        usable = batch.readable & batch.aware if drop_naive else batch.readable
        moments, values = _chosen(batch, usable)
        owners = batch.codes[usable]
        starts = [0, *(np.flatnonzero(owners[1:] != owners[:-1]) + 1)] if len(owners) else []
        for begin, stop in zip(starts, [*starts[1:], len(owners)][: len(starts)], strict=True):
            if series is None or owners[begin] != current:
                end()
                current, series = int(owners[begin]), SeriesTally()
            series.add(moments[begin:stop], values[begin:stop])
        done += len(batch.moments)
        if progress is not None:
            progress(tally.rows.rows + done)
    end()


def _chosen(
    batch: RowBatch, usable: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Moments, and open, high, low, close, volume of the usable rows; columns lie together."""
    columns = np.concatenate([batch.prices.T, batch.volume[None, :]])
    if usable.all():
        return batch.moments, columns.T
    return batch.moments[usable], columns[:, usable].T
