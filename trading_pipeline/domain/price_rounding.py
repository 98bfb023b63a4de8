"""Prices that a vendor sent as 32-bit floats: high and low that miss open or close by rounding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trading_pipeline.domain.moments import Flags, Floats

__all__ = ["PRICE_ROUNDING", "WidenedPrices", "widen_rounded"]

PRICE_ROUNDING = 1.2e-7
"""Part of a price up to which it may lie outside high and low: the spacing of 32-bit floats is
2^-23 of their size, 1.19e-7."""


class WidenedPrices(NamedTuple):
    """New arrays of highs and lows, and the rows in which one of them moved."""

    high: Floats
    low: Floats
    moved: Flags


def widen_rounded(open_: Floats, high: Floats, low: Floats, close: Floats) -> WidenedPrices:
    """High and low widened to open and close where these lie outside by rounding alone.

    Where they lie further outside, or a price is NaN or infinite, everything stays as it is.

    >>> close, high = np.array([22532.05078125]), np.array([22532.05])
    >>> widen_rounded(close, high, high, close).high.tolist()
    [22532.05078125]
    """
    with np.errstate(invalid="ignore"):
        top, bottom = np.maximum(open_, close), np.minimum(open_, close)
        up = (top > high) & (top - high <= PRICE_ROUNDING * np.abs(top))
        down = (low > bottom) & (low - bottom <= PRICE_ROUNDING * np.abs(bottom))
    return WidenedPrices(
        np.where(up, top, high), np.where(down, bottom, low), np.asarray(up | down)
    )
