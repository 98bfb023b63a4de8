"""The clock of an account: the union of its instruments' bars.

`ts` in microseconds UTC; a row is one bar of every instrument that has one with this stamp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from trading_pipeline.backtest.arrays import BoolArray, IntArray
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.bar_year import (
    BarYear,
    bar_year_of,
    observed_year,
)
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.rebalancing import RebalancingCalendar

__all__ = ["AccountClock", "account_clock", "period_ends"]

_DAY = 86_400_000_000
_FEW = 10  # distances between bars, below which the least of them says little


@dataclass(frozen=True, eq=False)
class AccountClock:
    """Stamps of an account's bars, each once, and where each instrument's bars lie among them."""

    ts: IntArray
    rows: Mapping[str, IntArray]
    common: bool = False
    """True where every instrument has these stamps."""

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

    @cached_property
    def bar_year(self) -> BarYear:
        """How many rows a year of this clock has.

        Where instruments have other stamps than each other, those observed in a year of elapsed
        time: a coin and a share have no common calendar.
        """
        found = bar_year_of(self.ts)
        if self.common or not found.warning:
            return found
        return BarYear(observed_year(self.ts), "rows of all instruments, counted")

    def local_days(self, zone: str) -> IntArray:
        """Days since 1970-01-01 in a time zone, one a row; summer time is followed."""
        local = self.index.tz_convert(zone).tz_localize(None).as_unit("us")
        return np.floor_divide(local.to_numpy().view(np.int64), _DAY)


def account_clock(bars: Mapping[str, ValidatedBars]) -> AccountClock:
    """The union of the instruments' stamps.

    Raises `ConfigurationError` for bars of different timeframes: a daily bar's stamp is its date,
    so that beside hourly bars its close would be traded on before it is known. An id that ends in a
    timeframe (`AAPL_1d`) is taken at its word; of others the least distance of two bars decides.
    """
    _refuse_mixed(bars)
    first, *others = (each.ts for each in bars.values())
    if all(np.array_equal(first, each) for each in others):
        rows = np.arange(len(first), dtype=np.int64)
        return AccountClock(first, dict.fromkeys(bars, rows), common=True)
    ts = np.unique(np.concatenate([first, *others]))
    ts.setflags(write=False)
    return AccountClock(ts, {name: np.searchsorted(ts, each.ts) for name, each in bars.items()})


def _refuse_mixed(bars: Mapping[str, ValidatedBars]) -> None:
    named = {each.value: each for each in Timeframe}
    known: dict[str, tuple[str, timedelta]] = {}
    for name, each in bars.items():
        said = named.get(name.rpartition("_")[2])
        gaps = len(each) - 1
        if said is not None:
            known.setdefault(said.value, (name, said.length))
        elif gaps >= _FEW:
            step = timedelta(microseconds=int(np.diff(each.ts).min()))
            known.setdefault(f"bars {step} apart", (name, step))
    lengths = [length for _, length in known.values()]
    if len(known) > 1 and max(lengths) >= 2 * min(lengths):
        found = ", ".join(f"{name} ({said})" for said, (name, _) in sorted(known.items()))
        raise ConfigurationError(
            f"The instruments of one account need bars of one timeframe; found {found}. Give all "
            "of them in the longest of these. An instrument that only seldom has a bar tells its "
            "timeframe by its name, such as NAME_1h.",
            timeframes=sorted(known),
        )


def period_ends(days: IntArray, calendar: RebalancingCalendar) -> BoolArray:
    """True on the last row of each day, week, month, quarter or year, or on every n-th row.

    `days`: days since 1970-01-01, one a row, not falling. The last row of all ends no period, since
    nothing says that no other will follow in it.

    >>> period_ends(np.array([0, 30, 31, 32]), "month").tolist()
    [False, True, False, False]
    >>> period_ends(np.array([0, 1, 2, 3]), 2).tolist()
    [False, True, False, True]
    """
    if isinstance(calendar, int):
        nth: BoolArray = np.arange(1, len(days) + 1) % calendar == 0
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
