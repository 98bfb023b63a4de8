"""The asset graph as a whole: a snapshot, and what every asset carries."""

import difflib
import os
from pathlib import Path

import dagster as dg
import pytest

from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.settings.catalog import load_catalog

SNAPSHOT = Path(__file__).parent / "graph_snapshot.txt"


@pytest.fixture(scope="module")
def graph():
    catalog = load_catalog(Path("a folder without files of one's own"))
    return build_definitions(catalog).resolve_asset_graph()


def name_of(key):
    return "/".join(key.path)


def mapping_of(graph, child, parent):
    mapping = graph.get(child).partition_mappings.get(parent)
    if mapping is None:
        return ""
    if isinstance(mapping, dg.MultiToSingleDimensionPartitionMapping):
        return "[by instrument]"
    if isinstance(mapping, dg.AllPartitionMapping):
        return "[all]"
    everyone = mapping.downstream_mappings_by_upstream_dimension["instrument"]
    whose = isinstance(everyone.partition_mapping, dg.AllPartitionMapping) * " of all"
    windows = mapping.downstream_mappings_by_upstream_dimension.get("window")
    if windows is None:
        return "[all windows]"
    shift = windows.partition_mapping
    return f"[{shift.start_offset:+d}..{shift.end_offset:+d}{whose}]"


def lines(graph):
    for key in sorted(graph.get_all_asset_keys(), key=name_of):
        node = graph.get(key)
        partitions = node.partitions_def
        if isinstance(partitions, dg.MultiPartitionsDefinition):
            shown = "|".join(d.name for d in partitions.partitions_defs)
        else:
            shown = "-" if partitions is None else str(partitions.name)
        deps = [
            name_of(p) + mapping_of(graph, key, p) for p in sorted(node.parent_keys, key=name_of)
        ]
        checks = [c.name for c in sorted(node.check_keys)]
        yield (
            f"{name_of(key)} group={node.group_name} partitions={shown} "
            f"deps={','.join(deps) or '-'} checks={','.join(checks) or '-'}"
        )


def test_graph_is_the_one_of_the_snapshot(graph):
    found = "\n".join(lines(graph)) + "\n"
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(found, encoding="utf-8")
    wanted = SNAPSHOT.read_text(encoding="utf-8")
    diff = "\n".join(
        difflib.unified_diff(
            wanted.splitlines(), found.splitlines(), "snapshot", "now", lineterm=""
        )
    )
    assert found == wanted, (
        f"The asset graph changed:\n{diff}\nWhere that is meant, renew the snapshot: "
        "UPDATE_SNAPSHOT=1 pytest trading_pipeline_tests/defs/test_graph_snapshot.py"
    )


def test_every_asset_says_what_it_is_and_where_it_belongs(graph):
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name != "default", key
        assert node.description, key
        assert node.kinds, key
        assert not node.is_external, key


def test_partitioned_assets_do_a_range_in_one_run(graph):
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        if node.partitions_def is not None:
            assert node.backfill_policy == dg.BackfillPolicy.single_run(), key


def test_checks_that_guard_what_is_built_later_block(graph):
    blocking = {
        (name_of(check.asset_key), check.name)
        for node in (graph.get(key) for key in graph.get_all_asset_keys())
        for check in node.check_keys
        if graph.get(check).blocking
    }
    assert ("features/core", "prefix_truncation") in blocking
    assert {("bars", name) for name in ("ohlc", "duplicate_ts", "positive", "gap")} <= blocking
    assert ("bars", "spike") not in blocking


def test_no_dependency_leads_to_an_asset_that_is_not_there(graph):
    known = set(graph.get_all_asset_keys())
    for key in known:
        assert graph.get(key).parent_keys <= known


def test_no_backtest_can_be_reached_but_through_predictions(graph):
    parents = {name_of(key) for key in graph.get(dg.AssetKey("backtest")).parent_keys}
    models = ("autoregressive", "direction", "multi_ohlc")
    predictions = {f"predictions/{name}" for name in models}
    assert parents == {"bars", "corporate_actions", *predictions}


def test_nothing_reads_a_live_model_but_its_own_forecast_and_card_and_nothing_these(graph):
    for name in ("autoregressive", "direction", "multi_ohlc"):
        readers = {dg.AssetKey([kind, name]) for kind in ("latest_forecast", "model_card")}
        assert graph.get(dg.AssetKey(["live", name])).child_keys == readers
        for reader in readers:
            assert graph.get(reader).child_keys == set()
