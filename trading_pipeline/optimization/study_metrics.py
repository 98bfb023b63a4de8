"""What a study can maximize: metrics that follow from a sweep's statistics."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from trading_pipeline.errors import OptimizationError, did_you_mean
from trading_pipeline.performance.return_metrics import growth_a_year

__all__ = ["STUDY_METRICS", "metric_values", "require_metric"]

STUDY_METRICS: dict[str, str] = {
    "sharpe": "Sharpe ratio a year",
    "total_return": "gain over all bars, a fraction of the starting cash",
    "final_equity": "account value at the last close; ranks as total_return does",
    "cagr": "growth a year of elapsed time, a fraction",
    "max_drawdown": "deepest fall from a peak, 0 or negative: the largest is the shallowest",
    "calmar": "cagr over the size of the deepest fall; undefined where nothing fell",
}
"""Metrics by name, and what they are. Larger is better for every one of them."""


def require_metric(name: str, study: str) -> None:
    """Raise `OptimizationError` for a metric that no sweep computes."""
    if name not in STUDY_METRICS:
        raise OptimizationError(
            f"The study '{study}' maximizes '{name}', which is not computed in a "
            f"sweep. {did_you_mean(name, list(STUDY_METRICS))}",
            study=study,
            metric=name,
        )


def metric_values(table: pd.DataFrame, name: str, *, initial: float, years: float) -> pd.Series:
    """The metric of each row of a sweep's table; NaN where it is undefined.

    `initial`: cash at the start. `years`: elapsed time from the first bar to the last. A drawdown
    of an account that never traded is undefined, not 0: doing nothing would be the best of all.

    >>> table = pd.DataFrame({"final_equity": [121.0], "max_drawdown": [-0.5], "trade_count": [1]})
    >>> metric_values(table, "calmar", initial=100.0, years=2.0).round(12).tolist()
    [0.2]
    """
    growth = table["final_equity"] / initial
    if name == "total_return":
        return growth - 1.0
    if name in ("cagr", "calmar"):
        yearly = growth.map(lambda each: growth_a_year(float(each), years))
        if name == "cagr":
            return yearly
        size = (-table["max_drawdown"]).clip(lower=0.0)
        return (yearly / size.where(size > 0.0)).replace([np.inf, -np.inf], math.nan)
    if name == "max_drawdown":
        return table[name].where(table["trade_count"] > 0)
    return table[name]
