"""This file holds the way from the stamps of a user's file to the package's clocks.

Moments are int64 microseconds: UTC, or the wall clock of a zone. Intraday bars keep their open in UTC;
daily and weekly ones get the date of their (first) session at 00:00 UTC.
"""

from __future__ import annotations

import warnings
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.calendars import sessions
from trading_pipeline.market_data.session_schedule import ALWAYS, DAY, WEEK_ANCHOR, WEEKDAYS

__all__ = ["bar_labels", "calendar_zone", "to_utc"]

Moments = npt.NDArray[np.int64]
_WEEK = 7 * DAY


def to_utc(moments: Moments, zone: str) -> Moments:
    """UTC of moments that the wall clock of a zone shows.

    An hour that occurs twice in autumn is told apart by the order of the bars. Raises
    `DatasetFormatError` for an hour that a clock change skips, or one that is told apart by nothing.
    """
    if zone == "UTC":
        return moments
    wall = pd.DatetimeIndex(moments.view("datetime64[us]"))
    try:
        aware = wall.tz_localize(ZoneInfo(zone), ambiguous="infer")
    except ValueError as error:
        raise DatasetFormatError(
            f"Stamps do not fit the time zone {zone}: {error}. Its clock skips or repeats that hour; "
            "give the zone that the file was written in, such as UTC or Etc/GMT-1.",
            tz=zone,
        ) from error
    return np.asarray(aware.tz_convert("UTC").as_unit("us").asi8, dtype=np.int64)


def calendar_zone(calendar: str | None) -> str | None:
    """IANA zone of a listed market; UTC for 24/7, New York for 24/5, None without a calendar."""
    if calendar is None:
        return None
    if calendar in (ALWAYS, WEEKDAYS):
        return "UTC" if calendar == ALWAYS else "America/New_York"
    sessions(pd.Timestamp(2020, 1, 1, tz="UTC"), pd.Timestamp(2020, 1, 2, tz="UTC"), calendar)
    import exchange_calendars  # loaded by the line above, which refuses unknown names

    with warnings.catch_warnings():
        # exchange_calendars 4.13 reads aware columns in a way that pandas 3.1 deprecates.
        warnings.simplefilter("ignore")
        return str(exchange_calendars.get_calendar(calendar).tz)


def bar_labels(
    moments: Moments, timeframe: Timeframe, calendar: str | None, *, wall: bool
) -> Moments:
    """Labels of bars by the package's clock; `moments` are UTC, or with `wall` as the file shows them.

    Daily stamps without an offset are named by their date as it stands. Of those in UTC, stamps that
    all stand at 00:00 are dates already; others are the date in the market's zone.
    A week is named by its first session (by its Monday on 24/7 or without a calendar); stamps on a
    Sunday name the week that follows. Raises `DatasetFormatError` for daily stamps inside a day
    without a calendar.
    """
    if timeframe.is_intraday or not len(moments):
        return moments
    if wall:
        moments = moments - moments % DAY
    elif calendar != ALWAYS and (moments % DAY != 0).any():
        zone = calendar_zone(calendar)
        if zone is None:
            raise DatasetFormatError(
                "The daily bars are stamped inside the day, so that their session's date depends on "
                "the market. Name it with --calendar, such as --calendar XNYS.",
                timeframe=timeframe.value,
            )
        stamps = pd.DatetimeIndex(moments.view("datetime64[us]")).tz_localize("UTC")
        local = stamps.tz_convert(zone).tz_localize(None).as_unit("us")
        moments = np.asarray(local.asi8, dtype=np.int64)
        moments = moments - moments % DAY
    if timeframe is Timeframe.D1:
        return moments
    weekday = (moments - WEEK_ANCHOR) % _WEEK // DAY
    moments = np.where(np.bincount(weekday, minlength=7).argmax() == 6, moments + DAY, moments)
    monday = moments - (moments - WEEK_ANCHOR) % _WEEK
    if calendar in (None, ALWAYS, WEEKDAYS):
        return np.asarray(monday)
    return _first_sessions(np.asarray(monday), str(calendar))


def _first_sessions(mondays: Moments, calendar: str) -> Moments:
    start, end = (pd.Timestamp(int(m), unit="us", tz="UTC") for m in (mondays.min(), mondays.max()))
    table = sessions(start.to_pydatetime(), (end + pd.Timedelta(days=7)).to_pydatetime(), calendar)
    labels = np.asarray(pd.DatetimeIndex(table.index).as_unit("us").asi8, dtype=np.int64)
    weeks, first = np.unique(labels - (labels - WEEK_ANCHOR) % _WEEK, return_index=True)
    if not len(weeks):
        return mondays
    position = np.minimum(np.searchsorted(weeks, mondays), len(weeks) - 1)
    return np.where(weeks[position] == mondays, labels[first][position], mondays)
