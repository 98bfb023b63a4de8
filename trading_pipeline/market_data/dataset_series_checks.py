"""This file holds the checks of one series whose rows come in order: duplicates, stale runs, spikes.

Rows come batch by batch, oldest or newest first, equal moments side by side. Memory does not grow with
the number of rows: a map of the minutes that have a bar, one byte each, from 1900 to 2100, of which
the system only keeps the pages that are used.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["MINUTE", "MinuteMap", "SeriesTally"]

Floats = npt.NDArray[np.float64]
Moments = npt.NDArray[np.int64]
MINUTE = 60_000_000
_ORIGIN = -36_816_480
"""Minutes from 1970 to 1900."""
_SPAN = 105_192_000
STALE_BARS = 5
_HELD_ROWS = 300_000
"""More rows of one stamp than this are judged in parts, so that memory stays bounded."""
_STEPS_WANTED = 2_000_000
"""The commonest step is counted over the first two million bars."""


class MinuteMap:
    """Which minutes have a bar that is stamped on the minute; minutes count from 1970."""

    def __init__(self) -> None:
        self._seen = np.zeros(_SPAN, dtype=np.bool_)
        self.first: int | None = None
        self.last: int | None = None

    def add(self, moments: Moments) -> None:
        """Mark the minutes of moments (microseconds) that stand on one."""
        minutes = moments // MINUTE
        whole = minutes * MINUTE == moments
        if not whole.all():
            minutes = minutes[whole]
        if not len(minutes):
            return
        low, high = int(minutes.min()), int(minutes.max())
        if high - low == len(minutes) - 1 and (np.abs(np.diff(minutes)) == 1).all():
            self._seen[low - _ORIGIN : high - _ORIGIN + 1] = True
        else:
            self._seen[minutes - _ORIGIN] = True
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)

    def between(self, start: int, end: int) -> Moments:
        """Minutes `start <= minute < end` that have a bar, in order."""
        begin = max(start, _ORIGIN)
        found = np.flatnonzero(self._seen[begin - _ORIGIN : max(end - _ORIGIN, 0)])
        return np.asarray(found + begin, dtype=np.int64)

    def flags(self, start: int, end: int) -> npt.NDArray[np.bool_]:
        """Whether each minute `start <= minute < end` has a bar; a view, not to be written to."""
        return np.asarray(self._seen[start - _ORIGIN : end - _ORIGIN])


@dataclass
class SeriesTally:
    """Checks of one series; `add` takes the next batch, `finish` must follow the last one.

    A stamp that occurs twice counts once for everything but the duplicates: its first row in the file.
    `off_minute`: stamps between two minutes, which no calendar has. `steps`: how often each distance (microseconds) between neighbouring stamps occurs.
    """

    duplicate_rows: int = 0
    duplicate_conflicts: int = 0
    price_spikes: int = 0
    stale_runs: int = 0
    steps: Counter[int] = field(default_factory=Counter)
    minutes: MinuteMap = field(default_factory=MinuteMap)
    stamps: int = 0
    off_minute: int = 0
    _held: tuple[Moments, Floats] | None = None
    _last_row: Floats | None = None
    _run: int = 0
    _last_moment: int | None = None
    _closes: Floats = field(default_factory=lambda: np.empty(0))

    def add(self, moments: Moments, values: Floats) -> None:
        """Rows with open, high, low, close, volume. The last stamp is held back: it may go on."""
        if self._held is not None:
            moments = np.concatenate([self._held[0], moments])
            # columns lie together in memory, whatever the order of the parts
            values = np.concatenate([self._held[1].T, values.T], axis=1).T
        if not len(moments):
            return
        cut = len(moments) - int(np.argmax(moments[::-1] != moments[-1]))
        if moments[0] == moments[-1]:
            cut = 0 if len(moments) < _HELD_ROWS else len(moments)
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
        fresh = np.r_[True, moments[1:] != moments[:-1]]
        if not fresh.all():
            self._duplicates(np.cumsum(fresh) - 1, values)
            moments, values = moments[fresh], values[fresh]
        self.stamps += len(moments)
        self.off_minute += int(np.count_nonzero(moments % MINUTE))
        self.minutes.add(moments)
        self._steps(moments)
        self._stale(values[:, :4])
        self._spikes(values[:, 3])

    def _duplicates(self, groups: npt.NDArray[np.int64], values: Floats) -> None:
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

    def _steps(self, moments: Moments) -> None:
        if self._last_moment is not None:
            moments = np.r_[self._last_moment, moments]
        self._last_moment = int(moments[-1])
        if self.stamps >= _STEPS_WANTED or len(moments) < 2:
            return
        gaps = np.abs(np.diff(moments))
        lowest, highest = int(gaps.min()), int(gaps.max())
        if lowest == highest:
            self.steps[lowest] += len(gaps)
        else:
            distances, counts = np.unique(gaps, return_counts=True)
            self.steps.update(dict(zip(distances.tolist(), counts.tolist(), strict=True)))

    def _stale(self, prices: Floats) -> None:
        equal = np.empty(len(prices), dtype=np.bool_)
        equal[0] = self._last_row is not None and bool((prices[0] == self._last_row).all())
        equal[1:] = prices[1:, 3] == prices[:-1, 3]
        for column in prices.T[:3]:
            equal[1:] &= column[1:] == column[:-1]
        self._last_row = prices[-1].copy()
        breaks = np.flatnonzero(~equal)
        if not len(breaks):
            self._run += len(prices)
            return
        self._run += int(breaks[0])
        self._end_run()
        lengths = np.diff(np.r_[breaks, len(prices)])
        self.stale_runs += int((lengths[:-1] >= STALE_BARS).sum())
        self._run = int(lengths[-1])

    def _end_run(self) -> None:
        self.stale_runs += self._run >= STALE_BARS
        self._run = 0

    def _spikes(self, close: Floats) -> None:
        """A close over e times (or below 1/e of) the one before, of which the next takes back half."""
        close = np.r_[self._closes, close[close > 0]]
        self._closes = close[-2:].copy()
        if len(close) < 3:
            return
        returns = np.diff(np.log(close))
        jump, back = returns[:-1], returns[1:]
        self.price_spikes += int(
            ((np.abs(jump) > 1) & (np.abs(jump + back) < np.abs(jump) / 2)).sum()
        )
