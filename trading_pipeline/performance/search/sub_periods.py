"""Whether a result holds in the parts of its history: halves, years, calm and wild markets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.return_metrics import ensure_periods_per_year, sharpe

__all__ = ["SubPeriod", "SubPeriods", "sub_periods"]

_FEWEST_BARS = 20
_LOOKBACK_BARS = 21


@dataclass(frozen=True, kw_only=True)
class SubPeriod:
    """A part of a history: its `kind` ("half", "year", "volatility", "trend") and its name.

    `sharpe`: annual ratio in it; NaN where the returns do not vary.
    """

    kind: str
    name: str
    bars: int
    sharpe: float


@dataclass(frozen=True)
class SubPeriods:
    """All parts; those in which nothing varied have no ratio and count nowhere."""

    parts: tuple[SubPeriod, ...]

    @property
    def positive_share(self) -> float:
        """Share of the parts with a Sharpe ratio above 0; NaN without any."""
        known = [part.sharpe for part in self.parts if not math.isnan(part.sharpe)]
        return sum(ratio > 0.0 for ratio in known) / len(known) if known else math.nan

    @property
    def worst(self) -> SubPeriod | None:
        """The part with the lowest ratio; None without any."""
        known = [part for part in self.parts if not math.isnan(part.sharpe)]
        return min(known, key=lambda part: part.sharpe, default=None)


def sub_periods(
    returns: npt.ArrayLike,
    market_returns: npt.ArrayLike,
    stamps: pd.DatetimeIndex,
    *,
    periods_per_year: float,
) -> SubPeriods:
    """Annual Sharpe ratio in each part of a history of at least 20 bars.

    Parts are the two halves; calendar years of the stamps; thirds of the bars by the market's
    volatility over the 21 bars before; and bars after the market rose or fell over as many. What
    the market did is known before each bar, so a part could have been told in time. Raises
    `DataQualityError` for arrays of different lengths, `ConfigurationError` for a
    `periods_per_year` that is not above 0.

    Parameters
    ----------
    returns, market_returns
        Simple bar returns of the rule and of what it trades, in order of time.
    stamps
        One a bar.
    periods_per_year
        Bars in a year.
    """
    ensure_periods_per_year(periods_per_year)
    own = np.asarray(returns, dtype=np.float64)
    market = np.asarray(market_returns, dtype=np.float64)
    if not own.shape == market.shape == (len(stamps),):
        raise DataQualityError(
            f"There are returns of the shape {own.shape}, market returns of the shape "
            f"{market.shape} and {len(stamps)} stamps; each bar needs one of each.",
            bars=len(stamps),
        )
    parts = (*_by_time(stamps), *_by_market(market))
    return SubPeriods(tuple(_measured(own, parts, periods_per_year)))


def _measured(
    returns: FloatArray, parts: Iterable[tuple[str, str, npt.NDArray[np.bool_]]], year: float
) -> Iterator[SubPeriod]:
    for kind, name, bars in parts:
        count = int(bars.sum())
        if count >= _FEWEST_BARS:
            ratio = sharpe(returns[bars], periods_per_year=year)
            yield SubPeriod(kind=kind, name=name, bars=count, sharpe=ratio)


def _by_time(stamps: pd.DatetimeIndex) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    place = np.arange(len(stamps))
    first = place < len(stamps) // 2
    yield "half", "first", first
    yield "half", "second", ~first
    years = stamps.year.to_numpy()
    for year in np.unique(years):
        yield "year", str(year), years == year


def _by_market(returns: FloatArray) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    before = pd.Series(returns).shift(1).rolling(_LOOKBACK_BARS)
    wild, rise = before.std().to_numpy(), before.sum().to_numpy()
    known = np.isfinite(wild)
    if known.any():
        low, high = np.quantile(wild[known], (1.0 / 3.0, 2.0 / 3.0))
        yield "volatility", "calm", known & (wild <= low)
        yield "volatility", "usual", known & (wild > low) & (wild <= high)
        yield "volatility", "wild", known & (wild > high)
        yield "trend", "after a rise", known & (rise > 0.0)
        yield "trend", "after a fall", known & (rise <= 0.0)
