"""Strategies that trade against an extreme: one file each."""

from __future__ import annotations

from trading_pipeline.strategies.reversion.bollinger_reversion import (
    BollingerReversion,
    BollingerReversionParams,
)
from trading_pipeline.strategies.reversion.candlestick_reversal import (
    CandlestickReversal,
    CandlestickReversalParams,
)
from trading_pipeline.strategies.reversion.rsi_cross import RsiCross, RsiCrossParams
from trading_pipeline.strategies.reversion.rsi_reversion import RsiReversion, RsiReversionParams

__all__ = [
    "BollingerReversion",
    "BollingerReversionParams",
    "CandlestickReversal",
    "CandlestickReversalParams",
    "RsiCross",
    "RsiCrossParams",
    "RsiReversion",
    "RsiReversionParams",
]
