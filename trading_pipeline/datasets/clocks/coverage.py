"""Missing and extra bars of a user's file against a calendar, and the timeframe of its bars.

Minutes count from 1970. Years are compared one by one, so that memory does not grow with the span.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from trading_pipeline.datasets.checks.series import MinuteMap
from trading_pipeline.datasets.clocks.sessions import bar_labels
from trading_pipeline.datasets.clocks.wall_clock import zone_changes
from trading_pipeline.datasets.columns.timestamps import commonest
from trading_pipeline.domain.moments import DAY, MINUTE, WEEK, Moments, index_of, moments_of
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.calendars import expected_bars, known_at

__all__ = ["Coverage", "count_coverage", "even_step", "step_name"]

_UNITS = {"w": WEEK, "d": DAY, "h": 60 * MINUTE, "m": MINUTE, "s": MINUTE // 60}


@dataclass(frozen=True)
class Coverage:
    """`missing`: bars that the calendar expects between first and last and that are absent.

    `extra`: distinct stamps that the calendar does not have.
    """

    missing: int
    extra: int


def step_name(steps: Counter[int]) -> str | None:
    """Timeframe by the commonest distance (microseconds) between stamps; None without any distance.

    "irregular" unless it makes up half of all distances, or a fifth while 95 % are multiples of it.
    A distance that is no timeframe of the package is named in the same way, such as `2m`.

    >>> step_name(Counter({60_000_000: 374, 63_960_000_000: 1}))
    '1m'
    """
    total = sum(steps.values())
    if not total:
        return None
    step = commonest(steps)
    if min(steps) >= 26 * DAY:
        return _months(steps)
    most = steps[step]
    multiples = sum(count for each, count in steps.items() if each % step == 0)
    if 2 * most < total and not (5 * most >= total and multiples >= 0.95 * total):
        return "irregular"
    names = (f"{step // length}{unit}" for unit, length in _UNITS.items() if step % length == 0)
    return next(names, "irregular")


def even_step(steps: Counter[int]) -> int:
    """Commonest distance (microseconds) between stamps that are evenly spaced; 0 otherwise."""
    return 0 if step_name(steps) in (None, "irregular") else commonest(steps)


def _months(steps: Counter[int]) -> str:
    """Months by the mean distance between stamps: months, quarters and years differ in length."""
    mean = sum(each * count for each, count in steps.items()) / sum(steps.values())
    return f"{max(round(mean / (30.4375 * DAY)), 1)}M"


def count_coverage(
    minutes: MinuteMap,
    timeframe: Timeframe,
    calendar: str,
    *,
    zone: str | None,
    wall: bool,
    at_ends: bool = False,
    finer: bool = False,
) -> Coverage:
    """Missing and extra bars between the first and the last minute that has one.

    `wall`: the minutes are as the file shows them, intraday ones in `zone`; else they are UTC.
    `at_ends`: intraday bars are stamped where they end. `finer`: each bar is made of several rows.
    """
    if minutes.first is None or minutes.last is None:
        return Coverage(0, 0)
    if not timeframe.is_intraday:
        return _daily(minutes, timeframe, calendar, wall)
    if finer:
        return _of_rows(minutes, timeframe, calendar, zone if wall else None, at_ends=at_ends)
    missing = extra = 0
    start = minutes.first
    while start <= minutes.last:
        end = min(_next_year(start), minutes.last + 1)
        shown_in = zone if wall else None
        expected = _expected(start, end, timeframe, calendar, shown_in, at_ends=at_ends)
        wanted, seen = np.zeros(end - start, dtype=np.bool_), minutes.flags(start, end)
        wanted[expected - start] = True
        missing += int((wanted & ~seen).sum())
        extra += int((seen & ~wanted).sum())
        start = end
    return Coverage(missing, extra)


def _of_rows(
    minutes: MinuteMap, timeframe: Timeframe, calendar: str, zone: str | None, *, at_ends: bool
) -> Coverage:
    """Bars without any row inside, and rows in no bar."""
    first, last = minutes.first or 0, minutes.last or 0
    margin = 2 * DAY // MINUTE
    opens = expected_bars(_moment(first - margin), _moment(last + margin), timeframe, calendar)
    ends = known_at(opens, timeframe, calendar)
    spans = [moments_of(each) for each in (opens, ends)]
    if zone is not None:
        spans = [zone_changes(zone).wall(each) for each in spans]
    begin, end = (each // MINUTE + int(at_ends) - first for each in spans)
    counts = np.r_[0, np.cumsum(minutes.flags(first, last + 1))]
    size = len(counts) - 1
    held = (end > 0) & (begin < size)
    begin, end = np.clip(begin[held], 0, size), np.clip(end[held], 0, size)
    rows = counts[end] - counts[begin]
    return Coverage(int((rows == 0).sum()), int(counts[-1] - rows.sum()))


def _daily(minutes: MinuteMap, timeframe: Timeframe, calendar: str, wall: bool) -> Coverage:
    first, last = minutes.first or 0, minutes.last or 0
    moments = minutes.between(first, last + 1) * MINUTE
    found = np.unique(bar_labels(moments, timeframe, calendar, wall=wall))
    begin, end = index_of(np.array([found[0], found[-1] + DAY])).to_pydatetime()
    labels = moments_of(expected_bars(begin, end, timeframe, calendar))
    return Coverage(len(np.setdiff1d(labels, found)), len(np.setdiff1d(found, labels)))


def _expected(
    start: int, end: int, timeframe: Timeframe, calendar: str, zone: str | None, *, at_ends: bool
) -> Moments:
    margin = 0 if zone is None and not at_ends else DAY // MINUTE
    index = expected_bars(_moment(start - margin), _moment(end + margin), timeframe, calendar)
    if at_ends:
        index = known_at(index, timeframe, calendar)
    moments = moments_of(index)
    if zone is not None:
        moments = zone_changes(zone).wall(moments)
    minutes = moments // MINUTE
    return minutes[(minutes >= start) & (minutes < end)]


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def _next_year(minute: int) -> int:
    return int(datetime(_moment(minute).year + 1, 1, 1, tzinfo=UTC).timestamp()) // 60
