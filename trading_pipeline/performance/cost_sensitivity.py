"""How costs affect a result: the same backtest at other costs, and the break-even fee.

Both take a callable that reruns the backtest, so that sizes, stops and clipped orders react to the
costs as they would in trading.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from trading_pipeline.errors import ConfigurationError, DataQualityError

__all__ = ["COST_MULTIPLES", "BreakEven", "break_even_commission", "cost_sensitivity"]

COST_MULTIPLES = (0.5, 1.0, 2.0, 4.0)
_SHOWN = ("final_equity", "total_return", "cagr", "sharpe", "max_drawdown", "trade_count")


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """Commission, in basis points of each fill, at which nothing is gained or lost.

    `outcome`: "found"; "loses_without_commission" (no fee is low enough: NaN); "gains_at_ceiling"
    (the break-even lies above the highest fee tried: NaN); "indifferent" (the fee changes nothing,
    as without trades: NaN).
    """

    commission_bps: float
    outcome: Literal["found", "loses_without_commission", "gains_at_ceiling", "indifferent"]


def cost_sensitivity(
    rerun: Callable[[float], Mapping[str, float]],
    multiples: Sequence[float] = COST_MULTIPLES,
) -> pd.DataFrame:
    """One row a multiple of the costs: cost_multiple and the headline metrics at these costs.

    `rerun(multiple)` runs the backtest with every cost times `multiple` and gives its metrics
    (those of `summarize`). Raises `ConfigurationError` for a multiple below 0, `DataQualityError`
    for metrics that lack a headline one.
    """
    rows = []
    for multiple in multiples:
        if not (math.isfinite(multiple) and multiple >= 0.0):
            raise ConfigurationError(
                f"A multiple of the costs is {multiple}; it must be 0 or more.", multiple=multiple
            )
        metrics = rerun(float(multiple))
        missing = [name for name in _SHOWN if name not in metrics]
        if missing:
            raise DataQualityError(
                f"The rerun at {multiple} times the costs gave no {', '.join(missing)}; hand back "
                "the result's metrics.",
                missing=missing,
            )
        rows.append([float(multiple), *(float(metrics[name]) for name in _SHOWN)])
    return pd.DataFrame(rows, columns=["cost_multiple", *_SHOWN], dtype="float64")


def break_even_commission(
    final_equity_at: Callable[[float], float],
    *,
    initial_equity: float,
    ceiling_bps: float = 500.0,
    tolerance_bps: float = 0.01,
) -> BreakEven:
    """Commission at which the account ends where it began, all else equal; by bisection.

    `final_equity_at(commission_bps)` runs the backtest at that fee. Takes about log2(ceiling /
    tolerance) runs, 16 by default. The answer lies within `tolerance_bps` of a fee at which the
    gain turns into a loss; where lots or stops make the result jump there may be others.

    >>> break_even_commission(lambda bps: 110.0 - bps, initial_equity=100.0).outcome
    'found'
    """
    for name, value in (("ceiling_bps", ceiling_bps), ("tolerance_bps", tolerance_bps)):
        if not (math.isfinite(value) and value > 0.0):
            raise ConfigurationError(f"{name} is {value}; it must be above 0.", field=name)

    def gain(commission_bps: float) -> float:
        found = float(final_equity_at(commission_bps)) - initial_equity
        if math.isnan(found):
            raise DataQualityError(
                f"The rerun at a commission of {commission_bps} bps ended with an equity of NaN; "
                "it must give the account's final value.",
                commission_bps=commission_bps,
            )
        return found

    free, dear = gain(0.0), gain(ceiling_bps)
    if free == dear:
        return BreakEven(commission_bps=math.nan, outcome="indifferent")
    if free <= 0.0:
        return BreakEven(commission_bps=math.nan, outcome="loses_without_commission")
    if dear > 0.0:
        return BreakEven(commission_bps=math.nan, outcome="gains_at_ceiling")
    low, high = 0.0, ceiling_bps
    while high - low > tolerance_bps:
        middle = 0.5 * (low + high)
        if gain(middle) > 0.0:
            low = middle
        else:
            high = middle
    return BreakEven(commission_bps=0.5 * (low + high), outcome="found")
