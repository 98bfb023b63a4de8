"""The relative strength index where it leaves an extreme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from trading_pipeline.domain.rule_plan import Condition, RulePlan
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies.base import Ascending, Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, crosses_below, sided
from trading_pipeline.strategies.lines import relative_strength
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, values_of
from trading_pipeline.strategies.windows import Window

__all__ = ["RsiCross", "RsiCrossParams"]

Level = Annotated[float, Field(gt=0.0, lt=100.0)]


class RsiCrossParams(StrategyParams):
    """The window, two levels and a direction."""

    ascending: ClassVar[tuple[Ascending, ...]] = (
        Ascending(
            ("oversold", "overbought"),
            "oversold of {oversold} must be below overbought of {overbought}",
        ),
    )

    window: Window = 14
    """Window of the index, in bars."""
    oversold: Level = 30.0
    """Buy where the index rises above it again; below `overbought`."""
    overbought: Level = 70.0
    """Sell where the index falls below it again."""
    direction: Direction = "long_only"
    """`long_short` reverses at each such cross."""


class RsiCross(Strategy[RsiCrossParams]):
    """Buy where the RSI comes back above a low level; sell where it comes back below a high one.

    Source: Welles Wilder, New Concepts in Technical Trading Systems (1978).
    """

    name: ClassVar[str] = "rsi_cross"

    def signals(self, market: Market, params: RsiCrossParams) -> Signals:
        """Crosses of every bar; none until the index is known on two bars."""
        rsi = relative_strength(market.close, params.window)
        up, down = crosses_above(rsi, params.oversold), crosses_below(rsi, params.overbought)
        return sided(params.direction, up=up, down=down, exit_long=down, exit_short=up)

    def sweep_plan(self, market: Market, many: Sequence[RsiCrossParams]) -> RulePlan:
        """One row for each distinct window."""
        lines = SweepLines(len(many), many[0].direction)
        rsi = lines.each([p.window for p in many], lambda w: relative_strength(market.close, w))
        up = [[Condition(rsi, "crosses_above", number=values_of(many, "oversold"))]]
        down = [[Condition(rsi, "crosses_below", number=values_of(many, "overbought"))]]
        return lines.rules(up=up, down=down, exit_long=down, exit_short=up)

    def warmup_bars(self, params: RsiCrossParams) -> int:
        """The index takes `window` bars, a cross one more."""
        return params.window + 1

    def chart_lines(self, market: Market, params: RsiCrossParams) -> list[ChartLine]:
        """The index and its levels, in a pane of its own."""
        rsi = relative_strength(market.close, params.window)
        levels = (params.oversold, params.overbought)
        return [ChartLine(f"RSI {params.window}", rsi, pane="RSI", levels=levels)]
