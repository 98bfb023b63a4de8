"""Formulas of the feature set `core`.

All are free of scale and of trend: fractions, ratios and standard deviations, never percent or
currency. Bars are forward-adjusted. Where a window is flat, so that a formula is 0/0, the value is
the neutral one that each function names.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.indicators.wrapper import indicator_arrays
from trading_pipeline.features.rolling import wilder_kernels
from trading_pipeline.features.rolling.windows import (
    lagged,
    rolling_line,
    rolling_max,
    rolling_mean,
    rolling_mean_deviation,
    rolling_min,
    rolling_std,
    rolling_sum,
    rolling_z_score,
)

__all__ = [
    "aroon_oscillator",
    "average_true_range",
    "bollinger_position",
    "bollinger_width",
    "close_in_range",
    "close_to_average",
    "close_to_exponential",
    "commodity_channel",
    "directional_movement",
    "garman_klass_volatility",
    "intraday_return",
    "log_range",
    "log_return",
    "macd_histogram",
    "money_flow",
    "on_balance_volume",
    "overnight_return",
    "parkinson_volatility",
    "rate_of_change",
    "rsi",
    "stochastic",
    "stochastic_d",
    "stochastic_k",
    "trend_slope",
    "volatility",
    "volatility_ratio",
    "volume_ratio",
    "volume_z_score",
    "williams_r",
]


def log_return(bars: pd.DataFrame, *, bars_back: int) -> FloatArray:
    """Log return of the close over `bars_back` bars."""
    close = _column(bars, "close")
    return np.log(close / lagged(close, bars_back))


def volatility(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Sample standard deviation of `window` one-bar log returns; per bar, not per year."""
    return rolling_std(log_return(bars, bars_back=1), window)


def rate_of_change(bars: pd.DataFrame, *, bars_back: int) -> FloatArray:
    """Return of the close over `bars_back` bars."""
    close = _column(bars, "close")
    return close / lagged(close, bars_back) - 1.0


def rsi(bars: pd.DataFrame, *, timeperiod: int) -> FloatArray:
    """Wilder's RSI from 0 to 1; 0.5 where the close is constant (`wilder_kernels.STILL`)."""
    result = np.empty(len(bars))
    wilder_kernels.strength_values(_column(bars, "close"), timeperiod, result)
    return result


def macd_histogram(
    bars: pd.DataFrame, *, fastperiod: int, slowperiod: int, signalperiod: int
) -> FloatArray:
    """MACD less its signal line, as a fraction of the close."""
    _, _, histogram = indicator_arrays(
        "MACD", bars, fastperiod=fastperiod, slowperiod=slowperiod, signalperiod=signalperiod
    )
    return histogram / _column(bars, "close")


def bollinger_position(bars: pd.DataFrame, *, window: int, deviations: float) -> FloatArray:
    """Close between the bands: 0 on the lower band, 1 on the upper one; 0.5 in a flat window."""
    close = _column(bars, "close")
    half = deviations * rolling_std(close, window, ddof=0)
    return 0.5 + _ratio(close - rolling_mean(close, window), 2.0 * half, neutral=0.0)


def bollinger_width(bars: pd.DataFrame, *, window: int, deviations: float) -> FloatArray:
    """Upper less lower band, as a fraction of the middle; population deviations."""
    close = _column(bars, "close")
    return 2.0 * deviations * rolling_std(close, window, ddof=0) / rolling_mean(close, window)


def average_true_range(bars: pd.DataFrame, *, timeperiod: int) -> FloatArray:
    """Wilder's average true range, as a fraction of the close."""
    return _only("ATR", bars, timeperiod=timeperiod) / _column(bars, "close")


