"""This file holds how coarser bars are made from a finer series, session by session.

Bars and labels follow the package's contract: aware UTC, an intraday bar named by its open, a daily or
weekly bar of a listed market by the date of its (first) session at 00:00 UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.bars import empty_bars, normalize_bars
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.market_data.calendars import expected_bars, known_at, sessions
from trading_pipeline.market_data.session_schedule import (
    ALWAYS,
    WEEK_ANCHOR,
    WEEKDAYS,
    session_schedule,
)

__all__ = ["finer_span", "outside_sessions", "require_resampling", "resample_bars"]

_MARGIN = timedelta(days=14)  # weeks and sessions that reach over a span's start and end
Moments = npt.NDArray[np.int64]


def require_resampling(timeframe: Timeframe, target: Timeframe, calendar: str) -> None:
    """Raise `ConfigurationError` where bars of `timeframe` cannot be put together to `target`.

    The finer bars must be shorter, and on 24/5, whose days end at 17:00 New York time, whole hours at
    most: a 4h bar of the UTC clock lies in two of its days.
    """
    if timeframe.length >= target.length:
        raise ConfigurationError(
            f"Bars of {target.value} cannot be made from bars of {timeframe.value}: the series to "
            "start from must be finer. Set 'resample_from' to a shorter timeframe.",
            timeframe=timeframe.value,
            target=target.value,
        )
    if calendar == WEEKDAYS and timeframe is Timeframe.H4:
        raise ConfigurationError(
            f"Bars of {target.value} on 24/5 cannot be made from 4h bars: its days end at 17:00 New "
            "York time, in the middle of such a bar. Set 'resample_from' to 1h or less.",
            timeframe=timeframe.value,
            target=target.value,
        )


def resample_bars(
    bars: pd.DataFrame,
    timeframe: Timeframe | str,
    target: Timeframe | str,
    calendar: str,
    *,
    now: datetime | None = None,
) -> pd.DataFrame:
    """Bars of `target` from `bars` of the finer `timeframe`; open first, close last, volume summed.

    Intraday bars start at their session's open (and after each break), never cross a session, and the
    last one may be short; on 24/7 and 24/5 they stand on the grid of the UTC clock. Finer bars outside
    every session are left out (`outside_sessions` shows them). A coarse bar exists where at least one
    finer bar does. With `now`, coarse bars that are not complete at that moment are left out. NaN in a
    finer bar makes the coarse value NaN, so that the checks see it.

    Raises `ConfigurationError` for a target that is not coarser, and `DataQualityError` for bars out
    of order or twice under one stamp, since no choice among them would be right.

    >>> minutes = pd.date_range("2012-11-23 14:30", "2012-11-23 17:59", freq="min", tz="UTC", name="ts")
    >>> bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0), index=minutes)
    >>> resample_bars(bars, "1m", "1h", "XNYS")["volume"].tolist()  # an early close at 18:00 UTC
    [60.0, 60.0, 60.0, 30.0]
    """
    fine, coarse = Timeframe(timeframe), Timeframe(target)
    require_resampling(fine, coarse, calendar)
    bars = normalize_bars(bars)
    index = pd.DatetimeIndex(bars.index)
    if not (index.is_monotonic_increasing and index.is_unique):
        raise DataQualityError(
            f"The {fine.value} bars to make {coarse.value} bars from are out of order or hold a stamp "
            "twice. Sort them and decide which of the equal stamps holds before resampling.",
            timeframe=fine.value,
            target=coarse.value,
        )
    labels, inside = _labels(index.asi8, fine, coarse, calendar)
    if not inside.any():
        return empty_bars()
    labels, bars = labels[inside], bars.loc[inside]
    starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
    ends = np.r_[starts[1:], len(labels)] - 1
    made = pd.DataFrame(
        {
            "open": bars["open"].to_numpy()[starts],
            "high": np.maximum.reduceat(bars["high"].to_numpy(), starts),
            "low": np.minimum.reduceat(bars["low"].to_numpy(), starts),
            "close": bars["close"].to_numpy()[ends],
            "volume": np.add.reduceat(bars["volume"].to_numpy(), starts),
        },
        index=_index(labels[starts]),
    )
    if now is None:
        return made
    complete = known_at(pd.DatetimeIndex(made.index), coarse, calendar) <= pd.Timestamp(now)
    return made.loc[complete]


def outside_sessions(
    index: pd.DatetimeIndex, timeframe: Timeframe | str, calendar: str
) -> npt.NDArray[np.bool_]:
    """True for each bar of a series that lies in no session, so that `resample_bars` leaves it out."""
    moments = np.asarray(index.as_unit("us").asi8, dtype=np.int64)
    frame = Timeframe(timeframe)
    return ~_labels(moments, frame, Timeframe.W1 if frame is Timeframe.D1 else frame, calendar)[1]


def finer_span(
    start: datetime, end: datetime, timeframe: Timeframe, target: Timeframe, calendar: str
) -> tuple[datetime, datetime]:
    """Span of finer labels behind every coarse bar with `start <= ts < end`; end exclusive.

    A session may open on the evening before its date, and a week ends after its label: the span is
    as wide as these bars need. It is the one given where there is no such bar.
    """
    labels = expected_bars(start, end, target, calendar)
    if not len(labels):
        return start, end
    if calendar == ALWAYS or target.is_intraday:
        return labels[0].to_pydatetime(), (labels[-1] + target.length).to_pydatetime()
    table = sessions(start - _MARGIN, end + _MARGIN, calendar)
    days = pd.DatetimeIndex(table.index)
    last = labels[-1]
    if target is Timeframe.W1:
        monday = last - pd.Timedelta(days=last.day_of_week)
        last = days[days < monday + pd.Timedelta(days=7)][-1]
    if not timeframe.is_intraday:
        return labels[0].to_pydatetime(), (last + pd.Timedelta(days=1)).to_pydatetime()
    opens, closes = pd.DatetimeIndex(table["open"]), pd.DatetimeIndex(table["close"])
    first, final = int(days.searchsorted(labels[0])), int(days.searchsorted(last))
    return opens[first].to_pydatetime(), closes[final].to_pydatetime()


def _labels(
    moments: Moments, fine: Timeframe, coarse: Timeframe, calendar: str
) -> tuple[Moments, npt.NDArray[np.bool_]]:
    """Label of the coarse bar that each finer bar belongs to, and whether it belongs to one."""
    everywhere = np.ones(len(moments), dtype=np.bool_)
    if not len(moments):
        return moments, everywhere
    length = int(coarse.length.total_seconds()) * 1_000_000
    if calendar == ALWAYS:
        anchor = WEEK_ANCHOR if coarse is Timeframe.W1 else 0
        return moments - (moments - anchor) % length, everywhere
    schedule = session_schedule(calendar, int(moments.min()), int(moments.max()))
    if fine.is_intraday:
        opens, closes = schedule.segments()
        position = np.searchsorted(opens, moments, side="right") - 1
        at = np.maximum(position, 0)
        inside = (position >= 0) & (moments < closes[at])
        if coarse.is_intraday:
            start = opens[at] if schedule.listed else np.zeros_like(moments)
            return start + (moments - start) // length * length, inside
        owner = np.searchsorted(schedule.opens, opens[at], side="right") - 1
        days = schedule.labels[np.maximum(owner, 0)]
    else:
        days = moments
        position = np.minimum(np.searchsorted(schedule.labels, days), len(schedule.labels) - 1)
        inside = schedule.labels[position] == days
    if coarse is Timeframe.D1:
        return days, inside
    first, last = (_index(np.array([moment]))[0] for moment in (days.min(), days.max()))
    weeks = expected_bars(first - _MARGIN, last + _MARGIN, Timeframe.W1, calendar).asi8
    week = np.searchsorted(weeks, days, side="right") - 1
    return np.where(inside, weeks[np.maximum(week, 0)], days), inside


def _index(moments: Moments) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(moments.view("datetime64[us]")).tz_localize("UTC").rename("ts")
