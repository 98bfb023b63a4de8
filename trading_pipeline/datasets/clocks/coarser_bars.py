"""Bars of a longer timeframe out of a file's own rows, such as 30m out of 2m.

Moments are int64 microseconds of UTC, where the rows open. Labels are by the package's clocks.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.datasets.clocks.sessions import bar_labels
from trading_pipeline.domain.moments import DAY, Moments, index_of, length_of, moments_of
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DatasetFormatError
from trading_pipeline.market_data.calendars import (
    expected_bars,
    known_at,
    session_dates,
    week_labels,
)
from trading_pipeline.market_data.schedule import ALWAYS

__all__ = ["coarser_bars", "coarser_timeframes"]

_HOW = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def coarser_timeframes(step: int) -> list[Timeframe]:
    """Timeframes that bars of a step (microseconds) fill without a rest; intraday bars fill days
    and weeks always.

    >>> [each.value for each in coarser_timeframes(10 * 60_000_000)]
    ['30m', '1h', '4h', '1d', '1w']
    """
    return [
        each
        for each in Timeframe
        if length_of(each) > step
        and (length_of(each) % step == 0 or (step < DAY and not each.is_intraday))
    ]


def coarser_bars(
    rows: pd.DataFrame,
    moments: Moments,
    step: int,
    timeframe: Timeframe,
    calendar: str | None,
    *,
    wall: bool = False,
) -> pd.DataFrame:
    """Bars with index `ts` in order of time; `rows` are the file's, `step` microseconds apart.

    `wall`: daily rows are dates as the file shows them. Rows outside every session keep the grid
    of the UTC clock. A last bar that the file cuts short
    is left out. Raises `DatasetFormatError` where a stamp stands twice: the sum of its volumes
    would hide it.
    """
    order = np.argsort(moments, kind="stable")
    moments = moments[order]
    twice = int(np.count_nonzero(moments[1:] == moments[:-1]))
    if twice:
        raise DatasetFormatError(
            f"{twice:,} row(s) repeat a stamp, so no bars of {timeframe.value} can be made. "
            "Keep one row of each with --duplicates first or --duplicates last.",
            rows=twice,
        )
    if step >= DAY:
        labels = bar_labels(moments, timeframe, calendar, wall=wall)
        ends = moments_of(known_at(index_of(labels), timeframe, calendar or ALWAYS))
    else:
        labels, ends = _labels(moments, timeframe, calendar)
    whole = (
        labels != labels[-1] if moments[-1] + step < ends[-1] else np.ones(len(labels), np.bool_)
    )
    frame = rows.iloc[order][whole]
    found = frame.groupby(labels[whole], sort=True).agg(_HOW)
    return found.set_axis(index_of(np.asarray(found.index, dtype=np.int64)))


def _labels(
    moments: Moments, timeframe: Timeframe, calendar: str | None
) -> tuple[Moments, Moments]:
    """Label of each moment's bar, and when that bar is complete."""
    name, length = calendar or ALWAYS, length_of(timeframe)
    if not timeframe.is_intraday:
        labels = moments_of(session_dates(index_of(moments), Timeframe.M1, name))
        if timeframe is Timeframe.W1:
            labels = week_labels(labels, name)
        return labels, moments_of(known_at(index_of(labels), timeframe, name))
    floors = moments - moments % length
    if name == ALWAYS:
        return floors, floors + length
    first, last = index_of(np.array([moments[0] - DAY, moments[-1] + DAY])).to_pydatetime()
    opens = expected_bars(first, last, timeframe, name)
    closes = moments_of(known_at(opens, timeframe, name))
    at = np.searchsorted(moments_of(opens), moments, side="right") - 1
    inside = (at >= 0) & (moments < closes[at]) if len(opens) else np.zeros(len(moments), np.bool_)
    if not inside.any():
        return floors, floors + length
    labels = np.where(inside, moments_of(opens)[at], floors)
    return labels, np.where(inside, closes[at], floors + length)
