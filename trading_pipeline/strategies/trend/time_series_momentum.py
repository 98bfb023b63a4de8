"""Momentum of a series against its own past, decided once a month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from trading_pipeline.domain.rule_plan import Condition, RulePlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Ascending, Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import sided
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines
from trading_pipeline.strategies.trend.months import begins_month, closes_months_ago

__all__ = ["TimeSeriesMomentum", "TimeSeriesMomentumParams"]


class TimeSeriesMomentumParams(StrategyParams):
    """Calendar months of the return that decides, and a direction."""

    ascending: ClassVar[tuple[Ascending, ...]] = (
        Ascending(
            ("skip_months", "lookback_months"),
            "skip_months of {skip_months} leaves nothing of the {lookback_months} lookback_months; "
            "it must be less",
        ),
    )

    lookback_months: Annotated[int, Field(ge=1, le=120)] = 12
    """Calendar months back to where the return begins."""
    skip_months: Annotated[int, Field(ge=0, le=12)] = 1
    """Latest calendar months that are left out; fewer than `lookback_months`."""
    direction: Direction = "long_only"
    """`long_short` is short after a fall, `long_only` is flat."""


class TimeSeriesMomentum(Strategy[TimeSeriesMomentumParams]):
    """Hold for a month where the return of the months before was above 0.

    Months are calendar months. On the first bar of month m the return is that from the last close
    of month m - 1 - `lookback_months` to that of month m - 1 - `skip_months`; with `long_short`,
    a return below 0 is sold short. Sources: Moskowitz, Ooi and Pedersen, Time Series Momentum
    (2012); the skipped month follows Jegadeesh and Titman (1993).
    """

    name: ClassVar[str] = "time_series_momentum"

    def signals(self, market: Market, params: TimeSeriesMomentumParams) -> Signals:
        """Decisions on each month's first bar; none before the return is known."""
        decided = begins_month(market)
        old, new = self._closes(market, params)
        up, down = decided & (new > old), decided & (new < old)
        return sided(
            params.direction,
            up=up,
            down=down,
            exit_long=decided & (new <= old),
            exit_short=decided & (new >= old),
        )

    def sweep_plan(self, market: Market, many: Sequence[TimeSeriesMomentumParams]) -> RulePlan:
        """Closes on months' first bars, of each distinct number of months ago."""
        lines, decided = SweepLines(len(many), many[0].direction), begins_month(market)

        def closes(ago: int) -> FloatArray:
            return np.where(decided, closes_months_ago(market, (ago,))[0], np.nan)

        old = lines.each([1 + each.lookback_months for each in many], closes)
        new = lines.each([1 + each.skip_months for each in many], closes)
        return lines.rules(
            up=[[Condition(new, "above", old)]],
            down=[[Condition(new, "below", old)]],
            exit_long=[[Condition(new, "at_or_below", old)]],
            exit_short=[[Condition(new, "at_or_above", old)]],
        )

    def warmup_bars(self, params: TimeSeriesMomentumParams) -> int:
        """About 21 daily bars a month; other timeframes and calendars have other numbers."""
        return 21 * params.lookback_months

    def chart_lines(self, market: Market, params: TimeSeriesMomentumParams) -> list[ChartLine]:
        """The return that decides, as a fraction, in a pane of its own."""
        old, new = self._closes(market, params)
        name = f"Return of {params.lookback_months} months"
        return [ChartLine(name, new / old - 1.0, pane="Momentum", style="step", levels=(0.0,))]

    def _closes(self, market: Market, params: TimeSeriesMomentumParams) -> list[FloatArray]:
        ago = (1 + params.lookback_months, 1 + params.skip_months)
        return closes_months_ago(market, ago)
