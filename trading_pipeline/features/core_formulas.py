"""This file holds the formulas of the features in the set `core`.

All are free of scale and of trend: fractions, ratios and standard deviations, never percent or
currency. `open`, `high`, `low`, `close` and `volume` are the columns of forward-adjusted bars. Where
a window is flat, so that its formula is 0/0, the value is the neutral one that each function names.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.features.indicators import indicator, indicator_warmup
from trading_pipeline.features.rolling import (
    FloatArray,
    lagged,
    rolling_max,
    rolling_mean,
    rolling_mean_deviation,
    rolling_min,
    rolling_std,
    rolling_sum,
    rolling_z_score,
)

__all__ = [
    "adx",
    "average_true_range",
    "bollinger_position",
    "bollinger_width",
    "close_to_average",
    "commodity_channel",
    "log_return",
    "macd_histogram",
    "money_flow",
    "on_balance_volume",
    "rate_of_change",
    "rsi",
    "stochastic",
    "stochastic_d",
    "stochastic_k",
    "volatility",
    "volume_z_score",
    "weekday_cosine",
    "weekday_sine",
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
    """Wilder's RSI from 0 to 1; 0.5 where the close has not changed for the whole warm-up."""
    values = indicator("RSI", bars, timeperiod=timeperiod)["real"].to_numpy() / 100.0
    close = _column(bars, "close")
    rows = np.arange(len(close))
    last_move = np.maximum.accumulate(np.where(close != lagged(close, 1), rows, 0))
    still = rows - last_move >= indicator_warmup("RSI", timeperiod=timeperiod)
    return np.where(still & ~np.isnan(values), 0.5, values)


def macd_histogram(
    bars: pd.DataFrame, *, fastperiod: int, slowperiod: int, signalperiod: int
) -> FloatArray:
    """MACD less its signal line, as a fraction of the close."""
    lines = indicator(
        "MACD", bars, fastperiod=fastperiod, slowperiod=slowperiod, signalperiod=signalperiod
    )
    return lines["macdhist"].to_numpy() / _column(bars, "close")


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
    values = indicator("ATR", bars, timeperiod=timeperiod)["real"].to_numpy()
    return values / _column(bars, "close")


def adx(bars: pd.DataFrame, *, timeperiod: int) -> FloatArray:
    """Wilder's average directional index, 0 to 1."""
    return indicator("ADX", bars, timeperiod=timeperiod)["real"].to_numpy() / 100.0


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
    """On-balance volume as a z-score in its window, which the level's arbitrary start cancels out of."""
    return rolling_z_score(indicator("OBV", bars)["real"].to_numpy(), window)


def weekday_sine(bars: pd.DataFrame) -> FloatArray:
    """Sine of the weekday's angle in the week, Monday being 0."""
    return np.sin(_weekday_angle(bars))


def weekday_cosine(bars: pd.DataFrame) -> FloatArray:
    """Cosine of the weekday's angle in the week, Monday being 1."""
    return np.cos(_weekday_angle(bars))


def _weekday_angle(bars: pd.DataFrame) -> FloatArray:
    return 2.0 * np.pi * pd.DatetimeIndex(bars.index).day_of_week.to_numpy(dtype="float64") / 7.0


def _typical_price(bars: pd.DataFrame) -> FloatArray:
    return (_column(bars, "high") + _column(bars, "low") + _column(bars, "close")) / 3.0


def _column(bars: pd.DataFrame, name: str) -> FloatArray:
    return bars[name].to_numpy(dtype="float64")


def _ratio(numerator: FloatArray, denominator: FloatArray, *, neutral: float) -> FloatArray:
    flat = denominator == 0.0
    return np.where(flat, neutral, numerator / np.where(flat, 1.0, denominator))
