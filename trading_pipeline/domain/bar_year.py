"""How many bars a year has, told from their stamps: a year is time, not a number of bars.

Stamps are int64 microseconds UTC, strictly rising.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trading_pipeline.domain.moments import DAY, MINUTE, YEAR, Flags, Moments
from trading_pipeline.errors import ConfigurationError

__all__ = [
    "ENOUGH",
    "BarYear",
    "bar_year_of",
    "counted_year",
    "elapsed_years",
    "observed_year",
    "spans_a_quarter",
]

ENOUGH = 0.95
"""Share of the expected bars from which on a usual year counts; below it, the bars observed do."""
_READ = 12_000  # bars that the pattern is read from: a week of minutes and some more
_DAYS_READ = 600  # of days and longer bars: two years and some more
_DAILY = 20 * 60 * MINUTE  # labels of days follow each other after 23 hours where clocks change
_SELDOM = 0.3  # of the busiest weekday's bars: with fewer, a weekday has no session
_SESSIONS = {7: 365.0, 6: 313.0}
_LISTED = 252.0
_HOLIDAYS = 4
_ALL_WEEKDAYS = 261.0
_KEPT = 32
_LONG = ((7.0, 52.0, "weekly"), (30.4, 12.0, "monthly"), (91.3, 4.0, "quarterly"),
         (365.25, 1.0, "yearly"))  # fmt: skip


class BarYear(NamedTuple):
    """Bars of a year, what that number rests on, and what must be said of it ("" for nothing)."""

    bars: float
    basis: str
    warning: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warning, as results keep them."""
        return (self.warning,) if self.warning else ()


_TOLD: dict[tuple[int, int, bytes], BarYear] = {}
"""What was told of the stamps seen last: all that it follows from is the key."""


class _Pattern(NamedTuple):
    """What stamps have in common: `sessions` of a usual year, each of `bars`, from `shift` (of the
    UTC day) on, on the `weekdays` (Monday first).
    """

    step: int
    shift: int
    bars: int
    weekdays: Flags
    sessions: float
    words: str


def elapsed_years(ts: Moments) -> float:
    """Years of 365.25 days from the first stamp to the last; NaN below two.

    >>> elapsed_years(np.array([0, YEAR, 2 * YEAR]))
    2.0
    """
    return float(ts[-1] - ts[0]) / YEAR if len(ts) > 1 else float("nan")


def spans_a_quarter(ts: Moments) -> bool:
    """True where the stamps span a quarter of a year: below it, bars observed say little."""
    return int(ts[-1] - ts[0]) >= YEAR // 4


def observed_year(ts: Moments) -> float:
    """Bars a year of elapsed time: distances between stamps over the years that they span."""
    return (len(ts) - 1) / elapsed_years(ts)


def counted_year(usual: float, there: int, expected: float, observed: float, words: str) -> BarYear:
    """The usual year where at least 95 % of its bars are there and not much more, else `observed`.

    `expected`: bars that the usual year has in this span.
    """
    share = there / expected
    if ENOUGH <= share <= 1.0 / ENOUGH:
        return BarYear(usual, words)
    kind = "Missing bars" if share < ENOUGH else "More bars than expected"
    return BarYear(
        observed,
        f"{words}, of which {share:.0%} are there",
        f"{kind}: {there:,} where {words} have about {expected:,.0f}. So a year counts as "
        f"{observed:,.1f} bars, those observed in a year of elapsed time, and not as {usual:,.0f}. "
        "Annual numbers follow from that.",
    )


