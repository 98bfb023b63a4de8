"""Formulas of the feature set `alpha158`, several columns a call.

They are the published definitions of Qlib's Alpha158 (Yang et al. 2020, "Qlib: An AI-oriented
quantitative investment platform"), without VWAP, over windows of d rows that must be full. Standard
deviations are of samples, ranks are shares, slopes are by bar. All prices of one bar are divided by
its close, and all volumes by its volume.

Where a definition has no value there is one here: a line through a flat window explains 0 of it, a
constant series has a correlation of 0, a volume after one of 0 counts as unchanged, and a bar
without volume has VMA and VSTD of 0 (the definition divides by 1e-12 there).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.features.arrays import FloatArray, FloatArrays
from trading_pipeline.features.rolling.nested_windows import (
    nested_correlations,
    nested_extreme_positions,
    nested_extremes,
    nested_lines,
    nested_moments,
    nested_sums,
)
from trading_pipeline.features.rolling.windows import (
    lagged,
    rolling_order_statistics,
)

__all__ = [
    "bar_shape",
    "close_level",
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


def bar_shape(bars: pd.DataFrame) -> FloatArrays:
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


def price_ratios(bars: pd.DataFrame) -> FloatArrays:
    """OPEN0, HIGH0, LOW0: the bar's other prices by its close."""
    close = _column(bars, "close")
    return tuple(_column(bars, name) / close for name in ("open", "high", "low"))


def close_level(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> FloatArrays:
    """ROC, MA, STD, BETA, RSQR, RESI of each window, all but RSQR by the close.

    The close d bars ago, the mean close and its deviation; slope, explained share and last residual
    of the line through the closes.
    """
    close = _column(bars, "close")
    moments = nested_moments(close, windows)
    lines = nested_lines(close, windows, moments)
    by_close = 1.0 / close
    columns: list[FloatArray] = []
    for window in windows:
        line, (mean, _) = lines[window], moments[window]
        deviation = moments[window].deviation(window)
        columns += [lagged(close, window) / close, mean * by_close, deviation * by_close]
        columns += [line.slope * by_close, line.r_squared, line.residual * by_close]
    return tuple(columns)


def range_place(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> FloatArrays:
    """MAX, MIN, RSV of each window: highest high, lowest low by the close; close in between."""
    close = _column(bars, "close")
    highest = nested_extremes(_column(bars, "high"), windows, greatest=True)
    lowest = nested_extremes(_column(bars, "low"), windows, greatest=False)
    columns: list[FloatArray] = []
    for window in windows:
        high, low = highest[window], lowest[window]
        columns += [high / close, low / close, (close - low) / (high - low + _TINY)]
    return tuple(columns)


def close_order(bars: pd.DataFrame, *, window: int) -> FloatArrays:
    """QTLU, QTLD, RANK: 80% and 20% quantile of the closes by the close, and its rank."""
    close = _column(bars, "close")
    order = rolling_order_statistics(close, window, low=0.2, high=0.8)
    return order.high / close, order.low / close, order.rank


def extreme_ages(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> FloatArrays:
    """IMAX, IMIN, IMXD of each window: places of highest high, lowest low (oldest is 1), by d."""
    tops = nested_extreme_positions(_column(bars, "high"), windows, greatest=True)
    bottoms = nested_extreme_positions(_column(bars, "low"), windows, greatest=False)
    columns: list[FloatArray] = []
    for window in windows:
        highest, lowest = tops[window] / window, bottoms[window] / window
        columns += [highest, lowest, highest - lowest]
    return tuple(columns)


def correlations(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> FloatArrays:
    """CORR and CORD of each window: of close and log volume, and of their changes."""
    close, volume = _column(bars, "close"), _column(bars, "volume")
    before = lagged(volume, 1)
    none = before == 0.0
    change = np.where(none, 1.0, volume / np.where(none, 1.0, before))
    of_levels = nested_correlations(close, np.log(volume + 1.0), windows)
    of_changes = nested_correlations(close / lagged(close, 1), np.log(change + 1.0), windows)
    return tuple(found[window] for window in windows for found in (of_levels, of_changes))


def rise_counts(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> FloatArrays:
    """CNTP, CNTN, CNTD of each window: shares of bars that closed higher, lower; difference."""
    change = _change(_column(bars, "close"))
    # keeps the first row, whose change is unknown, NaN
    nothing = 0.0 * change
    higher = nested_sums((change > 0.0) + nothing, windows)
    lower = nested_sums((change < 0.0) + nothing, windows)
    columns: list[FloatArray] = []
    for window in windows:
        rises, falls = higher[window] / window, lower[window] / window
        columns += [rises, falls, rises - falls]
    return tuple(columns)


def rise_sums(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> FloatArrays:
    """SUMP, SUMN, SUMD of each window: rises, falls, difference, by all movement of the close."""
    return _rise_shares(_column(bars, "close"), windows)


def volume_level(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> FloatArrays:
    """VMA, VSTD of each window: mean volume and deviation by the bar's volume; 0 without any."""
    volume = _column(bars, "volume")
    by_volume = 1.0 / np.where(volume == 0.0, np.inf, volume + _TINY)
    moments = nested_moments(volume, windows)
    columns: list[FloatArray] = []
    for window in windows:
        deviation = moments[window].deviation(window)
        columns += [moments[window].mean * by_volume, deviation * by_volume]
    return tuple(columns)


def weighted_volatility(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> FloatArrays:
    """WVMA of each window: deviation over mean of the return's size times the volume."""
    close = _column(bars, "close")
    weighted = np.abs(close / lagged(close, 1) - 1.0) * _column(bars, "volume")
    moments = nested_moments(weighted, windows)
    return tuple(
        moments[window].deviation(window) / (moments[window].mean + _TINY) for window in windows
    )


def volume_rise_sums(bars: pd.DataFrame, *, windows: tuple[int, ...]) -> FloatArrays:
    """VSUMP, VSUMN, VSUMD of each window: as `rise_sums`, of the volume."""
    return _rise_shares(_column(bars, "volume"), windows)


def _rise_shares(values: FloatArray, windows: tuple[int, ...]) -> FloatArrays:
    change = _change(values)
    up = nested_sums(np.maximum(change, 0.0), windows)
    down = nested_sums(np.maximum(-change, 0.0), windows)
    columns: list[FloatArray] = []
    for window in windows:
        # all movement is what went up and what went down
        by_movement = 1.0 / (up[window] + down[window] + _TINY)
        rises, falls = up[window] * by_movement, down[window] * by_movement
        columns += [rises, falls, rises - falls]
    return tuple(columns)


def _change(values: FloatArray) -> FloatArray:
    change: FloatArray = values - lagged(values, 1)
    return change


def _column(bars: pd.DataFrame, name: str) -> FloatArray:
    return bars[name].to_numpy(dtype="float64")
