"""The trading sessions of a calendar as arrays, loaded once and kept.

Listed markets come from exchange_calendars, imported only when one is asked for. Two calendars are
our own: "24/7", and "24/5", the week of currencies from Sunday to Friday 17:00 New York time. All
moments are int64 microseconds since 1970 UTC; a session's label is its date at 00:00 UTC.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd

from trading_pipeline.domain.moments import DAY, Flags, Moments
from trading_pipeline.errors import UnknownNameError, did_you_mean

__all__ = ["ALWAYS", "WEEKDAYS", "SessionSchedule", "exchange_zone", "session_schedule"]

ALWAYS, WEEKDAYS = "24/7", "24/5"
FIRST_YEAR = 1990
"""Calendars are loaded from here on; an earlier request loads a longer one."""
_LOCK = threading.Lock()


@dataclass(frozen=True, eq=False)
class SessionSchedule:
    """Sessions in time order: label, open, close and the middle break (-1 where there is none).

    `listed` is False for the calendars without an exchange, whose intraday bars are on the grid
    of the UTC clock and not on that of a session's open.
    """

    name: str
    labels: Moments
    opens: Moments
    closes: Moments
    break_starts: Moments
    break_ends: Moments

    @property
    def listed(self) -> bool:
        """True for a market with an exchange."""
        return self.name not in (ALWAYS, WEEKDAYS)

    def session_at(self, moments: Moments) -> tuple[Moments, Flags]:
        """Last session to open by each moment, by position, and whether the moment is before its
        close; position 0 where no session has opened yet."""
        return _span_at(moments, self.opens, self.closes)

    def segment_at(self, moments: Moments) -> tuple[Moments, Flags]:
        """Open of the last segment to begin by each moment, and whether the moment lies inside."""
        opens, closes = self.segments()
        at, inside = _span_at(moments, opens, closes)
        return opens[at], inside

    def segments(self) -> tuple[Moments, Moments]:
        """Opens and closes of the spans without a break; a session with a break has two."""
        broken = self.break_starts >= 0
        if not broken.any():
            return self.opens, self.closes
        opens = np.concatenate([self.opens, self.break_ends[broken]])
        closes = np.concatenate(
            [np.where(broken, self.break_starts, self.closes), self.closes[broken]]
        )
        order = np.argsort(opens, kind="stable")
        return opens[order], closes[order]


def session_schedule(calendar: str, first: int, last: int) -> SessionSchedule:
    """Sessions that cover the moments `first` to `last`, and at least 1990 to next year.

    A calendar that begins or ends inside that span is clipped: there are no sessions outside it.
    Raises `UnknownNameError` for an unknown calendar.
    """
    first_year = min(FIRST_YEAR, _year(first - 8 * DAY))
    last_year = max(datetime.now(UTC).year + 1, _year(last + 8 * DAY))
    with _LOCK:
        return _load(calendar, first_year, last_year)


def exchange_zone(calendar: str) -> str:
    """IANA time zone of a listed market; `UnknownNameError` for an unknown calendar."""
    session_schedule(calendar, 0, 0)  # refuses unknown names
    import exchange_calendars

    with _deprecations_ignored():
        return str(exchange_calendars.get_calendar(calendar).tz)


def _span_at(moments: Moments, opens: Moments, closes: Moments) -> tuple[Moments, Flags]:
    position = np.searchsorted(opens, moments, side="right") - 1
    at = np.maximum(position, 0)
    return at, np.asarray((position >= 0) & (moments < closes[at]))


def _year(moment: int) -> int:
    return int(np.datetime64(moment, "us").astype("datetime64[Y]").astype(int)) + 1970


@lru_cache(maxsize=64)
def _load(calendar: str, first_year: int, last_year: int) -> SessionSchedule:
    if calendar not in (ALWAYS, WEEKDAYS):
        schedule = _exchange_schedule(calendar, first_year, last_year)
        columns = ("open", "close", "break_start", "break_end")
        moments = (_microseconds(pd.DatetimeIndex(schedule[name])) for name in columns)
        return SessionSchedule(calendar, _microseconds(pd.DatetimeIndex(schedule.index)), *moments)
    days = pd.date_range(f"{first_year}-01-01", f"{last_year}-12-31", freq="D", unit="us")
    if calendar == WEEKDAYS:
        days = days[days.day_of_week < 5]
    labels, none = _microseconds(days), np.full(len(days), -1, dtype=np.int64)
    opens, closes = labels, labels + DAY
    if calendar == WEEKDAYS:
        opens, closes = _at_five(days - timedelta(days=1)), _at_five(days)
    return SessionSchedule(calendar, labels, opens, closes, none, none)


def _at_five(days: pd.DatetimeIndex) -> Moments:
    return _microseconds((days + timedelta(hours=17)).tz_localize("America/New_York"))


def _microseconds(index: pd.DatetimeIndex) -> Moments:
    """Microseconds since 1970 UTC; a missing moment is -1."""
    utc = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    values = np.asarray(utc.as_unit("us").asi8, dtype=np.int64)
    return np.where(utc.isna(), np.int64(-1), values)


def _exchange_schedule(calendar: str, first_year: int, last_year: int) -> pd.DataFrame:
    import exchange_calendars  # takes a second, so only when a listed market is asked for

    known = exchange_calendars.get_calendar_names(include_aliases=True)
    if calendar not in known:
        raise UnknownNameError(
            f"There is no calendar {calendar!r}. "
            f"{did_you_mean(calendar, [*known, ALWAYS, WEEKDAYS])} Calendars are named by exchange "
            "codes such as XNYS, or are 24/7 or 24/5.",
            name=calendar,
            kind="calendar",
        )
    first, last = pd.Timestamp(first_year, 1, 1), pd.Timestamp(last_year, 12, 31)
    with _deprecations_ignored():
        kind = type(exchange_calendars.get_calendar(calendar))
        earliest, latest = kind.bound_min(), kind.bound_max()
        schedule: pd.DataFrame = exchange_calendars.get_calendar(
            calendar,
            start=first if earliest is None else max(first, earliest.tz_localize(None)),
            end=last if latest is None else min(last, latest.tz_localize(None)),
        ).schedule
    return schedule


@contextmanager
def _deprecations_ignored() -> Iterator[None]:
    """exchange_calendars 4.13 reads `Series.values` of aware columns, which pandas 3.1 deprecates.

    Can go with the first release that does not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
