"""When a bar is known, which bars a calendar expects, and which session a bar belongs to.

Labels and moments follow the package's contract: an intraday bar is named by its open, a daily or
weekly bar of a listed market by the date of its (first) session at 00:00 UTC.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import numpy as np
import pandas as pd

from trading_pipeline.domain.moments import (
    DAY,
    WEEK,
    WEEK_ANCHOR,
    Flags,
    Moments,
    index_of,
    length_of,
    microseconds,
    moments_of,
    monday_of,
)
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.market_data.schedule import (
    ALWAYS,
    WEEKDAYS,
    SessionSchedule,
    session_schedule,
)

__all__ = [
    "expected_bars",
    "inside_sessions",
    "known_at",
    "last_session_dates",
    "on_grid",
    "periods_per_year",
    "session_bounds",
    "session_dates",
    "sessions",
    "week_labels",
]

_REFERENCE_YEARS = (2004, 2024)
"""Bars a year are counted over these years, the second excluded, so that a ratio does not depend on
the day it is computed."""


def known_at(
    index: pd.DatetimeIndex, timeframe: Timeframe | str, calendar: str
) -> pd.DatetimeIndex:
    """Moment from which each bar of `index` is complete, aware UTC in microseconds.

    Intraday: open plus timeframe, or the session's close where that is earlier. Daily: the
    session's close; weekly: the close of the last session of that Monday-to-Sunday week. On 24/7:
    end of the interval. A bar outside every session is known at label plus timeframe, which is
    never early.

    >>> friday = pd.DatetimeIndex(["2012-11-23"], tz="UTC")  # early close at 13:00 New York
    >>> known_at(friday, "1d", "XNYS")[0].isoformat()
    '2012-11-23T18:00:00+00:00'
    """
    frame, moments = Timeframe(timeframe), moments_of(index)
    known = moments + length_of(frame)
    if calendar != ALWAYS and len(moments):
        schedule = _schedule_of(moments, calendar)
        if frame.is_intraday:
            at, inside = schedule.session_at(moments)
            if not schedule.listed:
                # one week without a break: only Friday's close cuts a bar short
                inside &= (schedule.labels[at] - WEEK_ANCHOR) % WEEK == 4 * DAY
            known = np.where(inside, np.minimum(known, schedule.closes[at]), known)
        elif frame is Timeframe.W1:
            _, mondays, closes = _weeks(schedule)
            known = _looked_up(monday_of(moments), mondays, closes, known)
        else:
            known = _looked_up(moments, schedule.labels, schedule.closes, known)
    return index_of(known, "known_at")


def expected_bars(
    start: datetime, end: datetime, timeframe: Timeframe | str, calendar: str
) -> pd.DatetimeIndex:
    """Labels `start <= ts < end` of every bar that the calendar has; aware UTC.

    Intraday grids start at each open (and after each break); on 24/7 and 24/5 they are those of the
    UTC clock. Weeks start on Monday. Public holidays are not known to 24/5.

    >>> from datetime import UTC
    >>> span = datetime(2001, 9, 10, tzinfo=UTC), datetime(2001, 9, 18, tzinfo=UTC)
    >>> [day.day for day in expected_bars(*span, "1d", "XNYS")]
    [10, 17]
    """
    frame = Timeframe(timeframe)
    if start.tzinfo is None or end.tzinfo is None:
        raise ConfigurationError(
            f"The span {start} to {end} was given without a time zone. Give aware UTC stamps.",
            start=start,
            end=end,
        )
    first, last = microseconds(start), microseconds(end)
    if last <= first:
        return index_of(np.empty(0, dtype=np.int64))
    if calendar == ALWAYS:
        anchor = WEEK_ANCHOR if frame is Timeframe.W1 else 0
        length = length_of(frame)
        begin = first + (anchor - first) % length
        return index_of(np.arange(begin, last, length, dtype=np.int64))
    schedule = session_schedule(calendar, first, last)
    if frame is Timeframe.D1:
        labels = schedule.labels
    elif frame is Timeframe.W1:
        labels = _weeks(schedule)[0]
    else:
        labels = _intraday(schedule, length_of(frame), first, last)
    return index_of(labels[(labels >= first) & (labels < last)])


def on_grid(index: pd.DatetimeIndex, timeframe: Timeframe | str, calendar: str) -> Flags:
    """True for each bar whose label can be one of that timeframe and calendar.

    Intraday bars of a listed market are judged inside sessions only (others are extra, not off the
    grid), from the open or from the end of the break. Daily labels are at 00:00 UTC, weekly ones on
    their week's first session (Monday where the week has none).
    """
    frame, moments = Timeframe(timeframe), moments_of(index)
    length = length_of(frame)
    if not len(moments):
        return np.empty(0, dtype=np.bool_)
    if frame is Timeframe.W1:
        return np.asarray(moments == week_labels(moments, calendar))
    if frame is Timeframe.D1 or calendar in (ALWAYS, WEEKDAYS):
        return np.asarray(moments % length == 0)
    schedule = _schedule_of(moments, calendar)
    at, inside = schedule.session_at(moments)
    from_open = (moments - schedule.opens[at]) % length == 0
    resumed = schedule.break_ends[at]
    from_break = (resumed >= 0) & (moments >= resumed) & ((moments - resumed) % length == 0)
    return np.asarray(~inside | from_open | from_break)


def week_labels(moments: Moments, calendar: str | None) -> Moments:
    """Label of each moment's week: its first session; its Monday where the calendar has none.

    On 24/7, and without a calendar, that is always the Monday.
    """
    mondays = monday_of(moments)
    if calendar in (None, ALWAYS) or not len(moments):
        return mondays
    labels, known, _ = _weeks(_schedule_of(mondays, str(calendar)))
    return _looked_up(mondays, known, labels, mondays)


def inside_sessions(index: pd.Index, calendar: str) -> Flags:
    """True for each stamp at or after a session's open and before its close; on 24/7 for all.

    A break in the middle of a session counts as outside.
    """
    if calendar == ALWAYS or not len(index):
        return np.ones(len(index), dtype=np.bool_)
    moments = moments_of(index)
    return _schedule_of(moments, calendar).segment_at(moments)[1]


def session_bounds(index: pd.DatetimeIndex, calendar: str) -> tuple[Moments, Moments, Flags]:
    """Open and close of the last session to begin by each stamp, and whether it lies inside.

    Moments in microseconds; on 24/7 a session is a day in UTC. Before the first session of the
    calendar they are those of that session.
    """
    moments = moments_of(index)
    if calendar == ALWAYS or not len(moments):
        opens = moments - moments % DAY
        return opens, opens + DAY, np.ones(len(moments), dtype=np.bool_)
    schedule = _schedule_of(moments, calendar)
    at, inside = schedule.session_at(moments)
    return schedule.opens[at], schedule.closes[at], inside


def session_dates(
    index: pd.DatetimeIndex, timeframe: Timeframe | str, calendar: str
) -> pd.DatetimeIndex:
    """Session that each bar belongs to, as its date at 00:00 UTC.

    Daily and weekly labels are dates already. An intraday bar before the open or after the close
    belongs to the session of its UTC date.
    """
    moments = moments_of(index)
    days = moments - moments % DAY
    if Timeframe(timeframe).is_intraday and calendar != ALWAYS and len(moments):
        schedule = _schedule_of(moments, calendar)
        at, inside = schedule.session_at(moments)
        days = np.where(inside, schedule.labels[at], days)
    return index_of(days, "session")


def last_session_dates(
    index: pd.DatetimeIndex, timeframe: Timeframe | str, calendar: str
) -> pd.DatetimeIndex:
    """Session in which each bar is complete, as its date at 00:00 UTC.

    As `session_dates`, except that a weekly bar has the date of its week's last session.
    """
    if Timeframe(timeframe) is not Timeframe.W1:
        return session_dates(index, timeframe, calendar)
    return (known_at(index, timeframe, calendar) - pd.Timedelta(microseconds=1)).normalize()


def sessions(start: datetime, end: datetime, calendar: str) -> pd.DataFrame:
    """Sessions with `start <= label < end`: index `session`, columns open and close, aware UTC."""
    first, last = microseconds(start), microseconds(end)
    schedule = session_schedule(calendar, first, last)
    chosen = (schedule.labels >= first) & (schedule.labels < last)
    return pd.DataFrame(
        {"open": index_of(schedule.opens[chosen]), "close": index_of(schedule.closes[chosen])},
        index=index_of(schedule.labels[chosen], "session"),
    )


@lru_cache(maxsize=256)
def periods_per_year(timeframe: Timeframe | str, calendar: str) -> float:
    """Bars in a typical year, for annualizing: sessions a year times bars in a usual session.

    Sessions a year are the mean over 2004 to 2023, to the nearest whole number, so that XNYS has
    the customary 252; early closes are left out. 24/7 has 365 days, 24/5 has 261, a year has 52
    weeks.

    >>> [periods_per_year(*each) for each in (("1d", "XNYS"), ("1h", "XNYS"), ("1h", "24/7"))]
    [252.0, 1764.0, 8760.0]
    """
    frame = Timeframe(timeframe)
    if frame is Timeframe.W1:
        session_schedule(calendar, 0, 0)  # an unknown calendar is refused here too
        return 52.0
    first, last = (pd.Timestamp(year, 1, 1, tz="UTC") for year in _REFERENCE_YEARS)
    table = sessions(first, last, calendar)
    years = pd.DatetimeIndex(table.index).year.value_counts()
    years = years[years >= 200]  # a calendar that begins or ends inside the span: whole years only
    yearly = float(round(float(years.mean())))
    if frame is Timeframe.D1:
        return yearly
    begin = pd.DatetimeIndex(table["open"])
    minutes = (pd.DatetimeIndex(table["close"]) - begin).total_seconds() / 60.0
    usual = float(np.median(minutes))
    typical = table[np.asarray(minutes == usual)].iloc[-1]
    inside = expected_bars(typical["open"], typical["close"], frame, calendar)
    return yearly * len(inside)


def _schedule_of(moments: Moments, calendar: str) -> SessionSchedule:
    return session_schedule(calendar, int(moments.min()), int(moments.max()))


def _weeks(schedule: SessionSchedule) -> tuple[Moments, Moments, Moments]:
    """First session's label, Monday, and last session's close of every week that has a session."""
    mondays, first = np.unique(monday_of(schedule.labels), return_index=True)
    last = np.append(first[1:], len(schedule.labels)) - 1
    return schedule.labels[first], mondays, schedule.closes[last]


def _looked_up(wanted: Moments, keys: Moments, values: Moments, missing: Moments) -> Moments:
    position = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[position] == wanted, values[position], missing)


def _intraday(schedule: SessionSchedule, length: int, first: int, last: int) -> Moments:
    opens, closes = schedule.segments()
    near = (closes > first) & (opens < last)
    opens, closes = opens[near], closes[near]
    if not schedule.listed:
        opens = opens - opens % length
    counts = np.maximum(-(-(closes - opens) // length), 0)
    steps = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    labels = np.repeat(opens, counts) + steps * length
    return labels if schedule.listed else np.unique(labels)
