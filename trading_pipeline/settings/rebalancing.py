"""The settings of rebalancing: when a portfolio returns to its target weights.

Thresholds are fractions of the equity. Dates are those of UTC, or of the account's session zone.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from trading_pipeline.settings.spec_model import FrozenSettings, no_truth_value

__all__ = ["Rebalancing", "RebalancingCalendar"]

RebalancingCalendar: TypeAlias = (
    Literal["day", "week", "month", "quarter", "year"] | Annotated[int, Field(ge=1, strict=True)]
)
"""Period of which the last bar rebalances, or a number of bars."""


class Rebalancing(FrozenSettings):
    """When the weights known by then are restored; all orders fill at the next open.

    With neither field set, each bar whose row gives a weight rebalances. With a field set, the
    first row that gives a weight does, and after it only the dates and drifts named here; weights
    given in between wait for them.

    >>> Rebalancing(calendar="month", threshold=0.05).calendar
    'month'
    """

    calendar: RebalancingCalendar | None = Field(
        default=None,
        description="at the close of the last bar of each day, week (from Monday), month, quarter "
        "or year, or after every given number of bars",
    )
    threshold: Annotated[float, BeforeValidator(no_truth_value), Field(gt=0.0, lt=1.0)] | None = (
        Field(
            default=None,
            description="also where the weight of any instrument is off by more than this",
        )
    )
