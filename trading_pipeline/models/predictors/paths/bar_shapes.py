"""Bars as logs of close, body and wicks, and back: no such numbers can give an impossible bar."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import DataQualityError

__all__ = ["log_bars", "log_prices", "shapes_of"]

FloatArray = npt.NDArray[np.float64]


def log_prices(bars: pd.DataFrame, column: str) -> FloatArray:
    """Logs of a column of prices; `DataQualityError` for one that has none."""
    prices = bars[column].to_numpy(dtype="float64")
    wrong = ~(np.isfinite(prices) & (prices > 0.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataQualityError(
            f"The {column} of {bars.index[row]} is {prices[row]}; a path is forecast in logs, "
            "which only prices above 0 have. Forecast such an instrument with a model of its "
            "features, or correct the bar.",
            ts=bars.index[row],
            price=float(prices[row]),
        )
    logs: FloatArray = np.log(prices)
    return logs


def shapes_of(bars: pd.DataFrame) -> FloatArray:
    """Each bar from the second on as four numbers without bounds, shape (bars - 1, 4).

    Log of close over the close before; log of close over open (the body); and the square roots of
    the upper and the lower wick in logs. Roots make the many small wicks and the few large ones
    more alike, and `log_bars` takes any number for one.

    Raises `DataQualityError` for a price that is not above 0, or a wick below 0.
    """
    opens, highs, lows, closes = (
        log_prices(bars, name) for name in ("open", "high", "low", "close")
    )
    upper = highs - np.maximum(opens, closes)
    lower = np.minimum(opens, closes) - lows
    wrong = (upper < 0.0) | (lower < 0.0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataQualityError(
            f"The open or close of {bars.index[row]} lies outside of its high and low, so the bar "
            "has no shape. Correct the bar.",
            ts=bars.index[row],
        )
    body = closes - opens
    return np.column_stack([np.diff(closes), body[1:], np.sqrt(upper[1:]), np.sqrt(lower[1:])])


def log_bars(shapes: FloatArray) -> FloatArray:
    """Open, high, low and close as logs over the close before the path; axis 0, of length 4.

    `shapes`: of `shapes_of` along axis 0, with the log return since the close before the path in
    place of that of one bar. A root below 0 is a wick of 0, so that low <= min(open, close) and
    max(open, close) <= high whatever the numbers are.
    """
    close = shapes[0]
    opened = close - shapes[1]
    upper, lower = (np.maximum(shapes[part], 0.0) ** 2 for part in (2, 3))
    high = np.maximum(opened, close) + upper
    low = np.minimum(opened, close) - lower
    return np.stack([opened, high, low, close])
