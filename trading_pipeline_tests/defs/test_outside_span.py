"""Windows outside an instrument's span: they count as done, and are told of once."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from trading_pipeline.defs.outside_span import outside_partitions, report_outside_partitions
from trading_pipeline.stages.market_data.bars import BarStage

ASSETS = ("bars", "features/core")
LATER = "start: 2003-01-01\nend: 2004-01-01\n"
IBM = (
    "instruments:\n  - {symbol: IBM, timeframe: 1d, source: bundled, start: 2001-06-01, "
    "end: 2002-06-01}\n"
)


def keys_of(definitions, instance, asset):
    """All partition keys of an asset for IBM, as Dagster has them."""
    partitions = definitions.resolve_asset_graph().get(dg.AssetKey(asset.split("/"))).partitions_def
    keys = partitions.get_partition_keys(dynamic_partitions_store=instance)
    return {key for key in keys if key.startswith("IBM_1d|")}


def test_a_grid_is_complete_by_what_is_computed_and_what_is_outside(fresh_world, instance):
    fresh_world.write("universe.yaml", LATER + IBM)
    workspace, definitions = fresh_world.workspace, fresh_world.definitions()
    assert outside_partitions(workspace, ["IBM_1d"]) == ["IBM_1d|2003-01-01"]
    assert outside_partitions(workspace, ["AAPL_1d"]) == [
        "AAPL_1d|2001-01-01",
        "AAPL_1d|2002-01-01",
    ]
    told = report_outside_partitions(instance, workspace, ASSETS, ["IBM_1d"])
    assert told == len(ASSETS)
    own = {f"IBM_1d|{window.key}" for window in workspace.windows_of("IBM_1d")}
    for asset in ASSETS:
        done = instance.get_materialized_partitions(dg.AssetKey(asset.split("/")))
        assert done | own == keys_of(definitions, instance, asset)
        assert not done & own
    (event,) = instance.fetch_materializations(dg.AssetKey("bars"), limit=9).records
    shown = event.asset_materialization.metadata
    assert (shown["status"].value, shown["dagster/row_count"].value) == ("not_listed", 0)
    assert "outside the instrument's span" in shown["reason"].value


def test_it_is_told_once_and_computed_where_the_span_grows(fresh_world, instance):
    fresh_world.write("universe.yaml", LATER + IBM)
    assert report_outside_partitions(instance, fresh_world.workspace, ASSETS, ["IBM_1d"])
    assert not report_outside_partitions(instance, fresh_world.workspace, ASSETS, ["IBM_1d"])
    fresh_world.write("universe.yaml", LATER + IBM.replace("2002-06-01", "2004-01-01"))
    workspace = fresh_world.workspace
    pending = BarStage(workspace, "IBM_1d").pending(workspace.windows_of("IBM_1d"))
    assert "2003-01-01" in [window.key for window in pending]


def test_a_window_that_is_to_come_is_not_told_of(fresh_world, instance):
    fresh_world.write("universe.yaml", "start: 2003-01-01\nend: 2013-01-01\n" + IBM)
    march = datetime(2004, 3, 1, tzinfo=UTC)
    early = replace(fresh_world.workspace, clock=lambda: march)
    report_outside_partitions(instance, early, ["bars"], ["IBM_1d"])
    assert instance.get_materialized_partitions(dg.AssetKey("bars")) == {
        "IBM_1d|2003-01-01",
        "IBM_1d|2004-01-01",
    }
