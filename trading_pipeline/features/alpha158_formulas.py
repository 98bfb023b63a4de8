"""This file holds the formulas of the feature set `alpha158`, several columns a call.

They are the published definitions of Qlib's Alpha158 (Yang et al. 2020, "Qlib: An AI-oriented
quantitative investment platform"), without VWAP, over windows of d rows that must be full. Standard
deviations are of samples, ranks are shares, slopes are by bar. All prices of one bar are divided by
its close, and all volumes by its volume.

Where a definition has no value there is one here: a line through a flat window explains 0 of it, what
stands still has a correlation of 0, a volume after one of 0 counts as unchanged, and a bar without
volume has VMA and VSTD of 0 (the definition divides by 1e-12 there).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.features.rolling import (
    FloatArray,
    lagged,
    rolling_correlation,
    rolling_line,
    rolling_max,
    rolling_mean,
    rolling_mean_and_std,
    rolling_min,
    rolling_order_statistics,
    rolling_position_of_max,
    rolling_position_of_min,
    rolling_sum,
)

__all__ = [
    "bar_shape",
    "close_level",
    "close_line",
    "close_order",
    "correlations",
    "extreme_ages",
    "price_ratios",
    "range_place",
    "rise_counts",
    "rise_sums",
    "volume_level",
    "volume_rise_sums",
    "weighted_volatility",
]

_TINY = 1e-12
Columns = tuple[FloatArray, ...]


def bar_shape(bars: pd.DataFrame) -> Columns:
    """KMID, KLEN, KMID2, KUP, KUP2, KLOW, KLOW2, KSFT, KSFT2: body, length and wicks of the bar."""
    opened, high, low, close = (_column(bars, name) for name in ("open", "high", "low", "close"))
    length = high - low + _TINY
    body, up = close - opened, high - np.maximum(opened, close)
    down, shift = np.minimum(opened, close) - low, 2.0 * close - high - low
    by_open = 1.0 / opened
    parts = [body * by_open, (high - low) * by_open, body / length]
    for part in (up, down, shift):
        parts += [part * by_open, part / length]
    return tuple(parts)


def price_ratios(bars: pd.DataFrame) -> Columns:
    """OPEN0, HIGH0, LOW0: the bar's other prices by its close."""
    close = _column(bars, "close")
    return tuple(_column(bars, name) / close for name in ("open", "high", "low"))


def close_level(bars: pd.DataFrame, *, window: int) -> Columns:
    """ROC, MA, STD: the close d bars ago, the mean close and its deviation, by the close."""
    close = _column(bars, "close")
    mean, deviation = rolling_mean_and_std(close, window)
    return lagged(close, window) / close, mean / close, deviation / close


def close_line(bars: pd.DataFrame, *, window: int) -> Columns:
    """BETA, RSQR, RESI: slope, explained share and last residual of the line through the closes."""
    close = _column(bars, "close")
    line = rolling_line(close, window)
    return line.slope / close, line.r_squared, line.residual / close


def range_place(bars: pd.DataFrame, *, window: int) -> Columns:
    """MAX, MIN, RSV: highest high and lowest low by the close, and the close between them."""
    close = _column(bars, "close")
    high = rolling_max(_column(bars, "high"), window)
    low = rolling_min(_column(bars, "low"), window)
    return high / close, low / close, (close - low) / (high - low + _TINY)


def close_order(bars: pd.DataFrame, *, window: int) -> Columns:
    """QTLU, QTLD, RANK: 80% and 20% quantile of the closes by the close, and its rank."""
    close = _column(bars, "close")
    order = rolling_order_statistics(close, window, low=0.2, high=0.8)
    return order.high / close, order.low / close, order.rank


def extreme_ages(bars: pd.DataFrame, *, window: int) -> Columns:
    """IMAX, IMIN, IMXD: places of the highest high and lowest low (1 is the oldest row), by d."""
    highest = rolling_position_of_max(_column(bars, "high"), window) / window
    lowest = rolling_position_of_min(_column(bars, "low"), window) / window
    return highest, lowest, highest - lowest


def correlations(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> Columns:
    """CORR and CORD of each window: of close and log volume, and of their changes."""
    close, volume = _column(bars, "close"), _column(bars, "volume")
    before = lagged(volume, 1)
    none = before == 0.0
    change = np.where(none, 1.0, volume / np.where(none, 1.0, before))
    log_volume, log_change = np.log(volume + 1.0), np.log(change + 1.0)
    ratio = close / lagged(close, 1)
    columns: list[FloatArray] = []
    for window in windows:
        columns.append(rolling_correlation(close, log_volume, window))
        columns.append(rolling_correlation(ratio, log_change, window))
    return tuple(columns)


def rise_counts(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> Columns:
    """CNTP, CNTN, CNTD of each window: share of bars that closed higher, lower, and their difference."""
    change = _change(_column(bars, "close"))
    # keeps the first row NaN, of which no change is known
    nothing = 0.0 * change
    higher, lower = (change > 0.0) + nothing, (change < 0.0) + nothing
    columns: list[FloatArray] = []
    for window in windows:
        rises, falls = rolling_mean(higher, window), rolling_mean(lower, window)
        columns += [rises, falls, rises - falls]
    return tuple(columns)


def rise_sums(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> Columns:
    """SUMP, SUMN, SUMD of each window: rises, falls, their difference, by all movement of the close."""
    return _rise_shares(_column(bars, "close"), windows)


def volume_level(bars: pd.DataFrame, *, window: int) -> Columns:
    """VMA, VSTD: mean volume and its deviation by the bar's volume; 0 for a bar without."""
    volume = _column(bars, "volume")
    none = volume == 0.0
    divisor = np.where(none, np.inf, volume + _TINY)
    mean, deviation = rolling_mean_and_std(volume, window)
    return mean / divisor, deviation / divisor


def weighted_volatility(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> Columns:
    """WVMA of each window: deviation over mean of the return's size times the volume."""
    close = _column(bars, "close")
    weighted = np.abs(close / lagged(close, 1) - 1.0) * _column(bars, "volume")
    columns = []
    for window in windows:
        mean, deviation = rolling_mean_and_std(weighted, window)
        columns.append(deviation / (mean + _TINY))
    return tuple(columns)


def volume_rise_sums(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> Columns:
    """VSUMP, VSUMN, VSUMD of each window: as `rise_sums`, of the volume."""
    return _rise_shares(_column(bars, "volume"), windows)


def _rise_shares(values: FloatArray, windows: tuple[int, ...]) -> Columns:
    change = _change(values)
    size, up, down = np.abs(change), np.maximum(change, 0.0), np.maximum(-change, 0.0)
    columns: list[FloatArray] = []
    for window in windows:
        movement = rolling_sum(size, window) + _TINY
        rises, falls = rolling_sum(up, window) / movement, rolling_sum(down, window) / movement
        columns += [rises, falls, rises - falls]
    return tuple(columns)


def _change(values: FloatArray) -> FloatArray:
    change: FloatArray = values - lagged(values, 1)
    return change


def _column(bars: pd.DataFrame, name: str) -> FloatArray:
    return bars[name].to_numpy(dtype="float64")
