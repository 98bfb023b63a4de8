"""Metrics over a moving window of bars. Fractions; every window is measured on its own."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.performance.bar_returns import FloatArray, deepest_drawdowns
from trading_pipeline.performance.return_metrics import ROUNDING_DEVIATION, ensure_periods_per_year

__all__ = ["rolling_metrics"]

_CHUNK_VALUES = 2_000_000  # values of windows held at once, 16 MB


def rolling_metrics(
    returns: pd.Series,
    *,
    window_bars: int,
    periods_per_year: float,
    benchmark_returns: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Metrics of the last `window_bars` returns at each bar; index and length of `returns`.

    Columns total_return, annual_volatility, sharpe, max_drawdown (from the window's own start) and,
    with `benchmark_returns` (one a bar), beta and correlation. The first `window_bars - 1` rows,
    and every window with a NaN in it, are NaN; so are the ratios of a window that does not vary. No
    row depends on a bar outside its window.

    Raises `ConfigurationError` for a window below 2 bars, `DataQualityError` for unequal lengths.
    """
    year = ensure_periods_per_year(periods_per_year)
    if window_bars < 2:
        raise ConfigurationError(
            f"The rolling window is {window_bars} bars; it needs 2 or more to have a deviation.",
            window_bars=window_bars,
        )
    own = returns.to_numpy(dtype=np.float64)
    columns = ["total_return", "annual_volatility", "sharpe", "max_drawdown"]
    other: FloatArray | None = None
    if benchmark_returns is not None:
        other = np.asarray(benchmark_returns, dtype=np.float64)
        columns += ["beta", "correlation"]
        if other.shape != own.shape:
            raise DataQualityError(
                f"The strategy has {own.size} returns and the benchmark {other.size}; give one for "
                "each bar, NaN where there is none.",
                returns=own.size,
                benchmark_returns=other.size,
            )
    table = np.full((own.size, len(columns)), np.nan)
    for rows, part in _windows(own, window_bars):
        deviation = _deviation(part)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(deviation > 0.0, part.mean(axis=1) / deviation, np.nan)
        table[rows, 0] = np.cumprod(1.0 + part, axis=1)[:, -1] - 1.0
        table[rows, 1] = deviation * math.sqrt(year)
        table[rows, 2] = ratio * math.sqrt(year)
        table[rows, 3] = deepest_drawdowns(part)
    if other is not None:
        pairs = zip(_windows(own, window_bars), _windows(other, window_bars), strict=True)
        for (rows, part), (_, reference) in pairs:
            table[rows, 4], table[rows, 5] = _beta_and_correlation(part, reference)
    return pd.DataFrame(table, index=returns.index, columns=columns)


def _windows(values: FloatArray, window: int) -> Iterator[tuple[slice, FloatArray]]:
    """Rows of the table and the windows that end on them, in chunks that need little memory."""
    if values.size < window:
        return
    view = sliding_window_view(values, window)
    step = max(1, _CHUNK_VALUES // window)
    for begin in range(0, view.shape[0], step):
        part: FloatArray = np.ascontiguousarray(view[begin : begin + step])
        yield slice(begin + window - 1, begin + window - 1 + part.shape[0]), part


def _deviation(part: FloatArray) -> FloatArray:
    """Sample deviation of each row, 0.0 where only rounding varies (as `sample_deviation`)."""
    deviation = part.std(axis=1, ddof=1)
    scale = np.maximum(1.0, np.abs(part).max(axis=1))
    return np.where(deviation <= ROUNDING_DEVIATION * scale, 0.0, deviation)


def _beta_and_correlation(own: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    centred = other - other.mean(axis=1, keepdims=True)
    covariance = ((own - own.mean(axis=1, keepdims=True)) * centred).sum(axis=1)
    covariance /= own.shape[1] - 1
    spread_own, spread_other = _deviation(own), _deviation(other)
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = np.where(spread_other > 0.0, covariance / spread_other**2, np.nan)
        varied = (spread_own > 0.0) & (spread_other > 0.0)
        correlation = np.where(varied, covariance / (spread_own * spread_other), np.nan)
    return beta, np.clip(correlation, -1.0, 1.0)
