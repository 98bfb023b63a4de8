"""Coarser bars from a finer series, session by session.

Bars and labels follow the package's contract: aware UTC, an intraday bar named by its open, a daily
or weekly bar of a listed market by the date of its (first) session at 00:00 UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import empty_bars, normalize_bars
from trading_pipeline.domain.moments import (
    Flags,
    Moments,
    index_of,
    length_of,
    moments_of,
    monday_of,
)
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.market_data.calendars import (
    expected_bars,
    known_at,
    sessions,
    week_labels,
)
from trading_pipeline.market_data.schedule import ALWAYS, WEEKDAYS, session_schedule

__all__ = [
    "bars_of_groups",
    "finer_span",
    "outside_sessions",
    "require_resampling",
    "resample_bars",
]

_MARGIN = timedelta(days=14)  # weeks and sessions that reach over a span's start and end


def require_resampling(timeframe: Timeframe, target: Timeframe, calendar: str) -> None:
    """Raise `ConfigurationError` where bars of `target` cannot be made from bars of `timeframe`.

    The finer bars must be shorter, and on 24/5, whose days end at 17:00 New York time, whole hours
    at most: a 4h bar of the UTC clock lies in two of its days.
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
            f"Bars of {target.value} on 24/5 cannot be made from 4h bars: its days end at 17:00 "
            "New York time, in the middle of such a bar. Set 'resample_from' to 1h or less.",
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

    Intraday bars start at their session's open (and after each break), never cross a session, and
    the last one may be short; on 24/7 and 24/5 they stand on the grid of the UTC clock. Finer bars
    outside every session are left out (`outside_sessions` shows them). A coarse bar exists where at
    least one finer bar does. With `now`, coarse bars that are not complete at that moment are left
    out. NaN in a finer bar makes the coarse value NaN, so that the checks see it.

    Raises `ConfigurationError` for a target that is not coarser, and `DataQualityError` for bars
    out of order or twice under one stamp, since no choice among them would be right.

    >>> from trading_pipeline.domain.bars import BAR_COLUMNS
    >>> span = {"start": "2012-11-23 14:30", "end": "2012-11-23 17:59", "tz": "UTC"}
    >>> minutes = pd.date_range(**span, freq="min", name="ts")
    >>> bars = pd.DataFrame(dict.fromkeys(BAR_COLUMNS, 1.0), index=minutes)
    >>> resample_bars(bars, "1m", "1h", "XNYS")["volume"].tolist()  # an early close at 18:00 UTC
    [60.0, 60.0, 60.0, 30.0]
    """
    fine, coarse = Timeframe(timeframe), Timeframe(target)
    require_resampling(fine, coarse, calendar)
    bars = normalize_bars(bars)
    index = pd.DatetimeIndex(bars.index)
    if not (index.is_monotonic_increasing and index.is_unique):
        raise DataQualityError(
            f"The {fine.value} bars to make {coarse.value} bars from are out of order or hold a "
            "stamp twice. Sort them and decide which of the equal stamps holds before resampling.",
            timeframe=fine.value,
            target=coarse.value,
        )
    labels, inside = _labels(moments_of(index), fine, coarse, calendar)
    if not inside.any():
        return empty_bars()
    made = bars_of_groups(bars.loc[inside], labels[inside])
    if now is None:
        return made
    complete = known_at(pd.DatetimeIndex(made.index), coarse, calendar) <= pd.Timestamp(now)
    return made.loc[complete]


def bars_of_groups(bars: pd.DataFrame, labels: Moments) -> pd.DataFrame:
    """One bar for each run of equal labels: open first, close last, volume summed."""
    starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
    ends = np.r_[starts[1:], len(labels)] - 1
    return pd.DataFrame(
        {
            "open": bars["open"].to_numpy()[starts],
            "high": np.maximum.reduceat(bars["high"].to_numpy(), starts),
            "low": np.minimum.reduceat(bars["low"].to_numpy(), starts),
            "close": bars["close"].to_numpy()[ends],
            "volume": np.add.reduceat(bars["volume"].to_numpy(), starts),
        },
        index=index_of(labels[starts]),
    )


def outside_sessions(index: pd.DatetimeIndex, timeframe: Timeframe | str, calendar: str) -> Flags:
    """True for each bar of a series that lies in no session, which `resample_bars` leaves out."""
    frame = Timeframe(timeframe)
    coarse = Timeframe.W1 if frame is Timeframe.D1 else frame
    return ~_labels(moments_of(index), frame, coarse, calendar)[1]


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
        last = days[days < last + pd.Timedelta(days=7 - last.day_of_week)][-1]
    if not timeframe.is_intraday:
        return labels[0].to_pydatetime(), (last + pd.Timedelta(days=1)).to_pydatetime()
    opens, closes = pd.DatetimeIndex(table["open"]), pd.DatetimeIndex(table["close"])
    first, final = int(days.searchsorted(labels[0])), int(days.searchsorted(last))
    return opens[first].to_pydatetime(), closes[final].to_pydatetime()


def _labels(
    moments: Moments, fine: Timeframe, coarse: Timeframe, calendar: str
) -> tuple[Moments, Flags]:
    """Label of the coarse bar that each finer bar belongs to, and whether it belongs to one."""
    inside = np.ones(len(moments), dtype=np.bool_)
    if not len(moments):
        return moments, inside
    length = length_of(coarse)
    if calendar == ALWAYS:
        return monday_of(moments) if coarse is Timeframe.W1 else moments - moments % length, inside
    schedule = session_schedule(calendar, int(moments.min()), int(moments.max()))
    days = moments
    if fine.is_intraday:
        opens, inside = schedule.segment_at(moments)
        if coarse.is_intraday:
            start = opens if schedule.listed else np.zeros_like(moments)
            return start + (moments - start) // length * length, inside
        days = schedule.labels[schedule.session_at(opens)[0]]
    else:
        inside = np.isin(days, schedule.labels)
    if coarse is Timeframe.W1:
        days = np.where(inside, week_labels(days, calendar), days)
    return days, inside
