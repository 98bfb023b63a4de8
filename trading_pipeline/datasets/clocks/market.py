"""This file holds the market side of a profile: time zone, calendar, missing bars of each series."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.datasets.checks.series import MINUTE, SeriesTally
from trading_pipeline.datasets.clocks.coverage import count_coverage, step_name
from trading_pipeline.datasets.clocks.market_guess import guess_daily_market, guess_market
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.session_schedule import ALWAYS, DAY, WEEK_ANCHOR
from trading_pipeline.settings.dataset_answers import DatasetAnswers

__all__ = ["MarketFacts"]

_GUESS_DAYS = 400
_TIMEFRAMES = {each.value: each for each in Timeframe}


@dataclass
class MarketFacts:
    """Time zone, calendar and coverage; `look_at` takes the series one after the other.

    The first series decides the calendar for all. `is_naive`: stamps carry no offset. `missing` and
    `extra` stay None where there is no calendar, no timeframe or no zone to count them by.
    """

    answers: DatasetAnswers
    is_naive: bool
    suggest_tz: str | None = None
    calendar: str | None = None
    missing: int | None = None
    extra: int | None = None
    _is_guessed: bool = False

    def look_at(self, series: SeriesTally) -> None:
        """Take in one series."""
        name = self.answers.timeframe or step_name(series.steps)
        timeframe = _TIMEFRAMES.get(str(name))
        if not self._is_guessed:
            self._is_guessed = True
            self._guess(series, timeframe)
        zone = self.answers.tz or self.suggest_tz
        if self.calendar is None or timeframe is None:
            return
        if self.is_naive and timeframe.is_intraday and zone is None:
            return
        counted = count_coverage(
            series.minutes, timeframe, self.calendar, zone=zone, wall=self.is_naive
        )
        self.missing = (self.missing or 0) + counted.missing
        off_minute = series.off_minute if timeframe.is_intraday else 0
        self.extra = (self.extra or 0) + counted.extra + off_minute

    def _guess(self, series: SeriesTally, timeframe: Timeframe | None) -> None:
        first, last = series.minutes.first, series.minutes.last
        if first is None or last is None:
            return
        self.calendar = self.answers.calendar
        if timeframe is not None and not timeframe.is_intraday:
            self._guess_daily(series.minutes.between(first, last + 1) * MINUTE, timeframe)
            return
        minutes = series.minutes.between(first, min(first + _GUESS_DAYS * 1440, last + 1))
        if self.is_naive and self.answers.tz is not None:
            minutes = _in_utc(minutes, self.answers.tz)
        step = max(int(timeframe.length.total_seconds()) // 60, 1) if timeframe else _step(series)
        in_utc = not self.is_naive or self.answers.tz is not None
        guess = guess_market(minutes, step, in_utc=in_utc, zone=self.answers.tz)
        self.calendar = self.calendar or guess.calendar
        if self.is_naive:
            self.suggest_tz = self.answers.tz or guess.tz

    def _guess_daily(self, moments: npt.NDArray[np.int64], timeframe: Timeframe) -> None:
        if self.calendar is None and timeframe is Timeframe.D1:
            index = pd.DatetimeIndex(_dates(moments).view("datetime64[us]")).tz_localize("UTC")
            self.calendar = guess_daily_market(index)
        if self.is_naive and self.calendar == ALWAYS:
            self.suggest_tz = "UTC"


def _dates(moments: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Dates of daily stamps: as they stand, or for midnights of a zone east of UTC the day after."""
    midnight = moments - moments % DAY
    weekday = (midnight - WEEK_ANCHOR) % (7 * DAY) // DAY
    counts = np.bincount(weekday, minlength=7)
    is_shifted = (
        counts[6] > 0 and counts[4] == 0
    )  # Sunday to Thursday: Monday to Friday, east of UTC
    return np.unique(midnight + DAY if is_shifted else midnight)


def _in_utc(minutes: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int64]:
    wall = pd.DatetimeIndex((minutes * MINUTE).view("datetime64[us]"))
    aware = wall.tz_localize(
        ZoneInfo(zone), ambiguous=np.ones(len(wall), dtype=bool), nonexistent="shift_forward"
    )
    moments = np.asarray(aware.tz_convert("UTC").as_unit("us").asi8, dtype=np.int64)
    return np.unique(moments // MINUTE)


def _step(series: SeriesTally) -> int:
    most = max(series.steps.values(), default=0)
    return max(min((s for s, n in series.steps.items() if n == most), default=MINUTE) // MINUTE, 1)
