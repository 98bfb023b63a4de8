"""Intervals of the headline metrics of one result, quick enough to be stored with it.

`total_return`, `cagr`, `sharpe` and `sortino` have intervals by long-run variance (`dependence`),
`annual_volatility` by the clusters of its squares (`clustered_volatility`): they hold the true
value of the rule as often as their confidence says. `max_drawdown` and `calmar` depend on the path
and the length of a history; their intervals hold what another history of the same length would
show, by resampled histories whose mean and volatility vary as far as they are not known.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.clustered_volatility import (
    VarianceError,
    variance_error,
    volatility_interval,
)
from trading_pipeline.performance.dependence import (
    LOWEST_SHARE,
    check_confidence,
    cosine_terms,
    estimate_sharpe,
    long_run_variance,
)
from trading_pipeline.performance.return_metrics import ensure_periods_per_year, sample_deviation
from trading_pipeline.performance.stationary_bootstrap import (
    optimal_block_bars,
    stationary_bootstrap_rows,
)
from trading_pipeline.performance.student_t import student_quantile

__all__ = ["HEADLINE_METRICS", "INTERVAL_CONFIDENCE", "INTERVAL_NAMES", "headline_intervals"]

HEADLINE_METRICS = (
    "total_return",
    "cagr",
    "annual_volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
)
INTERVAL_CONFIDENCE = 0.9
INTERVAL_NAMES: tuple[str, ...] = tuple(
    f"{name}_{bound}" for name in HEADLINE_METRICS for bound in ("low", "high")
)
_FEWEST_BARS = 20
_MOST_RESAMPLED_VALUES = 1_000_000
_MOST_JOINED_BARS = 5_000


def headline_intervals(
    returns: npt.ArrayLike,
    *,
    periods_per_year: float,
    years: float | None = None,
    confidence: float = INTERVAL_CONFIDENCE,
    samples: int = 300,
    seed: int = 7,
) -> dict[str, float]:
    """Lower and upper bound of each headline metric: the names of `INTERVAL_NAMES`, in order.

    NaN where a bound is not defined, and all of them below 20 returns, with one that is not finite
    (a ruined account), and where they do not vary. Equal input gives equal numbers.

    Parameters
    ----------
    returns
        One simple return a bar, in order of time.
    periods_per_year
        Bars in a year.
    years
        Elapsed time of the bars in years, for CAGR and Calmar ratio; None counts bars.
    confidence
        Share of cases in which the bounds hold.
    samples
        Resampled histories for drawdown and Calmar ratio; 200 of 5,000 bars. Longer ones are
        resampled by returns of several bars, and falls within these are not seen.
    seed
        Of the random numbers.

    Raises
    ------
    ConfigurationError
        For a confidence outside (0, 1) or a `periods_per_year` that is not above 0.

    >>> import numpy as np
    >>> found = headline_intervals(
    ...     np.random.default_rng(1).normal(0.0005, 0.01, 1_000), periods_per_year=252
    ... )
    >>> found["sharpe_low"] < 0.5 < found["sharpe_high"]
    True
    """
    check_confidence(confidence)
    year = ensure_periods_per_year(periods_per_year)
    values = np.asarray(returns, dtype=np.float64)
    found = dict.fromkeys(INTERVAL_NAMES, math.nan)
    usable = values.ndim == 1 and values.size >= _FEWEST_BARS and bool(np.isfinite(values).all())
    if not (usable and sample_deviation(values) > 0.0):
        return found
    bars, error = values.size, variance_error(values)
    bars_a_year = bars / years if years else year
    quantile = student_quantile(0.5 + 0.5 * confidence, degrees=cosine_terms(bars))
    if values.min() > -1.0:
        growth = np.log1p(values)
        middle, half = float(growth.mean()), quantile * _mean_error(growth)
        _put(found, "total_return", *(_grown((middle + side) * bars) for side in (-half, half)))
        _put(found, "cagr", *(_grown((middle + side) * bars_a_year) for side in (-half, half)))
    sharpe = estimate_sharpe(values, periods_per_year=year, variance_error=error.relative)
    _put(found, "sharpe", *sharpe.interval(confidence))
    _put(found, "sortino", *_sortino_bounds(values, year, quantile))
    _put(
        found,
        "annual_volatility",
        *volatility_interval(values, periods_per_year=year, confidence=confidence, error=error),
    )
    paths = _histories(values, error, samples, np.random.default_rng(seed))
    tails = (0.5 - 0.5 * confidence, 0.5 + 0.5 * confidence)
    for name, measured in zip(
        ("max_drawdown", "calmar"), _measured(paths, bars / bars_a_year), strict=True
    ):
        known = measured[np.isfinite(measured)]
        if known.size >= samples // 2:
            _put(found, name, *np.quantile(known, tails).tolist())
    return found


def _put(found: dict[str, float], name: str, low: float, high: float) -> None:
    found[f"{name}_low"], found[f"{name}_high"] = low, high


def _grown(logarithm: float) -> float:
    return math.expm1(logarithm) if logarithm < 700.0 else math.nan


def _mean_error(values: FloatArray) -> float:
    """Standard error of the mean of dependent values."""
    variance = max(long_run_variance(values), LOWEST_SHARE * float(values.var()))
    return math.sqrt(variance / values.size)


def _sortino_bounds(values: FloatArray, year: float, quantile: float) -> tuple[float, float]:
    """By the influence of each bar on mean over downside deviation."""
    losses = np.minimum(values, 0.0)
    downside = math.sqrt(float(losses @ losses) / values.size)
    if downside == 0.0:
        return math.nan, math.nan
    mean = float(values.mean())
    ratio = mean / downside
    influence = (values - mean) / downside
    influence -= 0.5 * ratio * ((losses / downside) ** 2 - 1.0)
    half = quantile * _mean_error(influence)
    return (ratio - half) * math.sqrt(year), (ratio + half) * math.sqrt(year)


def _histories(
    values: FloatArray, error: VarianceError, samples: int, generator: np.random.Generator
) -> FloatArray:
    """Resampled histories, (samples, bars), of returns that may have another mean and volatility.

    Blocks keep the dependence of the returns. The mean is drawn around the measured one and the
    variance around the measured one, each as far off as its error says.
    """
    joined = -(-values.size // _MOST_JOINED_BARS)
    if joined > 1:
        kept = values[values.size % joined :].reshape(-1, joined)
        values = np.prod(1.0 + kept, axis=1) - 1.0
    bars = values.size
    drawn = max(100, min(samples, _MOST_RESAMPLED_VALUES // bars))
    rows = stationary_bootstrap_rows(bars, drawn, optimal_block_bars(values), generator)
    mean = float(values.mean())
    shift = _mean_error(values) * generator.standard_t(cosine_terms(bars), (drawn, 1))
    score = error.relative * generator.standard_t(error.degrees, (drawn, 1))
    scale = 1.0 / np.sqrt(np.maximum(1.0 + score, 0.04))
    paths: FloatArray = values[rows]
    paths -= mean - shift
    paths *= scale
    paths += mean
    return paths


def _measured(paths: FloatArray, years: float) -> tuple[FloatArray, FloatArray]:
    """Deepest drawdown and Calmar ratio of each history; NaN where it lost everything."""
    from trading_pipeline.performance.resampling_kernel import falls_and_growth  # late: loads numba

    falls, growth = falls_and_growth(paths)
    with np.errstate(all="ignore"):
        whole = paths.min(axis=1) > -1.0
        falls = np.where(whole, falls, -1.0)
        yearly = np.where(whole, growth, np.nan) ** (1.0 / years) - 1.0
        ratios = np.where(falls < 0.0, yearly / -falls, np.nan)
    return falls, ratios
