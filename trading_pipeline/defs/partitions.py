"""The partitions, and how partitions of one asset map to those of another."""

import dagster as dg

from trading_pipeline.settings.catalog import Catalog

__all__ = [
    "BY_INSTRUMENT",
    "bars_and_actions",
    "datasets",
    "instrument_scenarios",
    "instrument_studies",
    "instrument_windows",
    "instruments",
    "market_and_predictions",
    "portfolios",
    "shifted_windows",
    "shifted_windows_of_all",
]

instruments = dg.DynamicPartitionsDefinition(name="instruments")
datasets = dg.DynamicPartitionsDefinition(name="datasets")
portfolios = dg.DynamicPartitionsDefinition(name="portfolios")
instrument_scenarios = dg.DynamicPartitionsDefinition(name="instrument_scenarios")
"""Listed pairs such as `AAPL_1d|sma_crossover`; two dimensions would count all the others too."""
instrument_studies = dg.DynamicPartitionsDefinition(name="instrument_studies")
"""As `instrument_scenarios`, of studies."""

# The key of a MultiPartitionMapping is the upstream dimension, the inner name the downstream one.
_SAME_INSTRUMENT = dg.DimensionPartitionMapping("instrument", dg.IdentityPartitionMapping())
BY_INSTRUMENT = dg.MultiToSingleDimensionPartitionMapping("instrument")
"""From an asset of instruments to one of instruments and something else, or back."""


def bars_and_actions(windows: dg.PartitionMapping) -> list[dg.AssetDep]:
    """Bars of these windows, and the corporate actions of the same instrument."""
    return [
        dg.AssetDep("bars", partition_mapping=windows),
        dg.AssetDep("corporate_actions", partition_mapping=BY_INSTRUMENT),
    ]


def market_and_predictions(catalog: Catalog) -> list[dg.AssetDep]:
    """All windows of bars and of every model's predictions, and the corporate actions.

    Dagster takes no mapping from a pair to the windows of its instrument but one of one's own,
    which its web server does not know; so the lineage says every instrument. What is read, and
    what makes a result stale, are the own instrument's alone (the stage's input hash).
    """
    names = ["bars", "corporate_actions", *(f"predictions/{name}" for name in catalog.models)]
    return [
        dg.AssetDep(dg.AssetKey(name.split("/")), partition_mapping=dg.AllPartitionMapping())
        for name in names
    ]


def instrument_windows(catalog: Catalog) -> dg.MultiPartitionsDefinition:
    """The grid of instruments and windows.

    `end_offset` is 1 whatever the end is, so the running window is part of it; `end` is a bound
    that Dagster does not go beyond, with an offset neither.
    """
    grid = catalog.grid
    windows = dg.TimeWindowPartitionsDefinition(
        cron_schedule=grid.cron_schedule,
        start=grid.first_start,
        end=grid.last_end,
        fmt="%Y-%m-%d",
        timezone="UTC",
        end_offset=1,
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