def bar_year_of(ts: Moments) -> BarYear:
    """Bars of a year by the spacing, the hours and the weekdays of the stamps.

    Daily bars from Monday to Friday are sessions of a listed market (252), those of seven days a
    coin's (365); weeks are 52, months 12. Intraday bars have as many sessions, each of the bars
    that most days have; round the clock on weekdays alone is 261 days, and round the clock in a
    span without a weekend counts as a coin's. Where fewer than 95 % of these bars are there, the
    bars observed in a year of elapsed time count, with a warning.

    Raises `ConfigurationError` where the stamps do not tell: intraday bars with a pause, or of less
    than a day, that hold no Saturday, and bars without a regular distance of less than a quarter.

    >>> hours = np.arange(0, 30 * DAY, 60 * MINUTE)
    >>> bar_year_of(hours).bars, bar_year_of(hours[::24]).bars
    (8760.0, 365.0)
    """
    if len(ts) < 2:
        return BarYear(_SESSIONS[7], "one bar, in which nothing is annualized")
    key = len(ts), int(ts[0]), ts[-_READ:].tobytes()
    told = _TOLD.get(key)
    if told is None:
        told = _told(ts)
        if len(_TOLD) >= _KEPT:
            _TOLD.clear()
        _TOLD[key] = told
    return told


