"""The supertrend, on Heikin-Ashi bars or on plain ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, crosses_below, sided
from trading_pipeline.strategies.lines import indicator_lines
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines
from trading_pipeline.strategies.windows import Multiple, Window

__all__ = ["Supertrend", "SupertrendParams"]


BarKind = Literal["heikin_ashi", "plain"]


class SupertrendParams(StrategyParams):
    """The bands, the bars that they follow, and a direction."""

    window: Window = 10
    """Window of the average true range, in bars."""
    width: Multiple = 3.0
    """Distance of the bands from the middle of the bar, in average true ranges."""
    bars: BarKind = "heikin_ashi"
    """Bars that the bands follow; fills are at real prices either way."""
    direction: Direction = "long_only"
    """`long_short` reverses at each turn, `long_only` is flat while the trend falls."""


class Supertrend(Strategy[SupertrendParams]):
    """Hold while the supertrend of Heikin-Ashi bars points up.

    Enter where it turns up and exit where it turns down. The supertrend turns where a close passes
    a band that trails the middle of the bar and never moves away from the price. Heikin-Ashi bars
    smooth both. Sources: Olivier Seban's supertrend; Dan Valcu, Using the Heikin-Ashi Technique,
    Technical Analysis of Stocks and Commodities (February 2004).
    """

    name: ClassVar[str] = "supertrend"

    def signals(self, market: Market, params: SupertrendParams) -> Signals:
        """Turns of every bar; the direction of the first band is no turn."""
        _, trend = _supertrend(_bars(market, params.bars), params.window, params.width)
        up, down = crosses_above(trend, 0.0), crosses_below(trend, 0.0)
        return sided(params.direction, up=up, down=down, exit_long=down, exit_short=up)

    def sweep_plan(self, market: Market, many: Sequence[SupertrendParams]) -> CrossingPlan:
        """One row for each distinct window and width, and zero."""
        lines = SweepLines(len(many), many[0].direction)
        bars = _bars(market, many[0].bars)
        keys = [(each.window, each.width) for each in many]
        trend = lines.each(keys, lambda key: _supertrend(bars, *key)[1])
        return lines.crossing(trend, lines.one(np.zeros(len(market))))

    def warmup_bars(self, params: SupertrendParams) -> int:
        """The window of true ranges, and one bar more for a turn."""
        return params.window + 1

    def chart_lines(self, market: Market, params: SupertrendParams) -> list[ChartLine]:
        """The supertrend, in prices; of Heikin-Ashi bars it lies off the candles."""
        line, _ = _supertrend(_bars(market, params.bars), params.window, params.width)
        return [ChartLine(f"Supertrend {params.window}", line, style="step")]


def _bars(market: Market, kind: BarKind) -> pd.DataFrame:
    """The bars that the bands follow."""
    if kind == "plain":
        return market.bars
    names = ("open", "high", "low", "close")
    return pd.DataFrame(dict(zip(names, indicator_lines("HA", market.bars), strict=True)))


def _supertrend(bars: pd.DataFrame, window: int, width: float) -> tuple[FloatArray, FloatArray]:
    """The line, and 1 where it rises, -1 where it falls."""
    line, trend = indicator_lines("SUPERTREND", bars, timeperiod=window, multiplier=width)
    return line, trend
