"""Metrics of a strategy against a benchmark. Fractions, one return per bar of both.

Bars on which either has no return (NaN) are left out of both. Undefined metrics are NaN: fewer than
two common bars, a benchmark that does not move, or a strategy equal to the benchmark.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance.bar_returns import FloatArray
from trading_pipeline.performance.return_metrics import (
    annualized_growth,
    cagr,
    ensure_periods_per_year,
    growth_a_year,
    max_drawdown,
    sample_deviation,
    sharpe,
    total_return,
)

__all__ = ["BENCHMARK_METRIC_NAMES", "benchmark_metrics", "common_bars"]

BENCHMARK_METRIC_NAMES: tuple[str, ...] = (
    "benchmark_total_return",
    "benchmark_cagr",
    "benchmark_sharpe",
    "benchmark_max_drawdown",
    "excess_return",
    "alpha",
    "beta",
    "correlation",
    "tracking_error",
    "information_ratio",
    "up_capture",
    "down_capture",
)


def benchmark_metrics(
    returns: npt.ArrayLike,
    benchmark_returns: npt.ArrayLike,
    *,
    periods_per_year: float,
    years: float | None = None,
) -> dict[str, float]:
    """Every metric of `BENCHMARK_METRIC_NAMES`, over the bars that both have.

    `years`: elapsed time of the bars, for benchmark_cagr; None counts bars.

    - excess_return: total return minus the benchmark's, both over the common bars.
    - beta: covariance over the benchmark's variance; alpha: mean of `return - beta * benchmark` a
      bar, compounded over a year (Jensen 1968, no cash rate).
    - tracking_error: sample deviation of the difference, a year; information_ratio: its mean over
      its deviation, a year.
    - up_capture, down_capture: yearly growth over the bars on which the benchmark rose (fell), over
      the benchmark's own on these bars. NaN where there is no such bar.

    Raises `DataQualityError` for unequal lengths.
    """
    year = ensure_periods_per_year(periods_per_year)
    own, other = common_bars(returns, benchmark_returns)
    if own.size < 2:
        return dict.fromkeys(BENCHMARK_METRIC_NAMES, math.nan)
    difference = own - other
    tracking = sample_deviation(difference)
    spread_own, spread_other = sample_deviation(own), sample_deviation(other)
    beta = correlation = math.nan
    if spread_other > 0.0:
        covariance = float((own - own.mean()) @ (other - other.mean())) / (own.size - 1)
        beta = covariance / spread_other**2
        if spread_own > 0.0:
            correlation = min(1.0, max(-1.0, covariance / (spread_own * spread_other)))
    benchmark_total = total_return(other)
    alpha_growth = 1.0 + float(own.mean()) - beta * float(other.mean())
    return {
        "benchmark_total_return": benchmark_total,
        "benchmark_cagr": (
            cagr(other, periods_per_year=year)
            if years is None
            else growth_a_year(1.0 + benchmark_total, years)
        ),
        "benchmark_sharpe": sharpe(other, periods_per_year=year),
        "benchmark_max_drawdown": max_drawdown(other),
        "excess_return": total_return(own) - benchmark_total,
        "alpha": annualized_growth(alpha_growth, bars=1, periods_per_year=year),
        "beta": beta,
        "correlation": correlation,
        "tracking_error": tracking * math.sqrt(year),
        "information_ratio": (
            float(difference.mean()) / tracking * math.sqrt(year) if tracking > 0.0 else math.nan
        ),
        "up_capture": _capture(own, other, other > 0.0, year),
        "down_capture": _capture(own, other, other < 0.0, year),
    }


def common_bars(
    returns: npt.ArrayLike, benchmark_returns: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Both series on the bars where neither is NaN."""
    own = np.asarray(returns, dtype=np.float64)
    other = np.asarray(benchmark_returns, dtype=np.float64)
    if own.shape != other.shape:
        raise DataQualityError(
            f"The strategy has {own.size} returns and the benchmark {other.size}; give one for "
            "each bar, NaN where there is none.",
            returns=own.size,
            benchmark_returns=other.size,
        )
    both = ~(np.isnan(own) | np.isnan(other))
    return own[both], other[both]


def _capture(
    own: FloatArray, other: FloatArray, chosen: npt.NDArray[np.bool_], year: float
) -> float:
    if not chosen.any():
        return math.nan
    reference = cagr(other[chosen], periods_per_year=year)
    return cagr(own[chosen], periods_per_year=year) / reference if reference else math.nan
