"""The bars that a calendar has after the last one."""

from __future__ import annotations

import pandas as pd

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.market_data.calendars import expected_bars

__all__ = ["next_bars"]

_SPANS = (2, 10, 50)


def next_bars(
    last: pd.Timestamp, timeframe: Timeframe | str, calendar: str, count: int
) -> pd.DatetimeIndex:
    """Labels of the next `count` bars after `last`; fewer where the calendar ends before.

    Sessions that an exchange has announced or that its rules foretell are known; days on which it
    will close unexpectedly are not. Raises `InsufficientDataError` where there is no bar at all.

    >>> friday = pd.Timestamp("2012-12-21", tz="UTC")
    >>> next_bars(friday, "1d", "XNYS", 3).day.tolist()
    [24, 26, 27]
    """
    frame = Timeframe(timeframe)
    found = pd.DatetimeIndex([])
    start = last + pd.Timedelta(microseconds=1)
    for span in _SPANS:
        length = max(frame.length * count * span, pd.Timedelta(days=7 * span).to_pytimedelta())
        found = expected_bars(start, start + length, frame, calendar)
        if len(found) >= count:
            return found[:count]
    if not len(found):
        raise InsufficientDataError(
            f"The calendar {calendar} has no session after {last:%Y-%m-%d %H:%M}, so there is no "
            "next bar to forecast. Correct the instrument's 'calendar', or update "
            "exchange-calendars where its sessions are not known yet.",
            calendar=calendar,
            last=last,
        )
    return found
