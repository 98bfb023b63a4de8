"""Features, labels, models and predictions without Dagster."""

import pandas as pd
import pytest

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.errors import InsufficientDataError, UnknownNameError
from trading_pipeline.features.sets.registry import compute_features, feature_set
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.features.instrument_series import InstrumentSeries
from trading_pipeline.stages.features.labels import LabelStage
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline_tests.pipeline_world import World, finished_runtime, pointed_at
from trading_pipeline_tests.stage_calls import (
    chain_assets,
    materialize_backtest,
    materialize_trials,
    materialize_windows,
    pending_chain,
    pending_windows,
    refresh_actions,
    refresh_bars,
    refresh_universe,
)

STAGES = (
    (FeatureStage, "core"),
    (LabelStage, "direction"),
    (ModelStage, "direction"),
    (PredictionStage, "direction"),
)
ASSETS = ("features/core", "labels/direction", "models/direction", "predictions/direction")


def by_hand(world):
    """The whole chain of AAPL without Dagster."""
    workspace = world.workspace
    refresh_universe(workspace)
    refresh_actions(workspace, "AAPL_1d")
    refresh_bars(workspace, "AAPL_1d", workspace.windows())
    for stage, name in STAGES:
        materialize_windows(stage(workspace, "AAPL_1d", name), workspace.windows())
    for scenario in ("ml_direction", "sma_crossover"):
        materialize_backtest(workspace, "AAPL_1d", scenario)
    materialize_trials(workspace, "AAPL_1d", "sma_grid")


def contents(world):
    """Everything that must not depend on where, when and by whom it was computed."""
    return {
        "artifacts": {asset: world.artifact_hashes(asset) for asset in ASSETS},
        "bars": world.rows('SELECT "window", content_hash FROM fetch_log ORDER BY ALL'),
        "models": world.rows("SELECT model_id, last_label_end, data_hash FROM models ORDER BY ALL"),
        "results": world.rows(
            "SELECT result_id, content_hash, predictions_hash, bars_hash, sharpe "
            "FROM backtest_results ORDER BY ALL"
        ),
        "trials": world.rows(
            "SELECT parameters_hash, sharpe, mean, sd, skew, kurtosis FROM trials ORDER BY ALL"
        ),
    }


@pytest.mark.slow
def test_another_folder_another_day_and_no_dagster_give_the_same_bytes(fresh_world):
    by_hand(fresh_world)
    here = contents(fresh_world)
    with pointed_at(finished_runtime()):
        there = contents(World(finished_runtime()))
    assert here == there
    assert len(here["models"]) == 2


def test_rows_before_the_first_full_warm_up_are_kept_as_nan_and_counted(world):
    stage = FeatureStage(world.workspace, "AAPL_1d", "core")
    windows = world.workspace.windows()
    first, second = (stage.build(window).frame for window in windows[:2])
    told = stage.describe(first)
    assert told["complete_rows"] == 0
    assert told["warmup_rows"] == len(first) == 212
    assert 0.0 < told["missing_share"] < 1.0
    # 400 bars of warm-up: 188 of the second year
    assert stage.describe(second)["warmup_rows"] == 400 - 212
    assert second.iloc[188:].notna().all(axis=None)


def test_features_of_a_window_are_those_of_the_whole_series(world):
    workspace = world.workspace
    series = InstrumentSeries(workspace, "AAPL_1d")
    whole = compute_features(feature_set("core"), series.adjusted)
    store = workspace.artifacts
    for (_, partition), row in store.newest(["features/core"]).items():
        stored = store.load(row).drop(columns="known_at")
        expected = whole.loc[stored.index]
        pd.testing.assert_frame_equal(stored, expected, rtol=1e-6, check_freq=False)
        assert stored.index[0].year == int(partition[-10:-6])
        pd.testing.assert_frame_equal(stored.isna(), expected.isna(), check_freq=False)


def test_a_split_that_comes_later_changes_no_feature_before_it(world):
    workspace = world.workspace
    actions = workspace.reference.actions("AAPL_1d")
    later = CorporateAction(
        instrument="AAPL_1d",
        ex_date=pd.Timestamp("2003-06-02").date(),
        kind="dividend",
        value=0.5,
        source="test",
        seen_at=pd.Timestamp("2003-06-02", tz="UTC").to_pydatetime(),
    )
    workspace.reference.save_actions("AAPL_1d", [*actions, later])
    stage = FeatureStage(workspace, "AAPL_1d", "core")
    assert [w.key for w in pending_windows(stage, workspace.windows())] == ["2003-01-01"]


def test_a_second_pass_changes_nothing_and_reports_the_same(world):
    workspace = world.workspace
    for stage, name in STAGES:
        outcomes = materialize_windows(stage(workspace, "AAPL_1d", name), workspace.windows())
        assert not any(outcome.changed for outcome in outcomes)
        assert [outcome.partition[-10:-6] for outcome in outcomes] == [
            "2000",
            "2001",
            "2002",
            "2003",
        ]


def test_a_stage_before_its_inputs_says_what_is_missing(fresh_world):
    workspace = fresh_world.workspace
    refresh_universe(workspace)
    for stage, name in STAGES[:2]:
        with pytest.raises(InsufficientDataError, match="trading-pipeline run AAPL_1d"):
            materialize_windows(stage(workspace, "AAPL_1d", name), workspace.windows())
    with pytest.raises(InsufficientDataError, match="of 'models/direction' has not been"):
        materialize_windows(PredictionStage(workspace, "AAPL_1d", "direction"), workspace.windows())
    with pytest.raises(UnknownNameError, match="AAPL_1d"):
        FeatureStage(workspace, "AAPL_1D", "core")


def test_what_comes_after_something_missing_counts_as_missing(world):
    workspace = world.workspace
    windows = workspace.windows()
    assert pending_chain(workspace, "AAPL_1d", ["direction"], windows) == {}
    newest = workspace.artifacts.newest(["labels/direction"])
    (world.runtime / newest["labels/direction", "AAPL_1d|2001-01-01"].path).unlink()
    assert pending_chain(workspace, "AAPL_1d", ["direction"], windows) == {
        "labels/direction": 1,
        "models/direction": 4,
        "predictions/direction": 4,
    }
    assert pending_chain(workspace, "IBM_1d", ["direction"], windows) == dict.fromkeys(
        ["bars", *ASSETS], 4
    )
    assert chain_assets(workspace, ["direction"]) == ["bars", *ASSETS]
    assert chain_assets(workspace, []) == ["bars"]


def test_what_was_written_before_a_failure_is_kept(world):
    workspace = world.workspace

    class Breaking(FeatureStage):
        code_hash = ""

        def __init__(self, *given):
            super().__init__(*given)
            self.code_hash = "another"

        def build(self, window):
            if window.key == "2002-01-01":
                raise InsufficientDataError("stop here")
            return super().build(window)

    with pytest.raises(InsufficientDataError, match="stop here"):
        materialize_windows(Breaking(workspace, "AAPL_1d", "core"), workspace.windows())
    written = world.rows("SELECT \"partition\" FROM artifacts WHERE code_hash = 'another'")
    assert [key[-10:] for (key,) in written] == ["2000-01-01", "2001-01-01"]
