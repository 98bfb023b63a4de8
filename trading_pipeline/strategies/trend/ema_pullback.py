"""Buying the pullback to a rising average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from trading_pipeline.domain.rule_plan import Condition, RulePlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import sided
from trading_pipeline.strategies.distance import (
    Distance,
    can_be_placed,
    distance_warmup,
    sided_stops,
    stop_loss,
)
from trading_pipeline.strategies.exponential_average import (
    exponential_average,
    exponential_averages,
)
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, whole_numbers_of
from trading_pipeline.strategies.windows import TwoWindows, Window

__all__ = ["EmaPullback", "EmaPullbackParams"]


class EmaPullbackParams(TwoWindows):
    """Two windows, a stop and a direction."""

    fast: Window = 20
    """Window of the average that prices fall back to, in bars; shorter than the slow one."""
    slow: Window = 50
    """Window of the average below which the trend has ended, in bars."""
    stop: Distance | None = "2 atr"
    """Distance of the stop loss, such as `2 atr`, `1.5 percent` or `10 points`; null: none."""
    direction: Direction = "long_only"
    """`long_short` also sells rallies to a falling average."""


class EmaPullback(Strategy[EmaPullbackParams]):
    """In a rising trend, buy a bar that dips to the fast average and closes above it.

    The trend rises while the fast average is above the slow one. A dip has its low at or below the
    fast average and its close above. The position is closed where a close is below the slow
    average. Source: Alexander Elder, Come Into My Trading Room (2002), on pulling back to value.
    """

    name: ClassVar[str] = "ema_pullback"

    def signals(self, market: Market, params: EmaPullbackParams) -> Signals:
        """Dips of every bar; none until both averages and the stop are known."""
        close, bars = market.close, market.bars
        fast, slow = self._averages(market, params)
        ready = can_be_placed(market, params.stop)
        up = ready & (fast > slow) & (bars["low"].to_numpy() <= fast) & (close > fast)
        down = ready & (fast < slow) & (bars["high"].to_numpy() >= fast) & (close < fast)
        return sided(
            params.direction,
            up=up,
            down=down,
            exit_long=close < slow,
            exit_short=close > slow,
            stop_loss=stop_loss(market, params.stop, down),
        )

    def sweep_plan(self, market: Market, many: Sequence[EmaPullbackParams]) -> RulePlan:
        """The prices, and the average of each distinct window."""
        lines, stop = SweepLines(len(many), many[0].direction), many[0].stop
        high, low = (lines.one(market.bars[name].to_numpy()) for name in ("high", "low"))
        close = lines.one(market.close)
        entries = lines.one(np.where(can_be_placed(market, stop), market.close, np.nan))
        windows = whole_numbers_of(many, "fast", "slow")
        averages = lines.all_at_once(windows, lambda w: exponential_averages(market.close, w))
        fast, slow = averages[: len(many)], averages[len(many) :]
        rising, falling = Condition(fast, "above", slow), Condition(fast, "below", slow)
        above, below = Condition(entries, "above", fast), Condition(entries, "below", fast)
        return lines.rules(
            up=[[rising, Condition(low, "at_or_below", fast), above]],
            down=[[falling, Condition(high, "at_or_above", fast), below]],
            exit_long=[[Condition(close, "below", slow)]],
            exit_short=[[Condition(close, "above", slow)]],
            **sided_stops(market, stop),
        )

    def warmup_bars(self, params: EmaPullbackParams) -> int:
        """One less than the slow window, or the 14 bars of an ATR if those are more."""
        return max(params.slow - 1, distance_warmup(params.stop))

    def chart_lines(self, market: Market, params: EmaPullbackParams) -> list[ChartLine]:
        """Both averages."""
        fast, slow = self._averages(market, params)
        return [ChartLine(f"EMA {params.fast}", fast), ChartLine(f"EMA {params.slow}", slow)]

    def _averages(self, market: Market, params: EmaPullbackParams) -> tuple[FloatArray, FloatArray]:
        close = market.close
        return exponential_average(close, params.fast), exponential_average(close, params.slow)
