"""The feature set `candles`: 19 candlestick patterns, -1 bearish, 0 none, 1 bullish.

The rules are TA-Lib's; they compare a bar with mean sizes of the bars before it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.indicators.wrapper import indicator_arrays, indicator_warmup
from trading_pipeline.features.sets.feature_set import FeatureSet, plain_window

__all__ = ["CANDLES", "candlestick"]

_PATTERNS = {
    "ENGULFING": "a body that engulfs the one before",
    "HARAMI": "a body inside the large one before",
    "HARAMICROSS": "a doji inside the large body before",
    "DOJI": "no body",
    "DRAGONFLYDOJI": "no body, and a lower wick only",
    "GRAVESTONEDOJI": "no body, and an upper wick only",
    "HAMMER": "a small body over a long lower wick, near the low before",
    "HANGINGMAN": "a small body over a long lower wick, near the high before",
    "INVERTEDHAMMER": "a small body under a long upper wick, after a gap down",
    "SHOOTINGSTAR": "a small body under a long upper wick, after a gap up",
    "MORNINGSTAR": "a fall, a small body below, a rise",
    "EVENINGSTAR": "a rise, a small body above, a fall",
    "PIERCING": "a rise from below the low into the falling body before",
    "DARKCLOUDCOVER": "a fall from above the high into the rising body before",
    "3OUTSIDE": "an engulfing and its confirmation",
    "3INSIDE": "a harami and its confirmation",
    "3WHITESOLDIERS": "three long rises",
    "3BLACKCROWS": "three long falls",
    "MARUBOZU": "a long body without wicks",
}


def candlestick(bars: pd.DataFrame, *, pattern: str) -> FloatArray:
    """TA-Lib's pattern of that name (without its prefix CDL): -1.0, 0.0 or 1.0.

    TA-Lib gives 100 or, where two bodies share an edge, 80; both are 1 here.
    """
    (values,) = indicator_arrays(f"CDL{pattern}", bars)
    return np.sign(values)


CANDLES = FeatureSet(
    name="candles",
    version=1,
    specs=tuple(
        plain_window(
            f"candle_{pattern.lower()}",
            ("open", "high", "low", "close"),
            indicator_warmup(f"CDL{pattern}"),
            candlestick,
            f"Candlestick: {meaning}; -1 bearish, 0 none, 1 bullish.",
            pattern=pattern,
        )
        for pattern, meaning in _PATTERNS.items()
    ),
)
"""Candlestick patterns of one to three bars."""