def _told(ts: Moments) -> BarYear:
    window = ts[-_DAYS_READ:]
    distances = np.diff(window)
    if len(ts) > _DAYS_READ and int(distances.min()) < _DAILY:
        window = ts[-_READ:]
        distances = np.diff(window)
    step = int(distances.min())
    alike = np.count_nonzero(distances == step) / len(distances)
    even = alike == 1.0 and DAY % step == 0
    enough = (3 if step < DAY else 7) * DAY
    if even and int(ts[-1] - ts[0]) == step * (len(ts) - 1) >= enough:
        # all of a coin's bars: no look at the days of each
        return BarYear(_SESSIONS[7] * (DAY // step), _words(step, DAY // step, 7))
    if alike < 0.5:
        lengths, counts = np.unique(distances, return_counts=True)
        step, alike = int(lengths[np.argmax(counts)]), counts.max() / len(distances)
    if step >= 3 * DAY // 2:
        return _long_bars(ts, step)
    if step < _DAILY and alike < 0.5 and np.mean(distances % step == 0) < 0.9:
        if not spans_a_quarter(ts):
            raise _cannot_tell(ts, "their distances have no pattern")
        rate = observed_year(ts)
        return BarYear(
            rate,
            "bars without a regular distance, counted",
            f"Irregular bars: their distances have no pattern. A year counts as {rate:,.1f} bars, "
            "those observed in a year of elapsed time; give periods_per_year where it is another "
            "number.",
        )
    if step >= _DAILY:
        return _fitted(ts, _daily(window))
    return _fitted(ts, _intraday(ts, window, step))


def _long_bars(ts: Moments, step: int) -> BarYear:
    days = step / DAY
    usual, words = 365.25 / days, f"bars {days:g} days apart"
    for length, year, name in _LONG:
        if abs(days / length - 1.0) < 0.15:
            usual, words = year, f"{name} bars"
    years = elapsed_years(ts)
    return counted_year(usual, len(ts), years * usual + 1.0, observed_year(ts), words)


def _daily(window: Moments) -> _Pattern:
    step = DAY
    days = window // DAY
    at = np.bincount((days + 3) % 7, minlength=7)  # 1970-01-01 was a Thursday
    weekdays = at >= _SELDOM * at.max()
    weekend = bool(weekdays[5] or weekdays[6])
    if days[-1] - days[0] < 7 and weekend:
        weekdays = np.ones(7, dtype=np.bool_)
    if not weekend:
        weekdays = np.arange(7) < 5
    held = int(weekdays.sum())
    return _Pattern(
        step, 0, 1, weekdays, _SESSIONS.get(held, _LISTED), f"daily bars of {held} days a week"
    )


def _intraday(ts: Moments, window: Moments, step: int) -> _Pattern:
    hours = np.unique(window % DAY)
    pauses = np.diff(hours, append=hours[:1] + DAY)
    at = int(np.argmax(pauses))
    paused = int(pauses[at]) > 3 * step // 2
    shift = int(hours[(at + 1) % len(hours)]) if paused else 0
    days = (window - shift) // DAY
    on = np.bincount((days + 3) % 7, minlength=7)
    weekdays = on >= _SELDOM * on.max()
    seen = (int(ts[0]) - shift) // DAY, (int(ts[-1]) - shift) // DAY
    whole = np.arange(seen[0] + 1, min(seen[1], seen[0] + 9))
    tells = bool(weekdays[5] or ((whole + 3) % 7 == 5).any())
    if not tells and paused:
        raise _cannot_tell(ts, "they hold no Saturday, so that a coin and a share look alike")
    if not tells or (seen[1] - seen[0] < 7 and weekdays[5]):
        weekdays = np.ones(7, dtype=np.bool_)
    _, first, a_day = np.unique(days, return_index=True, return_counts=True)
    sizes, days_of = np.unique(a_day, return_counts=True)
    bars = int(sizes[np.argmax(days_of)])
    if not paused:
        bars = DAY // step
    elif days_of.max() < 0.6 * len(a_day):
        last = first + a_day - 1
        spans = (window[last] - window[first]) // step + 1
        bars = int(np.quantile(spans, 0.9, method="lower"))
    held, round_the_clock = int(weekdays.sum()), bars * step >= 23 * 60 * MINUTE
    sessions = _SESSIONS.get(held, _ALL_WEEKDAYS if round_the_clock else _LISTED)
    words = _words(step, bars, held)
    if not tells:
        words += " (round the clock, in a span without a weekend)"
    return _Pattern(step, shift, bars, weekdays, sessions, words)


def _fitted(ts: Moments, pattern: _Pattern) -> BarYear:
    """The pattern's usual year, or the observed one where too few or too many bars are there."""
    step, shift, bars = pattern.step, pattern.shift, pattern.bars
    begin, end = int(ts[0]) - shift, int(ts[-1]) - shift
    whole, rest = divmod(end // DAY - begin // DAY + 1, 7)
    held = int(pattern.weekdays.sum())
    first = (begin // DAY + 3) % 7
    days = whole * held + sum(bool(pattern.weekdays[(first + i) % 7]) for i in range(rest))
    slots = float(days * bars)
    if step < _DAILY:  # the first and the last day are there in part
        slots -= min(begin % DAY // step, bars) + max(bars - 1 - end % DAY // step, 0)
    a_year = held / 7 * 365.25
    slots = max(slots, 1.0)
    expected = slots * pattern.sessions / a_year
    usual = pattern.sessions * bars
    # in a short span the holidays at a year's end are no missing bars
    near = ENOUGH * expected - _HOLIDAYS * bars <= len(ts) <= slots + 2 * bars
    if held <= 5 and near:
        whole_days = step >= _DAILY or len(ts) >= ENOUGH * bars * _days_there(ts, shift)
        if whole_days:
            return BarYear(usual, pattern.words)
    return counted_year(usual, len(ts), expected, len(ts) / slots * bars * a_year, pattern.words)


def _days_there(ts: Moments, shift: int) -> int:
    days = (ts[-_READ:] - shift) // DAY
    return int(np.count_nonzero(np.diff(days))) + 1


def _words(step: int, bars: int, held: int) -> str:
    if bars == 1:
        return f"daily bars of {held} days a week"
    return f"bars {_length(step)} apart, {bars} a day on {held} days a week"


def _length(step: int) -> str:
    minutes = step / MINUTE
    if minutes % 60 == 0:
        return f"{minutes / 60:g} h"
    return f"{minutes:g} min" if minutes >= 1 else f"{minutes * 60:g} s"


def _cannot_tell(ts: Moments, why: str) -> ConfigurationError:
    span = int(ts[-1] - ts[0]) / DAY
    return ConfigurationError(
        f"How many bars a year has cannot be told from {len(ts):,} bars within {span:.3g} days: "
        f"{why}. Give BacktestSettings(periods_per_year=...): for hourly bars round the clock "
        "8760, for those of a New York share 1764 (market_data.periods_per_year counts them for "
        "a timeframe and a calendar); or give at least a week of bars.",
        bars=len(ts),
        days=span,
    )
