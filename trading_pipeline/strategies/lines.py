"""Indicator lines of bars, as shipped strategies use them: one value a bar, NaN while warming up.

Row t depends on rows up to t. The compiled libraries behind them load when a line is first
computed, because most processes that load a strategy never run one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.domain.signals import FloatArray

__all__ = [
    "average_true_range",
    "highest_before",
    "indicator_lines",
    "lowest_before",
    "mean_and_deviation",
    "relative_strength",
]


def indicator_lines(
    name: str, data: pd.DataFrame | pd.Series, **parameters: float
) -> tuple[FloatArray, ...]:
    """TA-Lib's `name`, one array for each output (`features.indicators`)."""
    from trading_pipeline.features.indicators import indicator_arrays

    return indicator_arrays(name, data, source="close", **parameters)


def relative_strength(values: FloatArray, window: int) -> FloatArray:
    """Wilder's relative strength index (RSI), 0 to 100; NaN on the first `window` rows.

    50 where no value has moved yet, for which TA-Lib gives 0.
    """
    rsi = indicator_lines("RSI", pd.Series(values), timeperiod=window)[0]
    moved = np.zeros(len(values), dtype=np.bool_)
    moved[1:] = np.logical_or.accumulate(values[1:] != values[:-1])
    return np.where(moved | np.isnan(rsi), rsi, 50.0)


def average_true_range(bars: pd.DataFrame, window: int) -> FloatArray:
    """Wilder's average true range (ATR) in the unit of the bars; NaN on the first `window` rows."""
    return indicator_lines("ATR", bars, timeperiod=window)[0]


def highest_before(values: FloatArray, window: int) -> FloatArray:
    """Greatest of the `window` values before each row, its own left out.

    >>> highest_before(np.array([1.0, 3.0, 2.0, 0.0]), 2).tolist()
    [nan, nan, 3.0, 3.0]
    """
    from trading_pipeline.features.rolling import lagged, rolling_max

    return lagged(rolling_max(values, window), 1)


def lowest_before(values: FloatArray, window: int) -> FloatArray:
    """Smallest of the `window` values before each row, its own left out."""
    from trading_pipeline.features.rolling import lagged, rolling_min

    return lagged(rolling_min(values, window), 1)


def mean_and_deviation(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Mean and population standard deviation of the last `window` values."""
    from trading_pipeline.features.rolling import rolling_mean_and_std

    return rolling_mean_and_std(values, window, ddof=0)
