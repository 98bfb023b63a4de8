"""Guesses the market and time zone of a user's bars from their hours.

It is a suggestion: the user confirms the zone. Minutes count from 1970, as the wall clock of the
file shows them or in UTC. Opening hours are those of the exchanges' regular sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Literal

import numpy as np
import pandas as pd

from trading_pipeline.datasets.clocks.wall_clock import zone_changes
from trading_pipeline.domain.moments import MINUTE, Moments
from trading_pipeline.market_data.calendars import expected_bars
from trading_pipeline.market_data.schedule import ALWAYS, WEEKDAYS, session_schedule

__all__ = ["MarketGuess", "Stamps", "guess_daily_market", "guess_market", "stamps_by_schedule"]

DAY_MINUTES = 1440
_DAYS_LOOKED_AT = 60
_YEAR_OF_BARS = 260
Stamps = Literal["open", "end"]
_STAMPS: tuple[Stamps, ...] = ("open", "end")
_WEEKEND_SHARE = 0.22
"""A little less than two days of seven."""


@dataclass(frozen=True)
class MarketGuess:
    """Calendar, and the zone of stamps without an offset; None where nothing fits.

    `stamps`: whether the session shows that bars are stamped where they open or where they end.
    """

    calendar: str | None
    tz: str | None
    stamps: Stamps | None = None


@dataclass(frozen=True)
class _Session:
    calendar: str
    tz: str
    opens: tuple[time, ...]
    closes: tuple[time, ...]
    lunch: tuple[time, time] | None = None


# Where several exchanges share hours and zone, the largest one represents them.
_SESSIONS = (
    _Session("XNYS", "America/New_York", (time(9, 30),), (time(16),)),
    _Session("XNYS", "America/New_York", (time(4),), (time(20),)),  # with extended hours
    _Session("XNYS", "America/Chicago", (time(8, 30),), (time(15),)),
    _Session("XBOM", "Asia/Kolkata", (time(9, 15),), (time(15, 30),)),
    _Session("XLON", "Europe/London", (time(8),), (time(16, 30),)),
    _Session("XETR", "Europe/Berlin", (time(9),), (time(17, 30),)),
    _Session(
        "XTKS", "Asia/Tokyo", (time(9),), (time(15, 30), time(15)), (time(11, 30), time(12, 30))
    ),
    _Session("XHKG", "Asia/Hong_Kong", (time(9, 30),), (time(16),), (time(12), time(13))),
    _Session("XSHG", "Asia/Shanghai", (time(9, 30),), (time(15),), (time(11, 30), time(13))),
    _Session("XKRX", "Asia/Seoul", (time(9),), (time(15, 30),)),
    _Session("XTAI", "Asia/Taipei", (time(9),), (time(13, 30),)),
    _Session("XSES", "Asia/Singapore", (time(9),), (time(17),)),
    _Session("XASX", "Australia/Sydney", (time(10),), (time(16),)),
    _Session("BVMF", "America/Sao_Paulo", (time(10),), (time(18), time(17))),
    _Session("XIST", "Europe/Istanbul", (time(10),), (time(18),)),
)
_DAILY = ("XNYS", "XBOM", "XLON", "XETR", "XTKS", "XHKG")


def guess_market(
    minutes: Moments, step: int, *, in_utc: bool, zone: str | None = None
) -> MarketGuess:
    """Market of intraday bars: their minutes in order, `step` minutes apart.

    Bars around the clock are 24/7 with weekends (in UTC) and 24/5 without. Otherwise it is the
    session whose open is the first bar of most days, and whose close fits best, be the bars
    stamped where they open or where they end. `in_utc`: the
    minutes are UTC, so that only the calendar is unknown. `zone`: the file's zone if the user named
    it; of sessions that fit equally well, the one in that zone wins.
    """
    if not len(minutes):
        return MarketGuess(None, None)
    days = minutes // DAY_MINUTES
    unique = np.unique(days)
    hours = len(np.unique(minutes % DAY_MINUTES // 60))
    weekend = np.isin((unique + 3) % 7, (5, 6)).mean()
    if hours >= min(23, DAY_MINUTES // max(step, 60)):
        if weekend > _WEEKEND_SHARE:
            return MarketGuess(ALWAYS, "UTC")
        if len(unique) < 7:
            return MarketGuess(None, None)
        return MarketGuess(WEEKDAYS, "UTC" if in_utc else _zone_of_week(minutes))
    best, score = MarketGuess(None, None), 0.0
    walls = dict[str, _Days]()
    for session in _SESSIONS:
        for each in ("UTC",) if in_utc else (session.tz, "UTC"):
            if each == session.tz:
                days_seen = walls.setdefault("", _days(minutes))
            else:
                days_seen = walls.setdefault(session.tz, _days(_wall(minutes, session.tz)))
            for stamps in _STAMPS:
                fit = _fit(session, days_seen, step, stamps)
                fit += 0.01 if fit and each != "UTC" else 0.0
                fit += 0.01 if fit and session.tz == zone else 0.0
                if fit > score:
                    best, score = MarketGuess(session.calendar, each, stamps), fit
    return best


def guess_daily_market(labels: pd.DatetimeIndex) -> str | None:
    """Calendar of daily bars by their dates (00:00 UTC); None where none has nine dates of ten.

    Bars on weekends are 24/7. Otherwise it is the calendar with the fewest missing and extra dates
    over the last 2,000 bars; a perfect one over more than a year of bars ends the search. Where
    several fit equally well it is 24/5, which names no country: a few weeks without a holiday do
    not tell one exchange from another.
    """
    if not len(labels):
        return None
    if float(np.mean(np.asarray(labels.day_of_week) >= 5)) > _WEEKEND_SHARE:
        return ALWAYS
    recent = labels[-2000:]
    best, fewest, ties = None, 0.1 * len(recent), 0
    for calendar in (*_DAILY, WEEKDAYS):
        expected = expected_bars(
            recent[0].to_pydatetime(),
            (recent[-1] + pd.Timedelta(days=1)).to_pydatetime(),
            "1d",
            calendar,
        )
        wrong = len(expected.symmetric_difference(recent))
        if wrong < fewest:
            best, fewest, ties = calendar, float(wrong), 0
        elif best is not None and wrong == fewest:
            ties += 1
        if wrong == 0 and len(recent) > _YEAR_OF_BARS:
            break
    return WEEKDAYS if ties else best


def stamps_by_schedule(minutes: Moments, step: int, calendar: str) -> Stamps | None:
    """Whether bars of UTC minutes are stamped at their open or end, by a listed market's sessions;
    None where most sessions begin at neither."""
    if not len(minutes):
        return None
    schedule = session_schedule(calendar, int(minutes[0]) * MINUTE, int(minutes[-1]) * MINUTE)
    opens, closes = schedule.opens // MINUTE, schedule.closes // MINUTE
    first = np.searchsorted(minutes, opens)
    last = np.searchsorted(minutes, closes, side="right") - 1
    held = (first < len(minutes)) & (last >= first)
    if not held.any():
        return None
    begin, end = minutes[first[held]] - opens[held], closes[held] - minutes[last[held]]
    if (begin == 0).mean() >= 0.5:
        return "open"
    return "end" if (begin == step).mean() >= 0.5 and (end == 0).mean() >= 0.2 else None


@dataclass(frozen=True, eq=False)
class _Days:
    """Minutes as a wall clock shows them; `starts` and `ends`: places of a day's first and last."""

    minutes: Moments
    days: Moments
    starts: Moments
    ends: Moments


