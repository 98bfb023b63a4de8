"""The moving-average crossover: trade the cross of a fast and a slow average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from trading_pipeline.domain.crossing_plan import CrossingPlan, CrossingStart, first_state
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Ascending, Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, sided
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, whole_numbers_of
from trading_pipeline.strategies.trend.moving_average import (
    simple_moving_average,
    simple_moving_averages,
)

__all__ = ["SmaCrossover", "SmaCrossoverParams"]


class SmaCrossoverParams(StrategyParams):
    """Two windows, a direction and how trading begins."""

    ascending: ClassVar[tuple[Ascending, ...]] = (
        Ascending(
            ("fast", "slow"),
            "the fast window of {fast} bars must be shorter than the slow one of {slow}",
        ),
    )

    added_later: ClassVar[frozenset[str]] = frozenset({"start"})

    fast: Annotated[int, Field(ge=1)] = 10
    """Window of the fast average, in bars; shorter than the slow one."""
    slow: Annotated[int, Field(ge=2)] = 30
    """Window of the slow average, in bars."""
    direction: Direction = "long_only"
    """`long_short` reverses at each cross, `long_only` is flat after a cross down."""
    start: CrossingStart = "cross"
    """`cross` waits for the first cross, `state` begins on the side that already holds."""


class SmaCrossover(Strategy[SmaCrossoverParams]):
    """Enter long where the fast average of adjusted closes crosses above the slow one; exit below.

    A cross up at bar t is `fast[t] > slow[t]` and `fast[t-1] <= slow[t-1]`; a cross down is the
    mirror. Bars whose averages are not complete have no signal.

    With `start: cross`, a market that starts above waits for its first cross. With `start: state`,
    the first traded bar whose averages are both complete counts as a cross to the side that holds
    there: long where the fast average is above, short (or flat) where it is below, nothing where
    they are equal. From then on only crosses count, so a stop is not undone on the next bar.
    Source: Brock, Lakonishok and LeBaron, Simple Technical Trading Rules (1992).
    """

    name: ClassVar[str] = "sma_crossover"

    def signals(self, market: Market, params: SmaCrossoverParams) -> Signals:
        """Crosses of every bar; a market shorter than the slow window has none."""
        fast, slow = self._averages(market, params)
        up, down = crosses_above(fast, slow), crosses_above(slow, fast)
        if params.start == "state":
            above, below = first_state(fast, slow, market.first_traded)
            up, down = up | above, down | below
        return sided(params.direction, up=up, down=down, exit_long=down, exit_short=up)

    def sweep_plan(self, market: Market, many: Sequence[SmaCrossoverParams]) -> CrossingPlan:
        """One row for each distinct window."""
        lines = SweepLines(len(many), many[0].direction)
        windows = whole_numbers_of(many, "fast", "slow")
        rows = lines.all_at_once(windows, lambda w: simple_moving_averages(market.close, w))
        return lines.crossing(rows[: len(many)], rows[len(many) :], many[0].start)

    def warmup_bars(self, params: SmaCrossoverParams) -> int:
        """The slow window: a cross needs the averages of its own bar and of the one before.

        One less with `start: state`, which needs those of its own bar only.
        """
        return params.slow if params.start == "cross" else params.slow - 1

    def chart_lines(self, market: Market, params: SmaCrossoverParams) -> list[ChartLine]:
        """Both averages."""
        fast, slow = self._averages(market, params)
        return [ChartLine(f"SMA {params.fast}", fast), ChartLine(f"SMA {params.slow}", slow)]

    def _averages(
        self, market: Market, params: SmaCrossoverParams
    ) -> tuple[FloatArray, FloatArray]:
        close = market.close
        return simple_moving_average(close, params.fast), simple_moving_average(close, params.slow)
