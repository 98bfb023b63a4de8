"""Moving average convergence and divergence (MACD), traded at its signal line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pandas as pd

from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy
from trading_pipeline.strategies.crosses import crosses_above, sided
from trading_pipeline.strategies.lines import indicator_lines
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines
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
        line, signal = _lines(market, params.fast, params.slow, params.signal)
        up, down = crosses_above(line, signal), crosses_above(signal, line)
        return sided(params.direction, up=up, down=down, exit_long=down, exit_short=up)

    def sweep_plan(self, market: Market, many: Sequence[MacdParams]) -> CrossingPlan:
        """Two rows for each distinct set of windows."""
        lines = SweepLines(len(many), many[0].direction)
        keys = [(each.fast, each.slow, each.signal) for each in many]
        return lines.crossing(*lines.pairs(keys, lambda windows: _lines(market, *windows)))

    def warmup_bars(self, params: MacdParams) -> int:
        """The MACD takes `slow` bars, its signal `signal` more less one, a cross one more."""
        return params.slow + params.signal - 1


def _lines(market: Market, fast: int, slow: int, signal: int) -> tuple[FloatArray, FloatArray]:
    """The MACD and its signal line."""
    line, average, _ = indicator_lines(
        "MACD",
        pd.Series(market.close),
        fastperiod=fast,
        slowperiod=slow,
        signalperiod=signal,
    )
    return line, average
