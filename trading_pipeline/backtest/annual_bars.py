"""How many bars a year counts in a run: as given, or told from the stamps of its bars."""

from __future__ import annotations

from typing import Protocol

from trading_pipeline.backtest.arrays import IntArray
from trading_pipeline.domain.bar_year import BarYear, spans_a_quarter
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["CONTRADICTED", "Stamped", "given_year", "told_year", "with_bar_year"]

CONTRADICTED = "periods_per_year is"
"""Begin of the warning of a given number that the bars contradict."""
_FAR = 0.1
_MOST = 256


class Stamped(Protocol):
    """Bars or a clock: their stamps, and the bars of a year that these tell."""

    @property
    def ts(self) -> IntArray:
        """Microseconds UTC."""

    @property
    def bar_year(self) -> BarYear:
        """Told from the stamps; raises `ConfigurationError` where they do not tell."""


def with_bar_year(
    settings: BacktestSettings, bars: Stamped
) -> tuple[BacktestSettings, tuple[str, ...]]:
    """Settings that say how many bars a year has, and what must be said of that number.

    What is given stays, with a warning where the bars of a quarter or more contradict it by over a
    tenth. Where nothing is given the stamps tell. Raises `ConfigurationError` where they do not.
    """
    given = settings.periods_per_year
    if given is not None:
        return settings, given_year(given, bars)
    year = bars.bar_year
    return told_year(settings, year.bars), year.warnings


def told_year(settings: BacktestSettings, bars_a_year: float) -> BacktestSettings:
    """The settings with that number; the same object for the same settings, as rules are kept by
    the object.
    """
    known = _told.get((id(settings), bars_a_year))
    if known is not None and known[0] is settings:
        return known[1]
    found = settings.model_copy(update={"periods_per_year": bars_a_year})
    if len(_told) >= _MOST:
        _told.clear()
    _told[id(settings), bars_a_year] = settings, found
    return found


_told: dict[tuple[int, float], tuple[BacktestSettings, BacktestSettings]] = {}


def given_year(given: float, bars: Stamped) -> tuple[str, ...]:
    """One warning where a number of bars a year is not that of the bars; none where they do not
    tell, or span less than a quarter.
    """
    year = _known_year(bars)
    if year is None or abs(year.bars / given - 1.0) <= _FAR:
        return ()
    return (
        f"{CONTRADICTED} {given:,.6g}, and these bars have about {year.bars:,.0f} in a year of "
        f"elapsed time ({year.basis}). Sharpe ratio and volatility are annualized by the number "
        "given; growth a year and financing follow the elapsed time.",
    )


def _known_year(bars: Stamped) -> BarYear | None:
    try:
        return bars.bar_year if spans_a_quarter(bars.ts) else None
    except ConfigurationError:
        return None
