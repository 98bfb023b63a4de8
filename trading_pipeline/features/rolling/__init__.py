"""Rolling statistics that depend on their window alone."""

from __future__ import annotations

from trading_pipeline.features.rolling.windows import (
    FloatArray,
    Line,
    OrderStatistics,
    lagged,
    rolling_correlation,
    rolling_line,
    rolling_max,
    rolling_mean,
    rolling_mean_and_std,
    rolling_mean_deviation,
    rolling_min,
    rolling_order_statistics,
    rolling_position_of_max,
    rolling_position_of_min,
    rolling_std,
    rolling_sum,
    rolling_z_score,
)

__all__ = [
    "FloatArray",
    "Line",
    "OrderStatistics",
    "lagged",
    "rolling_correlation",
    "rolling_line",
    "rolling_max",
    "rolling_mean",
    "rolling_mean_and_std",
    "rolling_mean_deviation",
    "rolling_min",
    "rolling_order_statistics",
    "rolling_position_of_max",
    "rolling_position_of_min",
    "rolling_std",
    "rolling_sum",
    "rolling_z_score",
]
