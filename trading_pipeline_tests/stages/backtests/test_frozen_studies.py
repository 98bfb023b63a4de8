"""Frozen studies: registered before their first trial, measured once on what no trial read."""

import json
from dataclasses import replace

import pytest

from trading_pipeline.errors import InsufficientDataError, OptimizationError
from trading_pipeline.stages.backtests.frozen_study import revised_bars
from trading_pipeline.stages.backtests.study import SummaryStage, TrialStage, study_summary
from trading_pipeline_tests.stage_calls import materialize_summary, materialize_trials

STUDY = (
    "name: cold\nstrategy: sma_crossover\nscenario: sma_crossover\n"
    "space: {fast: {values: [5, 10]}, slow: {range: [20, 40, 10]}}\n"
    "frozen: true\ntest: {start: 2003-07-01}\n"
)


def searched(world, text=STUDY):
    world.write("studies/cold.yaml", text)
    materialize_trials(world.workspace, "AAPL_1d", "cold")
    materialize_summary(world.workspace, "AAPL_1d", "cold")
    return world


def test_the_test_is_measured_once_is_a_trial_and_stands_in_the_summary(world):
    searched(world)
    before = study_summary(world.workspace, "AAPL_1d", "cold")
    assert "test" not in before
    (dates,) = {row[0] for row in world.rows("SELECT dates FROM trials WHERE study = 'cold'")}
    assert dates == "2002-01-01/2003-07-01"
    row = SummaryStage(world.workspace, "AAPL_1d").measure_test("cold")
    assert row["dates"] == "2003-07-01/2004-01-01"
    assert 120 < row["bars"] < 130
    assert json.loads(row["parameters"]) == json.loads(before["best_parameters"])
    assert SummaryStage(world.workspace, "AAPL_1d").pending(["cold"])
    materialize_summary(world.workspace, "AAPL_1d", "cold")
    after = study_summary(world.workspace, "AAPL_1d", "cold")
    assert after["test"]["value"] == row["value"]
    assert after["test"]["trial_no"] == row["trial_no"]
    assert after["trials_in_ledger"] == before["trials_in_ledger"] + 1
    assert after["best_value"] == before["best_value"]
    with pytest.raises(OptimizationError, match=r"cold\.yaml: the test .*measured once"):
        SummaryStage(world.workspace, "AAPL_1d").measure_test("cold")
    assert world.value("SELECT count(*) FROM trials WHERE fold LIKE '%held_out'") == 1


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("range: [20, 40, 10]", "range: [20, 50, 10]", "space was"),
        ("start: 2003-07-01", "start: 2003-06-01", 'tested_dates was "2003-07-01'),
        ("frozen: true\ntest: {start: 2003-07-01}\n", "", "frozen was true, is false"),
        ("name: cold\n", "name: cold\nmetric: cagr\n", 'metric was "sharpe", is "cagr"'),
    ],
)
def test_a_changed_frozen_study_is_refused_with_its_file_and_what_changed(world, old, new, named):
    searched(world)
    world.write("studies/cold.yaml", STUDY.replace(old, new))
    with pytest.raises(OptimizationError, match=named) as caught:
        TrialStage(world.workspace, "AAPL_1d").pending(["cold"])
    assert str(caught.value).startswith(str(world.runtime / "config/studies/cold.yaml"))
    world.write("studies/cold.yaml", STUDY)
    assert not TrialStage(world.workspace, "AAPL_1d").pending(["cold"])


def test_bars_that_were_revised_since_are_told_in_the_summary_and_with_the_measurement(world):
    searched(world)
    assert "revised_bars" not in study_summary(world.workspace, "AAPL_1d", "cold")
    stage = TrialStage(world.workspace, "AAPL_1d")
    cold = world.workspace.catalog.study("cold")
    loaded = stage.loaded(stage.searched(cold)).inputs
    assert revised_bars(world.workspace, cold, "AAPL_1d", loaded) is None
    later = loaded.raw.copy()
    later.loc["2003-07-01":] *= 2.0  # of the test: no trial reads them
    assert revised_bars(world.workspace, cold, "AAPL_1d", replace(loaded, raw=later)) is None
    raw = loaded.raw.copy()
    raw.loc["2003-06-30":, "volume"] += 1.0
    told = revised_bars(world.workspace, cold, "AAPL_1d", replace(loaded, raw=raw))
    assert told.startswith("The bars of the search were revised since the study was frozen at 20")
    with world.workspace.warehouse.write() as connection:  # as if frozen on other bars
        connection.execute(
            "UPDATE frozen_studies SET registration = json_merge_patch(registration, "
            '\'{"searched_bars": "0123456789abcdef"}\')'
        )
    row = SummaryStage(world.workspace, "AAPL_1d").measure_test("cold")
    assert "(0123456789ab then, " in row["reason"]
    materialize_summary(world.workspace, "AAPL_1d", "cold")
    summary = study_summary(world.workspace, "AAPL_1d", "cold")
    assert summary["revised_bars"] == summary["test"]["note"] == row["reason"]


def test_a_study_that_has_trials_cannot_be_frozen_afterwards(world):
    searched(world, STUDY.partition("frozen")[0])
    world.write("studies/cold.yaml", STUDY)
    with pytest.raises(OptimizationError, match="6 trials on AAPL_1d already"):
        materialize_trials(world.workspace, "AAPL_1d", "cold")
    with pytest.raises(OptimizationError, match="'sma_grid' is not frozen"):
        SummaryStage(world.workspace, "AAPL_1d").measure_test("sma_grid")


def test_a_test_waits_for_trials_that_are_up_to_date(world):
    searched(world)
    with world.workspace.warehouse.write() as connection:
        connection.execute("UPDATE trials SET value = 9 WHERE study = 'cold' AND value IS NOT NULL")
    with pytest.raises(InsufficientDataError, match=r"not up to date\. Materialize 'optimiz"):
        SummaryStage(world.workspace, "AAPL_1d").measure_test("cold")
    materialize_trials(world.workspace, "AAPL_1d", "cold")
    assert SummaryStage(world.workspace, "AAPL_1d").measure_test("cold")["value"] != 9
