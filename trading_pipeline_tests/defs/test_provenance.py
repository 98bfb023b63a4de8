"""Tests of the inputs that events of batches name: what the UI calls unsynced, and why."""

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from trading_pipeline.defs.instance import open_instance
from trading_pipeline.settings.environment import load_settings
from trading_pipeline_tests.pipeline_world import SOURCE, bring_up_to_date

LAST = "AAPL_1d|2003-01-01"


@pytest.fixture
def records(world):
    """The world's own Dagster instance."""
    with open_instance(load_settings()) as opened:
        yield opened


def key_of(asset):
    return dg.AssetKey(asset.split("/"))


def statuses(world, instance):
    """Status of each materialized partition as the UI shows it, by asset and partition."""
    graph = world.definitions().resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return {
        (key.to_user_string(), name): resolver.get_status(key, name).value
        for key in graph.materializable_asset_keys
        for name in sorted(instance.get_materialized_partitions(key))
        if graph.get(key).partitions_def is not None
    }


def newest_tags(instance, asset, partition):
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key_of(asset), asset_partitions=[partition]), limit=1
    )
    return records.records[0].asset_materialization.tags


def test_a_pass_leaves_nothing_unsynced(world, records):
    found = statuses(world, records)
    assert {asset for asset, _ in found} >= {"backtest", "model_card/direction", "features/core"}
    assert set(found.values()) == {"FRESH"}


def test_an_event_of_a_batch_names_code_and_inputs_as_one_of_a_single_run_does(world, records):
    tags = newest_tags(records, "features/core", LAST)
    for dep in ("bars", "corporate_actions"):
        newest = records.fetch_materializations(key_of(dep), limit=1).records[0]
        assert tags[f"dagster/input_event_pointer/{dep}"] == str(newest.storage_id)
        version = newest.asset_materialization.tags["dagster/data_version"]
        assert version.startswith(tags[f"dagster/input_data_version/{dep}"])
    spec = world.workspace.catalog.model("direction")
    assert newest_tags(records, "models/direction", LAST)["dagster/code_version"] == spec.hash[:12]


def test_an_input_that_was_never_made_is_named_so(world, records):
    tags = newest_tags(records, "backtest", "AAPL_1d|sma_crossover")
    assert tags["dagster/input_event_pointer/predictions/multi_ohlc"] == "NULL"
    assert tags["dagster/input_data_version/predictions/multi_ohlc"] == "INITIAL"


@pytest.mark.slow
def test_changed_bars_make_unsynced_what_follows_until_a_pass_and_unchanged_ones_nothing(
    world, records
):
    def fetch_again():
        runner = world.full_pass().runner
        runner.run("daily_bars", partition=LAST, config={"bars": {"refetch": True}})

    fetch_again()
    assert set(statuses(world, records).values()) == {"FRESH"}
    SOURCE.answers[LAST] = lambda _, frame: frame * 1.001
    fetch_again()
    SOURCE.asked.clear()
    found = statuses(world, records)
    assert found["bars", LAST] == "FRESH"
    for asset in ("features/core", "labels/direction", "chart_patterns"):
        assert found[asset, LAST] == "STALE"
        assert found[asset, "AAPL_1d|2000-01-01"] == "FRESH"
    bring_up_to_date(world)
    assert set(statuses(world, records).values()) == {"FRESH"}
