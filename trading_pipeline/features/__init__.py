"""Features, labels and chart patterns: what a model learns from, computed from bars alone.

Read `sets/` first (named lists of features: `sets/core.py` shows one), then `rolling/` and
`indicators/`, which the formulas are made of. Beside them: `labels/` (what a model forecasts),
`patterns/` (chart patterns), `cross_formulas.py` (a series compared with others), `audits/` (proofs
that nothing looks ahead), `feature_quality.py` (whether a column is worth learning from) and
`own_features.py` (the user's own files). `arrays.py` names the array types.

Everything here is a function of bars: no storage, no Dagster, no model, no strategy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading_pipeline.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from trading_pipeline.features.own_features import feature
    from trading_pipeline.features.sets.context import FeatureContext
    from trading_pipeline.features.sets.registry import (
        compute_features,
        feature_set,
        feature_set_names,
    )

__all__ = ["FeatureContext", "compute_features", "feature", "feature_set", "feature_set_names"]

_HOMES = {
    "FeatureContext": "trading_pipeline.features.sets.context",
    "compute_features": "trading_pipeline.features.sets.registry",
    "feature": "trading_pipeline.features.own_features",
    "feature_set": "trading_pipeline.features.sets.registry",
    "feature_set_names": "trading_pipeline.features.sets.registry",
}
# imported when first used: formulas load compiled code
__getattr__ = lazy_exports(__name__, _HOMES)
