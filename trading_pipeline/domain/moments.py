"""Moments as int64 microseconds since 1970 UTC, the form that calendars and file readers use.

If a name contains `wall`, the microseconds are those of a wall clock instead of UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import utc_index
from trading_pipeline.domain.timeframe import Timeframe

__all__ = [
    "DAY",
    "MINUTE",
    "WEEK",
    "WEEK_ANCHOR",
    "YEAR",
    "Flags",
    "Floats",
    "Moments",
    "index_of",
    "length_of",
    "microseconds",
    "midnight",
    "moments_of",
    "monday_of",
]

Moments: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
MINUTE = 60_000_000
DAY = 1440 * MINUTE
WEEK = 7 * DAY
YEAR = 1461 * DAY // 4
"""365.25 days, the mean year of the calendar that is in use."""
WEEK_ANCHOR = -3 * DAY
"""Monday 1969-12-29: weeks start on Monday, as in ISO 8601."""


def moments_of(index: pd.Index) -> Moments:
    """Moments of aware stamps."""
    return np.asarray(utc_index(index).asi8, dtype=np.int64)


def index_of(moments: Moments, name: str = "ts") -> pd.DatetimeIndex:
    """Aware UTC stamps of moments."""
    return pd.DatetimeIndex(moments.view("datetime64[us]"), name=name).tz_localize("UTC")


def microseconds(moment: datetime) -> int:
    """An aware moment as a number; a naive one counts as UTC."""
    return pd.Timestamp(moment).value // 1000  # `value` is in nanoseconds whatever the unit


def length_of(timeframe: Timeframe) -> int:
    """Nominal length of a bar.

    >>> length_of(Timeframe.H1)
    3600000000
    """
    return int(timeframe.length.total_seconds()) * 1_000_000


def monday_of(moments: Moments) -> Moments:
    """Monday 00:00 of each moment's week.

    >>> index_of(monday_of(np.array([microseconds(datetime(2024, 1, 4))])))[0].day
    1
    """
    return moments - (moments - WEEK_ANCHOR) % WEEK


def midnight(day: date) -> datetime:
    """The start of a day, aware UTC.

    >>> midnight(date(2024, 1, 2)).isoformat()
    '2024-01-02T00:00:00+00:00'
    """
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
