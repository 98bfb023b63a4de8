"""Metrics of a series of bar returns. Fractions; losses and drawdowns are negative.

Every function takes one simple return a bar. A metric that is not defined is NaN, never infinite:
too few returns, a NaN among them, or a ratio whose denominator is 0. Definitions are those of the
library empyrical-reloaded unless a function says otherwise. Give returns in excess of cash to have
Sharpe and Sortino ratios over a rate that is not 0.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.performance.bar_returns import FloatArray, drawdowns, wealth_index

__all__ = [
    "ROUNDING_DEVIATION",
    "annual_volatility",
    "annualized_growth",
    "cagr",
    "calmar",
    "conditional_value_at_risk",
    "ensure_periods_per_year",
    "growth_a_year",
    "kurtosis",
    "longest_drawdown_bars",
    "max_drawdown",
    "mean_or_nan",
    "omega",
    "sample_deviation",
    "share_of_up_bars",
    "sharpe",
    "skewness",
    "sortino",
    "stability_r2",
    "tail_ratio",
    "total_return",
    "ulcer_index",
    "value_at_risk",
]

# A return is a ratio near 1 minus 1, so a constant series still scatters by a few units in the last
# place of 1.0. A deviation below this is rounding, not risk.
ROUNDING_DEVIATION = 1e-15


def ensure_periods_per_year(periods_per_year: float) -> float:
    """The value itself, or `ConfigurationError` where it is not finite and above 0."""
    if not (math.isfinite(periods_per_year) and periods_per_year > 0.0):
        raise ConfigurationError(
            f"periods_per_year is {periods_per_year}; it must be the number of bars in a year, "
            "above 0. The instrument's calendar and timeframe give it.",
            periods_per_year=periods_per_year,
        )
    return float(periods_per_year)


def total_return(returns: npt.ArrayLike) -> float:
    """Compounded return over all bars; 0.0 for no return at all.

    >>> round(total_return([0.1, -0.5]), 12)
    -0.45
    """
    return float(np.prod(1.0 + np.asarray(returns, dtype=np.float64)) - 1.0)


def annualized_growth(growth: float, *, bars: int, periods_per_year: float) -> float:
    """Yearly rate of an account that grew to `growth` times its start in `bars` bars.

    The year is a number of bars; `growth_a_year` takes elapsed time. NaN without bars, for a
    negative growth, and where extrapolation leaves the range of floats; -1.0 for a growth of 0.

    >>> round(annualized_growth(1.21, bars=504, periods_per_year=252), 12)
    0.1
    """
    ensure_periods_per_year(periods_per_year)
    return math.nan if bars < 1 else _compounded(growth, periods_per_year / bars)


def growth_a_year(growth: float, years: float) -> float:
    """Yearly rate of an account that grew to `growth` times its start in years of elapsed time.

    NaN without time, for a negative growth, and where extrapolation leaves the range of floats.

    >>> round(growth_a_year(1.21, 2.0), 12)
    0.1
    """
    return _compounded(growth, 1.0 / years) if years > 0.0 else math.nan


def _compounded(growth: float, times: float) -> float:
    if not growth >= 0.0:
        return math.nan
    try:
        return float(growth**times - 1.0)
    except OverflowError:
        return math.nan


def cagr(returns: npt.ArrayLike, *, periods_per_year: float) -> float:
    """Compound annual growth rate, see `annualized_growth`."""
    values = np.asarray(returns, dtype=np.float64)
    growth = float(np.prod(1.0 + values))
    return annualized_growth(growth, bars=values.size, periods_per_year=periods_per_year)


def sample_deviation(returns: npt.ArrayLike) -> float:
    """Sample standard deviation (n - 1) of a bar's return.

    NaN below two returns; exactly 0.0 where all that varies is rounding.
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.size < 2:
        return math.nan
    deviation = float(values.std(ddof=1))
    scale = max(1.0, float(np.abs(values).max()))
    return 0.0 if deviation <= ROUNDING_DEVIATION * scale else deviation


def annual_volatility(returns: npt.ArrayLike, *, periods_per_year: float) -> float:
    """Sample deviation times the root of the bars in a year."""
    return sample_deviation(returns) * math.sqrt(ensure_periods_per_year(periods_per_year))


def sharpe(returns: npt.ArrayLike, *, periods_per_year: float) -> float:
    """Annualized Sharpe ratio (Sharpe 1994): mean over sample deviation, times root of the year.

    NaN where the returns do not vary.
    """
    values = np.asarray(returns, dtype=np.float64)
    root = math.sqrt(ensure_periods_per_year(periods_per_year))
    return _ratio(mean_or_nan(values), sample_deviation(values)) * root


def sortino(returns: npt.ArrayLike, *, periods_per_year: float) -> float:
    """Annualized Sortino ratio: mean over downside deviation, target 0.

    The downside deviation is the root of the mean squared loss over ALL bars, gains as 0 (Rollinger
    and Hoffman 2013). NaN below two returns and where no bar lost.
    """
    values = np.asarray(returns, dtype=np.float64)
    root = math.sqrt(ensure_periods_per_year(periods_per_year))
    if values.size < 2:
        return math.nan
    losses = np.minimum(values, 0.0)
    return _ratio(mean_or_nan(values), math.sqrt(float(losses @ losses) / values.size)) * root


