"""A trend that is left by a trailing stop alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from trading_pipeline.domain.rule_plan import Condition, Levels, RulePlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import sided
from trading_pipeline.strategies.distance import (
    Distance,
    can_be_placed,
    distance_warmup,
    trailing_stop,
)
from trading_pipeline.strategies.lines import extremes_before, highest_before, lowest_before
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, whole_numbers_of
from trading_pipeline.strategies.windows import Window

__all__ = ["AtrTrailing", "AtrTrailingParams"]


class AtrTrailingParams(StrategyParams):
    """The breakout that begins a trade, and the stop that ends it."""

    entry: Window = 50
    """Bars whose highest close must be exceeded, the bar itself left out."""
    trail: Distance = "3 atr"
    """Distance of the trailing stop, such as `3 atr`, `5 percent` or `10 points`."""
    direction: Direction = "long_only"
    """`long_short` also sells the lowest close, and a new entry reverses."""


class AtrTrailing(Strategy[AtrTrailingParams]):
    """Buy the highest close of `entry` bars; leave by a stop that trails the best price.

    The distance of the trailing stop is that of the bar which decides the entry. Sources: Welles
    Wilder, New Concepts in Technical Trading Systems (1978), the volatility system; Chuck LeBeau's
    chandelier exit.
    """

    name: ClassVar[str] = "atr_trailing"

    def signals(self, market: Market, params: AtrTrailingParams) -> Signals:
        """New extremes of every bar; no signal leaves, the trailing stop does."""
        close, never = market.close, np.zeros(len(market), dtype=np.bool_)
        ready = can_be_placed(market, params.trail)
        high, low = self._extremes(market, params)
        return sided(
            params.direction,
            up=ready & (close > high),
            down=ready & (close < low),
            exit_long=never,
            exit_short=never,
            trailing_stop=trailing_stop(market, params.trail),
        )

    def sweep_plan(self, market: Market, many: Sequence[AtrTrailingParams]) -> RulePlan:
        """The close, and its extremes of each distinct window."""
        lines, trail = SweepLines(len(many), many[0].direction), many[0].trail
        close = lines.one(np.where(can_be_placed(market, trail), market.close, np.nan))
        windows = whole_numbers_of(many, "entry")
        high = lines.all_at_once(windows, lambda w: extremes_before(market.close, w, np.maximum))
        low = lines.all_at_once(windows, lambda w: extremes_before(market.close, w, np.minimum))
        return lines.rules(
            up=[[Condition(close, "above", high)]],
            down=[[Condition(close, "below", low)]],
            exit_long=[],
            exit_short=[],
            long=Levels(trailing_stop=trailing_stop(market, trail)),
        )

    def warmup_bars(self, params: AtrTrailingParams) -> int:
        """The entry window, or the 14 bars of an ATR if those are more."""
        return max(params.entry, distance_warmup(params.trail))

    def chart_lines(self, market: Market, params: AtrTrailingParams) -> list[ChartLine]:
        """The closes to exceed: of both sides with `long_short`."""
        high, low = self._extremes(market, params)
        lines = [ChartLine(f"Highest close {params.entry}", high, style="step")]
        if params.direction == "long_short":
            lines.append(ChartLine(f"Lowest close {params.entry}", low, style="step"))
        return lines

    def _extremes(self, market: Market, params: AtrTrailingParams) -> tuple[FloatArray, FloatArray]:
        close = market.close
        return highest_before(close, params.entry), lowest_before(close, params.entry)
