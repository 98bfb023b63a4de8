"""Reversion by the relative strength index: against an extreme, back to the middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from trading_pipeline.domain.rule_plan import Condition, RulePlan
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies.base import Ascending, Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, crosses_below, sided
from trading_pipeline.strategies.lines import relative_strength, relative_strengths
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, values_of, whole_numbers_of
from trading_pipeline.strategies.windows import Window

__all__ = ["RsiReversion", "RsiReversionParams"]

Level = Annotated[float, Field(gt=0.0, lt=100.0)]


class RsiReversionParams(StrategyParams):
    """The window, three levels and a direction."""

    ascending: ClassVar[tuple[Ascending, ...]] = (
        Ascending(
            ("oversold", "middle", "overbought"),
            "oversold, middle and overbought must rise, were {oversold}, {middle} and {overbought}",
        ),
    )

    window: Window = 14
    """Window of the index, in bars."""
    oversold: Level = 30.0
    """Buy where the index falls below it."""
    middle: Level = 50.0
    """Leave where the index is back here; between the two others."""
    overbought: Level = 70.0
    """With `long_short`, sell where the index rises above it."""
    direction: Direction = "long_only"
    """`long_short` also sells where the index is high."""


class RsiReversion(Strategy[RsiReversionParams]):
    """Buy where the RSI falls below a low level; sell once it is back in the middle.

    Sources: Welles Wilder, New Concepts in Technical Trading Systems (1978), for the index; Larry
    Connors and Cesar Alvarez, Short Term Trading Strategies That Work (2008), for buying the fall.
    """

    name: ClassVar[str] = "rsi_reversion"

    def signals(self, market: Market, params: RsiReversionParams) -> Signals:
        """Crosses of every bar; none until the index is known on two bars."""
        rsi = relative_strength(market.close, params.window)
        return sided(
            params.direction,
            up=crosses_below(rsi, params.oversold),
            down=crosses_above(rsi, params.overbought),
            exit_long=rsi >= params.middle,
            exit_short=rsi <= params.middle,
        )

    def sweep_plan(self, market: Market, many: Sequence[RsiReversionParams]) -> RulePlan:
        """One row for each distinct window."""
        lines = SweepLines(len(many), many[0].direction)
        windows = whole_numbers_of(many, "window")
        rsi = lines.all_at_once(windows, lambda w: relative_strengths(market.close, w))
        middle = values_of(many, "middle")
        return lines.rules(
            up=[[Condition(rsi, "crosses_below", number=values_of(many, "oversold"))]],
            down=[[Condition(rsi, "crosses_above", number=values_of(many, "overbought"))]],
            exit_long=[[Condition(rsi, "at_or_above", number=middle)]],
            exit_short=[[Condition(rsi, "at_or_below", number=middle)]],
        )

    def warmup_bars(self, params: RsiReversionParams) -> int:
        """The index takes `window` bars, a cross one more."""
        return params.window + 1

    def chart_lines(self, market: Market, params: RsiReversionParams) -> list[ChartLine]:
        """The index and its levels, in a pane of its own."""
        rsi = relative_strength(market.close, params.window)
        levels = (params.oversold, params.middle, params.overbought)
        return [ChartLine(f"RSI {params.window}", rsi, pane="RSI", levels=levels)]
