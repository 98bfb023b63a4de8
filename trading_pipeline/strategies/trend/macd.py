"""Moving average convergence and divergence (MACD), traded at its signal line."""

from __future__ import annotations

from typing import ClassVar

import pandas as pd

from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, sided
from trading_pipeline.strategies.lines import indicator_lines
from trading_pipeline.strategies.market import Market
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
        line, signal, _ = self._macd(market, params)
        up, down = crosses_above(line, signal), crosses_above(signal, line)
        return sided(params.direction, up=up, down=down, exit_long=down, exit_short=up)

    def warmup_bars(self, params: MacdParams) -> int:
        """The MACD takes `slow` bars, its signal `signal` more less one, a cross one more."""
        return params.slow + params.signal - 1

    def chart_lines(self, market: Market, params: MacdParams) -> list[ChartLine]:
        """MACD, signal line, and the distance between them, in a pane of their own."""
        line, signal, distance = self._macd(market, params)
        return [
            ChartLine("MACD - signal", distance, pane="MACD", style="histogram", levels=(0.0,)),
            ChartLine(f"MACD {params.fast} {params.slow}", line, pane="MACD"),
            ChartLine(f"Signal {params.signal}", signal, pane="MACD"),
        ]

    def _macd(self, market: Market, params: MacdParams) -> tuple[FloatArray, ...]:
        return indicator_lines(
            "MACD",
            pd.Series(market.close),
            fastperiod=params.fast,
            slowperiod=params.slow,
            signalperiod=params.signal,
        )
