"""Partitions: which keys there are, and which upstream keys each reads."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.defs.partitions import instrument_windows
from trading_pipeline.domain.windows import WindowGrid
from trading_pipeline.features.sets.registry import feature_set
from trading_pipeline.settings.catalog import Catalog, load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.study import TrialStage
from trading_pipeline.stages.features.cross_features import cross_lookback_windows
from trading_pipeline.stages.features.features import feature_lookback_windows
from trading_pipeline.stages.models.models import training_windows
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline_tests.pipeline_world import WINDOWS, run_job


def upstream(definitions, instance, child, parent, key):
    """Partition keys of the parent that the child's partition reads."""
    graph = definitions.resolve_asset_graph()
    child_key, parent_key = (dg.AssetKey(name.split("/")) for name in (child, parent))
    node = graph.get(child_key)
    found = graph.get_partition_mapping(
        child_key, parent_key
    ).get_upstream_mapped_partitions_result_for_partitions(
        node.partitions_def.subset_with_partition_keys([key]),
        node.partitions_def,
        graph.get(parent_key).partitions_def,
        datetime.now(UTC),
        instance,
    )
    return sorted(found.partitions_subset.get_partition_keys())


def of(instrument, *windows):
    return [f"{instrument}|{window}" for window in windows]


def with_model(world, **training):
    """The world's catalog with another way of training."""
    catalog = world.workspace.catalog
    spec = ModelSpec.parse(
        {"name": "direction", "training": {"minimum_rows": 40} | training}, where="a test"
    )
    return Catalog(catalog.universe, catalog.scenarios, catalog.studies, {"direction": spec})


def test_features_read_their_own_window_and_the_look_back(fresh_world, instance):
    back = feature_lookback_windows(feature_set("core"), fresh_world.workspace.catalog)
    read = upstream(
        fresh_world.definitions(), instance, "features/core", "bars", "AAPL_1d|2003-01-01"
    )
    assert read == of("AAPL_1d", *WINDOWS[3 - back :])


def test_cross_features_read_the_own_window_and_the_look_back_of_every_instrument(
    fresh_world, instance
):
    back = cross_lookback_windows(fresh_world.workspace.catalog)
    read = upstream(
        fresh_world.definitions(), instance, "cross_features", "bars", "AAPL_1d|2003-01-01"
    )
    everyone = instance.get_dynamic_partitions("instruments")
    assert read == sorted(key for name in everyone for key in of(name, *WINDOWS[3 - back :]))


def test_the_look_back_holds_the_longest_warm_up(fresh_world):
    chosen = feature_set("core")
    for cadence, a_window in (("year", 252), ("quarter", 63), ("month", 21)):
        fresh_world.write("universe.yaml", f"cadence: {cadence}\n")
        catalog = load_catalog(load_settings().config)
        windows = feature_lookback_windows(chosen, catalog)
        assert windows * a_window >= chosen.warmup_bars
        assert (windows - 1) * a_window < chosen.warmup_bars * 1.2


def test_labels_read_their_own_window_and_the_next(fresh_world, instance):
    definitions = fresh_world.definitions()
    for first, keys in (("2001-01-01", WINDOWS[1:3]), ("2003-01-01", WINDOWS[3:])):
        read = upstream(definitions, instance, "labels/direction", "bars", f"IBM_1d|{first}")
        assert read == of("IBM_1d", *keys)


