"""Models that learn from cross features beside their set."""

import pytest

from trading_pipeline.cli.run_command import work_through
from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.models.predictors.direction import Direction
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.models.model_features import (
    ModelFeatures,
    model_feature_assets,
    model_features_hash,
)
from trading_pipeline.stages.upstream_frames import UpstreamFrames
from trading_pipeline_tests.pipeline_world import FILES

SPEC = "name: direction\ntraining: {minimum_rows: 40}\n"


@pytest.fixture
def crossing(fresh_world):
    """A world whose model asks for cross features; its scenarios trade nothing that is fetched."""
    for name in ("scenarios/sma_crossover.yaml", "scenarios/ml_direction.yaml"):
        fresh_world.write(name, FILES[name].replace("AAPL_1d", "FB_1d"))
    fresh_world.write("models/direction.yaml", SPEC + "cross_features: true\n")
    return fresh_world


def model_features(world, instrument="AAPL_1d"):
    workspace = world.workspace
    spec = workspace.catalog.model("direction")
    upstream = UpstreamFrames(workspace, instrument, model_feature_assets(spec, Direction()))
    return ModelFeatures(workspace, spec, upstream), workspace.windows()


@pytest.mark.slow
def test_a_pass_compares_all_before_such_a_model_learns(crossing):
    report = work_through(crossing.full_pass(), ["AAPL_1d", "IBM_1d"])
    assert report.failures == {}
    workspace = crossing.workspace
    found = workspace.artifacts.newest(["predictions/direction"], "AAPL_1d|")
    last = found[("predictions/direction", "AAPL_1d|2003-01-01")]
    assert (last.status, last.rows) == ("ok", 252)
    features, windows = model_features(crossing)
    rows = features.rows(windows)
    assert {"rsi_14", "cross_beta_60", "cross_relative_strength_20"} <= set(rows.columns)
    assert rows["cross_peers"].max() == 1.0
    again = work_through(crossing.full_pass(), ["AAPL_1d", "IBM_1d"])
    assert sum(again.runs.values()) == 0
    crossing.write("scenarios/ml_direction.yaml", FILES["scenarios/ml_direction.yaml"])
    full_pass = crossing.full_pass()
    full_pass.reference_data()
    full_pass.backtest("AAPL_1d", "ml_direction")
    (result,) = crossing.workspace.results.newest()
    assert "The instruments were chosen with hindsight" in result["warnings"]


def test_the_meaning_of_the_columns_covers_the_comparison(crossing):
    workspace = crossing.workspace
    spec = workspace.catalog.model("direction")
    plain = spec.model_copy(update={"cross_features": False})
    assert model_feature_assets(spec, Direction()) == ["features/core", "cross_features"]
    assert model_feature_assets(plain, Direction()) == ["features/core"]
    before = model_features_hash(workspace, spec)
    assert before != model_features_hash(workspace, plain)
    crossing.write("cross_features.yaml", "windows: [10]\n")
    assert model_features_hash(crossing.workspace, spec) != before
    assert model_features_hash(crossing.workspace, plain) == model_features_hash(workspace, plain)


def fetch_and_compute(world, *instruments):
    """Bars and features of the instruments, without the comparison."""
    for name in instruments:
        for stage in (BarStage(world.workspace, name), FeatureStage(world.workspace, name, "core")):
            stage.materialize(stage.pending(world.workspace.windows()))


@pytest.mark.slow
def test_a_model_without_its_comparison_is_refused_until_a_pass_made_it(crossing):
    crossing.full_pass().reference_data()
    fetch_and_compute(crossing, "AAPL_1d", "IBM_1d")
    features, windows = model_features(crossing)
    with pytest.raises(InsufficientDataError, match="'cross_features' has not been materialized"):
        features.rows(windows)
    crossing.full_pass().cross_features("AAPL_1d", windows)
    features, _ = model_features(crossing)
    assert "cross_peers" in features.rows(windows)


@pytest.mark.slow
def test_assets_of_different_bars_are_not_joined_until_both_are_up_to_date(crossing):
    universe = FILES["universe.yaml"]
    crossing.write("universe.yaml", universe.replace("2004-01-01", "2003-07-01"))
    crossing.full_pass().reference_data()
    fetch_and_compute(crossing, "AAPL_1d", "IBM_1d")
    crossing.full_pass().cross_features("AAPL_1d", crossing.workspace.windows())
    features, windows = model_features(crossing)
    short = features.rows(windows)
    crossing.write("universe.yaml", universe)
    fetch_and_compute(crossing, "AAPL_1d", "IBM_1d")
    features, windows = model_features(crossing)
    with pytest.raises(DataQualityError, match=r"out of date.*trading-pipeline run\."):
        features.rows(windows)
    crossing.full_pass().cross_features("AAPL_1d", windows)
    features, windows = model_features(crossing)
    assert len(features.rows(windows)) > len(short)
