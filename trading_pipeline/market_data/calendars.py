"""This file holds the clocks of bars: when a bar is known, which bars a calendar expects.

Labels and moments follow the package's contract: an intraday bar is named by its open, a daily or
weekly bar of a listed market by the date of its (first) session at 00:00 UTC.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import utc_index
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.market_data.session_schedule import (
    ALWAYS,
    DAY,
    WEEK_ANCHOR,
    WEEKDAYS,
    SessionSchedule,
    session_schedule,
)

__all__ = [
    "expected_bars",
    "known_at",
    "on_grid",
    "periods_per_year",
    "session_dates",
    "sessions",
]

_WEEK = 7 * DAY
_REFERENCE_YEARS = (2004, 2024)
"""Bars per year are counted from the first year to before the second: fixed, so that a ratio does not change with the day."""
Moments = npt.NDArray[np.int64]


def known_at(
    index: pd.DatetimeIndex, timeframe: Timeframe | str, calendar: str
) -> pd.DatetimeIndex:
    """Moment from which each bar of `index` is complete, aware UTC in microseconds.

    Intraday: open plus timeframe, or the session's close where that is earlier. Daily: the session's
    close; weekly: the close of the last session of that Monday-to-Sunday week. On 24/7: end of the
    interval. A bar outside every session is known at label plus timeframe, which is never early.

    >>> friday = pd.DatetimeIndex(["2012-11-23"], tz="UTC")  # early close at 13:00 New York
    >>> known_at(friday, "1d", "XNYS")[0].isoformat()
    '2012-11-23T18:00:00+00:00'
    """
    frame, moments = Timeframe(timeframe), _moments(index)
    length = _length(frame)
    known = moments + length
    if calendar != ALWAYS and len(moments):
        schedule = _schedule_of(moments, calendar)
        if frame.is_intraday:
            position = np.searchsorted(schedule.opens, moments, side="right") - 1
            close = schedule.closes[np.maximum(position, 0)]
            inside = (position >= 0) & (moments < close)
            if not schedule.listed:
                # one week without a break: only Friday's close cuts a bar short
                inside &= (
                    schedule.labels[np.maximum(position, 0)] - WEEK_ANCHOR
                ) % _WEEK == 4 * DAY
            known = np.where(inside, np.minimum(known, close), known)
        else:
            labels, closes = schedule.labels, schedule.closes
            if frame is Timeframe.W1:
                labels, closes = _weeks(schedule)[1:]
                moments = _monday(moments)
            known = _looked_up(moments, labels, closes, known)
    return _index(known, "known_at")


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
            f"Expected bars were asked for {start} to {end}, without a time zone. Give aware UTC stamps.",
            start=start,
            end=end,
        )
    first, last = (_microseconds(moment) for moment in (start, end))
    if last <= first:
        return _index(np.empty(0, dtype=np.int64), "ts")
    if calendar == ALWAYS:
        anchor = WEEK_ANCHOR if frame is Timeframe.W1 else 0
        length = _length(frame)
        begin = first + (anchor - first) % length
        return _index(np.arange(begin, last, length, dtype=np.int64), "ts")
    schedule = session_schedule(calendar, first, last)
    if frame is Timeframe.D1:
        labels = schedule.labels
    elif frame is Timeframe.W1:
        labels = _weeks(schedule)[0]
    else:
        labels = _intraday(schedule, _length(frame), first, last)
    return _index(labels[(labels >= first) & (labels < last)], "ts")


def on_grid(
    index: pd.DatetimeIndex, timeframe: Timeframe | str, calendar: str
) -> npt.NDArray[np.bool_]:
    """True for each bar whose label can be one of that timeframe and calendar.

    Intraday bars of a listed market are judged inside sessions only (others are extra, not off the
    grid), from the open or from the end of the break. Daily labels stand at 00:00 UTC, weekly ones
    on their week's first session (Monday where the week has none).
    """
    frame, moments = Timeframe(timeframe), _moments(index)
    length = _length(frame)
    if not len(moments):
        return np.empty(0, dtype=np.bool_)
    if frame is Timeframe.D1:
        return np.asarray(moments % DAY == 0)
    if frame is Timeframe.W1:
        if calendar == ALWAYS:
            return np.asarray((moments - WEEK_ANCHOR) % _WEEK == 0)
        first_labels, mondays, _ = _weeks(_schedule_of(moments, calendar))
        monday = _monday(moments)
        return np.asarray(moments == _looked_up(monday, mondays, first_labels, monday))
    if calendar in (ALWAYS, WEEKDAYS):
        return np.asarray(moments % length == 0)
    schedule = _schedule_of(moments, calendar)
    position = np.searchsorted(schedule.opens, moments, side="right") - 1
    at = np.maximum(position, 0)
    outside = (position < 0) | (moments >= schedule.closes[at])
    from_open = (moments - schedule.opens[at]) % length == 0
    resumed = schedule.break_ends[at]
    from_break = (resumed >= 0) & (moments >= resumed) & ((moments - resumed) % length == 0)
    return np.asarray(outside | from_open | from_break)


def session_dates(
    index: pd.DatetimeIndex, timeframe: Timeframe | str, calendar: str
) -> pd.DatetimeIndex:
    """Session that each bar belongs to, as its date at 00:00 UTC.

    Daily and weekly labels are dates already. An intraday bar before the open or after the close
    belongs to the session of its UTC date.
    """
    moments = _moments(index)
    midnight = moments - moments % DAY
    if not Timeframe(timeframe).is_intraday or calendar == ALWAYS or not len(moments):
        return _index(midnight, "session")
    schedule = _schedule_of(moments, calendar)
    position = np.maximum(np.searchsorted(schedule.opens, moments, side="right") - 1, 0)
    inside = (moments >= schedule.opens[position]) & (moments < schedule.closes[position])
    return _index(np.where(inside, schedule.labels[position], midnight), "session")


def sessions(start: datetime, end: datetime, calendar: str) -> pd.DataFrame:
    """Sessions with `start <= label < end`: index `session`, columns open and close, aware UTC."""
    first, last = (_microseconds(moment) for moment in (start, end))
    schedule = session_schedule(calendar, first, last)
    chosen = (schedule.labels >= first) & (schedule.labels < last)
    return pd.DataFrame(
        {
            "open": _index(schedule.opens[chosen], "open"),
            "close": _index(schedule.closes[chosen], "close"),
        },
        index=_index(schedule.labels[chosen], "session"),
    )


@lru_cache(maxsize=256)
def periods_per_year(timeframe: Timeframe | str, calendar: str) -> float:
    """Bars in a typical year, for annualizing: sessions a year times bars in a usual session.

    Sessions a year are the mean over 2004 to 2023, to the nearest whole number, so that XNYS has the
    customary 252; early closes are left out. 24/7 has 365 days, 24/5 has 261, a year has 52 weeks.

    >>> periods_per_year("1d", "XNYS"), periods_per_year("1h", "XNYS"), periods_per_year("1h", "24/7")
    (252.0, 1764.0, 8760.0)
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


def _moments(index: pd.DatetimeIndex) -> Moments:
    return np.asarray(utc_index(index).asi8, dtype=np.int64)


def _microseconds(moment: datetime) -> int:
    return pd.Timestamp(moment).value // 1000  # `value` is in nanoseconds whatever the unit


def _index(moments: Moments, name: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(moments.view("datetime64[us]")).tz_localize("UTC").rename(name)


def _length(timeframe: Timeframe) -> int:
    return int(timeframe.length.total_seconds()) * 1_000_000


def _schedule_of(moments: Moments, calendar: str) -> SessionSchedule:
    return session_schedule(calendar, int(moments.min()), int(moments.max()))


def _monday(moments: Moments) -> Moments:
    return moments - (moments - WEEK_ANCHOR) % _WEEK


def _weeks(schedule: SessionSchedule) -> tuple[Moments, Moments, Moments]:
    """First session's label, Monday, and last session's close of every week that has a session."""
    mondays, first = np.unique(_monday(schedule.labels), return_index=True)
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
