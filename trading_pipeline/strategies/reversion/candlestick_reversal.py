"""Candlesticks that mark the end of a fall or of a rise."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import sided
from trading_pipeline.strategies.distance import price_level
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.windows import Multiple, Window

__all__ = ["CandlestickReversal", "CandlestickReversalParams"]

Candle = Literal["engulfing", "hammer", "star", "piercing", "harami"]
_PATTERNS: dict[Candle, tuple[str, ...]] = {
    "engulfing": ("ENGULFING",),
    "hammer": ("HAMMER", "SHOOTINGSTAR"),
    "star": ("MORNINGSTAR", "EVENINGSTAR"),
    "piercing": ("PIERCING", "DARKCLOUDCOVER"),
    "harami": ("HARAMI",),
}
_BARS = 3  # the longest of these patterns


class CandlestickReversalParams(StrategyParams):
    """Which candlesticks count, what comes before them, and where the trade ends."""

    candle: Candle | Literal["any"] = "any"
    """Candlesticks that count; each name means the bullish form and its bearish mirror."""
    trend: Window = 10
    """Bars whose mean close the close before the candlestick must be below (for a short: above)."""
    reward: Multiple = 2.0
    """Target, in multiples of the risk, which is the close less the stop."""
    direction: Direction = "long_only"
    """`long_short` also sells bearish candlesticks after a rise."""


class CandlestickReversal(Strategy[CandlestickReversalParams]):
    """Buy a bullish candlestick after a fall, with its low as stop and a multiple of it as target.

    The stop is the lowest low of the last three bars (for a short the highest high). The opposite
    signal closes the position too. Source: Steve Nison, Japanese Candlestick Charting Techniques
    (1991); the patterns are those of the feature set `candles`.
    """

    name: ClassVar[str] = "candlestick_reversal"

    def signals(self, market: Market, params: CandlestickReversalParams) -> Signals:
        """Candlesticks of every bar; none while they or the mean are not known."""
        from trading_pipeline.features.rolling import (
            lagged,
            rolling_max,
            rolling_min,
        )
        from trading_pipeline.features.sets.candles import candlestick

        bars, close = market.bars, market.close
        found = np.array([candlestick(bars, pattern=each) for each in _patterns(params.candle)])
        before, mean = lagged(close, 1), self._mean_before(market, params)
        low = rolling_min(bars["low"].to_numpy(), _BARS)
        high = rolling_max(bars["high"].to_numpy(), _BARS)
        up = (found > 0).any(axis=0) & (before < mean) & (close > low)
        down = (found < 0).any(axis=0) & (before > mean) & (close < high)
        stop = np.where(down, high, low)
        return sided(
            params.direction,
            up=up,
            down=down,
            exit_long=down,
            exit_short=up,
            stop_loss=price_level(market, stop),
            take_profit=price_level(market, close + params.reward * (close - stop)),
        )

    def warmup_bars(self, params: CandlestickReversalParams) -> int:
        """Bars of the mean before the candlestick, or those that the candlesticks compare with."""
        from trading_pipeline.features.indicators import indicator_lookback

        patterns = _patterns(params.candle)
        shortest = min(indicator_lookback(f"CDL{each}") for each in patterns)
        return max(params.trend, shortest)

    def chart_lines(self, market: Market, params: CandlestickReversalParams) -> list[ChartLine]:
        """The mean that the close before the candlestick is compared with."""
        return [ChartLine(f"SMA {params.trend}, bar before", self._mean_before(market, params))]

    def _mean_before(self, market: Market, params: CandlestickReversalParams) -> FloatArray:
        from trading_pipeline.features.rolling import lagged, rolling_mean

        return lagged(rolling_mean(market.close, params.trend), 1)


def _patterns(candle: Candle | Literal["any"]) -> tuple[str, ...]:
    chosen = _PATTERNS if candle == "any" else (candle,)
    return tuple(name for each in chosen for name in _PATTERNS[each])
