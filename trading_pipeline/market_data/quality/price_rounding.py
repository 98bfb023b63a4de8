"""The rounding of 32-bit prices: bars get the high and low that they meant, and each is noted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.domain.moments import Flags, Floats
from trading_pipeline.domain.price_rounding import PRICE_ROUNDING, widen_rounded
from trading_pipeline.market_data.quality.findings import CheckSettings, Finding, findings_at

__all__ = ["rounding_findings", "widen_bars"]


def widen_bars(bars: pd.DataFrame, settings: CheckSettings) -> tuple[pd.DataFrame, list[Finding]]:
    """Bars whose high and low enclose open and close again, and an INFO for each that moved.

    Only what `domain.price_rounding` calls rounding is widened, by at most 1.2e-7 of the price;
    what `ohlc_tolerance` allows stays. The frame itself comes back where nothing moves.
    """
    moved, _ = _rounded(bars, settings)
    if not moved.any():
        return bars, []
    opened, high, low, close = bars[list(PRICE_COLUMNS)].to_numpy().T
    widened = widen_rounded(opened, high, low, close)
    wide = bars.assign(
        high=np.where(moved, widened.high, high), low=np.where(moved, widened.low, low)
    )
    return wide, rounding_findings(bars, settings)


def rounding_findings(bars: pd.DataFrame, settings: CheckSettings) -> list[Finding]:
    """An INFO `price_rounding` for each bar whose open or close is outside by rounding alone."""
    moved, outside = _rounded(bars, settings)
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    return findings_at(
        "price_rounding",
        "INFO",
        bars.index,
        np.flatnonzero(moved),
        lambda position: (
            f"Open or close lies outside high and low by {outside[position]:.2g}, at most "
            f"{PRICE_ROUNDING:g} of the price, as prices told in 32 bits do; high or low counts as "
            f"widened to it (high {float(high[position])}, low {float(low[position])}, close "
            f"{float(close[position])})."
        ),
        values=outside,
        settings=settings,
    )


def _rounded(bars: pd.DataFrame, settings: CheckSettings) -> tuple[Flags, Floats]:
    """Bars whose open or close is outside by rounding, and by how much each is outside."""
    opened, high, low, close = bars[list(PRICE_COLUMNS)].to_numpy().T
    moved = widen_rounded(opened, high, low, close).moved
    with np.errstate(invalid="ignore"):
        top, bottom = np.maximum(opened, close), np.minimum(opened, close)
        outside = np.maximum(top - high, low - bottom)
        noted = moved & (outside > settings.ohlc_tolerance * np.abs(close))
    if settings.ohlc_tolerance < CheckSettings.ohlc_tolerance:
        noted &= False  # stricter than usual, as the user asked for
    return noted, outside
