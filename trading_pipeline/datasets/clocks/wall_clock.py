"""Wall clocks of time zones: their changes, and what moments a file means by its local stamps.

Moments are int64 microseconds, of UTC or (`wall`) as a clock on the wall shows them. Autumn shows
an hour twice: the order of the rows tells its passes apart. Spring skips one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from trading_pipeline.domain.moments import MINUTE, Flags, Moments

__all__ = ["Passes", "ZoneChanges", "passes_of", "sampled_step", "zone_changes"]

_FIRST_YEAR, _LAST_YEAR = 1950, 2100


@dataclass(frozen=True, eq=False)
class ZoneChanges:
    """When a zone's clock changes (UTC), and its offsets (microseconds) before and after."""

    at: Moments
    before: Moments
    after: Moments

    def wall(self, moments: Moments) -> Moments:
        """What the clock shows at moments of UTC."""
        return np.asarray(moments + self._offsets[np.searchsorted(self.at, moments, side="right")])

    def utc(self, walls: Moments) -> Moments:
        """Moments of UTC; of an hour that autumn repeats those of its first pass."""
        place = np.searchsorted(self.at + self.before, walls, side="right")
        return np.asarray(walls - self._offsets[place])

    def repeated(self, walls: Moments) -> Moments:
        """Number of the change that shows a wall time twice; -1 where none does."""
        ends = self.at + self.before
        place = np.searchsorted(ends, walls, side="right")
        if not len(ends):
            return np.full(len(walls), -1)
        change = np.minimum(place, len(ends) - 1)
        twice = (place < len(ends)) & (walls >= self.at[change] + self.after[change])
        return np.where(twice & (self.after[change] < self.before[change]), change, -1)

    def skipped(self, walls: Moments) -> Flags:
        """True for times that the clock never shows."""
        place = np.searchsorted(self.at + self.before, walls, side="right") - 1
        if not len(self.at):
            return np.zeros(len(walls), dtype=np.bool_)
        change = np.maximum(place, 0)
        return np.asarray((place >= 0) & (walls < self.at[change] + self.after[change]))

    @property
    def _offsets(self) -> Moments:
        return np.r_[self.before[:1], self.after] if len(self.at) else self.before


@lru_cache(maxsize=64)
def zone_changes(zone: str) -> ZoneChanges:
    """Changes of a zone's clock from 1950 to 2100; without any, `before` has its one offset."""
    clock = ZoneInfo(zone)
    begin = int(datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(_LAST_YEAR, 1, 1, tzinfo=UTC).timestamp())
    rows, last, offset = [], begin, _offset(begin, clock)
    for second in range(begin, end, 7 * 86_400):
        found = _offset(second, clock)
        if found != offset:
            low, high = last, second
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, clock) == offset else (low, middle)
            rows.append((high, offset, found))
        last, offset = second, found
    if not rows:
        none = np.empty(0, dtype=np.int64)
        return ZoneChanges(none, np.array([offset * 1_000_000]), none)
    at, before, after = (np.array(rows, dtype=np.int64) * 1_000_000).T
    return ZoneChanges(at, before, after)


def _offset(second: int, clock: ZoneInfo) -> int:
    shift = datetime.fromtimestamp(second, clock).utcoffset()
    return 0 if shift is None else int(shift.total_seconds())


@dataclass(frozen=True, eq=False)
class Passes:
    """Rows in hours that autumn repeats. `second`: places of those in the second pass.

    `single`: rows of hours that stand in the file once, which count as the first pass. `unclear`:
    rows whose order does not tell the pass.
    """

    second: Moments
    single: int
    unclear: int


def passes_of(
    places: Moments, owners: Moments, walls: Moments, changes: Moments, *, forward: bool, step: int
) -> Passes:
    """Tell the two passes of repeated hours apart.

    A fall of the clock begins the second pass. Bars of an hour or more show no fall: their stamp
    stands twice.

    Parameters
    ----------
    places, owners, walls, changes
        Of each row in such an hour, in the order of the file: its place, the number of its series,
        what the clock shows, and the change that repeats it.
    forward
        False where the file is newest first.
    step
        Distance between bars, in microseconds.
    """
    if not forward:
        places, owners, walls, changes = (each[::-1] for each in (places, owners, walls, changes))
    second, single, unclear = list[Moments](), 0, 0
    order = np.lexsort((np.arange(len(walls)), changes, owners))
    keys = np.stack([owners[order], changes[order]])
    cuts = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    for rows in np.split(order, cuts):
        shown = walls[rows]
        falls = np.flatnonzero(np.diff(shown) < 0) + 1
        coarse = step >= 60 * MINUTE or step == 0
        if len(falls) == 1:
            second.append(places[rows[falls[0] :]])
        elif len(falls) > 1:
            unclear += len(rows)
        elif len(rows) == 2 and shown[0] == shown[1] and coarse:
            second.append(places[rows[1:]])
        else:
            single += len(rows)
    found = np.concatenate(second) if second else np.empty(0, dtype=np.int64)
    return Passes(np.sort(found), single, unclear)


def sampled_step(moments: Moments) -> tuple[int, bool]:
    """Commonest distance between neighbours that differ, 0 where none do, and whether most rise."""
    steps = np.diff(moments)
    steps = steps[steps != 0]
    if not len(steps):
        return 0, True
    sizes, counts = np.unique(np.abs(steps), return_counts=True)
    return int(sizes[np.argmax(counts)]), bool((steps > 0).mean() >= 0.5)
