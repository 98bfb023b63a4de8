"""The stochastic oscillator in the direction of the trend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from trading_pipeline.domain.rule_plan import Condition, RulePlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Ascending, Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, sided
from trading_pipeline.strategies.exponential_average import (
    exponential_average,
    exponential_averages,
)
from trading_pipeline.strategies.lines import indicator_lines
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, values_of, whole_numbers_of
from trading_pipeline.strategies.windows import Window

__all__ = ["StochasticTrend", "StochasticTrendParams"]

Level = Annotated[float, Field(gt=0.0, lt=100.0)]
Smoothing = Annotated[int, Field(ge=1, le=100)]


class StochasticTrendParams(StrategyParams):
    """Windows of oscillator and trend, two levels and a direction."""

    ascending: ClassVar[tuple[Ascending, ...]] = (
        Ascending(
            ("oversold", "overbought"),
            "oversold of {oversold} must be below overbought of {overbought}",
        ),
    )

    window: Window = 14
    """Bars whose range the close is placed in."""
    smooth: Smoothing = 3
    """Bars of the mean that makes %K of it."""
    signal: Smoothing = 3
    """Bars of the mean of %K, which is %D."""
    trend: Window = 100
    """Window of the exponential average that says which way the trend goes, in bars."""
    oversold: Level = 20.0
    """Buy crosses while %D is below it; below `overbought`."""
    overbought: Level = 80.0
    """Sell crosses while %D is above it."""
    direction: Direction = "long_only"
    """`long_short` also sells below the trend's average."""


class StochasticTrend(Strategy[StochasticTrendParams]):
    """Above a long average, buy where %K crosses above a low %D; sell at a high cross down.

    %K places the close in the range of `window` bars, 0 to 100, averaged over `smooth`; %D is its
    mean. A position ends at a cross of %K below %D while that is above `overbought`, or where the
    close is below the average. Source: George Lane, Lane's Stochastics (1984).
    """

    name: ClassVar[str] = "stochastic_trend"

    def signals(self, market: Market, params: StochasticTrendParams) -> Signals:
        """Crosses of every bar; none until the oscillator and the average are known."""
        close = market.close
        k, d, average = self._lines(market, params)
        low = crosses_above(k, d) & (d < params.oversold)
        high = crosses_above(d, k) & (d > params.overbought)
        return sided(
            params.direction,
            up=low & (close > average),
            down=high & (close < average),
            exit_long=high | (close < average),
            exit_short=low | (close > average),
        )

    def sweep_plan(self, market: Market, many: Sequence[StochasticTrendParams]) -> RulePlan:
        """The close, and both lines and the average of each distinct window."""
        lines = SweepLines(len(many), many[0].direction)
        close = lines.one(market.close)
        k, d = lines.pairs(
            [(each.window, each.smooth, each.signal) for each in many],
            lambda windows: _oscillator(market, *windows),
        )
        trends = whole_numbers_of(many, "trend")
        average = lines.all_at_once(trends, lambda w: exponential_averages(market.close, w))
        above, below = Condition(close, "above", average), Condition(close, "below", average)
        low = [
            Condition(k, "crosses_above", d),
            Condition(d, "below", number=values_of(many, "oversold")),
        ]
        high = [
            Condition(k, "crosses_below", d),
            Condition(d, "above", number=values_of(many, "overbought")),
        ]
        return lines.rules(
            up=[[*low, above]],
            down=[[*high, below]],
            exit_long=[high, [below]],
            exit_short=[low, [above]],
        )

    def warmup_bars(self, params: StochasticTrendParams) -> int:
        """Bars of the average, or of a cross of the oscillator if those are more."""
        return max(params.trend - 1, params.window + params.smooth + params.signal - 2)

    def chart_lines(self, market: Market, params: StochasticTrendParams) -> list[ChartLine]:
        """The average over the candles; %K, %D and their levels in a pane of their own."""
        k, d, average = self._lines(market, params)
        pane = "Stochastic"
        return [
            ChartLine(f"EMA {params.trend}", average),
            ChartLine("%K", k, pane=pane, levels=(params.oversold, params.overbought)),
            ChartLine("%D", d, pane=pane),
        ]

    def _lines(
        self, market: Market, params: StochasticTrendParams
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        k, d = _oscillator(market, params.window, params.smooth, params.signal)
        return k, d, exponential_average(market.close, params.trend)


def _oscillator(
    market: Market, window: int, smooth: int, signal: int
) -> tuple[FloatArray, FloatArray]:
    """%K and %D."""
    k, d = indicator_lines(
        "STOCH", market.bars, fastk_period=window, slowk_period=smooth, slowd_period=signal
    )
    return k, d
