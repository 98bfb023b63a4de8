"""Passes: what is computed, what is left alone, and that both agree."""

import pytest

from trading_pipeline.backtest.scenario_runner import run_scenario
from trading_pipeline.errors import InsufficientDataError, ScenarioError, UnknownNameError
from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline_tests.pipeline_world import (
    FILES,
    SOURCE,
    bring_up_to_date,
    run_job,
)

CHAIN_ASSETS = ("features/core", "labels/direction", "models/direction", "predictions/direction")


def rows_by_asset(world):
    return dict(world.rows("SELECT asset, count(*) FROM artifacts GROUP BY asset"))


def jobs(full_pass):
    return [(run.job, run.partition) for run in full_pass.runner.runs]


def test_a_second_pass_starts_no_run_and_writes_no_row(world):
    before = world.counts()
    full_pass = bring_up_to_date(world)
    assert jobs(full_pass) == []
    assert world.counts() == before
    assert SOURCE.asked == []


def test_materializing_what_is_up_to_date_writes_no_row(world, instance):
    before = world.counts()
    files = sorted(path.name for path in world.runtime.rglob("*.parquet"))
    first, last = "AAPL_1d|2000-01-01", "AAPL_1d|2003-01-01"
    assert run_job(world, instance, "reference_data").success
    assert run_job(world, instance, "corporate_actions_job", "AAPL_1d").success
    chain = [
        "bars",
        "features/core",
        "labels/direction",
        "models/direction",
        "predictions/direction",
    ]
    assert run_job(world, instance, "bars_to_predictions", first, last, assets=chain).success
    for scenario in ("ml_direction", "sma_crossover"):
        assert run_job(world, instance, "backtests", f"AAPL_1d|{scenario}").success
    assert run_job(world, instance, "optimization", "AAPL_1d|sma_grid").success
    assert run_job(world, instance, "reports").success
    assert world.counts() == before
    assert sorted(path.name for path in world.runtime.rglob("*.parquet")) == files


def test_another_cost_runs_that_backtest_again_and_nothing_below_it(world):
    before, rows = rows_by_asset(world), world.value("SELECT count(*) FROM backtest_results")
    text = FILES["scenarios/ml_direction.yaml"].replace("commission_bps: 10", "commission_bps: 20")
    world.write("scenarios/ml_direction.yaml", text)
    full_pass = bring_up_to_date(world)
    assert jobs(full_pass) == [("backtests", "AAPL_1d|ml_direction"), ("reports", "")]
    after = rows_by_asset(world)
    assert {name for name in after if after[name] != before[name]} == {
        "backtest",
        "tearsheet",
        "leaderboard",
        "result_tables",
    }
    assert world.value("SELECT count(*) FROM backtest_results") == rows + 1
    old, new = world.rows(
        "SELECT final_equity, predictions_hash FROM backtest_results "
        "WHERE scenario = 'ml_direction' ORDER BY created_at"
    )
    assert new[0] < old[0]
    assert new[1] == old[1]


@pytest.mark.slow
def test_another_model_spec_fits_and_predicts_again_on_the_same_bars_and_features(world):
    before, bars = rows_by_asset(world), world.value("SELECT count(*) FROM bars")
    world.write(
        "models/direction.yaml", FILES["models/direction.yaml"].replace("C: 0.1", "C: 10.0")
    )
    full_pass = bring_up_to_date(world)
    assert jobs(full_pass) == [
        ("bars_to_predictions", "AAPL_1d|2000-01-01"),
        ("model_cards", "AAPL_1d"),
        ("backtests", "AAPL_1d|ml_direction"),
        ("reports", ""),
    ]
    after = rows_by_asset(world)
    assert after["models/direction"] == before["models/direction"] + 4
    assert after["predictions/direction"] == before["predictions/direction"] + 2
    for name in ("features/core", "labels/direction"):
        assert after[name] == before[name]
    assert world.value("SELECT count(*) FROM bars") == bars
    assert SOURCE.asked == []


