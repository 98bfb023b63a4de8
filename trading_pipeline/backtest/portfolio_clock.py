"""This file holds the clock of an account: the union of its instruments' bars.

`ts` in microseconds UTC; a row is one bar of every instrument that has one with this stamp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.rebalancing import RebalancingCalendar

__all__ = ["AccountClock", "account_clock", "period_ends"]

IntArray: TypeAlias = npt.NDArray[np.int64]
_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class AccountClock:
    """Stamps of all bars of an account, each once, and where each instrument's bars lie among them."""

    ts: IntArray
    rows: Mapping[str, IntArray]

    def __len__(self) -> int:
        """Number of rows."""
        return int(self.ts.shape[0])

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """Aware UTC stamps."""
        stamps = pd.DatetimeIndex(self.ts.view("datetime64[us]"), name="ts")
        return stamps.tz_localize("UTC").as_unit("us")

    @cached_property
    def days(self) -> IntArray:
        """Days since 1970-01-01 UTC, one a row."""
        return np.floor_divide(self.ts, _DAY)

    def local_days(self, zone: str) -> IntArray:
        """Days since 1970-01-01 in a time zone, one a row; summer time is followed."""
        local = self.index.tz_convert(zone).tz_localize(None).as_unit("us")
        return np.floor_divide(local.to_numpy().view(np.int64), _DAY)


def account_clock(bars: Mapping[str, ValidatedBars]) -> AccountClock:
    """The union of the instruments' stamps.

    Raises `ConfigurationError` where the instruments' ids name different timeframes: a daily bar's
    stamp is its date, so that beside hourly bars its close would be traded on before it is known.
    """
    frames: dict[str, str] = {}
    for name in bars:
        timeframe = name.rpartition("_")[2]
        if timeframe in {known.value for known in Timeframe}:
            frames.setdefault(timeframe, name)
    if len(frames) > 1:
        found = ", ".join(f"{name} ({timeframe})" for timeframe, name in sorted(frames.items()))
        raise ConfigurationError(
            f"The instruments of one account need bars of one timeframe; found {found}. Give all of "
            "them in the longest of these.",
            timeframes=sorted(frames),
        )
    first = next(iter(bars.values())).ts
    if all(np.array_equal(first, each.ts) for each in bars.values()):
        return AccountClock(first, dict.fromkeys(bars, np.arange(len(first))))
    ts = np.unique(np.concatenate([each.ts for each in bars.values()]))
    ts.setflags(write=False)
    return AccountClock(ts, {name: np.searchsorted(ts, each.ts) for name, each in bars.items()})


def period_ends(days: IntArray, calendar: RebalancingCalendar) -> npt.NDArray[np.bool_]:
    """True on the last row of each day, week, month, quarter or year, or on every n-th row.

    `days`: days since 1970-01-01, one a row, not falling. The last row of all ends no period, since
    nothing says that no other will follow in it.

    >>> period_ends(np.array([0, 30, 31, 32]), "month").tolist()
    [False, True, False, False]
    >>> period_ends(np.array([0, 1, 2, 3]), 2).tolist()
    [False, True, False, True]
    """
    if isinstance(calendar, int):
        nth: npt.NDArray[np.bool_] = np.arange(1, len(days) + 1) % calendar == 0
        return nth
    dates = days.astype("datetime64[D]")
    if calendar == "day":
        period = days
    elif calendar == "week":
        period = np.floor_divide(days + 3, 7)  # 1970-01-01 was a Thursday
    elif calendar == "year":
        period = dates.astype("datetime64[Y]").astype(np.int64)
    else:
        period = dates.astype("datetime64[M]").astype(np.int64)
        if calendar == "quarter":
            period = np.floor_divide(period, 3)
    ends = np.zeros(len(days), dtype=np.bool_)
    ends[:-1] = period[1:] != period[:-1]
    return ends
