"""The market of a user's file: time zone, calendar, and the missing bars of each series."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from trading_pipeline.datasets.checks.series import SeriesTally
from trading_pipeline.datasets.clocks.coverage import count_coverage, even_step, step_name
from trading_pipeline.datasets.clocks.local_rows import LocalRows
from trading_pipeline.datasets.clocks.market_guess import (
    Stamps,
    guess_daily_market,
    guess_market,
    stamps_by_schedule,
)
from trading_pipeline.datasets.clocks.wall_clock import zone_changes
from trading_pipeline.datasets.columns.timestamps import commonest
from trading_pipeline.domain.dataset_shape import TimestampFormat
from trading_pipeline.domain.moments import (
    DAY,
    MINUTE,
    WEEK,
    WEEK_ANCHOR,
    Moments,
    index_of,
    length_of,
)
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.schedule import ALWAYS, WEEKDAYS
from trading_pipeline.settings.dataset_answers import DatasetAnswers

__all__ = ["MarketFacts"]

_GUESS_DAYS = 400
_TIMEFRAMES = {each.value: each for each in Timeframe}


@dataclass
class MarketFacts:
    """Time zone, calendar and coverage; `look_at` takes the series one after the other.

    The first series decides the calendar of all. `stamp`: how its stamps are written. `missing` and
    `extra` stay None where there is no calendar, timeframe or zone to count them by. `stamps`: what
    the session shows, see `MarketGuess`. `local`: the rows on that wall clock; it tells whether the
    series came in UTC after all.
    """

    answers: DatasetAnswers
    stamp: TimestampFormat
    local: LocalRows = field(init=False)
    suggest_tz: str | None = None
    calendar: str | None = None
    missing: int | None = None
    extra: int | None = None
    stamps: Stamps | None = None
    _is_guessed: bool = False

    def __post_init__(self) -> None:
        """The rows are read on the wall clock of `zone`."""
        self.local = LocalRows(self.zone)

    @property
    def is_naive(self) -> bool:
        """True where the minutes are those of a wall clock."""
        return self.stamp.is_wall and self.local.utc_zone is None

    @property
    def zone(self) -> str | None:
        """Its zone: what the stamps name, the answer, or what the header states."""
        stated, answered = self.stamp.zone, self.answers.tz
        return stated if self.stamp.names_zone else answered or stated

    def look_at(self, series: SeriesTally) -> None:
        """Take in one series."""
        if self.local.utc_zone is not None:
            self.suggest_tz = self.local.utc_zone
        name = self.answers.timeframe or step_name(series.steps)
        timeframe = _TIMEFRAMES.get(str(name))
        if not self._is_guessed:
            self._is_guessed = True
            self._guess(series, timeframe)
        zone = self.zone or self.suggest_tz
        if self.calendar is None or timeframe is None:
            return
        if self.is_naive and timeframe.is_intraday and zone is None:
            return
        counted = count_coverage(
            series.minutes,
            timeframe,
            self.calendar,
            zone=zone,
            wall=self.is_naive,
            finer=0 < even_step(series.steps) < length_of(timeframe),
            at_ends=(self.answers.stamps or self.stamps) == "end",
        )
        self.missing = (self.missing or 0) + counted.missing
        off_minute = series.off_minute if timeframe.is_intraday else 0
        self.extra = (self.extra or 0) + counted.extra + off_minute

    def _guess(self, series: SeriesTally, timeframe: Timeframe | None) -> None:
        first, last = series.minutes.first, series.minutes.last
        if first is None or last is None:
            return
        self.calendar = self.answers.calendar
        within_days = 0 < even_step(series.steps) < DAY
        if timeframe is not None and not timeframe.is_intraday and not within_days:
            self._guess_daily(series.minutes.between(first, last + 1) * MINUTE, timeframe)
            return
        minutes = series.minutes.between(first, min(first + _GUESS_DAYS * 1440, last + 1))
        if self.is_naive and self.zone is not None:
            minutes = _in_utc(minutes, self.zone)
        length = even_step(series.steps) or (
            length_of(timeframe) if timeframe else commonest(series.steps or Counter([MINUTE]))
        )
        step = max(length // MINUTE, 1)
        in_utc = not self.is_naive or self.zone is not None
        guess = guess_market(minutes, step, in_utc=in_utc, zone=self.zone)
        self.stamps = guess.stamps
        if in_utc and self.calendar not in (None, ALWAYS, WEEKDAYS):
            self.stamps = stamps_by_schedule(minutes, step, str(self.calendar)) or self.stamps
        self.calendar = self.calendar or guess.calendar
        if self.stamp.is_wall:
            self.suggest_tz = self.zone or self.suggest_tz or guess.tz

    def _guess_daily(self, moments: Moments, timeframe: Timeframe) -> None:
        if self.calendar is None and timeframe is Timeframe.D1:
            self.calendar = guess_daily_market(index_of(_dates(moments)))
        if self.is_naive and self.calendar == ALWAYS:
            self.suggest_tz = "UTC"


def _dates(moments: Moments) -> Moments:
    """Dates of daily stamps: as written, or for midnights of a zone east of UTC the day after."""
    midnight = moments - moments % DAY
    weekday = (midnight - WEEK_ANCHOR) % WEEK // DAY
    counts = np.bincount(weekday, minlength=7)
    # Sunday to Thursday in UTC is Monday to Friday east of it
    is_shifted = counts[6] > 0 and counts[4] == 0
    return np.unique(midnight + DAY if is_shifted else midnight)


def _in_utc(minutes: Moments, zone: str) -> Moments:
    return np.unique(zone_changes(zone).utc(minutes * MINUTE) // MINUTE)
