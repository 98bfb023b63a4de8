"""The dynamic partition keys in Dagster's records: which there should be, and what brings them in.

Pairs of instrument and scenario or study that nobody lists have no key, so Dagster refuses them
before a run begins, and the grid of an asset can be complete.
"""

from collections.abc import Iterable

import dagster as dg

from trading_pipeline.defs.partitions import (
    instrument_scenarios,
    instrument_studies,
    instruments,
    portfolios,
)
from trading_pipeline.stages.backtests.listed_pairs import (
    listed_portfolios,
    listed_results,
    listed_studies,
)
from trading_pipeline.stages.workspace import Workspace

__all__ = ["bring_in_keys", "keys_are_missing"]

_EARLIER = ("scenarios", "studies")
"""Free dimensions of earlier versions; every pair of theirs counted, listed or not."""


def keys_are_missing(instance: dg.DagsterInstance, workspace: Workspace) -> bool:
    """True where `bring_in_keys` would add or remove a key."""
    return any(add or remove for add, remove in _changes(instance, workspace).values())


def bring_in_keys(instance: dg.DagsterInstance, workspace: Workspace) -> None:
    """Add the keys of the catalog, and remove those of what it does not list any more.

    Of instruments those of archived ones are removed. What is stored of a removed key stays, and
    so do its events: the key comes back with them. Where a file was left out, pairs and portfolios
    keep their keys: some may be its.
    """
    for name, (add, remove) in _changes(instance, workspace).items():
        instance.add_dynamic_partitions(name, add)
        for key in remove:
            instance.delete_dynamic_partition(name, key)


def _changes(
    instance: dg.DagsterInstance, workspace: Workspace
) -> dict[str, tuple[list[str], list[str]]]:
    """Keys to add and keys to remove, by partitions definition."""
    catalog = workspace.catalog
    listed = {
        str(portfolios.name): listed_portfolios(workspace),
        str(instrument_scenarios.name): listed_results(workspace),
        str(instrument_studies.name): listed_studies(workspace),
        **{key: [] for key in _EARLIER},
    }
    found = {}
    for name, wanted in listed.items():
        known = instance.get_dynamic_partitions(name)
        gone = [] if catalog.has_left_out() and name not in _EARLIER else _without(known, wanted)
        found[name] = (_without(wanted, known), gone)
    name, known = str(instruments.name), instance.get_dynamic_partitions(str(instruments.name))
    archived = catalog.universe.archived_by_id
    gone = [key for key in known if key in archived and key not in catalog.instruments]
    found[name] = (_without(catalog.instruments, known), gone)
    return found


def _without(keys: Iterable[str], others: Iterable[str]) -> list[str]:
    left_out = set(others)
    return [key for key in keys if key not in left_out]
