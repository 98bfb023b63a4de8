"""Monthly timing by the average of month-end closes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from trading_pipeline.domain.rule_plan import Condition, RulePlan
from trading_pipeline.domain.signals import FloatArray, Signals
from trading_pipeline.strategies.base import Direction, Strategy, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import sided
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.sweep_lines import SweepLines, whole_numbers_of
from trading_pipeline.strategies.trend.months import begins_month, closes_months_ago

__all__ = ["MonthlyTrend", "MonthlyTrendParams"]


class MonthlyTrendParams(StrategyParams):
    """Months of the average, and a direction."""

    months: Annotated[int, Field(ge=2, le=60)] = 10
    """Month-end closes in the average, the latest one included."""
    direction: Direction = "long_only"
    """`long_short` is short below the average, `long_only` is flat."""


class MonthlyTrend(Strategy[MonthlyTrendParams]):
    """Hold for a month where the last month-end close is above the average of ten.

    Decided on the first bar of each calendar month. Source: Meb Faber, A Quantitative Approach to
    Tactical Asset Allocation (2007).
    """

    name: ClassVar[str] = "monthly_trend"

    def signals(self, market: Market, params: MonthlyTrendParams) -> Signals:
        """Decisions on each month's first bar; none before the average is known."""
        decided = begins_month(market)
        last, average = self._month_ends(market, params)
        up, down = decided & (last > average), decided & (last < average)
        return sided(
            params.direction,
            up=up,
            down=down,
            exit_long=decided & (last <= average),
            exit_short=decided & (last >= average),
        )

    def sweep_plan(self, market: Market, many: Sequence[MonthlyTrendParams]) -> RulePlan:
        """The last month-end close, and the average of each distinct number of months."""
        lines, decided = SweepLines(len(many), many[0].direction), begins_month(market)
        last = lines.one(np.where(decided, closes_months_ago(market, (1,))[0], np.nan))
        average = lines.each(whole_numbers_of(many, "months"), lambda m: _average(market, m))
        return lines.rules(
            up=[[Condition(last, "above", average)]],
            down=[[Condition(last, "below", average)]],
            exit_long=[[Condition(last, "at_or_below", average)]],
            exit_short=[[Condition(last, "at_or_above", average)]],
        )

    def warmup_bars(self, params: MonthlyTrendParams) -> int:
        """About 21 daily bars a month; other timeframes and calendars have other numbers."""
        return 21 * (params.months - 1)

    def chart_lines(self, market: Market, params: MonthlyTrendParams) -> list[ChartLine]:
        """The last month-end close, and the average that it is compared with."""
        last, average = self._month_ends(market, params)
        return [
            ChartLine("Month end", last, style="step"),
            ChartLine(f"Average of {params.months} month ends", average, style="step"),
        ]

    def _month_ends(
        self, market: Market, params: MonthlyTrendParams
    ) -> tuple[FloatArray, FloatArray]:
        (last,) = closes_months_ago(market, (1,))
        return last, _average(market, params.months)


def _average(market: Market, months: int) -> FloatArray:
    """Mean of the last month-end closes, so many of them."""
    average: FloatArray = np.sum(closes_months_ago(market, range(1, months + 1)), axis=0) / months
    return average
