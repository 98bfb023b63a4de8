"""From the stamps of a user's file to the package's clocks.

Moments are int64 microseconds: UTC, or the wall clock of a zone. Intraday bars keep their open in
UTC; daily and weekly ones get the date of their (first) session at 00:00 UTC.
"""

from __future__ import annotations

import numpy as np

from trading_pipeline.datasets.clocks.wall_clock import passes_of, sampled_step, zone_changes
from trading_pipeline.domain.moments import (
    DAY,
    MINUTE,
    WEEK,
    WEEK_ANCHOR,
    Moments,
    index_of,
    length_of,
    moments_of,
)
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.calendars import expected_bars, known_at, week_labels
from trading_pipeline.market_data.schedule import ALWAYS, WEEKDAYS, exchange_zone

__all__ = ["bar_labels", "calendar_zone", "open_moments", "to_utc"]


def to_utc(walls: Moments, zone: str) -> Moments:
    """UTC of moments that the wall clock of a zone shows, oldest or newest first.

    The order of the rows tells which of two equal hours in autumn is meant; an hour that stands
    there once is its first pass. Raises `DatasetFormatError` for an hour that spring skips, and
    where the order does not tell.
    """
    if zone == "UTC" or not len(walls):
        return walls
    clock = zone_changes(zone)
    skipped = clock.skipped(walls)
    if skipped.any():
        raise _unfit(zone, walls[skipped], "its clock skips that hour in spring")
    step, forward = sampled_step(walls)
    changes = clock.repeated(walls)
    places = np.flatnonzero(changes >= 0)
    none = np.zeros(len(places), dtype=np.int64)
    found = passes_of(places, none, walls[places], changes[places], forward=forward, step=step)
    if found.unclear or (found.single and len(places) == len(walls)):
        unclear = "its clock shows that hour twice in autumn, and the order of the rows does not "
        raise _unfit(zone, walls[places], f"{unclear}tell which one is meant")
    moments = clock.utc(walls)
    later = changes[found.second]
    moments[found.second] += clock.before[later] - clock.after[later]
    return moments


def _unfit(zone: str, walls: Moments, why: str) -> DatasetFormatError:
    first = index_of(walls[:1])[0]
    return DatasetFormatError(
        f"{len(walls):,} stamp(s) do not fit the time zone {zone}, the first at "
        f"{first:%Y-%m-%d %H:%M}: {why}. Sort the rows by time if they are not; else "
        "name with --tz the zone whose clock wrote the file, such as UTC.",
        tz=zone,
        rows=len(walls),
    )


def calendar_zone(calendar: str | None) -> str | None:
    """IANA zone of a listed market; UTC for 24/7, New York for 24/5, None without a calendar."""
    known = {None: None, ALWAYS: "UTC", WEEKDAYS: "America/New_York"}
    return known[calendar] if calendar in known else exchange_zone(str(calendar))


def open_moments(ends: Moments, timeframe: Timeframe, calendar: str | None) -> Moments:
    """Where the bars open that are stamped where they end; moments of UTC.

    A bar that ends at a session's close may be shorter than the others; a stamp inside the last
    minute of a bar, such as 09:59:59, counts as its end. Daily and weekly bars belong to the day
    that ends.
    """
    if not timeframe.is_intraday:
        return ends - 1
    length = length_of(timeframe)
    ends = -(-ends // MINUTE) * MINUTE
    opens = ends - length
    if calendar in (None, ALWAYS, WEEKDAYS) or not len(ends):
        return opens
    first, last = index_of(np.array([ends.min() - 2 * DAY, ends.max() + DAY])).to_pydatetime()
    labels = expected_bars(first, last, timeframe, str(calendar))
    closes = moments_of(known_at(labels, timeframe, str(calendar)))
    at = np.searchsorted(closes, ends)
    known = at < len(closes)
    at = np.minimum(at, max(len(closes) - 1, 0))
    if not len(closes):
        return opens
    whole = moments_of(labels) + length  # a short bar may be stamped as if it were whole
    behind = np.searchsorted(whole, ends)
    is_whole = behind < len(whole)
    behind = np.minimum(behind, len(whole) - 1)
    is_whole &= whole[behind] == ends
    opens = np.where(is_whole, moments_of(labels)[behind], opens)
    return np.where(known & (closes[at] == ends), moments_of(labels)[at], opens)


def bar_labels(
    moments: Moments, timeframe: Timeframe, calendar: str | None, *, wall: bool
) -> Moments:
    """Labels of bars by the package's clock; `moments` are UTC, or with `wall` as the file shows
    them.

    Daily stamps without an offset are named by their date as written. Stamps in UTC are dates
    already if all of them are at 00:00; otherwise the date in the market's zone counts. A week is
    named by its first session (by its Monday on 24/7 or without a calendar); stamps on a Sunday
    name the week that follows. Raises `DatasetFormatError` for daily stamps inside a day without a
    calendar.
    """
    if timeframe.is_intraday or not len(moments):
        return moments
    if wall:
        moments = moments - moments % DAY
    elif calendar != ALWAYS and (moments % DAY != 0).any():
        zone = calendar_zone(calendar)
        if zone is None:
            raise DatasetFormatError(
                "The daily bars are stamped inside the day, so the date of their session depends "
                "on the market. Name it with --calendar, such as --calendar XNYS.",
                timeframe=timeframe.value,
            )
        local = index_of(moments).tz_convert(zone).tz_localize(None)
        moments = moments_of(local.normalize().tz_localize("UTC"))
    if timeframe is Timeframe.D1:
        return moments
    weekday = (moments - WEEK_ANCHOR) % WEEK // DAY
    moments = np.where(np.bincount(weekday, minlength=7).argmax() == 6, moments + DAY, moments)
    return week_labels(moments, calendar)
