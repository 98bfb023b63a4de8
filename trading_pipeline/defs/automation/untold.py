"""Partitions that are stored and up to date, and of which Dagster does not know.

A process may be killed between storing a partition and telling Dagster. The next pass finds the
partition current and works on nothing, so it tells Dagster then.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import (
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
)

from trading_pipeline.stages.stage import Stage

__all__ = ["Untold"]


class Untold:
    """What Dagster knows of each asset, read once a pass."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._known: dict[str, set[str]] = {}

    def tell(self, stages: Iterable[Stage[Any, Any]], names: Iterable[str]) -> int:
        """Report current partitions of which there is no event; gives their number.

        `names`: what partitions name behind the instrument.
        """
        told, names = 0, list(names)
        for stage in stages:
            known = self._known_of(stage.asset)
            for key in stage.keys(names):
                partition = stage.partition(key)
                held = None if partition in known else stage.held(key)
                if held is None:
                    continue
                rows, content_hash = held
                self._instance.report_runless_asset_event(
                    dg.AssetMaterialization(
                        dg.AssetKey(stage.asset.split("/")),
                        partition=partition,
                        metadata={"dagster/row_count": rows, "content_hash": content_hash[:12]},
                        tags={
                            DATA_VERSION_TAG: content_hash[:32],
                            DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
                        },
                    )
                )
                known.add(partition)
                told += 1
        return told

    def _known_of(self, asset: str) -> set[str]:
        if asset not in self._known:
            key = dg.AssetKey(asset.split("/"))
            self._known[asset] = set(self._instance.get_materialized_partitions(key))
        return self._known[asset]
