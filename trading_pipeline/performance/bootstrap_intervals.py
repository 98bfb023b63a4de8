"""Confidence intervals of headline metrics by the stationary bootstrap. Returns per bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import ConfigurationError, UnknownNameError, did_you_mean
from trading_pipeline.performance.bar_returns import FloatArray, deepest_drawdowns
from trading_pipeline.performance.dependence import check_confidence
from trading_pipeline.performance.headline_intervals import HEADLINE_METRICS, headline_intervals
from trading_pipeline.performance.return_metrics import ROUNDING_DEVIATION, ensure_periods_per_year
from trading_pipeline.performance.stationary_bootstrap import (
    bootstrap_returns,
    optimal_block_bars,
    stationary_bootstrap_rows,
)

__all__ = [
    "HEADLINE_METRICS",
    "bootstrap_intervals",
    "optimal_block_bars",
    "resampled_metrics",
    "stationary_bootstrap_rows",
]

_CHUNK_VALUES = 1_000_000  # resampled returns held at once, 8 MB an array


def bootstrap_intervals(
    returns: npt.ArrayLike,
    *,
    periods_per_year: float,
    years: float | None = None,
    confidence: float = 0.95,
    samples: int = 1_000,
    average_block_bars: float | None = None,
    seed: int = 7,
    metrics: Sequence[str] = HEADLINE_METRICS,
) -> pd.DataFrame:
    """Interval of each metric over resampled histories; index `metric`.

    Columns: `value` on the returns themselves, `low` and `high` (percentiles of the resampled
    values at `confidence`), `standard_error` (their deviation), `defined_share` (share of samples
    in which the metric is defined; only these count). Equal seeds give equal numbers.

    The blocks are as long as what is estimated needs: for volatility by the squares of the returns,
    for ratios by each bar's influence on the Sharpe ratio, else by the returns. No block holds
    clusters of volatility that last for months, and percentiles ignore that mean and variance are
    not known; so each interval is widened to that of `headline_intervals`. With
    `average_block_bars`, all metrics have these blocks and nothing is widened.

    An interval says how much of a value can be chance under the observed returns. It does not
    correct for the choice among many trials or for a changing market.

    Parameters
    ----------
    returns
        Simple returns per bar, at least 20, all finite.
    periods_per_year
        Bars in a year.
    years
        Elapsed time of the bars in years, for CAGR and Calmar ratio; None counts bars.
    confidence
        Share of the resampled values inside the interval.
    samples
        Number of resampled histories, at least 100.
    average_block_bars
        Mean length of the blocks that preserve dependence; None chooses one for each metric.
    seed
        Seed of the random numbers.
    metrics
        Names from `HEADLINE_METRICS`.

    Raises
    ------
    InsufficientDataError
        Below 20 returns, or if one is not finite.
    UnknownNameError
        For an unknown metric.
    ConfigurationError
        For a confidence outside (0, 1), fewer than 100 samples, or a mean block below 1 bar.
    """
    values = bootstrap_returns(returns)
    check_confidence(confidence)
    if samples < 100:
        raise ConfigurationError(
            f"{samples} samples cannot show an interval; take 100 or more, 1000 as a rule.",
            samples=samples,
        )
    own = resampled_metrics(
        values[np.newaxis, :], metrics, periods_per_year=periods_per_year, years=years
    )
    drawn = np.empty((samples, len(metrics)))
    for block, places in _by_block(values, metrics, average_block_bars).items():
        names = [metrics[place] for place in places]
        generator = np.random.default_rng(seed)
        step = max(1, _CHUNK_VALUES // values.size)
        for begin in range(0, samples, step):
            count = min(step, samples - begin)
            rows = stationary_bootstrap_rows(values.size, count, block, generator)
            drawn[begin : begin + count, places] = resampled_metrics(
                values[rows], names, periods_per_year=periods_per_year, years=years
            )
    tail = 0.5 * (1.0 - confidence)
    table = np.full((len(metrics), 5), np.nan)
    table[:, 0] = own[0]
    for place in range(len(metrics)):
        defined = drawn[~np.isnan(drawn[:, place]), place]
        table[place, 4] = defined.size / samples
        if defined.size > 1 and not math.isnan(own[0, place]):
            table[place, 1:3] = np.quantile(defined, (tail, 1.0 - tail))
            table[place, 3] = defined.std(ddof=1)
    if average_block_bars is None:
        wide = headline_intervals(
            values,
            periods_per_year=periods_per_year,
            years=years,
            confidence=confidence,
            seed=seed,
        )
        table[:, 1] = np.fmin(table[:, 1], [wide[f"{name}_low"] for name in metrics])
        table[:, 2] = np.fmax(table[:, 2], [wide[f"{name}_high"] for name in metrics])
    return pd.DataFrame(
        table,
        index=pd.Index(list(metrics), name="metric"),
        columns=["value", "low", "high", "standard_error", "defined_share"],
    )


def _by_block(
    values: FloatArray, metrics: Sequence[str], given: float | None
) -> dict[float, list[int]]:
    """Places of the metrics by the mean block length that they are resampled with."""
    found: dict[float, list[int]] = {}
    deviation = float(values.std(ddof=1))
    scaled = (values - values.mean()) / deviation if deviation > ROUNDING_DEVIATION else None
    for place, name in enumerate(metrics):
        if given is not None:
            block = given
        elif scaled is None:
            block = 1.0
        elif name == "annual_volatility":
            block = optimal_block_bars(scaled * scaled)
        elif name in ("sharpe", "sortino"):
            ratio = float(values.mean()) / deviation
            block = optimal_block_bars(scaled - 0.5 * ratio * (scaled * scaled - 1.0))
        else:
            block = optimal_block_bars(values)
        found.setdefault(block, []).append(place)
    return found


def resampled_metrics(
    returns: FloatArray,
    metrics: Sequence[str],
    *,
    periods_per_year: float,
    years: float | None = None,
) -> FloatArray:
    """Metrics of each row of `returns` (histories, bars), as `return_metrics` defines them.

    Shape (histories, metrics); NaN where one is not defined. Raises `UnknownNameError`.
    `years`: elapsed time of a history, for CAGR and Calmar ratio; None counts bars.
    """
    year = ensure_periods_per_year(periods_per_year)
    for name in metrics:
        if name not in _MEASURES:
            raise UnknownNameError(
                f"There is no bootstrap interval for '{name}'. {did_you_mean(name, _MEASURES)}",
                name=name,
                kind="metric",
            )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        grown = returns.shape[1] / years if years else year
        columns = [
            _MEASURES[name](returns, grown if name in _OF_GROWTH else year) for name in metrics
        ]
    table = np.stack(columns, axis=1)
    table[~np.isfinite(table)] = np.nan
    return table


def _growth(returns: FloatArray, year: float) -> FloatArray:  # noqa: ARG001 - one signature for all
    grown: FloatArray = np.prod(1.0 + returns, axis=1) - 1.0
    return grown


def _cagr(returns: FloatArray, year: float) -> FloatArray:
    growth = np.prod(1.0 + returns, axis=1)
    yearly: FloatArray = np.where(growth >= 0.0, growth, np.nan) ** (year / returns.shape[1]) - 1.0
    return yearly


def _deviation(returns: FloatArray) -> FloatArray:
    deviation = returns.std(axis=1, ddof=1)
    return np.where(deviation <= ROUNDING_DEVIATION, 0.0, deviation)


def _volatility(returns: FloatArray, year: float) -> FloatArray:
    return _deviation(returns) * math.sqrt(year)


def _sharpe(returns: FloatArray, year: float) -> FloatArray:
    ratio: FloatArray = returns.mean(axis=1) / _deviation(returns) * math.sqrt(year)
    return ratio


def _sortino(returns: FloatArray, year: float) -> FloatArray:
    losses = np.minimum(returns, 0.0)
    downside = np.sqrt((losses * losses).mean(axis=1))
    ratio: FloatArray = returns.mean(axis=1) / downside * math.sqrt(year)
    return ratio


def _max_drawdown(returns: FloatArray, year: float) -> FloatArray:  # noqa: ARG001
    return deepest_drawdowns(returns)


def _calmar(returns: FloatArray, year: float) -> FloatArray:
    return _cagr(returns, year) / -_max_drawdown(returns, year)


_OF_GROWTH = ("cagr", "calmar")
_MEASURES: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "total_return": _growth,
    "cagr": _cagr,
    "annual_volatility": _volatility,
    "sharpe": _sharpe,
    "sortino": _sortino,
    "max_drawdown": _max_drawdown,
    "calmar": _calmar,
}
