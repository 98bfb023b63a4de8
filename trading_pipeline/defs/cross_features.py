"""The asset of cross features, the one that reads the bars of other instruments."""

import dagster as dg

from trading_pipeline.defs.features import CLOCKS, GROUP
from trading_pipeline.defs.partitions import shifted_windows_of_all
from trading_pipeline.defs.stage_assets import stage_asset
from trading_pipeline.features.cross_formulas import cross_columns
from trading_pipeline.settings.catalog import Catalog
from trading_pipeline.stages.features.cross_features import (
    ASSET,
    CrossFeatureStage,
    cross_lookback_windows,
)

__all__ = ["cross_features_asset"]

_CHECKS = {
    "prefix_truncation": "No value changes when the later bars of all instruments are taken away."
}


def cross_features_asset(
    catalog: Catalog, grid: dg.MultiPartitionsDefinition
) -> dg.AssetsDefinition:
    """The asset over a grid of instruments and windows; it reads the windows of all instruments."""
    meanings = cross_columns(catalog.cross.windows, catalog.cross.references)
    mapping = shifted_windows_of_all(-cross_lookback_windows(catalog), 0)
    return stage_asset(
        CrossFeatureStage,
        ASSET,
        group_name=GROUP,
        kinds={"parquet"},
        partitions_def=grid,
        deps=[
            dg.AssetDep("bars", partition_mapping=mapping),
            dg.AssetDep("corporate_actions", partition_mapping=dg.AllPartitionMapping()),
        ],
        checks=_CHECKS,
        columns=CLOCKS | {name: ("DOUBLE", meaning) for name, meaning in meanings.items()},
        description="An instrument beside the others: relative strength, rank, correlation and "
        "beta, one row a bar.\n\nThe price of each instrument at a bar is the newest that was "
        "known then, whatever their calendars. NaN where the history is too short or no peer was "
        "known.",
    )
