"""This file holds the partitions and how partitions of one asset map to those of another."""

import dagster as dg

from trading_pipeline.settings.catalog import Catalog

__all__ = [
    "ALL_WINDOWS",
    "BY_INSTRUMENT",
    "datasets",
    "instrument_scenarios",
    "instrument_studies",
    "instrument_windows",
    "instruments",
    "scenarios",
    "shifted_windows",
    "shifted_windows_of_all",
    "studies",
]

instruments = dg.DynamicPartitionsDefinition(name="instruments")
scenarios = dg.DynamicPartitionsDefinition(name="scenarios")
datasets = dg.DynamicPartitionsDefinition(name="datasets")
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
