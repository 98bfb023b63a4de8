"""Bars that the tests of features and labels share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

BarsFactory = Callable[..., pd.DataFrame]


def random_walk(rows: int, seed: int = 7, *, volume: bool = True) -> pd.DataFrame:
    """Daily bars with fat tails, clustered volatility, prices in cents and gaps over weekends."""
    generator = np.random.default_rng(seed)
    spread = 0.012 * np.exp(np.cumsum(generator.normal(0.0, 0.03, rows)) * 0.5)
    close = 100.0 * np.exp(np.cumsum(generator.standard_t(4, rows) * np.minimum(spread, 0.03)))
    opened = close * np.exp(generator.normal(0.0, 0.004, rows))
    high = np.maximum(opened, close) * np.exp(np.abs(generator.normal(0.0, 0.006, rows)))
    low = np.minimum(opened, close) * np.exp(-np.abs(generator.normal(0.0, 0.006, rows)))
    prices = np.column_stack([opened, high, low, close])
    traded = np.round(np.exp(generator.normal(13.0, 0.5, rows))) if volume else np.zeros(rows)
    frame = pd.DataFrame(prices, columns=["open", "high", "low", "close"]).clip(lower=0.01)
    frame["volume"] = traded
    index = pd.bdate_range("1990-01-01", periods=rows, tz="UTC", name="ts")
    return frame.set_axis(pd.DatetimeIndex(index).as_unit("us"), axis=0)


@pytest.fixture
def walk_bars() -> BarsFactory:
    return random_walk


@pytest.fixture(scope="session")
def index_bars() -> pd.DataFrame:
    """S&P 500, 1999 to 2018, the daily bars that the package `arch` carries."""
    from arch.data import sp500

    frame = sp500.load().rename(columns=str.lower)
    frame = frame[["open", "high", "low", "close", "volume"]].astype("float64")
    index = pd.DatetimeIndex(frame.index).tz_localize("UTC").as_unit("us").rename("ts")
    return frame.set_axis(index, axis=0)
