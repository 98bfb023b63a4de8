"""This file holds how the feature sets of a catalog's files become known."""

from __future__ import annotations

from pathlib import Path

from trading_pipeline.features.own_features import load_own_sets
from trading_pipeline.settings.catalog import Catalog

__all__ = ["know_own_feature_sets"]


def know_own_feature_sets(catalog: Catalog) -> dict[str, Path]:
    """Know the sets of the catalog's YAML and Python files, and no others; gives their files by name.

    The sets of one folder are known at a time: two catalogs of different folders cannot be worked
    with at once in one process.
    """
    sources = {name: catalog.sources[f"features/{name}"] for name in catalog.feature_sets}
    return load_own_sets(catalog.feature_folder, catalog.feature_sets, sources)
