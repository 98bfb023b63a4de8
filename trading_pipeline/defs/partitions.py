"""The partitions, and how partitions of one asset map to those of another."""

import dagster as dg

from trading_pipeline.settings.catalog import Catalog

__all__ = [
    "ALL_WINDOWS",
    "BY_INSTRUMENT",
    "bars_and_actions",
    "datasets",
    "instrument_scenarios",
    "instrument_studies",
    "instrument_windows",
    "instruments",
    "market_and_predictions",
    "markets_and_predictions",
    "portfolios",
    "scenarios",
    "shifted_windows",
    "shifted_windows_of_all",
    "studies",
]

instruments = dg.DynamicPartitionsDefinition(name="instruments")
scenarios = dg.DynamicPartitionsDefinition(name="scenarios")
datasets = dg.DynamicPartitionsDefinition(name="datasets")
portfolios = dg.DynamicPartitionsDefinition(name="portfolios")
studies = dg.DynamicPartitionsDefinition(name="studies")
instrument_scenarios = dg.MultiPartitionsDefinition(
    {"instrument": instruments, "scenario": scenarios}
)
instrument_studies = dg.MultiPartitionsDefinition({"instrument": instruments, "study": studies})

# The key of a MultiPartitionMapping is the upstream dimension, the inner name the downstream one.
_SAME_INSTRUMENT = dg.DimensionPartitionMapping("instrument", dg.IdentityPartitionMapping())
ALL_WINDOWS = dg.MultiPartitionMapping({"instrument": _SAME_INSTRUMENT})
"""All windows of the same instrument, for assets of instrument and scenario or study."""
BY_INSTRUMENT = dg.MultiToSingleDimensionPartitionMapping("instrument")
"""From an asset of instruments to one of instruments and something else, or back."""


def bars_and_actions(windows: dg.PartitionMapping) -> list[dg.AssetDep]:
    """Bars of these windows, and the corporate actions of the same instrument."""
    return [
        dg.AssetDep("bars", partition_mapping=windows),
        dg.AssetDep("corporate_actions", partition_mapping=BY_INSTRUMENT),
    ]


def market_and_predictions(catalog: Catalog) -> list[dg.AssetDep]:
    """All windows of bars and of every model's predictions, and the corporate actions."""
    predictions = [
        dg.AssetDep(dg.AssetKey(["predictions", name]), partition_mapping=ALL_WINDOWS)
        for name in catalog.models
    ]
    return [*bars_and_actions(ALL_WINDOWS), *predictions]


def markets_and_predictions(catalog: Catalog) -> list[dg.AssetDep]:
    """As `market_and_predictions`, of every instrument."""
    names = ["bars", "corporate_actions", *(f"predictions/{name}" for name in catalog.models)]
    return [
        dg.AssetDep(dg.AssetKey(name.split("/")), partition_mapping=dg.AllPartitionMapping())
        for name in names
    ]


def instrument_windows(catalog: Catalog) -> dg.MultiPartitionsDefinition:
    """The grid of instruments and windows; the running window is part of it."""
    grid = catalog.grid
    windows = dg.TimeWindowPartitionsDefinition(
        cron_schedule=grid.cron_schedule,
        start=grid.first_start,
        end=None if grid.end is None else grid.windows()[-1].end,
        fmt="%Y-%m-%d",
        timezone="UTC",
        end_offset=1 if grid.end is None else 0,
    )
    return dg.MultiPartitionsDefinition({"instrument": instruments, "window": windows})


def shifted_windows(first: int, last: int) -> dg.MultiPartitionMapping:
    """Windows from `first` to `last` relative to the own one, of the same instrument."""
    return _shifted(first, last, _SAME_INSTRUMENT)


def shifted_windows_of_all(first: int, last: int) -> dg.MultiPartitionMapping:
    """Windows from `first` to `last` relative to the own one, of every instrument."""
    everyone = dg.DimensionPartitionMapping("instrument", dg.AllPartitionMapping())
    return _shifted(first, last, everyone)


def _shifted(
    first: int, last: int, instrument: dg.DimensionPartitionMapping
) -> dg.MultiPartitionMapping:
    windows = dg.TimeWindowPartitionMapping(
        start_offset=first, end_offset=last, allow_nonexistent_upstream_partitions=True
    )
    return dg.MultiPartitionMapping(
        {
            "instrument": instrument,
            "window": dg.DimensionPartitionMapping("window", windows),
        }
    )
