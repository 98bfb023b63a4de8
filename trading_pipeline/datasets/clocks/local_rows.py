"""The rows of a file on a zone's wall clock, turned into UTC while its batches are read.

A first reading collects the rows of hours that autumn repeats; with them a second one knows which
pass each belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np

from trading_pipeline.datasets.clocks.wall_clock import (
    Passes,
    passes_of,
    sampled_step,
    zone_changes,
)
from trading_pipeline.datasets.reading.rows import RowBatch
from trading_pipeline.domain.moments import DAY, Moments
from trading_pipeline.storage.user_files.csv_scan import TableScan

__all__ = ["LocalRows"]

Reading = Callable[[TableScan, dict[str, int]], Generator[RowBatch]]
_ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Chicago",
    "Europe/Athens",
    "Australia/Sydney",
)
"""Clocks that a file may be written by which names none, the commonest first."""
_BACKWARD_ROWS = 1000
_MOST_ROWS = 2_000_000
"""Repeated hours of more rows are not told apart."""
_KEPT = ("is_sound", "priced", "readable")


@dataclass
class LocalRows:
    """Wraps a reading; `zone`: IANA zone of the stamps, None where nobody knows it.

    `utc_zone`: the zone from whose clock the rows were turned into UTC, None where they stand as
    the file shows them. `step`: distance between bars, 0 until rows were read; `skipped`: rows at
    times that the clock never shows.
    """

    zone: str | None
    utc_zone: str | None = None
    step: int = 0
    skipped: int = 0
    _forward: bool = True
    _collected: list[tuple[Moments, Moments, Moments, Moments]] = field(default_factory=list)
    _count: int = 0
    _backward: list[Moments] = field(default_factory=list)
    _last: int | None = None

    def reset(self, zone: str | None = None) -> None:
        """Forget all rows, before a reading begins again; `zone`: a better guess of the clock."""
        self.zone = zone or self.zone
        self.step, self.skipped, self._count = 0, 0, 0
        self._collected.clear()
        self._backward.clear()
        self._last = None

    def collecting(self, reading: Reading) -> Reading:
        """The same batches, while the rows of repeated and skipped hours are collected."""

        def read(scan: TableScan, codes: dict[str, int]) -> Generator[RowBatch]:
            row = 0
            with closing(reading(scan, codes)) as batches:
                for batch in batches:
                    self._collect(batch, row)
                    row += len(batch.moments)
                    yield batch

        return read

    def in_utc(self, reading: Reading) -> Reading:
        """Batches with moments of UTC; call after a whole reading was collected."""
        clock, second = zone_changes(str(self.zone)), self.passes.second

        def read(scan: TableScan, codes: dict[str, int]) -> Generator[RowBatch]:
            row = 0
            with closing(reading(scan, codes)) as batches:
                for batch in batches:
                    walls = batch.moments
                    moments = np.where(batch.stamped, clock.utc(walls), walls)
                    low, high = np.searchsorted(second, [row, row + len(walls)])
                    later = second[low:high] - row
                    change = clock.repeated(walls[later])
                    moments[later] += clock.before[change] - clock.after[change]
                    row += len(walls)
                    found = replace(batch, moments=moments)
                    kept = {name: batch.__dict__[name] for name in _KEPT if name in batch.__dict__}
                    found.__dict__.update(kept)
                    yield found

        return read

    @property
    def is_needed(self) -> bool:
        """True where intraday rows stand in an hour that the clock repeats or skips."""
        return self.zone is not None and 0 < self.step < DAY and bool(self._count or self.skipped)

    @property
    def passes(self) -> Passes:
        """What the order of the collected rows tells."""
        empty = np.empty(0, dtype=np.int64)
        columns = [np.concatenate([empty, *each]) for each in zip(*self._collected, strict=True)]
        if not columns or self._count > _MOST_ROWS:
            return Passes(empty, 0, self._count)
        places, owners, walls, changes = columns
        return passes_of(places, owners, walls, changes, forward=self._forward, step=self.step)

    def likely_zone(self) -> str | None:
        """A zone whose clock repeats just the hours in which the stamps go back or stand still."""
        if not self._backward or not 0 < self.step < DAY:
            return None
        walls = np.concatenate(self._backward)
        if len(walls) > _BACKWARD_ROWS:
            return None
        fits = (zone for zone in _ZONES if (zone_changes(zone).repeated(walls) >= 0).all())
        return next(fits, None)

    def _collect(self, batch: RowBatch, row: int) -> None:
        usable = np.flatnonzero(batch.readable & ~batch.aware)
        walls, owners = batch.moments[usable], batch.codes[usable]
        if not len(walls):
            return
        if not self.step:
            mine = owners == owners[0]
            self.step, self._forward = sampled_step(walls[mine])
        if self.zone is None:
            self._look_back(walls, owners)
            return
        clock = zone_changes(self.zone)
        self.skipped += int(np.count_nonzero(clock.skipped(walls)))
        changes = clock.repeated(walls)
        twice = np.flatnonzero(changes >= 0)
        self._count += len(twice)
        if len(twice) and self._count <= _MOST_ROWS:
            self._collected.append(
                (row + usable[twice], owners[twice], walls[twice], changes[twice])
            )

    def _look_back(self, walls: Moments, owners: Moments) -> None:
        """Note where the stamps of one series go back; a file of several is left alone."""
        if (owners != owners[0]).any() or sum(map(len, self._backward)) > _BACKWARD_ROWS:
            return
        before, self._last = self._last, int(walls[-1])
        joined = walls if before is None else np.r_[before, walls]
        steps = np.diff(joined)
        back = np.flatnonzero(steps <= 0 if self._forward else steps >= 0)
        if len(back):
            # the pass that a stamp belongs to is repeated on both sides of the step
            self._backward.append(joined[back + 1] if self._forward else joined[back])
