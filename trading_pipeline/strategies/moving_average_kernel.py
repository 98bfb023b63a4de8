"""This file holds the compiled loop of the moving average; it is imported when first needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["rolling_mean"]


@njit(cache=True, nogil=True)
def rolling_mean(values: Any, window: int) -> Any:
    """Mean of the last `window` values, NaN before there are that many; values must be finite."""
    # high + low is the sum: each addition keeps its rounding error (Knuth's two-sum) in low.
    rows = values.shape[0]
    means = np.full(rows, np.nan)
    high = 0.0
    low = 0.0
    for row in range(rows):
        for added in (values[row], -values[row - window] if row >= window else 0.0):
            total = high + added
            part = total - high
            error = (high - (total - part)) + (added - part)
            low += error
            high = total + low
            low -= high - total
        if row >= window - 1:
            means[row] = high / window
    return means
