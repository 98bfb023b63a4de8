"""Formulas of the calendar: weekday, month and the place of a bar in its session.

They use what is known when the bar is complete. Month ends go by weekdays and not by sessions,
since a list of sessions also has closures that were not known in advance. A session's close is its
scheduled one as the calendar has it; a daily, weekly or 24/7 bar of a day ends with its session, so
that all of the session is over (1.0) and no hour is left (0.0): constant there, never NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.market_data.calendars import known_at, session_dates, sessions

__all__ = [
    "hours_to_close",
    "month_cosine",
    "month_end",
    "month_sine",
    "session_elapsed",
    "weekday_cosine",
    "weekday_sine",
]

_DAY = 86_400_000_000
_HOUR = 3_600_000_000
Days = npt.NDArray[np.int64]


def weekday_sine(bars: pd.DataFrame) -> FloatArray:
    """Sine of the weekday's angle in the week, Monday being 0."""
    return _by_day(bars, lambda days: np.sin(_weekday_angle(days)))


def weekday_cosine(bars: pd.DataFrame) -> FloatArray:
    """Cosine of the weekday's angle in the week, Monday being 1."""
    return _by_day(bars, lambda days: np.cos(_weekday_angle(days)))


def month_sine(bars: pd.DataFrame) -> FloatArray:
    """Sine of the month's angle in the year, January being 0."""
    return _by_day(bars, lambda days: np.sin(_month_angle(days)))


def month_cosine(bars: pd.DataFrame) -> FloatArray:
    """Cosine of the month's angle in the year, January being 1."""
    return _by_day(bars, lambda days: np.cos(_month_angle(days)))


def month_end(bars: pd.DataFrame) -> FloatArray:
    """1 where no weekday of the month follows the bar's date, 0 elsewhere."""
    return _by_day(bars, _no_weekday_left)


def session_elapsed(bars: pd.DataFrame, *, context: FeatureContext | None) -> FloatArray:
    """Share of the session that is over when the bar is known, 0 to 1; 1 for daily bars."""
    if context is None or not context.timeframe.is_intraday:
        return np.ones(len(bars))
    known, opens, closes = _session_clock(bars, context)
    return np.clip((known - opens) / (closes - opens), 0.0, 1.0)


def hours_to_close(bars: pd.DataFrame, *, context: FeatureContext | None) -> FloatArray:
    """Hours from the moment at which the bar is known to the session's close; 0 for daily bars."""
    if context is None or not context.timeframe.is_intraday:
        return np.zeros(len(bars))
    known, _, closes = _session_clock(bars, context)
    return np.maximum(closes - known, 0) / _HOUR


def _session_clock(
    bars: pd.DataFrame, context: FeatureContext
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """`known_at`, open and close of each bar's session in microseconds.

    A bar outside every session counts as the last of its session.
    """
    index = pd.DatetimeIndex(bars.index)
    known = known_at(index, context.timeframe, context.calendar)
    dates = session_dates(index, context.timeframe, context.calendar)
    found = sessions(
        dates[0].to_pydatetime(),
        (dates[-1] + pd.Timedelta(days=1)).to_pydatetime(),
        context.calendar,
    )
    moments = _microseconds(known)
    labels = _microseconds(pd.DatetimeIndex(found.index))
    if not len(labels):
        return moments, moments - 1.0, moments
    place = np.minimum(np.searchsorted(labels, _microseconds(dates)), len(labels) - 1)
    inside = labels[place] == _microseconds(dates)
    opens = _microseconds(pd.DatetimeIndex(found["open"]))[place]
    closes = _microseconds(pd.DatetimeIndex(found["close"]))[place]
    return moments, np.where(inside, opens, moments - 1.0), np.where(inside, closes, moments)


def _microseconds(index: pd.DatetimeIndex) -> FloatArray:
    # a double is exact up to the year 2255
    return np.asarray(index.as_unit("us").asi8, dtype="float64")


def _by_day(bars: pd.DataFrame, formula: Callable[[Days], FloatArray]) -> FloatArray:
    """The formula of each UTC day, given to all its bars: most series have many bars a day."""
    days = np.asarray(pd.DatetimeIndex(bars.index).as_unit("us").asi8, dtype=np.int64) // _DAY
    if not len(days):
        return np.empty(0)
    starts = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
    return np.repeat(formula(days[starts]), np.diff(np.append(starts, len(days))))


def _weekday_angle(days: Days) -> FloatArray:
    weekdays: FloatArray = ((days + 3) % 7).astype("float64")  # 1 January 1970 was a Thursday
    return 2.0 * np.pi * weekdays / 7.0


def _month_angle(days: Days) -> FloatArray:
    months: FloatArray = (_months(days.astype("datetime64[D]")) % 12).astype("float64")
    return 2.0 * np.pi * months / 12.0


def _no_weekday_left(days: Days) -> FloatArray:
    dates = days.astype("datetime64[D]")
    following = np.busday_offset(dates, 1, roll="backward")
    return np.where(_months(dates) == _months(following), 0.0, 1.0)


def _months(dates: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    """Months since January 1970."""
    return dates.astype("datetime64[M]").astype(np.int64)
