"""Closes of whole months, as rules that decide once a month read them.

A month is that of the bar's stamp in UTC. It has ended when the first bar of a later one is there,
so a decision falls on the close of a month's first bar, and needs no calendar of what is to come.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.domain.signals import BoolArray, FloatArray
from trading_pipeline.strategies.market import Market

__all__ = ["begins_month", "closes_months_ago"]


def begins_month(market: Market) -> BoolArray:
    """True on each month's first bar but that of the first month."""
    months = _months(market)
    first = np.zeros(len(months), dtype=np.bool_)
    first[1:] = months[1:] != months[:-1]
    return first


def closes_months_ago(market: Market, months: Sequence[int]) -> list[FloatArray]:
    """For each of `months`, at each bar the last close of the month so many months before its own.

    Of the last bar before, where that month has none; NaN where no bar is so old.
    """
    numbers, close = _months(market), market.close
    if not len(numbers):
        return [close for _ in months]
    rows = [np.searchsorted(numbers, numbers - ago, side="right") - 1 for ago in months]
    return [np.where(row >= 0, close[np.maximum(row, 0)], np.nan) for row in rows]


def _months(market: Market) -> npt.NDArray[np.int64]:
    index = pd.DatetimeIndex(market.raw.index)
    return np.asarray(index.year * 12 + index.month, dtype=np.int64)
