"""Timeframes of bars and their lengths."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

__all__ = ["Timeframe"]


class Timeframe(StrEnum):
    """Length of a bar.

    >>> Timeframe("1h").length
    datetime.timedelta(seconds=3600)
    >>> Timeframe.D1.is_intraday
    False
    """

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"
    W1 = "1w"

    @property
    def length(self) -> timedelta:
        """Nominal length; for daily and weekly bars of a listed market use the calendar."""
        return _LENGTHS[self]

    @property
    def is_intraday(self) -> bool:
        """True below one day: such bars are stamped with their open, not their session's date."""
        return self not in (Timeframe.D1, Timeframe.W1)


_LENGTHS = {
    Timeframe.M1: timedelta(minutes=1),
    Timeframe.M5: timedelta(minutes=5),
    Timeframe.M15: timedelta(minutes=15),
    Timeframe.M30: timedelta(minutes=30),
    Timeframe.H1: timedelta(hours=1),
    Timeframe.H4: timedelta(hours=4),
    Timeframe.D1: timedelta(days=1),
    Timeframe.W1: timedelta(weeks=1),
}
