"""Feature sets: named, versioned lists of features, one file a shipped set.

Read `registry.py` first (how a set is found by its name), then `core.py` with its formulas in
`core_formulas.py` and `calendar_formulas.py`; the other sets follow the same shape. A set's file
only lists features: a formula of more than a few lines goes to a file of formulas, and a rolling
statistic to `rolling/`. No formula reads anything but the bars and a `FeatureContext`.
"""

from __future__ import annotations

from trading_pipeline.features.sets.context import FeatureContext
from trading_pipeline.features.sets.registry import FeatureSet, FeatureSpec, compute_features

__all__ = ["FeatureContext", "FeatureSet", "FeatureSpec", "compute_features"]
