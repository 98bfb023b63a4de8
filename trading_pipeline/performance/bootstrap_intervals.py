"""Confidence intervals of headline metrics by the stationary bootstrap. Returns per bar.

Sources: Politis and Romano (1994), "The stationary bootstrap"; block length by Politis and White
(2004) with the correction of Patton, Politis and White (2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import (
    ConfigurationError,
    InsufficientDataError,
    UnknownNameError,
    did_you_mean,
)
from trading_pipeline.performance.bar_returns import FloatArray, deepest_drawdowns
from trading_pipeline.performance.return_metrics import ROUNDING_DEVIATION, ensure_periods_per_year

__all__ = [
    "HEADLINE_METRICS",
    "bootstrap_intervals",
    "optimal_block_bars",
    "resampled_metrics",
    "stationary_bootstrap_rows",
]

IntArray = npt.NDArray[np.int64]
HEADLINE_METRICS = (
    "total_return",
    "cagr",
    "annual_volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
)
_CHUNK_VALUES = 1_000_000  # resampled returns held at once, 8 MB an array


def bootstrap_intervals(
    returns: npt.ArrayLike,
    *,
    periods_per_year: float,
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

    An interval says how much of a value can be chance under the observed returns. It does not
    correct for the choice among many trials or for a changing market.

    Parameters
    ----------
    returns
        Simple returns per bar, at least 20, all finite.
    periods_per_year
        Bars in a year.
    confidence
        Share of the resampled values inside the interval.
    samples
        Number of resampled histories, at least 100.
    average_block_bars
        Mean length of the blocks that preserve dependence; None uses `optimal_block_bars`.
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
    values = _checked_returns(returns)
    if not 0.0 < confidence < 1.0:
        raise ConfigurationError(
            f"The confidence is {confidence}; it must lie between 0 and 1, for example 0.95.",
            confidence=confidence,
        )
    if samples < 100:
        raise ConfigurationError(
            f"{samples} samples cannot show an interval; take 100 or more, 1000 as a rule.",
            samples=samples,
        )
    block = optimal_block_bars(values) if average_block_bars is None else average_block_bars
    own = resampled_metrics(values[np.newaxis, :], metrics, periods_per_year=periods_per_year)
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK_VALUES // values.size)
    drawn = np.empty((samples, len(metrics)))
    for begin in range(0, samples, step):
        count = min(step, samples - begin)
        rows = stationary_bootstrap_rows(values.size, count, block, generator)
        drawn[begin : begin + count] = resampled_metrics(
            values[rows], metrics, periods_per_year=periods_per_year
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
    return pd.DataFrame(
        table,
        index=pd.Index(list(metrics), name="metric"),
        columns=["value", "low", "high", "standard_error", "defined_share"],
    )


def stationary_bootstrap_rows(
    rows: int, samples: int, average_block_bars: float, generator: np.random.Generator
) -> IntArray:
    """Resampled row numbers, (samples, rows): blocks from random starts, joined end to start.

    Each row begins a new block with probability `1 / average_block_bars`, else it follows the one
    before. Raises `ConfigurationError` for a mean block below 1 bar.
    """
    if not (math.isfinite(average_block_bars) and average_block_bars >= 1.0):
        raise ConfigurationError(
            f"The mean block is {average_block_bars} bars; it must be 1 or more.",
            average_block_bars=average_block_bars,
        )
    begins = generator.random((samples, rows)) < 1.0 / average_block_bars
    begins[:, 0] = True
    place = np.arange(rows, dtype=np.int64)
    block_place = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    starts = generator.integers(0, rows, (samples, rows))
    found: IntArray = (np.take_along_axis(starts, block_place, axis=1) + place - block_place) % rows
    return found


def resampled_metrics(
    returns: FloatArray, metrics: Sequence[str], *, periods_per_year: float
) -> FloatArray:
    """Metrics of each row of `returns` (histories, bars), as `return_metrics` defines them.

    Shape (histories, metrics); NaN where one is not defined. Raises `UnknownNameError`.
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
        columns = [_MEASURES[name](returns, year) for name in metrics]
    table = np.stack(columns, axis=1)
    table[~np.isfinite(table)] = np.nan
    return table


def optimal_block_bars(returns: npt.ArrayLike) -> float:
    """Mean block length that makes the stationary bootstrap of the mean most exact, at least 1.0.

    Flat-top lag window over the autocovariances, twice as wide as the last lag before correlations
    stay within `2 sqrt(log10(n) / n)`. The result is at most `min(3 sqrt(n), n / 3)`, rounded up.
    Errors as in `bootstrap_intervals`.
    """
    values = _checked_returns(returns)
    count = values.size
    centred = values - values.mean()
    variance = float(centred @ centred) / count
    if variance <= ROUNDING_DEVIATION**2:
        return 1.0
    quiet = max(5, int(math.log10(count)))
    longest = math.ceil(math.sqrt(count)) + quiet
    covariances = np.array(
        [float(centred[lag:] @ centred[: count - lag]) / count for lag in range(longest + 1)]
    )
    # correlation of the two overlapping parts, each with its own scale
    correlations = np.array(
        [abs(_overlap_correlation(centred, lag)) for lag in range(1, longest + 1)]
    )
    threshold = 2.0 * math.sqrt(math.log10(count) / count)
    width = _lag_window(correlations, threshold, quiet, longest)
    lags = np.arange(1, width + 1)
    weights = np.minimum(1.0, 2.0 * (1.0 - lags / width)) if width else np.empty(0)
    kept = covariances[1 : width + 1]
    slope = float(2.0 * (weights * lags) @ kept)
    long_run = float(covariances[0] + 2.0 * weights @ kept)
    ceiling = math.ceil(min(3.0 * math.sqrt(count), count / 3.0))
    if long_run == 0.0:
        return float(ceiling)
    block = (slope**2 / long_run**2 * count) ** (1.0 / 3.0)
    return float(min(max(block, 1.0), ceiling))


def _lag_window(correlations: FloatArray, threshold: float, quiet: int, longest: int) -> int:
    """Twice the last lag before `quiet` small correlations in a row; bounded by `longest`."""
    small = correlations < threshold
    for first in range(small.size - quiet + 1):
        if small[first : first + quiet].all():
            return min(2 * max(first, 1), longest)
    loud = np.flatnonzero(~small)
    last = int(loud[-1]) + 1 if loud.size else 1
    return min(2 * last, longest)


def _overlap_correlation(centred: FloatArray, lag: int) -> float:
    late, early = centred[lag:], centred[: centred.size - lag]
    scale = math.sqrt(float(late @ late) * float(early @ early))
    return float(late @ early) / scale if scale > 0.0 else 0.0


def _checked_returns(returns: npt.ArrayLike) -> FloatArray:
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1 or values.size < 20 or not np.isfinite(values).all():
        raise InsufficientDataError(
            f"A bootstrap needs 20 or more finite returns in a row; there are "
            f"{int(np.isfinite(values).sum())} finite ones of {values.size}. Measure a "
            "longer span.",
            returns=values.size,
        )
    return values


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


_MEASURES: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "total_return": _growth,
    "cagr": _cagr,
    "annual_volatility": _volatility,
    "sharpe": _sharpe,
    "sortino": _sortino,
    "max_drawdown": _max_drawdown,
    "calmar": _calmar,
}
