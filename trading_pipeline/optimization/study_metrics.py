"""What a study can maximize: metrics that follow from a sweep's statistics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray
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


def metric_values(
    columns: Mapping[str, FloatArray], name: str, *, initial: float, years: float
) -> FloatArray:
    """The metric of each run of a sweep; NaN where it is undefined.

    `columns`: those of the sweep by name, one value a run. `initial`: cash at the start. `years`:
    elapsed time from the first bar to the last. A drawdown of an account that never traded is
    undefined, not 0: doing nothing would be the best of all.

    >>> columns = {"final_equity": np.array([121.0]), "max_drawdown": np.array([-0.5])}
    >>> metric_values(columns, "calmar", initial=100.0, years=2.0).round(12).tolist()
    [0.2]
    """
    if name in ("sharpe", "final_equity"):
        return columns[name]
    growth = columns["final_equity"] / initial
    if name == "total_return":
        return growth - 1.0
    if name == "max_drawdown":
        return np.where(columns["trade_count"] > 0, columns[name], np.nan)
    yearly = np.array([growth_a_year(each, years) for each in growth.tolist()])
    if name == "cagr":
        return yearly
    size = -columns["max_drawdown"]
    with np.errstate(divide="ignore", invalid="ignore"):
        calmar = np.where(size > 0.0, yearly / size, np.nan)
    return np.where(np.isfinite(calmar), calmar, np.nan)
