"""Assets in place of what a broken file of the user would make: they fail and say why."""

import dagster as dg

from trading_pipeline.errors import OwnCodeError

__all__ = ["failing_asset"]


def failing_asset(
    name: str, grid: dg.PartitionsDefinition, error: OwnCodeError, group_name: str
) -> dg.AssetsDefinition:
    """The asset `name`, with slashes; materializing it raises `error`."""

    @dg.asset(
        key=dg.AssetKey(name.split("/")),
        group_name=group_name,
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=["bars"],
        description=str(error),
    )
    def broken() -> None:
        raise error

    return broken
