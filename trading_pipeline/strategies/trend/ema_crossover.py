"""The crossover of exponential averages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, sided
from trading_pipeline.strategies.exponential_average import (
    exponential_average,
    exponential_averages,
)
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, whole_numbers_of
from trading_pipeline.strategies.windows import TwoWindows, Window

__all__ = ["EmaCrossover", "EmaCrossoverParams"]


class EmaCrossoverParams(TwoWindows):
    """Two windows and a direction."""

    fast: Window = 12
    """Window of the fast average, in bars; shorter than the slow one."""
    slow: Window = 26
    """Window of the slow average, in bars."""
    direction: Direction = "long_only"
    """`long_short` reverses at each cross, `long_only` is flat after a cross down."""


class EmaCrossover(Strategy[EmaCrossoverParams]):
    """Enter long where a fast exponential average crosses above a slow one; exit where below.

    Source: Gerald Appel, Technical Analysis: Power Tools for Active Investors (2005).
    """

    name: ClassVar[str] = "ema_crossover"

    def signals(self, market: Market, params: EmaCrossoverParams) -> Signals:
        """Crosses of every bar; none until both averages are known on two bars."""
        fast, slow = self._averages(market, params)
        up, down = crosses_above(fast, slow), crosses_above(slow, fast)
        return sided(params.direction, up=up, down=down, exit_long=down, exit_short=up)

    def sweep_plan(self, market: Market, many: Sequence[EmaCrossoverParams]) -> CrossingPlan:
        """One row for each distinct window."""
        lines = SweepLines(len(many), many[0].direction)
        windows = whole_numbers_of(many, "fast", "slow")
        rows = lines.all_at_once(windows, lambda w: exponential_averages(market.close, w))
        return lines.crossing(rows[: len(many)], rows[len(many) :])

    def warmup_bars(self, params: EmaCrossoverParams) -> int:
        """The slow window: a cross needs the averages of its own bar and of the one before."""
        return params.slow

    def chart_lines(self, market: Market, params: EmaCrossoverParams) -> list[ChartLine]:
        """Both averages."""
        fast, slow = self._averages(market, params)
        return [ChartLine(f"EMA {params.fast}", fast), ChartLine(f"EMA {params.slow}", slow)]

    def _averages(
        self, market: Market, params: EmaCrossoverParams
    ) -> tuple[FloatArray, FloatArray]:
        close = market.close
        return exponential_average(close, params.fast), exponential_average(close, params.slow)
