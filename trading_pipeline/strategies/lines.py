"""Indicator lines of bars, as shipped strategies use them: one value a bar, NaN while warming up.

Row t depends on rows up to t. The compiled libraries behind them load when a line is first
computed, because most processes that load a strategy never run one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trading_pipeline.domain.row_threads import share_rows
from trading_pipeline.domain.signals import FloatArray
from trading_pipeline.domain.table_memory import empty_tables

__all__ = [
    "average_true_range",
    "extremes_before",
    "highest_before",
    "indicator_lines",
    "lowest_before",
    "mean_and_deviation",
    "means_and_deviations",
    "relative_strength",
    "relative_strengths",
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
    rsi: FloatArray = relative_strengths(values, [window])[0]
    return rsi


def relative_strengths(values: FloatArray, windows: Sequence[int]) -> FloatArray:
    """`relative_strength` of each window, one a row."""
    from trading_pipeline.features.indicators import indicator_arrays

    (found,) = empty_tables((len(windows), len(values)))
    moves = np.flatnonzero(values[1:] != values[:-1])
    still = int(moves[0]) + 1 if len(moves) else len(values)
    for row, window in zip(found, windows, strict=True):
        row[:] = indicator_arrays("RSI", values, timeperiod=window)[0]
        row[window:still] = 50.0
    return found


def average_true_range(bars: pd.DataFrame, window: int) -> FloatArray:
    """Wilder's average true range (ATR) in the unit of the bars; NaN on the first `window` rows."""
    return indicator_lines("ATR", bars, timeperiod=window)[0]


def highest_before(values: FloatArray, window: int) -> FloatArray:
    """Greatest of the `window` values before each row, its own left out.

    >>> highest_before(np.array([1.0, 3.0, 2.0, 0.0]), 2).tolist()
    [nan, nan, 3.0, 3.0]
    """
    highest: FloatArray = extremes_before(values, [window], np.maximum)[0]
    return highest


def lowest_before(values: FloatArray, window: int) -> FloatArray:
    """Smallest of the `window` values before each row, its own left out."""
    lowest: FloatArray = extremes_before(values, [window], np.minimum)[0]
    return lowest


def extremes_before(values: FloatArray, windows: Sequence[int], pick: np.ufunc) -> FloatArray:
    """`highest_before` or `lowest_before` of each window, one a row.

    `pick`: `np.maximum` for the highest, `np.minimum` for the lowest. A window is two of a power of
    two that overlap, and those are made of halves: a row takes one comparison of whole arrays,
    however long its window. NaN in a window gives NaN.

    >>> extremes_before(np.array([1.0, 3.0, 2.0, 0.0]), [1, 3], np.minimum).tolist()
    [[nan, 1.0, 3.0, 2.0], [nan, nan, nan, 1.0]]
    """
    (found,) = empty_tables((len(windows), len(values)))
    spans = [values]  # at place k the extreme of 2**k values from each row on
    for row, window in zip(found, windows, strict=True):
        row[:window] = np.nan
        known = len(values) - window
        if known <= 0:
            continue
        power = window.bit_length() - 1
        while len(spans) <= power:
            half = 1 << (len(spans) - 1)
            spans.append(pick(spans[-1][:-half], spans[-1][half:]))
        later = window - (1 << power)
        pick(spans[power][:known], spans[power][later : later + known], out=row[window:])
    return found


def mean_and_deviation(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Mean and population standard deviation of the last `window` values."""
    from trading_pipeline.features.rolling import rolling_mean_and_std

    return rolling_mean_and_std(values, window, ddof=0)


def means_and_deviations(values: FloatArray, windows: Sequence[int]) -> FloatArray:
    """`mean_and_deviation` of many windows, shape (2, windows, values), in the allowed threads."""
    (found,) = empty_tables((2, len(windows), len(values)))

    def part(first: int, last: int) -> None:
        for row in range(first, last):
            found[0, row], found[1, row] = mean_and_deviation(values, windows[row])

    share_rows(len(windows), part)
    return found
