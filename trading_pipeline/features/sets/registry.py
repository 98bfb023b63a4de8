"""Feature sets by name: the shipped ones, and in a workspace those of the user's files too."""

from __future__ import annotations

from trading_pipeline.features.sets.alpha158 import ALPHA158
from trading_pipeline.features.sets.candles import CANDLES
from trading_pipeline.features.sets.coarse import CORE_MTF
from trading_pipeline.features.sets.computation import compute_features
from trading_pipeline.features.sets.core import CORE
from trading_pipeline.features.sets.feature_set import (
    FeatureContext,
    FeatureSet,
    FeatureSpec,
    FloatArray,
)
from trading_pipeline.features.sets.fractional import FRAC_DIFF
from trading_pipeline.features.sets.lags import ALPHA360_LITE
from trading_pipeline.features.sets.patterns import PATTERNS
from trading_pipeline.own_code import OwnCode, Registry

__all__ = [
    "SHIPPED_SETS",
    "FeatureContext",
    "FeatureSet",
    "FeatureSets",
    "FeatureSpec",
    "FloatArray",
    "compute_features",
    "feature_set",
    "feature_set_names",
]

SHIPPED_SETS: dict[str, FeatureSet] = {
    each.name: each
    for each in (ALPHA158, ALPHA360_LITE, CANDLES, CORE, CORE_MTF, FRAC_DIFF, PATTERNS)
}


class FeatureSets(Registry[FeatureSet]):
    """The shipped feature sets and those of a user's files.

    >>> "rsi_14" in FeatureSets().get("core").columns
    True
    """

    def __init__(self, own: OwnCode[FeatureSet] | None = None) -> None:
        super().__init__("feature set", SHIPPED_SETS, own)


def feature_set_names() -> tuple[str, ...]:
    """Names of the shipped feature sets."""
    return FeatureSets().names()


def feature_set(name: str) -> FeatureSet:
    """The shipped feature set of that name; `UnknownNameError` offers close ones.

    >>> feature_set("core").warmup_bars
    400
    """
    return FeatureSets().get(name)
