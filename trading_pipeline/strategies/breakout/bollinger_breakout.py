"""The breakout from a Bollinger band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from trading_pipeline.domain.rule_plan import Condition, RulePlan
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies.base import Direction, Strategy
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, crosses_below, sided
from trading_pipeline.strategies.lines import means_and_deviations
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, values_of, whole_numbers_of
from trading_pipeline.strategies.windows import Bands, bollinger_bands

__all__ = ["BollingerBreakout", "BollingerBreakoutParams"]


class BollingerBreakoutParams(Bands):
    """The bands and a direction."""

    direction: Direction = "long_only"
    """`long_short` also sells below the lower band."""


class BollingerBreakout(Strategy[BollingerBreakoutParams]):
    """Buy where the close rises above the upper Bollinger band; sell where it is below the mean.

    Source: John Bollinger, Bollinger on Bollinger Bands (2001), the volatility breakout.
    """

    name: ClassVar[str] = "bollinger_breakout"

    def signals(self, market: Market, params: BollingerBreakoutParams) -> Signals:
        """Breaks of every bar; none until the bands are known on two bars."""
        close = market.close
        mean, upper, lower = bollinger_bands(market, params)
        return sided(
            params.direction,
            up=crosses_above(close, upper),
            down=crosses_below(close, lower),
            exit_long=close < mean,
            exit_short=close > mean,
        )

    def sweep_plan(self, market: Market, many: Sequence[BollingerBreakoutParams]) -> RulePlan:
        """The close, and mean and deviation of each distinct window."""
        lines = SweepLines(len(many), many[0].direction)
        close, width = lines.one(market.close), values_of(many, "width")
        windows = whole_numbers_of(many, "window")
        mean, deviation = lines.pairs_at_once(
            windows, lambda w: means_and_deviations(market.close, w)
        )
        return lines.rules(
            up=[[Condition(close, "crosses_above", mean, width, deviation)]],
            down=[[Condition(close, "crosses_below", mean, -width, deviation)]],
            exit_long=[[Condition(close, "below", mean)]],
            exit_short=[[Condition(close, "above", mean)]],
        )

    def warmup_bars(self, params: BollingerBreakoutParams) -> int:
        """The window: a break needs the bands of its own bar and of the one before."""
        return params.window

    def chart_lines(self, market: Market, params: BollingerBreakoutParams) -> list[ChartLine]:
        """The bands and their mean."""
        names = (f"SMA {params.window}", "Bollinger upper", "Bollinger lower")
        return list(map(ChartLine, names, bollinger_bands(market, params)))
