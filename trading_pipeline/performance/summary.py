"""One call that measures a backtest: every metric, by a stable name.

Fractions, money in account currency; drawdowns and losses are negative. A metric that is undefined,
or whose input was not given, is NaN. It is never infinite and never left out, because the names are
table columns.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance import return_metrics as measure
from trading_pipeline.performance.bar_returns import (
    FloatArray,
    bar_returns,
    drawdowns,
    equity_array,
)
from trading_pipeline.performance.benchmark_metrics import (
    BENCHMARK_METRIC_NAMES,
    benchmark_metrics,
)
from trading_pipeline.performance.dependence import SHARPE_TRUST_NAMES, sharpe_trust
from trading_pipeline.performance.sharpe_statistics import (
    lo_standard_error_annual,
    minimum_track_record_bars,
    probabilistic_sharpe_ratio,
)
from trading_pipeline.performance.trade_metrics import TRADE_METRIC_NAMES, trade_metrics, turnover

__all__ = [
    "EXPOSURE_METRIC_NAMES",
    "METRIC_NAMES",
    "RETURN_METRIC_NAMES",
    "summarize",
    "years_between",
]

RETURN_METRIC_NAMES: tuple[str, ...] = (
    "bars",
    "years",
    "periods_per_year",
    "initial_equity",
    "final_equity",
    "total_return",
    "cagr",
    "annual_volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "longest_drawdown_bars",
    "calmar",
    "recovery_factor",
    "ulcer_index",
    "martin_ratio",
    "omega",
    "tail_ratio",
    "value_at_risk_95",
    "conditional_value_at_risk_95",
    "share_of_up_bars",
    "best_bar",
    "worst_bar",
    "mean_bar_return",
    "bar_return_deviation",
    "skewness",
    "kurtosis",
    "stability_r2",
    *SHARPE_TRUST_NAMES,
    "plain_probabilistic_sharpe_ratio",
    "plain_minimum_track_record_bars",
    "lo_standard_error_annual",
)
EXPOSURE_METRIC_NAMES: tuple[str, ...] = (
    "time_in_market",
    "average_exposure",
    "largest_exposure",
    "turnover_annual",
)
METRIC_NAMES: tuple[str, ...] = (
    *RETURN_METRIC_NAMES,
    *TRADE_METRIC_NAMES,
    *EXPOSURE_METRIC_NAMES,
    *BENCHMARK_METRIC_NAMES,
)


def summarize(
    equity: npt.ArrayLike,
    *,
    periods_per_year: float,
    stamps: pd.DatetimeIndex | None = None,
    trades: pd.DataFrame | None = None,
    exposure: npt.ArrayLike | None = None,
    benchmark_returns: npt.ArrayLike | None = None,
    initial_equity: float | None = None,
    multiplier: float = 1.0,
) -> dict[str, float]:
    """Every metric of `METRIC_NAMES`, in that order, as plain floats.

    In addition to the metrics of `return_metrics`, `trade_metrics`, `benchmark_metrics`,
    `dependence`, and `sharpe_statistics` (names with `plain_`, and Lo's error: for independent
    bars): recovery_factor is total return over the deepest drawdown, martin_ratio CAGR over ulcer
    index, time_in_market the share of closes with a position, average_exposure and largest_exposure
    the mean and maximum of its size, `turnover_annual` the value of entries over mean equity, a
    year. After a ruin (equity at or below 0 before the last bar) returns cannot be measured: total
    return, drawdowns and trade metrics are still given, while all other return metrics and the
    comparison with the benchmark are NaN.

    Parameters
    ----------
    equity
        Account value at each bar's close.
    periods_per_year
        Bars in a year; volatility and ratios of return to risk are annualized by it.
    stamps
        Stamps of the bars. With them the years are the time between the first and the last, in
        years of 365.25 days, and so CAGR, Calmar and Martin ratio, turnover and the benchmark's
        CAGR follow the time that has passed, however many bars are there. None takes the index of
        a Series of stamps; without any, years are bars over `periods_per_year`.
    trades
        A result's trades frame. A frame without rows gives counts of 0, None gives NaN.
    exposure
        Position value over equity at each close, NaN where there is no equity.
    benchmark_returns
        One return for each bar of `equity`; the first is not used without `initial_equity`.
    initial_equity
        Cash before the first bar, so that the first bar has a return; None starts from the first
        close.
    multiplier
        Account currency per point and contract, for the turnover.

    Raises
    ------
    InsufficientDataError, DataQualityError
        For an equity curve that `bar_returns` rejects, another length of an input, or stamps that
        do not rise.
    ConfigurationError
        For a `periods_per_year` that is not above 0.

    >>> found = summarize([102.0, 99.0, 108.9], periods_per_year=252, initial_equity=100.0)
    >>> round(found["total_return"], 12), round(found["max_drawdown"], 12)
    (0.089, -0.029411764706)
    """
    measure.ensure_periods_per_year(periods_per_year)
    values = equity_array(equity, initial_equity=initial_equity)
    returns = bar_returns(values)
    closes = values if initial_equity is None else values[1:]
    if stamps is None and isinstance(equity, pd.Series):
        stamps = equity.index if isinstance(equity.index, pd.DatetimeIndex) else None
    years = None if stamps is None else years_between(stamps, closes.size)
    found = _return_part(values, returns, periods_per_year, years)
    if trades is None:
        found |= dict.fromkeys(TRADE_METRIC_NAMES, math.nan)
        turned = math.nan
    else:
        found |= trade_metrics(trades)
        turned = turnover(
            trades,
            average_equity=float(closes.mean()),
            bars=closes.size if years != 0.0 else 0,
            periods_per_year=closes.size / years if years else periods_per_year,
            multiplier=multiplier,
        )
    found |= _exposure_part(exposure, closes.size) | {"turnover_annual": turned}
    if benchmark_returns is None or math.isnan(found["mean_bar_return"]):
        return found | dict.fromkeys(BENCHMARK_METRIC_NAMES, math.nan)
    other = np.asarray(benchmark_returns, dtype=np.float64)
    if initial_equity is None and other.size == values.size:
        other = other[1:]
    return found | benchmark_metrics(returns, other, periods_per_year=periods_per_year, years=years)


def years_between(stamps: pd.DatetimeIndex, bars: int) -> float:
    """Years of 365.25 days from the first of so many stamps to the last; 0.0 for one bar.

    Raises `DataQualityError` for another number of stamps, and for stamps that do not rise.
    """
    if len(stamps) != bars or not stamps.is_monotonic_increasing or stamps.hasnans:
        raise DataQualityError(
            f"There are {len(stamps)} stamps for an equity curve of {bars} bars; give one stamp a "
            "bar, in order of time.",
            stamps=len(stamps),
            bars=bars,
        )
    return (stamps[-1] - stamps[0]) / pd.Timedelta(days=365.25)


def _return_part(
    values: FloatArray, returns: FloatArray, year: float, years: float | None
) -> dict[str, float]:
    bars = returns.size
    growth = float(values[-1] / values[0])
    falls = drawdowns(values)
    deepest = float(falls.min())
    # A ruined account has no returns, and its drawdowns say nothing about later bars.
    whole = bars > 0 and not bool(np.isnan(returns).any())
    size = max(-deepest, 0.0)
    ulcer = math.sqrt(float(falls @ falls) / bars) if whole else math.nan
    if years is None:
        yearly = measure.annualized_growth(growth, bars=bars if whole else 0, periods_per_year=year)
    else:
        yearly = measure.growth_a_year(growth, years) if whole else math.nan
    mean = float(returns.mean()) if bars else math.nan
    deviation = measure.sample_deviation(returns)
    ratio = mean / deviation if deviation > 0.0 else math.nan
    skew, kurt = measure.skewness(returns), measure.kurtosis(returns)
    ascending = np.sort(returns) if whole else returns[:0]
    return {
        "bars": float(bars),
        "years": bars / year if years is None else years,
        "periods_per_year": float(year),
        "initial_equity": float(values[0]),
        "final_equity": float(values[-1]),
        "total_return": growth - 1.0,
        "cagr": yearly,
        "annual_volatility": deviation * math.sqrt(year),
        "sharpe": ratio * math.sqrt(year),
        "sortino": measure.sortino(returns, periods_per_year=year),
        "max_drawdown": deepest if bars else math.nan,
        "longest_drawdown_bars": measure.longest_drawdown_bars(falls) if bars else math.nan,
        "calmar": yearly / size if size else math.nan,
        "recovery_factor": (growth - 1.0) / size if size else math.nan,
        "ulcer_index": ulcer,
        "martin_ratio": yearly / ulcer if ulcer > 0.0 else math.nan,
        "omega": measure.omega(returns),
        "tail_ratio": measure.tail_ratio(ascending),
        "value_at_risk_95": measure.value_at_risk(ascending),
        "conditional_value_at_risk_95": measure.conditional_value_at_risk(ascending),
        "share_of_up_bars": measure.share_of_up_bars(returns),
        "best_bar": float(ascending[-1]) if whole else math.nan,
        "worst_bar": float(ascending[0]) if whole else math.nan,
        "mean_bar_return": mean,
        "bar_return_deviation": deviation,
        "skewness": skew,
        "kurtosis": kurt,
        "stability_r2": measure.stability_r2(returns),
        **sharpe_trust(returns, periods_per_year=year),
        "plain_probabilistic_sharpe_ratio": probabilistic_sharpe_ratio(
            sharpe=ratio, bars=bars, skew=skew, kurtosis=kurt
        ),
        "plain_minimum_track_record_bars": minimum_track_record_bars(
            sharpe=ratio, skew=skew, kurtosis=kurt
        ),
        "lo_standard_error_annual": lo_standard_error_annual(
            sharpe=ratio, bars=bars, periods_per_year=year
        ),
    }


def _exposure_part(exposure: npt.ArrayLike | None, bars: int) -> dict[str, float]:
    names = EXPOSURE_METRIC_NAMES[:3]
    if exposure is None:
        return dict.fromkeys(names, math.nan)
    size = np.abs(np.asarray(exposure, dtype=np.float64))
    if size.shape != (bars,):
        raise DataQualityError(
            f"The exposure has the shape {size.shape}, the equity curve {bars} bars; give one "
            "value a bar.",
            rows=size.size,
            bars=bars,
        )
    size = size[~np.isnan(size)]
    if size.size == 0:
        return dict.fromkeys(names, math.nan)
    found = (float(np.count_nonzero(size)) / size.size, float(size.mean()), float(size.max()))
    return dict(zip(names, found, strict=True))
