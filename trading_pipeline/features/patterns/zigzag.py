"""The causal zigzag: swing highs and lows, each with the bar that confirmed it.

Prices in the unit of the bars; distances in average true ranges (ATR) of 14 bars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features.arrays import FloatArray, IntArray
from trading_pipeline.features.indicators.wrapper import indicator
from trading_pipeline.features.patterns.zigzag_kernel import zigzag_loop

__all__ = ["ATR_BARS", "REVERSAL_ATRS", "Zigzag", "average_true_range_14", "find_pivots"]

ATR_BARS = 14
REVERSAL_ATRS = 2.5
"""How far a price must retrace before the extreme counts as a swing."""


@dataclass(frozen=True, kw_only=True)
class Zigzag:
    """Swing points in the order of their rows; highs and lows alternate.

    `rows`: position of the extreme in the bars; `kinds`: +1 a high, -1 a low; `prices`: high or low
    of that bar; `known_rows`: position of the bar at whose close the pivot is known, always later.
    """

    rows: IntArray
    kinds: IntArray
    prices: FloatArray
    known_rows: IntArray

    def __len__(self) -> int:
        return len(self.rows)

    def as_frame(self, index: pd.DatetimeIndex) -> pd.DataFrame:
        """One row a pivot: ts, kind, price, known_ts; `index` is that of the bars."""
        return pd.DataFrame(
            {
                "ts": index[self.rows],
                "kind": np.where(self.kinds > 0, "high", "low"),
                "price": self.prices,
                "known_ts": index[self.known_rows],
            }
        )


def average_true_range_14(bars: pd.DataFrame) -> FloatArray:
    """Wilder's average true range of 14 bars in the unit of the bars; NaN on the first 14 rows."""
    if len(bars) <= ATR_BARS:
        return np.full(len(bars), np.nan)
    return np.ascontiguousarray(
        indicator("ATR", bars, timeperiod=ATR_BARS)["real"], dtype="float64"
    )


def find_pivots(
    bars: pd.DataFrame, *, reversal_atrs: float = REVERSAL_ATRS, atr: FloatArray | None = None
) -> Zigzag:
    """Swing points of forward-adjusted bars, each known at its confirmation and never moved after.

    A high is confirmed by the first later bar whose low stands `reversal_atrs` times that bar's ATR
    below it; a low the other way round. A bar that makes a new extreme confirms nothing, and before
    the first pivot neither does a bar that could confirm both. The first 14 bars can hold an
    extreme but confirm none. `atr`: as `average_true_range_14` gives it, where the caller has it
    already. Fewer bars than 15 give no pivot. Raises `ConfigurationError` for a distance of 0 or
    less and `DataQualityError` for bars with NaN.
    """
    if not reversal_atrs > 0.0:
        raise ConfigurationError(
            f"A reversal of {reversal_atrs} ATRs makes every bar a swing; give more than 0.",
            reversal_atrs=reversal_atrs,
        )
    # one layout, so that the loops are compiled once
    high = np.ascontiguousarray(bars["high"], dtype="float64")
    low = np.ascontiguousarray(bars["low"], dtype="float64")
    ranges = average_true_range_14(bars) if atr is None else atr
    rows, kinds, known = zigzag_loop(high, low, ranges, float(reversal_atrs))
    prices = np.where(kinds > 0, high[rows], low[rows])
    return Zigzag(rows=rows, kinds=kinds, prices=prices, known_rows=known)
