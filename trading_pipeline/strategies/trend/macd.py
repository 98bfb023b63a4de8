"""Moving average convergence and divergence (MACD), traded at its signal line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, sided
from trading_pipeline.strategies.exponential_average import macd_lines
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.parameter_sets import whole_numbers_of
from trading_pipeline.strategies.windows import TwoWindows, Window

__all__ = ["Macd", "MacdParams"]


class MacdParams(TwoWindows):
    """Three windows and a direction."""

    fast: Window = 12
    """Window of the fast average, in bars; shorter than the slow one."""
    slow: Window = 26
    """Window of the slow average, in bars."""
    signal: Window = 9
    """Window of the signal line, the average of the MACD, in bars."""
    direction: Direction = "long_only"
    """`long_short` reverses at each cross, `long_only` is flat after a cross down."""


class Macd(Strategy[MacdParams]):
    """Enter long where the MACD crosses above its signal line; exit where it crosses below.

    The MACD is the fast exponential average less the slow one. Source: Gerald Appel, Technical
    Analysis: Power Tools for Active Investors (2005).
    """

    name: ClassVar[str] = "macd"

    def signals(self, market: Market, params: MacdParams) -> Signals:
        """Crosses of every bar; none until the signal line is known on two bars."""
        line, signal = self._macd(market, params)
        up, down = crosses_above(line, signal), crosses_above(signal, line)
        return sided(params.direction, up=up, down=down, exit_long=down, exit_short=up)

    def sweep_plan(self, market: Market, many: Sequence[MacdParams]) -> CrossingPlan:
        """One row for each distinct MACD, and one signal line for each set."""
        windows = whole_numbers_of(many, "fast", "slow", "signal").reshape(3, -1).T
        rows, macd = macd_lines(market.close, windows)
        signals = np.arange(len(rows) - len(many), len(rows))
        return CrossingPlan(
            rows=rows, pairs=np.column_stack((macd, signals)), direction=many[0].direction
        )

    def warmup_bars(self, params: MacdParams) -> int:
        """The MACD takes `slow` bars, its signal `signal` more less one, a cross one more."""
        return params.slow + params.signal - 1

    def chart_lines(self, market: Market, params: MacdParams) -> list[ChartLine]:
        """MACD, signal line, and the distance between them, in a pane of their own."""
        line, signal = self._macd(market, params)
        return [
            ChartLine(
                "MACD - signal", line - signal, pane="MACD", style="histogram", levels=(0.0,)
            ),
            ChartLine(f"MACD {params.fast} {params.slow}", line, pane="MACD"),
            ChartLine(f"Signal {params.signal}", signal, pane="MACD"),
        ]

    def _macd(self, market: Market, params: MacdParams) -> tuple[FloatArray, FloatArray]:
        windows = (params.fast, params.slow, params.signal)
        (line, signal), _ = macd_lines(market.close, [windows])
        return line, signal
