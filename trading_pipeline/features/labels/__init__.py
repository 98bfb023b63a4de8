"""Labels: what came after each bar, and the moment at which it is known.

Read `labels.py` first (every kind, and what a row is), then `barriers.py` (triple barrier and
meta-label, with the compiled loop in `kernels.py`) and `reports.py` (overlap, uniqueness, sample
weights). Labels look ahead on purpose: no feature, strategy or backtest may import them.
"""

from __future__ import annotations

from trading_pipeline.features.labels.labels import (
    LABEL_COLUMNS,
    LABEL_KINDS,
    Labels,
    compute_labels,
)
from trading_pipeline.features.labels.reports import LabelReport, label_report, sample_weights

__all__ = [
    "LABEL_COLUMNS",
    "LABEL_KINDS",
    "LabelReport",
    "Labels",
    "compute_labels",
    "label_report",
    "sample_weights",
]