def test_a_lost_file_is_made_again_and_is_the_same(world):
    hashes = world.artifact_hashes("features/core")
    row = world.workspace.artifacts.newest(["features/core"])["features/core", "AAPL_1d|2002-01-01"]
    (world.runtime / row.path).unlink()
    full_pass = world.full_pass()
    missing = full_pass.chain("AAPL_1d", ["direction"], full_pass.workspace.windows())
    assert missing["features/core"] == 1
    assert (world.runtime / row.path).exists()
    assert world.artifact_hashes("features/core") == hashes


@pytest.mark.slow
def test_a_scenario_that_ends_before_the_universe_brings_all_it_stands_on(fresh_world):
    text = FILES["scenarios/ml_direction.yaml"].replace("2004-01-01", "2003-01-01")
    fresh_world.write("scenarios/ml_direction.yaml", text)
    full_pass = fresh_world.full_pass()
    scenario = full_pass.workspace.catalog.scenario("ml_direction")
    full_pass.reference_data()
    missing = full_pass.chain_for("AAPL_1d", scenario)
    assert missing == dict.fromkeys(("bars", *CHAIN_ASSETS), 3)
    assert full_pass.backtest("AAPL_1d", "ml_direction")
    assert full_pass.chain_for("AAPL_1d", scenario) == {}
    assert not full_pass.backtest("AAPL_1d", "ml_direction")
    assert fresh_world.value("SELECT count(*) FROM artifacts WHERE asset = 'models/direction'") == 3


def test_a_scenario_without_a_model_needs_no_features(fresh_world):
    full_pass = fresh_world.full_pass()
    scenario = full_pass.workspace.catalog.scenario("sma_crossover")
    full_pass.reference_data()
    assert full_pass.chain_for("AAPL_1d", scenario) == {"bars": 4}
    assert rows_by_asset(fresh_world).keys() == {"universe", "corporate_actions"}


def test_names_that_nothing_has_are_refused_with_the_closest(world):
    full_pass = world.full_pass()
    with pytest.raises(UnknownNameError, match=r"no instrument 'AAPL_1D'.*'AAPL_1d'"):
        full_pass.backtest("AAPL_1D", "sma_crossover")
    with pytest.raises(UnknownNameError, match=r"no scenario 'sma_cross'.*'sma_crossover'"):
        full_pass.backtest("AAPL_1d", "sma_cross")
    with pytest.raises(UnknownNameError, match=r"no study 'sma_gird'.*'sma_grid'"):
        full_pass.study("AAPL_1d", "sma_gird")
    with pytest.raises(UnknownNameError, match=r"no model 'directions'.*'direction'"):
        full_pass.chain("AAPL_1d", ["directions"], full_pass.workspace.windows())
    with pytest.raises(UnknownNameError, match="no window '2002-02-01'"):
        full_pass.workspace.windows(["2002-02-01"])


def test_an_instrument_that_the_scenario_does_not_list_is_refused_by_name(world):
    full_pass = world.full_pass()
    scenario = full_pass.workspace.catalog.scenario("sma_crossover")
    with pytest.raises(
        ScenarioError, match="'sma_crossover' does not list IBM_1d; it lists AAPL_1d"
    ):
        full_pass.chain_for("IBM_1d", scenario)


@pytest.mark.parametrize("name", ["ml_direction", "sma_crossover"])
@pytest.mark.parametrize("dates", ["{start: 1990-01-01, end: 1991-01-01}", "{start: 2010-01-01}"])
def test_dates_without_bars_are_refused_with_what_there_is(world, name, dates):
    text = FILES[f"scenarios/{name}.yaml"].replace("{start: 2002-01-01, end: 2004-01-01}", dates)
    world.write(f"scenarios/{name}.yaml", text)
    workspace = world.workspace
    scenario = workspace.catalog.scenario(name)
    with pytest.raises(InsufficientDataError, match=f"'{name}' trades AAPL_1d from .* 0 bars"):
        run_scenario(scenario, load_inputs(workspace, "AAPL_1d", scenario)[0])
    full_pass = world.full_pass()
    with pytest.raises(InsufficientDataError, match=f"'{name}' trades AAPL_1d from"):
        full_pass.backtest("AAPL_1d", name)
