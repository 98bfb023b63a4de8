"""Rolling statistics that depend on their window alone, in plain arrays.

Read `windows.py` first (one window, what formulas call), then `nested_windows.py` (several windows
at once). The compiled loops are in `kernels.py`, `joined_kernels.py` and `wilder_kernels.py`.
Nothing in here knows bars, timeframes or features.
"""

from __future__ import annotations

from trading_pipeline.features.arrays import FloatArray
from trading_pipeline.features.rolling.nested_windows import (
    Moments,
    nested_correlations,
    nested_extreme_positions,
    nested_extremes,
    nested_lines,
    nested_moments,
    nested_sums,
)
from trading_pipeline.features.rolling.windows import (
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
    "Moments",
    "OrderStatistics",
    "lagged",
    "nested_correlations",
    "nested_extreme_positions",
    "nested_extremes",
    "nested_lines",
    "nested_moments",
    "nested_sums",
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
