"""Checks of one series whose rows come in order: duplicates, stale runs, spikes.

Rows come batch by batch, oldest or newest first, equal moments side by side. Memory does not grow
with the number of rows: a map of the minutes that have a bar, one byte each, from 1900 to 2100, of
which the system only keeps the pages that are used.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from trading_pipeline.domain.moments import MINUTE, Flags, Floats, Moments
from trading_pipeline.market_data.quality.warnings import is_level_shift

__all__ = ["MINUTE", "MinuteMap", "SeriesCounts", "SeriesTally"]

_ORIGIN = -36_816_480
"""Minutes from 1970 to 1900."""
_SPAN = 105_192_000
STALE_BARS = 5
_HELD_ROWS = 300_000
"""More rows of one stamp than this are judged in parts, so that memory stays bounded."""
_STEPS_WANTED = 2_000_000
"""The commonest step is counted over the first two million."""
_LEAST_SHIFT = 1.42
"""A little less than the smallest multiple that counts as a level shift."""
_FAR = 2.7
"""A little less than the ratio of two closes from which on there may be a spike."""


class MinuteMap:
    """Which minutes have a bar that is stamped on the minute; minutes count from 1970."""

    def __init__(self) -> None:
        self._seen = np.zeros(_SPAN, dtype=np.bool_)
        self.first: int | None = None
        self.last: int | None = None

    def add(self, moments: Moments) -> int:
        """Mark the minutes of moments (microseconds) that stand on one; the number of all
        others."""
        minutes = moments // MINUTE
        whole = minutes * MINUTE == moments
        off = len(moments) - int(np.count_nonzero(whole))
        if off:
            minutes = minutes[whole]
        if len(minutes):
            self._seen[minutes - _ORIGIN] = True
            self._reach(int(minutes.min()), int(minutes.max()))
        return off

    def add_range(self, first: int, last: int, step: int) -> None:
        """Mark every minute `first`, `first + step`, ..., `last`, all of them whole minutes."""
        self._seen[first - _ORIGIN : last - _ORIGIN + 1 : step] = True
        self._reach(first, last)

    def _reach(self, low: int, high: int) -> None:
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)

    def between(self, start: int, end: int) -> Moments:
        """Minutes `start <= minute < end` that have a bar, in order."""
        begin = max(start, _ORIGIN)
        found = np.flatnonzero(self._seen[begin - _ORIGIN : max(end - _ORIGIN, 0)])
        return np.asarray(found + begin, dtype=np.int64)

    def flags(self, start: int, end: int) -> Flags:
        """Whether each minute `start <= minute < end` has a bar; a view, not to be written to."""
        return np.asarray(self._seen[start - _ORIGIN : end - _ORIGIN])


@dataclass
class SeriesCounts:
    """What is counted of a series, and of all series of a file together.

    `first_shift`: moment and ratio of the first level shift. `steps`: how often each distance
    (microseconds) between neighbouring stamps occurs.
    """

    duplicate_rows: int = 0
    duplicate_conflicts: int = 0
    price_spikes: int = 0
    stale_runs: int = 0
    level_shifts: int = 0
    first_shift: tuple[int, float] | None = None
    steps: Counter[int] = field(default_factory=Counter)

    def add_counts(self, series: SeriesCounts) -> None:
        """Add the counts of a finished series."""
        self.duplicate_rows += series.duplicate_rows
        self.duplicate_conflicts += series.duplicate_conflicts
        self.price_spikes += series.price_spikes
        self.stale_runs += series.stale_runs
        self.level_shifts += series.level_shifts
        self.first_shift = self.first_shift or series.first_shift
        self.steps.update(series.steps)


@dataclass
class SeriesTally(SeriesCounts):
    """Checks of one series; `add` takes the next batch, `finish` must follow the last one.

    A stamp that occurs twice counts once for everything but the duplicates: its first row in the
    file. `off_minute`: stamps between two minutes, which no calendar has.
    """

    minutes: MinuteMap = field(default_factory=MinuteMap)
    stamps: int = 0
    off_minute: int = 0
    _held: tuple[Moments, Floats] | None = None
    _last_row: Floats | None = None
    _run: int = 0
    _last_moment: int | None = None
    _counted: int = 0
    _edge: tuple[int, Floats] | None = None
    _closes: Floats = field(default_factory=lambda: np.empty(0))

    def add(self, moments: Moments, values: Floats) -> None:
        """Rows with open, high, low, close, volume. The last stamp is held back: more may
        follow."""
        if self._held is not None and len(moments):
            held, rows = self._held
            same = _leading(moments, held[0])
            if same:
                held = np.concatenate([held, moments[:same]])
                rows = np.concatenate([rows, values[:same]])
                moments, values = moments[same:], values[same:]
            self._held = held, rows
            if len(moments) or len(held) >= _HELD_ROWS:
                self._held = None
                self._complete(held, rows)
        if not len(moments):
            return
        same = _leading(moments[::-1], moments[-1])
        cut = len(moments) if same >= _HELD_ROWS else len(moments) - same
        if cut < len(moments):
            self._held = moments[cut:].copy(), values[cut:].copy()
        self._complete(moments[:cut], values[:cut])

    def finish(self) -> None:
        """Count what was held back."""
        if self._held is not None:
            moments, values = self._held
            self._held = None
            self._complete(moments, values)
        self._end_run()

    def _complete(self, moments: Moments, values: Floats) -> None:
        if not len(moments):
            return
        gaps = np.diff(moments)
        step, highest = (int(gaps.min()), int(gaps.max())) if len(gaps) else (0, 0)
        is_even = step == highest != 0
        if not is_even:
            fresh = np.r_[True, gaps != 0]
            if not fresh.all():
                self._duplicates(np.cumsum(fresh) - 1, values)
                moments, values = moments[fresh], values[fresh]
                gaps = np.diff(moments)
        self._shifts(moments, values)
        self._steps(int(moments[0]), gaps, abs(step) if is_even else None)
        self._last_moment = int(moments[-1])
        self.stamps += len(moments)
        first, last = sorted((int(moments[0]), int(moments[-1])))
        if is_even and first % MINUTE == 0 and step % MINUTE == 0:
            self.minutes.add_range(first // MINUTE, last // MINUTE, abs(step) // MINUTE)
        else:
            self.off_minute += self.minutes.add(moments)
        self._stale(values[:, :4])
        self._spikes(values[:, 3])

    def _duplicates(self, groups: Moments, values: Floats) -> None:
        sizes = np.bincount(groups)
        repeated = sizes[groups] > 1
        rows, owners = values[repeated], groups[repeated]
        bits = np.ascontiguousarray(rows + 0.0).view(np.uint64)  # -0.0 and 0.0 are the same value
        order = np.lexsort((*bits.T, owners))
        owners, bits = owners[order], bits[order]
        same_owner = owners[1:] == owners[:-1]
        same = int((same_owner & (bits[1:] == bits[:-1]).all(axis=1)).sum())
        self.duplicate_rows += same
        self.duplicate_conflicts += int(same_owner.sum()) - same

    def _steps(self, first: int, gaps: Moments, even: int | None) -> None:
        """Count the distances before the first stamp of a batch and inside it; `even`: all
        equal."""
        left = _STEPS_WANTED - self._counted
        if self._last_moment is not None and left:
            self.steps[abs(first - self._last_moment)] += 1
            left -= 1
        gaps = gaps[:left]
        self._counted = _STEPS_WANTED - left + len(gaps)
        if even is not None:
            self.steps[even] += len(gaps)
        elif len(gaps):
            distances, counts = np.unique(np.abs(gaps), return_counts=True)
            self.steps.update(dict(zip(distances.tolist(), counts.tolist(), strict=True)))

    def _stale(self, prices: Floats) -> None:
        equal = np.empty(len(prices), dtype=np.bool_)
        equal[0] = self._last_row is not None and bool((prices[0] == self._last_row).all())
        np.equal(prices[1:, 3], prices[:-1, 3], out=equal[1:])
        alike = np.flatnonzero(equal[1:])  # few closes equal the one before
        equal[alike + 1] = (prices[alike + 1, :3] == prices[alike, :3]).all(axis=1)
        self._last_row = prices[-1].copy()
        going_on = np.flatnonzero(equal)
        if len(going_on) == len(prices):
            self._run += len(prices)
            return
        if not len(going_on):
            self._end_run()
            self._run = 1
            return
        breaks = np.flatnonzero(~equal)
        self._run += int(breaks[0])
        self._end_run()
        lengths = np.diff(np.r_[breaks, len(prices)])
        self.stale_runs += int((lengths[:-1] >= STALE_BARS).sum())
        self._run = int(lengths[-1])

    def _shifts(self, moments: Moments, values: Floats) -> None:
        """Opens near a multiple of the close before, unless the close after takes it back."""
        before, self._edge = self._edge, (int(moments[-1]), values[-1].copy())
        opened, close = values[:, 0], values[:, 3]
        low = min(float(opened.min()), float(close.min()))
        high = max(float(opened.max()), float(close.max()))
        if before is not None:
            low = min(low, float(before[1][[0, 3]].min()))
            high = max(high, float(before[1][[0, 3]].max()))
            moments = np.r_[before[0], moments]
            opened, close = np.r_[before[1][0], opened], np.r_[before[1][3], close]
        if not low > 0 or high < _LEAST_SHIFT * low:
            return
        if moments[0] > moments[-1]:  # newest first
            moments, opened, close = moments[::-1], opened[::-1], close[::-1]
        shifts = np.flatnonzero(is_level_shift(opened[1:] / close[:-1])) + 1
        after = np.minimum(shifts + 1, len(close) - 1)
        stays = np.abs(np.log(close[after] / close[shifts - 1])) > np.log(_LEAST_SHIFT) / 2
        found = shifts[stays & ~np.isin(shifts, shifts[~stays] + 1)]  # nor the way back
        self.level_shifts += len(found)
        if len(found) and self.first_shift is None:
            at = int(found[0])
            self.first_shift = int(moments[at]), float(opened[at] / close[at - 1])

    def _end_run(self) -> None:
        self.stale_runs += self._run >= STALE_BARS
        self._run = 0

    def _spikes(self, close: Floats) -> None:
        """A close over e times (or below 1/e of) the one before; the next takes half of it back."""
        lowest, highest = float(close.min()), float(close.max())
        before, self._closes = self._closes, close[-2:].copy()
        if len(close) > 2 and lowest > 0:
            # closes that are never far apart have no spike, except with the two before them
            if highest < _FAR * lowest:
                close = close[:2]
        else:
            positive = np.r_[before, close[close > 0]]
            self._closes = positive[-2:].copy()
            close = close[close > 0]
        close = np.r_[before, close]
        if len(close) < 3:
            return
        returns = np.diff(np.log(close))
        jump, back = returns[:-1], returns[1:]
        self.price_spikes += int(
            ((np.abs(jump) > 1) & (np.abs(jump + back) < np.abs(jump) / 2)).sum()
        )


def _leading(moments: Moments, moment: int) -> int:
    """How many of the first moments are that one."""
    others = moments[:1] != moment  # mostly the very first one is another
    if len(others) and others[0]:
        return 0
    others = moments != moment
    return int(np.argmax(others)) if others.any() else len(moments)
