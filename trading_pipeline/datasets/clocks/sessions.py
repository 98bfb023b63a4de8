"""From the stamps of a user's file to the package's clocks.

Moments are int64 microseconds: UTC, or the wall clock of a zone. Intraday bars keep their open in
UTC; daily and weekly ones get the date of their (first) session at 00:00 UTC.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from trading_pipeline.domain.moments import (
    DAY,
    WEEK,
    WEEK_ANCHOR,
    Moments,
    index_of,
    moments_of,
)
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.calendars import week_labels
from trading_pipeline.market_data.schedule import ALWAYS, WEEKDAYS, exchange_zone

__all__ = ["bar_labels", "calendar_zone", "to_utc"]


def to_utc(moments: Moments, zone: str) -> Moments:
    """UTC of moments that the wall clock of a zone shows.

    The order of the bars tells which of two equal hours in autumn is meant. Raises
    `DatasetFormatError` for an hour that a clock change skips, or where the order does not tell.
    """
    if zone == "UTC":
        return moments
    wall = pd.DatetimeIndex(moments.view("datetime64[us]"))
    try:
        aware = wall.tz_localize(ZoneInfo(zone), ambiguous="infer")
    except ValueError as error:
        raise DatasetFormatError(
            f"Stamps do not fit the time zone {zone}: {error}. Its clock skips or repeats that "
            "hour; give the zone that the file was written in, such as UTC or Etc/GMT-1.",
            tz=zone,
        ) from error
    return moments_of(aware)


def calendar_zone(calendar: str | None) -> str | None:
    """IANA zone of a listed market; UTC for 24/7, New York for 24/5, None without a calendar."""
    known = {None: None, ALWAYS: "UTC", WEEKDAYS: "America/New_York"}
    return known[calendar] if calendar in known else exchange_zone(str(calendar))


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
