"""How many bars a year has on a calendar, for the bars that are there."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from trading_pipeline.domain.bar_year import BarYear, counted_year
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.calendars import expected_bars, periods_per_year

__all__ = ["calendar_year"]


def calendar_year(
    index: pd.DatetimeIndex,
    timeframe: Timeframe | str,
    calendar: str,
    usual: float | None = None,
) -> BarYear:
    """The calendar's `periods_per_year`; the bars observed where others than its own are there.

    `usual`: the calendar's number where it is known already. Observed means: from the first stamp
    to the last there are fewer than 95 % of the bars that the calendar has, or more than it has by
    as much. Then the calendar's number is scaled by the share that is there, which makes it the
    number of bars in a year of elapsed time, with a warning.

    >>> halves = pd.date_range("2023-01-01", "2023-12-31", freq="2h", tz="UTC")
    >>> round(calendar_year(halves, "1h", "24/7").bars)
    4380
    """
    usual = periods_per_year(timeframe, calendar) if usual is None else usual
    words = f"{Timeframe(timeframe).value} bars of the calendar {calendar}"
    if len(index) < 2:
        return BarYear(usual, words)
    first, last = index[0].to_pydatetime(), index[-1].to_pydatetime() + timedelta(microseconds=1)
    expected = len(expected_bars(first, last, timeframe, calendar))
    if not expected:
        return BarYear(usual, words)
    return counted_year(usual, len(index), expected, usual * len(index) / expected, words)