def max_drawdown(returns: npt.ArrayLike) -> float:
    """Deepest fall below the highest wealth so far, counted from 1.0; 0.0 if it never falls."""
    values = np.asarray(returns, dtype=np.float64)
    return float(drawdowns(wealth_index(values)).min()) if values.size else math.nan


def calmar(returns: npt.ArrayLike, *, periods_per_year: float) -> float:
    """CAGR over the size of the deepest drawdown; NaN where there was none."""
    growth = cagr(returns, periods_per_year=periods_per_year)
    return _ratio(growth, -max_drawdown(returns))


def ulcer_index(returns: npt.ArrayLike) -> float:
    """Root of the mean squared drawdown over all bars, as a fraction (Martin and McCann 1989)."""
    values = np.asarray(returns, dtype=np.float64)
    if values.size == 0:
        return math.nan
    falls = drawdowns(wealth_index(values))[1:]
    return math.sqrt(float(falls @ falls) / falls.size)


def longest_drawdown_bars(drawdown: npt.ArrayLike) -> float:
    """Most bars in a row that closed below an earlier peak, from a series of drawdowns.

    >>> longest_drawdown_bars([0.0, -0.1, -0.2, 0.0, -0.1])
    2.0
    """
    values = np.asarray(drawdown, dtype=np.float64)
    if values.size == 0 or np.isnan(values).any():
        return math.nan
    at_peak = np.flatnonzero(values >= 0.0)
    edges = np.concatenate(([-1], at_peak, [values.size]))
    return float(np.diff(edges).max() - 1)


def omega(returns: npt.ArrayLike) -> float:
    """Sum of gains over sum of losses, threshold 0 (Keating, Shadwick 2002); NaN without a loss."""
    values = np.asarray(returns, dtype=np.float64)
    if _undefined(values, at_least=2):
        return math.nan
    losses = np.minimum(values, 0.0)
    return _ratio(float((values - losses).sum()), -float(losses.sum()))


def tail_ratio(returns: npt.ArrayLike) -> float:
    """Size of the 95 % quantile over size of the 5 % quantile; NaN where the latter is 0."""
    values = _sorted(returns)
    return _ratio(abs(_quantile(values, 0.95)), abs(_quantile(values, 0.05)))


def value_at_risk(returns: npt.ArrayLike, *, share: float = 0.05) -> float:
    """Historical quantile of a bar's return, linear between observations; a loss is negative."""
    return _quantile(_sorted(returns), share)


def conditional_value_at_risk(returns: npt.ArrayLike, *, share: float = 0.05) -> float:
    """Mean of the worst returns, the lowest `floor(share * (n - 1)) + 1` of them."""
    values = _sorted(returns)
    return float(values[: int(share * (values.size - 1)) + 1].mean()) if values.size else math.nan


def share_of_up_bars(returns: npt.ArrayLike) -> float:
    """Share of bars with a return above 0; a flat bar is not up."""
    values = np.asarray(returns, dtype=np.float64)
    if _undefined(values, at_least=1):
        return math.nan
    return float(np.count_nonzero(values > 0.0)) / values.size


def skewness(returns: npt.ArrayLike) -> float:
    """Third standardized moment, biased (divided by n); NaN where the returns do not vary."""
    values = np.asarray(returns, dtype=np.float64)
    if not sample_deviation(values) > 0.0:
        return math.nan
    centred = values - values.mean()
    squares = centred * centred
    spread = math.sqrt(float(squares.mean()))
    return float(squares @ centred) / values.size / spread**3


def kurtosis(returns: npt.ArrayLike) -> float:
    """Fourth standardized moment, biased, 3.0 for the normal law; NaN where nothing varies."""
    values = np.asarray(returns, dtype=np.float64)
    if not sample_deviation(values) > 0.0:
        return math.nan
    squares = (values - values.mean()) ** 2
    return float(squares @ squares) / values.size / float(squares.mean()) ** 2


def stability_r2(returns: npt.ArrayLike) -> float:
    """R squared of a straight line through the cumulated log returns: 1.0 is steady growth.

    NaN below two returns, where wealth reached 0, and where the line has nothing to explain.
    """
    values = np.asarray(returns, dtype=np.float64)
    if _undefined(values, at_least=2) or values.min() <= -1.0:
        return math.nan
    path = np.cumsum(np.log1p(values))
    path -= path.mean()
    place = np.arange(values.size, dtype=np.float64) - (values.size - 1) / 2.0
    explained = float(place @ path) ** 2
    return _ratio(explained, float(place @ place) * float(path @ path))


def _undefined(values: FloatArray, *, at_least: int) -> bool:
    return values.size < at_least or bool(np.isnan(values).any())


def mean_or_nan(values: FloatArray) -> float:
    """The mean; NaN of nothing."""
    return float(values.mean()) if values.size else math.nan


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0.0 else math.nan


def _sorted(returns: npt.ArrayLike) -> FloatArray:
    """Ascending copy; NaN are sorted last, so a series that holds one is emptied instead."""
    values = np.sort(np.asarray(returns, dtype=np.float64))
    return values[:0] if values.size and math.isnan(values[-1]) else values


def _quantile(ascending: FloatArray, share: float) -> float:
    if ascending.size == 0:
        return math.nan
    place = share * (ascending.size - 1)
    low = math.floor(place)
    high = min(low + 1, ascending.size - 1)
    return float(ascending[low] + (ascending[high] - ascending[low]) * (place - low))