def test_expanding_models_read_every_earlier_window_and_not_their_own(fresh_world, instance):
    definitions = fresh_world.definitions()
    for number, key in enumerate(WINDOWS):
        for parent in ("features/core", "labels/direction"):
            read = upstream(definitions, instance, "models/direction", parent, f"AAPL_1d|{key}")
            assert read == of("AAPL_1d", *WINDOWS[:number])


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"span": "expanding"}, WINDOWS[:3]),
        ({"span": 2}, WINDOWS[1:3]),
        ({"span": 1, "refit": "quarter"}, WINDOWS[2:]),
        ({"span": "expanding", "refit": "month"}, WINDOWS),
        ({"span": "1y"}, WINDOWS[2:3]),
        ({"span": {"1h": "90d", "1d": "2y"}}, WINDOWS[1:3]),
    ],
)
def test_what_a_model_reads_follows_its_spec(fresh_world, instance, training, expected):
    definitions = build_definitions(with_model(fresh_world, **training))
    read = upstream(
        definitions, instance, "models/direction", "features/core", "AAPL_1d|2003-01-01"
    )
    assert read == of("AAPL_1d", *expected)


@pytest.mark.parametrize("span", ["expanding", 1, 2, 9, "2y"])
@pytest.mark.parametrize("refit", ["window", "quarter"])
def test_the_loader_reads_exactly_what_the_mapping_says(fresh_world, instance, span, refit):
    catalog = with_model(fresh_world, span=span, refit=refit)
    definitions, opened = build_definitions(catalog), fresh_world.workspace
    workspace = Workspace(opened.settings, catalog, opened.warehouse)
    for window in workspace.windows():
        loaded = [each.key for each in training_windows(workspace, "IBM_1d", "direction", window)]
        mapped = upstream(
            definitions, instance, "models/direction", "labels/direction", f"IBM_1d|{window.key}"
        )
        assert of("IBM_1d", *loaded) == mapped


def test_predictions_read_the_model_and_the_features_of_their_own_window(fresh_world, instance):
    definitions = fresh_world.definitions()
    for parent in ("models/direction", "features/core"):
        read = upstream(
            definitions, instance, "predictions/direction", parent, "AAPL_1d|2002-01-01"
        )
        assert read == ["AAPL_1d|2002-01-01"]


@pytest.mark.parametrize(
    ("child", "key"),
    [("backtest", "AAPL_1d|sma_crossover"), ("optimization_trials", "AAPL_1d|sma_grid")],
)
def test_the_lineage_of_backtests_and_studies_has_all_windows_of_their_instrument(
    fresh_world, instance, child, key
):
    definitions = fresh_world.definitions()
    for parent in ("bars", "predictions/direction"):
        assert {*of("AAPL_1d", *WINDOWS)} <= {*upstream(definitions, instance, child, parent, key)}
    assert "AAPL_1d" in upstream(definitions, instance, child, "corporate_actions", key)


def test_another_instrument_makes_no_backtest_and_no_study_pending(world, instance):
    run_job(world, instance, "bars_to_predictions", "IBM_1d|2000-01-01", "IBM_1d|2003-01-01")
    assert BacktestStage(world.workspace, "AAPL_1d").pending(["sma_crossover"]) == []
    assert TrialStage(world.workspace, "AAPL_1d").pending(["sma_grid"]) == []


def test_corporate_actions_are_read_by_instrument(fresh_world, instance):
    definitions = fresh_world.definitions()
    for child in ("bars", "features/core", "labels/direction"):
        read = upstream(definitions, instance, child, "corporate_actions", "IBM_1d|2001-01-01")
        assert read == ["IBM_1d"]


@pytest.mark.parametrize("cadence", ["year", "quarter", "month"])
@pytest.mark.parametrize("end", [date(2013, 3, 1), date(2012, 1, 1), None])
def test_dagsters_windows_are_those_of_the_domain(cadence, end):
    grid = WindowGrid(start=date(2010, 5, 20), end=end, cadence=cadence)

    class OfGrid:
        pass

    catalog = OfGrid()
    catalog.grid = grid
    definition = instrument_windows(catalog).get_partitions_def_for_dimension("window")
    assert definition.get_partition_keys() == grid.keys()
    for window in grid.windows()[:: max(1, len(grid.windows()) // 5)]:
        span = definition.time_window_for_partition_key(window.key)
        assert (span.start, span.end) == (window.start, window.end)
