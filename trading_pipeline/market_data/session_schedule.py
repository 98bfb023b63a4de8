"""This file holds the trading sessions of a calendar as arrays, loaded once and kept.

Listed markets come from exchange_calendars, imported only when one is asked for. Two calendars are
our own: "24/7", and "24/5", the week of currencies from Sunday to Friday 17:00 New York time. All
moments are int64 microseconds since 1970 UTC; a session's label is its date at 00:00 UTC.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import UnknownNameError, did_you_mean
from trading_pipeline.market_data.sources.protocol import utc_now

__all__ = ["ALWAYS", "DAY", "WEEKDAYS", "WEEK_ANCHOR", "SessionSchedule", "session_schedule"]

ALWAYS, WEEKDAYS = "24/7", "24/5"
DAY = 86_400_000_000
WEEK_ANCHOR = -3 * DAY
"""Monday 1969-12-29: weeks are counted from a Monday, as ISO 8601 does."""
FIRST_YEAR = 1990
"""Calendars are loaded from here on; an earlier request loads a longer one."""
Moments = npt.NDArray[np.int64]
_LOCK = threading.Lock()


@dataclass(frozen=True, eq=False)
class SessionSchedule:
    """Sessions in time order: label, open, close and the middle break (-1 where there is none).

    `listed` is False for the calendars without an exchange, whose intraday bars stand on the grid
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
    """Sessions that cover the moments `first` to `last` (microseconds), and at least 1990 to next year.

    A calendar that begins or ends inside that span is clipped: what lies outside has no session.
    Raises `UnknownNameError` for a calendar that nothing here has.
    """
    first_year = min(FIRST_YEAR, _year(first - 8 * DAY))
    last_year = max(utc_now().year + 1, _year(last + 8 * DAY))
    with _LOCK:
        return _load(calendar, first_year, last_year)


def _year(moment: int) -> int:
    return int(np.datetime64(moment, "us").astype("datetime64[Y]").astype(int)) + 1970


@lru_cache(maxsize=64)
def _load(calendar: str, first_year: int, last_year: int) -> SessionSchedule:
    if calendar in (ALWAYS, WEEKDAYS):
        days = pd.date_range(f"{first_year}-01-01", f"{last_year}-12-31", freq="D", unit="us")
        return _always(days) if calendar == ALWAYS else _weekdays(days[days.day_of_week < 5])
    schedule = _exchange_schedule(calendar, first_year, last_year)
    return SessionSchedule(
        name=calendar,
        labels=_microseconds(pd.DatetimeIndex(schedule.index)),
        opens=_microseconds(pd.DatetimeIndex(schedule["open"])),
        closes=_microseconds(pd.DatetimeIndex(schedule["close"])),
        break_starts=_microseconds(pd.DatetimeIndex(schedule["break_start"])),
        break_ends=_microseconds(pd.DatetimeIndex(schedule["break_end"])),
    )


def _always(days: pd.DatetimeIndex) -> SessionSchedule:
    labels = _microseconds(days)
    none = np.full(len(labels), -1, dtype=np.int64)
    return SessionSchedule(ALWAYS, labels, labels, labels + DAY, none, none)


def _weekdays(days: pd.DatetimeIndex) -> SessionSchedule:
    def at_five(dates: pd.DatetimeIndex) -> Moments:
        return _microseconds((dates + timedelta(hours=17)).tz_localize("America/New_York"))

    none = np.full(len(days), -1, dtype=np.int64)
    return SessionSchedule(
        WEEKDAYS,
        _microseconds(days),
        at_five(days - timedelta(days=1)),
        at_five(days),
        none,
        none,
    )


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
            f"There is no calendar {calendar!r}. {did_you_mean(calendar, [*known, ALWAYS, WEEKDAYS])} "
            "Calendars are named by exchange codes such as XNYS, or are 24/7 or 24/5.",
            name=calendar,
            kind="calendar",
        )
    first, last = datetime(first_year, 1, 1), datetime(last_year, 12, 31)
    with warnings.catch_warnings():
        # exchange_calendars 4.13 reads `Series.values` of aware columns, which pandas 3.1 deprecates;
        # can go with the first release that does not.
        warnings.simplefilter("ignore")
        kind = type(exchange_calendars.get_calendar(calendar))
        first, last = _clip(first, kind.bound_min(), max), _clip(last, kind.bound_max(), min)
        schedule: pd.DataFrame = exchange_calendars.get_calendar(
            calendar, start=first, end=last
        ).schedule
    return schedule


def _clip(moment: datetime, bound: Any, choose: Any) -> datetime:
    return moment if bound is None else choose(moment, bound.to_pydatetime().replace(tzinfo=None))
