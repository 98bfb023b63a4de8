"""Bars with exact decimals, and the writing of them as providers do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.market_data.calendars import expected_bars

PRICES = ["open", "high", "low", "close"]


def bars_at(index: pd.DatetimeIndex, *, seed: int = 7, level: float = 100.0) -> pd.DataFrame:
    """Valid bars with prices of two decimals and whole volumes, at stamps in UTC."""
    rng = np.random.default_rng(seed)
    n = len(index)
    close = np.round(level * np.exp(np.cumsum(rng.normal(0.0, 0.002, n))), 2)
    opened = np.round(close * (1 + rng.normal(0.0, 0.001, n)), 2)
    spread = np.round(np.abs(rng.normal(0.0, 0.2, (2, n))), 2) + 0.01
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.round(np.maximum(opened, close) + spread[0], 2),
            "low": np.round(np.minimum(opened, close) - spread[1], 2),
            "close": close,
            "volume": rng.integers(1_000, 3_000_000, n).astype("float64"),
        },
        index=pd.DatetimeIndex(index, name="ts").as_unit("us"),
    )


def session_bars(start: str, end: str, timeframe: str, calendar: str, **knobs) -> pd.DataFrame:
    """Bars at every label that a calendar has between two dates."""
    first, last = (pd.Timestamp(day, tz="UTC").to_pydatetime() for day in (start, end))
    return bars_at(expected_bars(first, last, timeframe, calendar), **knobs)


def rows_of(bars: pd.DataFrame, stamp: str = "%Y-%m-%d %H:%M:%S", zone: str = "UTC") -> list[list]:
    """Rows of text: stamp in a zone, prices with two decimals, whole volume."""
    stamps = pd.DatetimeIndex(bars.index).tz_convert(zone).strftime(stamp)
    columns = zip(*(bars[name] for name in PRICES), bars["volume"], strict=True)
    return [
        [when, *(f"{price:.2f}" for price in prices), f"{volume:.0f}"]
        for when, (*prices, volume) in zip(stamps, columns, strict=True)
    ]


def lines(rows, delimiter: str = ",") -> str:
    """Rows as text of a file."""
    return "".join(delimiter.join(row) + "\n" for row in rows)
