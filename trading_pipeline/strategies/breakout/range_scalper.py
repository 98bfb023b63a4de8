"""The breakout from a narrow range, with a target at a multiple of the risk."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import sided
from trading_pipeline.strategies.distance import ATR_BARS, price_level
from trading_pipeline.strategies.lines import average_true_range, highest_before, lowest_before
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.windows import Multiple, Window

__all__ = ["RangeScalper", "RangeScalperParams"]


class RangeScalperParams(StrategyParams):
    """The range, how narrow it must be, and the target."""

    window: Window = 10
    """Bars of the range, the bar that breaks out left out."""
    narrow: Multiple = 3.0
    """Height that the range may have at most, in average true ranges of 14 bars."""
    reward: Multiple = 2.0
    """Target, in multiples of the risk: 2 is two to one."""
    direction: Direction = "long_only"
    """`long_short` also sells breaks below the range."""


class RangeScalper(Strategy[RangeScalperParams]):
    """Buy a close above a narrow range, with the range's low as stop and a target of 2:1.

    The risk is the distance from the close to the other end of the range, and the target lies
    `reward` times as far on the other side. A close out of the range against the position ends it.
    Source: Toby Crabel, Day Trading with Short Term Price Patterns and Opening Range Breakout
    (1990), on narrow ranges.
    """

    name: ClassVar[str] = "range_scalper"

    def signals(self, market: Market, params: RangeScalperParams) -> Signals:
        """Breaks of every bar; none until the range and the true range are known.

        The true range is that of the bar before, so that a wide breakout does not make its own
        range narrow.
        """
        bars, close = market.bars, market.close
        high, low = self._range(market, params)
        usual = np.full(len(market), np.nan)
        usual[1:] = average_true_range(bars, ATR_BARS)[:-1]
        narrow = high - low <= params.narrow * usual
        above, below = close > high, close < low
        stop = np.where(below, high, low)
        return sided(
            params.direction,
            up=narrow & above,
            down=narrow & below,
            exit_long=below,
            exit_short=above,
            stop_loss=price_level(market, stop),
            take_profit=price_level(market, close + params.reward * (close - stop)),
        )

    def warmup_bars(self, params: RangeScalperParams) -> int:
        """The window, or the bars of a true range on the bar before."""
        return max(params.window, ATR_BARS + 1)

    def chart_lines(self, market: Market, params: RangeScalperParams) -> list[ChartLine]:
        """Both ends of the range, narrow or not."""
        high, low = self._range(market, params)
        return [
            ChartLine(f"Range high {params.window}", high, style="step"),
            ChartLine(f"Range low {params.window}", low, style="step"),
        ]

    def _range(self, market: Market, params: RangeScalperParams) -> tuple[FloatArray, FloatArray]:
        high, low = market.bars["high"].to_numpy(), market.bars["low"].to_numpy()
        return highest_before(high, params.window), lowest_before(low, params.window)