def _days(minutes: Moments) -> _Days:
    """At most sixty days, spread over the span."""
    unique, starts = np.unique(minutes // DAY_MINUTES, return_index=True)
    ends = np.r_[starts[1:], len(minutes)] - 1
    chosen = np.unique(np.linspace(0, len(unique) - 1, _DAYS_LOOKED_AT).astype(np.int64))
    return _Days(minutes, unique[chosen], starts[chosen], ends[chosen])


def _wall(minutes: Moments, zone: str) -> Moments:
    return np.unique(zone_changes(zone).wall(minutes * MINUTE) // MINUTE)


def _fit(session: _Session, seen: _Days, step: int, stamps: Stamps) -> float:
    """Share of days that begin at the open, plus that of days that end at the close, minus lunch.

    With `stamps` of "end" each bar is expected where it ends. A bar at the close itself counts half
    in a file of opens: few exchanges have one.
    """
    midnights = seen.days * DAY_MINUTES
    late = step if stamps == "end" else 0
    first, last = seen.minutes[seen.starts] - midnights, seen.minutes[seen.ends] - midnights
    opens, closes = _clock(session.opens), _clock(session.closes)
    begins = float(np.isin(first, opens + late).mean())
    finishes = 0.0
    for close in closes:
        regular = last == _last_bar(int(opens[0]), int(close), step) + late
        at_close = last == close
        share = (regular | at_close) if late else np.where(regular, 1.0, 0.5 * at_close)
        finishes = max(finishes, float(share.mean()))
    if begins < 0.5 or finishes < 0.2:
        return 0.0
    bonus = 0.0
    if session.lunch is not None and step <= 30:
        pause = _clock(session.lunch) + (1 if late else 0)
        at = np.searchsorted(seen.minutes, midnights[:, None] + pause)
        bonus = 0.5 if (at[:, 0] == at[:, 1]).mean() >= 0.8 else -1.0
    return begins + finishes + bonus


def _clock(times: tuple[time, ...]) -> Moments:
    """Minutes after midnight."""
    return np.array([each.hour * 60 + each.minute for each in times], dtype=np.int64)


def _last_bar(first: int, close: int, step: int) -> int:
    return first + (close - first - 1) // step * step


def _zone_of_week(minutes: Moments) -> str | None:
    """Zone of currencies' bars by the wall clock at which most weeks begin (17:00 New York)."""
    gaps = np.flatnonzero(np.diff(minutes) > 30 * 60) + 1
    if not len(gaps):
        return None
    week_minutes = (minutes[gaps] + 3 * DAY_MINUTES) % (7 * DAY_MINUTES)
    values, counts = np.unique(week_minutes // 60, return_counts=True)
    hour = int(values[np.argmax(counts)]) - 6 * 24  # hours after Sunday 00:00
    if hour in (21, 22):
        return "UTC"
    # Monday 00:00 is the clock of MetaTrader servers
    return {17: "America/New_York", -6 * 24: "Europe/Athens"}.get(hour)
