"""Reversion from a Bollinger band to its middle."""

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

__all__ = ["BollingerReversion", "BollingerReversionParams"]


class BollingerReversionParams(Bands):
    """The bands and a direction."""

    direction: Direction = "long_only"
    """`long_short` also sells above the upper band."""


class BollingerReversion(Strategy[BollingerReversionParams]):
    """Buy where the close falls below the lower Bollinger band; sell once it is at the mean.

    Source: John Bollinger, Bollinger on Bollinger Bands (2001).
    """

    name: ClassVar[str] = "bollinger_reversion"

    def signals(self, market: Market, params: BollingerReversionParams) -> Signals:
        """Crosses of every bar; none until the bands are known on two bars."""
        close = market.close
        mean, upper, lower = bollinger_bands(market, params)
        return sided(
            params.direction,
            up=crosses_below(close, lower),
            down=crosses_above(close, upper),
            exit_long=close >= mean,
            exit_short=close <= mean,
        )

    def sweep_plan(self, market: Market, many: Sequence[BollingerReversionParams]) -> RulePlan:
        """The close, and mean and deviation of each distinct window."""
        lines = SweepLines(len(many), many[0].direction)
        close, width = lines.one(market.close), values_of(many, "width")
        windows = whole_numbers_of(many, "window")
        mean, deviation = lines.pairs_at_once(
            windows, lambda w: means_and_deviations(market.close, w)
        )
        return lines.rules(
            up=[[Condition(close, "crosses_below", mean, -width, deviation)]],
            down=[[Condition(close, "crosses_above", mean, width, deviation)]],
            exit_long=[[Condition(close, "at_or_above", mean)]],
            exit_short=[[Condition(close, "at_or_below", mean)]],
        )

    def warmup_bars(self, params: BollingerReversionParams) -> int:
        """The window: a cross needs the bands of its own bar and of the one before."""
        return params.window

    def chart_lines(self, market: Market, params: BollingerReversionParams) -> list[ChartLine]:
        """The bands and their mean."""
        names = (f"SMA {params.window}", "Bollinger upper", "Bollinger lower")
        return list(map(ChartLine, names, bollinger_bands(market, params)))
