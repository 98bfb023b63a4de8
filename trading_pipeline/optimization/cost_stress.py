"""What the best of a study would have made at other costs, by reruns.

The reruns choose nothing, so they are no trials.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from trading_pipeline.backtest.result import BacktestResult
from trading_pipeline.performance import summarize
from trading_pipeline.performance.cost_sensitivity import (
    BreakEven,
    break_even_commission,
    cost_sensitivity,
)
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["STRESSED_MULTIPLES", "break_even_cost", "costs_times", "stressed_costs"]

STRESSED_MULTIPLES = (0.0, 1.0, 2.0, 3.0)
_IN_BASIS_POINTS = ("commission_bps", "maker_commission_bps", "slippage_bps")
_IN_MONEY = (
    "commission_per_order",
    "commission_per_share",
    "commission_minimum",
    "commission_per_round_trip",
    "slippage_price",
    "slippage_volume_share",
)
_HIGHEST_BPS = 9_999.0
Rerun = Callable[[BacktestSettings], BacktestResult]


def costs_times(settings: BacktestSettings, multiple: float) -> BacktestSettings:
    """The settings with every commission and slippage times `multiple`; financing stays.

    >>> costs_times(BacktestSettings(commission_bps=10.0), 3.0).commission_bps
    30.0
    """
    changed = {
        name: min(value * multiple, _HIGHEST_BPS) if name in _IN_BASIS_POINTS else value * multiple
        for name in (*_IN_BASIS_POINTS, *_IN_MONEY)
        if (value := getattr(settings, name)) is not None
    }
    return settings.model_copy(update=changed)


def stressed_costs(settings: BacktestSettings, rerun: Rerun) -> pd.DataFrame:
    """Headline metrics at no costs, at those of the settings, and at twice and three times these.

    One row a multiple, with the columns of `cost_sensitivity`. `rerun(settings)` trades the same
    signals.
    """

    def metrics(multiple: float) -> dict[str, float]:
        result = rerun(costs_times(settings, multiple))
        return summarize(
            result.equity,
            periods_per_year=result.periods_per_year,
            stamps=result.index,
            trades=result.trades,
            initial_equity=settings.initial_cash,
            multiplier=settings.multiplier,
        )

    return cost_sensitivity(metrics, STRESSED_MULTIPLES)


def break_even_cost(settings: BacktestSettings, rerun: Rerun) -> BreakEven:
    """All costs of a fill, in basis points of its value, at which the account ends as it began.

    Found by reruns with this commission on every fill and neither slippage nor any other fee, to
    0.01 bps.
    """
    free = costs_times(settings, 0.0).model_copy(update={"maker_commission_bps": None})

    def final_equity(commission_bps: float) -> float:
        return rerun(free.model_copy(update={"commission_bps": commission_bps})).final_equity

    return break_even_commission(
        final_equity, initial_equity=settings.initial_cash, ceiling_bps=_HIGHEST_BPS
    )
