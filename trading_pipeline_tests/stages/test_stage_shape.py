"""What all stages have in common, and what a pass hands on between them."""

from dataclasses import replace

import pytest

from trading_pipeline.errors import UnknownNameError
from trading_pipeline.stages.backtests.backtest import BacktestStage
from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline.stages.backtests.study import SummaryStage, TrialStage
from trading_pipeline.stages.features.cross_features import CrossFeatureStage
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.market_data.bars import BarStage
from trading_pipeline.stages.market_data.universe import ActionStage, UniverseStage
from trading_pipeline.stages.reports.leaderboard import LeaderboardStage
from trading_pipeline.stages.reports.tearsheet import TearsheetStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline_tests.pipeline_world import FILES, WINDOWS
from trading_pipeline_tests.stage_calls import chain_stages, refresh_bars

ONE = "AAPL_1d"


def every_stage(workspace):
    """Each stage of a finished world with the names of its partitions."""
    yield UniverseStage(workspace), WHOLE
    yield ActionStage(workspace, ONE), WHOLE
    for stage in chain_stages(workspace, ONE, ["direction"]):
        yield stage, WINDOWS
    yield BacktestStage(workspace, ONE), ["ml_direction", "sma_crossover"]
    yield TearsheetStage(workspace, ONE), ["ml_direction", "sma_crossover"]
    yield TrialStage(workspace, ONE), ["sma_grid"]
    yield SummaryStage(workspace, ONE), ["sma_grid"]
    yield LeaderboardStage(workspace), WHOLE


def test_every_stage_of_a_finished_pass_is_current_and_says_the_same_again(world):
    before = world.counts()
    for stage, names in every_stage(world.workspace):
        keys = stage.keys(names)
        assert stage.pending(keys) == [], stage.asset
        outcomes = stage.materialize(keys)
        assert [each.changed for each in outcomes] == [False] * len(keys), stage.asset
        for key, outcome in zip(keys, outcomes, strict=True):
            identity = stage.identity(key)
            assert (identity.asset, identity.partition) == (stage.asset, outcome.partition)
            assert identity == stage.identity(key)
            assert len(identity.input_hash) >= 12
    assert world.counts() == before


def test_a_stage_of_an_unknown_instrument_is_refused(world):
    for kind in (ActionStage, BarStage, BacktestStage, TrialStage, TearsheetStage):
        with pytest.raises(UnknownNameError, match="'AAPL_1d'"):
            kind(world.workspace, "AAPL_1D")


def test_cross_features_before_their_bars_are_pending_whole(fresh_world):
    stage = CrossFeatureStage(fresh_world.workspace, ONE)
    windows = stage.keys(WINDOWS)
    assert stage.pending(windows) == windows


def test_a_series_is_read_once_until_its_bars_change(world):
    workspace = world.tampered
    first = stored_series(workspace, ONE)
    assert stored_series(workspace, ONE) is first
    assert stored_series(replace(workspace, run_id="another"), ONE) is first
    refresh_bars(workspace, ONE, workspace.windows()[:1], refetch=True)
    again = stored_series(workspace, ONE)
    assert again is not first
    assert again.raw.equals(first.raw)


def test_inputs_of_a_scenario_are_loaded_once_until_one_of_them_changes(world):
    workspace = world.workspace
    scenario = workspace.catalog.scenario("ml_direction")
    first = load_inputs(workspace, ONE, scenario)
    assert load_inputs(workspace, ONE, scenario) is first
    costlier = FILES["scenarios/ml_direction.yaml"].replace(
        "commission_bps: 10", "commission_bps: 2"
    )
    world.write("scenarios/ml_direction.yaml", costlier)
    changed = replace(workspace, catalog=world.workspace.catalog)
    other = load_inputs(changed, ONE, changed.catalog.scenario("ml_direction"))
    assert other is not first
    assert other.hashes == first.hashes
    predictions = workspace.artifacts.newest(["predictions/direction"])
    last = predictions["predictions/direction", f"{ONE}|2003-01-01"]
    workspace.artifacts.record([replace(last, sha256="of another file", created_at=None)])
    with pytest.raises(Exception, match="is not the one that was written"):
        load_inputs(workspace, ONE, scenario)