def stochastic(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Close between the window's low (0) and high (1); 0.5 in a flat window."""
    low = rolling_min(_column(bars, "low"), window)
    high = rolling_max(_column(bars, "high"), window)
    return _ratio(_column(bars, "close") - low, high - low, neutral=0.5)


def stochastic_k(bars: pd.DataFrame, *, window: int, smoothing: int) -> FloatArray:
    """Slow %K, from 0 to 1: the mean of `smoothing` values of `stochastic`."""
    return rolling_mean(stochastic(bars, window=window), smoothing)


def stochastic_d(bars: pd.DataFrame, *, window: int, smoothing: int) -> FloatArray:
    """Slow %D, from 0 to 1: the mean of `smoothing` values of `stochastic_k`."""
    return rolling_mean(stochastic_k(bars, window=window, smoothing=smoothing), smoothing)


def williams_r(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Williams %R, from -1 at the low of the window to 0 at its high; -0.5 where it is flat."""
    return stochastic(bars, window=window) - 1.0


def commodity_channel(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Lambert's index divided by 100; 0 in a flat window."""
    typical = _typical_price(bars)
    distance = typical - rolling_mean(typical, window)
    return _ratio(distance, 1.5 * rolling_mean_deviation(typical, window), neutral=0.0)


def money_flow(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Share of the money flow on rising typical prices; 0.5 where none flowed."""
    typical = _typical_price(bars)
    flow = typical * _column(bars, "volume")
    change = typical - lagged(typical, 1)
    rising = rolling_sum(np.where(np.isnan(change), np.nan, flow * (change > 0.0)), window)
    falling = rolling_sum(np.where(np.isnan(change), np.nan, flow * (change < 0.0)), window)
    return _ratio(rising, rising + falling, neutral=0.5)


def close_to_average(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Close relative to its mean of `window` bars, minus 1."""
    close = _column(bars, "close")
    return close / rolling_mean(close, window) - 1.0


def volume_z_score(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Volume in sample standard deviations from its mean; 0 where it is constant."""
    return rolling_z_score(_column(bars, "volume"), window)


def on_balance_volume(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """On-balance volume as a z-score in its window: the arbitrary start cancels out."""
    return rolling_z_score(_only("OBV", bars), window)


def overnight_return(bars: pd.DataFrame) -> FloatArray:
    """Log return from the previous close to the open."""
    return np.log(_column(bars, "open") / lagged(_column(bars, "close"), 1))


def intraday_return(bars: pd.DataFrame) -> FloatArray:
    """Log return from the bar's open to its close."""
    return np.log(_column(bars, "close") / _column(bars, "open"))


def log_range(bars: pd.DataFrame) -> FloatArray:
    """Log of high over low."""
    return np.log(_column(bars, "high") / _column(bars, "low"))


def close_in_range(bars: pd.DataFrame) -> FloatArray:
    """Close between the bar's low (0) and high (1); 0.5 where the bar is flat."""
    return stochastic(bars, window=1)


def parkinson_volatility(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Root of the mean of log(high / low)^2 / (4 log 2) (Parkinson 1980); per bar, 0 where flat."""
    squares: FloatArray = np.square(log_range(bars))
    mean: FloatArray = rolling_mean(squares, window) / (4.0 * np.log(2.0))
    return np.sqrt(mean)


def garman_klass_volatility(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Root of the mean of log(h/l)^2 / 2 - (2 log 2 - 1) log(c/o)^2, per bar (Garman, Klass 1980).

    No term is below 0 while open and close lie between low and high; where they do not, a mean
    below 0 counts as 0.
    """
    spread, body = log_range(bars), intraday_return(bars)
    terms = 0.5 * np.square(spread) - (2.0 * np.log(2.0) - 1.0) * np.square(body)
    result: FloatArray = np.sqrt(np.maximum(rolling_mean(terms, window), 0.0))
    return result


def volatility_ratio(bars: pd.DataFrame, *, fast: int, slow: int) -> FloatArray:
    """Volatility of `fast` bars over that of `slow` bars; 1 where the latter is 0."""
    changes = log_return(bars, bars_back=1)
    return _ratio(rolling_std(changes, fast), rolling_std(changes, slow), neutral=1.0)


def volume_ratio(bars: pd.DataFrame, *, fast: int, slow: int) -> FloatArray:
    """Mean volume of `fast` bars over that of `slow` bars; 1 where there is none."""
    volume = _column(bars, "volume")
    return _ratio(rolling_mean(volume, fast), rolling_mean(volume, slow), neutral=1.0)


def trend_slope(bars: pd.DataFrame, *, window: int) -> FloatArray:
    """Slope by bar of the least-squares line through the logs of the last closes."""
    return rolling_line(np.log(_column(bars, "close")), window).slope


def close_to_exponential(bars: pd.DataFrame, *, timeperiod: int) -> FloatArray:
    """Close relative to its exponential mean, minus 1."""
    return _column(bars, "close") / _only("EMA", bars, timeperiod=timeperiod) - 1.0


def directional_movement(bars: pd.DataFrame, *, timeperiod: int) -> tuple[FloatArray, FloatArray]:
    """Wilder's +DI less -DI (-1 to 1), and his average directional index (0 to 1).

    Both tend to 0, no direction, where prices do not move (`wilder_kernels.STILL`). The index does
    not depend on the close: true ranges cancel out.
    """
    difference, index = np.empty(len(bars)), np.empty(len(bars))
    high, low, close = (_column(bars, name) for name in ("high", "low", "close"))
    wilder_kernels.directional_values(high, low, close, timeperiod, difference, index)
    return difference, index


def aroon_oscillator(bars: pd.DataFrame, *, timeperiod: int) -> FloatArray:
    """Age of the window's low less that of its high, as a share of the window: -1 to 1."""
    return _only("AROONOSC", bars, timeperiod=timeperiod) / 100.0


def _only(name: str, bars: pd.DataFrame, **parameters: int) -> FloatArray:
    """The one output of an indicator."""
    (values,) = indicator_arrays(name, bars, source="close", **parameters)
    return values


def _typical_price(bars: pd.DataFrame) -> FloatArray:
    return (_column(bars, "high") + _column(bars, "low") + _column(bars, "close")) / 3.0


def _column(bars: pd.DataFrame, name: str) -> FloatArray:
    return np.ascontiguousarray(bars[name].to_numpy(dtype="float64"))


def _ratio(numerator: FloatArray, denominator: FloatArray, *, neutral: float) -> FloatArray:
    flat = denominator == 0.0
    return np.where(flat, neutral, numerator / np.where(flat, 1.0, denominator))
