"""The breakout from a Keltner channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from trading_pipeline.domain.rule_plan import Condition, RulePlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, crosses_below, sided
from trading_pipeline.strategies.exponential_average import (
    exponential_average,
    exponential_averages,
)
from trading_pipeline.strategies.lines import average_true_range
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, values_of, whole_numbers_of
from trading_pipeline.strategies.windows import Multiple, Window

__all__ = ["KeltnerBreakout", "KeltnerBreakoutParams"]


class KeltnerBreakoutParams(StrategyParams):
    """Windows of the channel, its width and a direction."""

    window: Window = 20
    """Window of the exponential average in the middle, in bars."""
    atr_window: Window = 10
    """Window of the average true range, in bars."""
    width: Multiple = 2.0
    """Distance of the channel's lines from its middle, in average true ranges."""
    direction: Direction = "long_only"
    """`long_short` also sells breaks below the channel."""


class KeltnerBreakout(Strategy[KeltnerBreakoutParams]):
    """Buy where the close leaves a Keltner channel upward; sell where it is below the middle.

    The channel lies `width` average true ranges around an exponential average of closes. Source:
    Chester Keltner, How to Make Money in Commodities (1960), in Linda Raschke's form.
    """

    name: ClassVar[str] = "keltner_breakout"

    def signals(self, market: Market, params: KeltnerBreakoutParams) -> Signals:
        """Breaks of every bar; none until the channel is known on two bars."""
        close = market.close
        middle, upper, lower = self._channel(market, params)
        return sided(
            params.direction,
            up=crosses_above(close, upper),
            down=crosses_below(close, lower),
            exit_long=close < middle,
            exit_short=close > middle,
        )

    def sweep_plan(self, market: Market, many: Sequence[KeltnerBreakoutParams]) -> RulePlan:
        """The close, and average and true range of each distinct window."""
        lines = SweepLines(len(many), many[0].direction)
        close, width = lines.one(market.close), values_of(many, "width")
        windows, ranges = whole_numbers_of(many, "window"), whole_numbers_of(many, "atr_window")
        middle = lines.all_at_once(windows, lambda w: exponential_averages(market.close, w))
        reach = lines.each(ranges, lambda window: average_true_range(market.bars, window))
        return lines.rules(
            up=[[Condition(close, "crosses_above", middle, width, reach)]],
            down=[[Condition(close, "crosses_below", middle, -width, reach)]],
            exit_long=[[Condition(close, "below", middle)]],
            exit_short=[[Condition(close, "above", middle)]],
        )

    def warmup_bars(self, params: KeltnerBreakoutParams) -> int:
        """Bars of the average or of the true ranges, whichever are known later, and one more."""
        return max(params.window, params.atr_window + 1)

    def chart_lines(self, market: Market, params: KeltnerBreakoutParams) -> list[ChartLine]:
        """The channel."""
        names = (f"EMA {params.window}", "Keltner upper", "Keltner lower")
        return list(map(ChartLine, names, self._channel(market, params)))

    def _channel(self, market: Market, params: KeltnerBreakoutParams) -> tuple[FloatArray, ...]:
        middle = exponential_average(market.close, params.window)
        reach = params.width * average_true_range(market.bars, params.atr_window)
        return middle, middle + reach, middle - reach
