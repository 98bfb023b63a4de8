"""Where each bar lies in its trading session, for rules that trade inside a session.

Opens and closes are those of the instrument's calendar, early closes included. On 24/7 a session is
a day in UTC, on 24/5 it runs from 17:00 to 17:00 in New York.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from trading_pipeline.domain.moments import Flags, Moments, length_of, moments_of
from trading_pipeline.domain.signals import BoolArray, FloatArray
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.market_data.calendars import known_at, periods_per_year, session_bounds
from trading_pipeline.strategies.market import Market

__all__ = ["Sessions", "sessions_of"]


@dataclass(frozen=True, eq=False)
class Sessions:
    """Sessions of the bars of a market; moments are microseconds since 1970 UTC, one a bar.

    `opens`, `closes`: of the session that a bar belongs to, or of the last one before it;
    `inside`: whether the bar begins in it. `ends`: when the bar is complete. `length`: of a bar.
    """

    opens: Moments
    closes: Moments
    inside: Flags
    ends: Moments
    length: int

    @property
    def begins(self) -> BoolArray:
        """True on the first bar that is there of each session."""
        first = np.ones(len(self.opens), dtype=np.bool_)
        first[1:] = self.opens[1:] != self.opens[:-1]
        return first

    @property
    def may_enter(self) -> BoolArray:
        """True where an entry has time to fill and to be closed again before the session ends.

        Not on a session's first bar, on which what was left open over night is closed. An order
        fills at the next open: on the last two bars of a session it would be too late.
        """
        return self.inside & ~self.begins & (self.ends + self.length < self.closes)

    def within(self, minutes: int) -> BoolArray:
        """True on bars that are complete within the first `minutes` of their session."""
        span = timedelta(minutes=minutes) // timedelta(microseconds=1)
        return self.inside & (self.ends <= self.opens + span)

    def first_of_session(self, flags: BoolArray) -> BoolArray:
        """`flags`, each session's first one alone."""
        count = np.cumsum(flags)
        before = np.where(self.begins, count - flags, 0)
        return flags & (count - np.maximum.accumulate(before) == 1)

    def highest(self, values: FloatArray, of: BoolArray) -> FloatArray:
        """Greatest value of the bars `of` of each session, on all of its bars; NaN without one.

        Read it only after the last of these bars: on them it knows the later ones.
        """
        if not len(values):
            return values
        starts = np.flatnonzero(self.begins)
        best = np.maximum.reduceat(np.where(of, values, -np.inf), starts)
        spread = np.repeat(best, np.diff(np.append(starts, len(values))))
        return np.where(np.isfinite(spread), spread, np.nan)

    def lowest(self, values: FloatArray, of: BoolArray) -> FloatArray:
        """Smallest value of the bars `of` of each session, as `highest` gives the greatest."""
        return -self.highest(-values, of)


def sessions_of(market: Market, strategy: str, *, bars: int, minutes: int = 0) -> Sessions:
    """The sessions of a market, for a strategy of that name.

    `bars`: bars that a session needs after its first `minutes` for one trade. Raises
    `ConfigurationError` where the market does not know its timeframe and calendar, where its bars
    are as long as sessions, and where a usual session has too few of them.
    """
    timeframe, calendar = market.timeframe, market.calendar
    if timeframe is None or calendar is None:
        raise ConfigurationError(
            f"The strategy '{strategy}' trades inside sessions, and this market does not say which "
            "it has. Give its timeframe and calendar: Market(bars, timeframe='5m', "
            "calendar='XNYS').",
            strategy=strategy,
        )
    _refuse_long_bars(strategy, timeframe, calendar, bars, minutes)
    index = pd.DatetimeIndex(market.raw.index)
    opens, closes, inside = session_bounds(index, calendar)
    ends = moments_of(known_at(index, timeframe, calendar))
    return Sessions(opens, closes, inside, ends, length_of(timeframe))


def _refuse_long_bars(
    strategy: str, timeframe: Timeframe, calendar: str, bars: int, minutes: int
) -> None:
    if not timeframe.is_intraday:
        raise ConfigurationError(
            f"The strategy '{strategy}' trades inside a session, and bars of {timeframe} have no "
            "part of one. Give it an instrument with bars of 1m to 1h.",
            strategy=strategy,
            timeframe=str(timeframe),
        )
    length = timeframe.length // timedelta(minutes=1)
    if minutes % length:
        raise ConfigurationError(
            f"The strategy '{strategy}' looks at the first {minutes} minutes of a session, which "
            f"bars of {timeframe} do not divide. Give a multiple of {length} minutes.",
            strategy=strategy,
            timeframe=str(timeframe),
        )
    usual = periods_per_year(timeframe, calendar) / periods_per_year("1d", calendar)
    needed = minutes // length + bars
    if usual < needed:
        raise ConfigurationError(
            f"The strategy '{strategy}' needs {needed} bars in a session of {calendar}, and one "
            f"has {usual:g} bars of {timeframe}. Give it shorter bars"
            f"{', or fewer minutes' if minutes else ''}.",
            strategy=strategy,
            timeframe=str(timeframe),
            calendar=calendar,
        )
