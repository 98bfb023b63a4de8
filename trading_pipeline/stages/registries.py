"""What a catalog can name in code: feature sets, predictors, strategies and sources."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from trading_pipeline.market_data.sources.registry import Sources, own_sources
from trading_pipeline.settings.catalog import Catalog

if TYPE_CHECKING:
    from trading_pipeline.features.sets.registry import FeatureSets
    from trading_pipeline.models.predictors.catalogue import Predictors
    from trading_pipeline.strategies import StrategyCatalogue

__all__ = ["Registries"]


class Registries:
    """The registries of one catalog, each opened when it is first asked for.

    They belong to whoever opened them: two catalogs can be worked with in one process.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @cached_property
    def feature_sets(self) -> FeatureSets:
        """Feature sets: shipped, of YAML files and of Python files."""
        # late: it loads the compiled indicators, which reading a file of bars does not need
        from trading_pipeline.features.own_features import own_feature_sets

        sets = self._catalog.feature_sets
        files = {name: self._catalog.sources[f"features/{name}"] for name in sets}
        return own_feature_sets(self._catalog.own_folder("features"), sets, files)

    @cached_property
    def predictors(self) -> Predictors:
        """Predictors: shipped and of Python files."""
        from trading_pipeline.models.predictors.catalogue import own_predictors

        return own_predictors(self._catalog.own_folder("predictors"))

    @cached_property
    def strategies(self) -> StrategyCatalogue:
        """Strategies: shipped and of Python files."""
        from trading_pipeline.strategies import own_strategies

        return own_strategies(self._catalog.own_folder("strategies"))

    @cached_property
    def sources(self) -> Sources:
        """Sources of bars: shipped and of Python files."""
        return own_sources(self._catalog.own_folder("sources"))
