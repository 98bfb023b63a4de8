"""The awesome oscillator, traded at its zero line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, sided
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, whole_numbers_of
from trading_pipeline.strategies.trend.moving_average import (
    simple_moving_average,
    simple_moving_averages,
)
from trading_pipeline.strategies.windows import TwoWindows, Window

__all__ = ["AwesomeOscillator", "AwesomeOscillatorParams"]


class AwesomeOscillatorParams(TwoWindows):
    """Two windows and a direction."""

    fast: Window = 5
    """Window of the fast average, in bars; shorter than the slow one."""
    slow: Window = 34
    """Window of the slow average, in bars."""
    direction: Direction = "long_only"
    """`long_short` reverses at each cross, `long_only` is flat below zero."""


class AwesomeOscillator(Strategy[AwesomeOscillatorParams]):
    """Buy where the awesome oscillator rises above zero; sell where it falls below.

    The oscillator is the fast average of the bars' middles, (high + low)/2, less the slow one.
    Source: Bill Williams, New Trading Dimensions (1998).
    """

    name: ClassVar[str] = "awesome_oscillator"

    def signals(self, market: Market, params: AwesomeOscillatorParams) -> Signals:
        """Crosses of every bar; none until both averages are known on two bars."""
        fast, slow = self._averages(market, params)
        up, down = crosses_above(fast, slow), crosses_above(slow, fast)
        return sided(params.direction, up=up, down=down, exit_long=down, exit_short=up)

    def sweep_plan(self, market: Market, many: Sequence[AwesomeOscillatorParams]) -> CrossingPlan:
        """One row for each distinct window."""
        lines = SweepLines(len(many), many[0].direction)
        windows = whole_numbers_of(many, "fast", "slow")
        rows = lines.all_at_once(windows, lambda w: simple_moving_averages(_middles(market), w))
        return lines.crossing(rows[: len(many)], rows[len(many) :])

    def warmup_bars(self, params: AwesomeOscillatorParams) -> int:
        """The slow window: a cross needs the averages of its own bar and of the one before."""
        return params.slow

    def chart_lines(self, market: Market, params: AwesomeOscillatorParams) -> list[ChartLine]:
        """The oscillator, in a pane of its own."""
        fast, slow = self._averages(market, params)
        name = "Awesome oscillator"
        return [ChartLine(name, fast - slow, pane=name, style="histogram", levels=(0.0,))]

    def _averages(
        self, market: Market, params: AwesomeOscillatorParams
    ) -> tuple[FloatArray, FloatArray]:
        middle = _middles(market)
        return (
            simple_moving_average(middle, params.fast),
            simple_moving_average(middle, params.slow),
        )


def _middles(market: Market) -> FloatArray:
    middles: FloatArray = (market.bars["high"].to_numpy() + market.bars["low"].to_numpy()) / 2.0
    return middles
