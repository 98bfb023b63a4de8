"""What counts as a trial when scenarios, studies and models are edited and run."""

import json

import pytest

from trading_pipeline.stages.backtests.trial_identity import TrialIdentities, model_specs_hash
from trading_pipeline.stages.coverage import chain_stages
from trading_pipeline_tests.pipeline_world import FILES
from trading_pipeline_tests.stage_calls import materialize_backtest, materialize_trials

SMA = FILES["scenarios/sma_crossover.yaml"]
MODEL = FILES["models/direction.yaml"]
OWN_SET = "name: mine\ncolumns:\n- {indicator: RSI, timeperiod: 21}\n"


def run(world, text: str, name: str = "sma_crossover") -> int:
    """Write and run a scenario; the number of trials afterwards."""
    world.write(f"scenarios/{name}.yaml", text)
    materialize_backtest(world.workspace, "AAPL_1d", name)
    return world.workspace.trials.count()


def hash_of(world, model: str) -> str:
    world.write("models/direction.yaml", model)
    return model_specs_hash(world.workspace, ("direction",))


def test_other_stops_dates_and_sizes_are_other_trials_and_another_name_is_none(world):
    assert run(world, SMA + "risk: {stop_loss: 0.05}\n") == 9
    assert run(world, SMA.replace("start: 2002-01-01", "start: 2002-02-01")) == 10
    assert run(world, SMA + "sizing: {percent: 0.5}\n") == 11
    assert run(world, SMA.replace("name: sma_crossover", "name: other"), "other") == 11
    assert run(world, SMA + "risk: {stop_loss: 0.05}\n") == 11  # tried before
    assert world.workspace.trials.verify().faults == ()


def test_a_combination_of_a_study_is_the_trial_of_the_scenario_with_its_parameters(world):
    rows = world.rows(
        "SELECT settings_hash, dates, model_hash, study FROM trials WHERE parameters_hash = "
        "(SELECT parameters_hash FROM trials WHERE fold = 'sma_crossover')"
    )
    assert len(rows) == 2
    assert rows[0][:3] == rows[1][:3]
    assert rows[0][1] == "2002-01-01/2004-01-01"
    assert rows[0][2] == ""  # no model is behind it
    study = FILES["studies/sma_grid.yaml"].replace("name: sma_grid", "name: again")
    world.write("studies/again.yaml", study)
    materialize_trials(world.workspace, "AAPL_1d", "again")
    assert world.workspace.trials.count() == 8


@pytest.mark.slow
def test_four_edits_of_a_model_are_four_trials(world):
    for number, edit in enumerate(
        (
            MODEL + "label: {horizon_bars: 3}\n",
            MODEL.replace("C: 0.1", "C: 0.2"),
            MODEL + "seed: 8\n",
            MODEL.replace("minimum_rows: 40", "minimum_rows: 50"),
        ),
        start=1,
    ):
        world.write("models/direction.yaml", edit)
        workspace = world.workspace
        for stage in chain_stages(workspace, "AAPL_1d", ["direction"]):
            stage.materialize(workspace.windows())
        materialize_backtest(workspace, "AAPL_1d", "ml_direction")
        assert workspace.trials.count() == 8 + number


def test_every_key_of_a_model_spec_makes_another_trial(fresh_world):
    edits = [
        MODEL,
        MODEL + "label: {horizon_bars: 3}\n",
        MODEL + "label: {horizon_bars: 4}\n",
        MODEL.replace("C: 0.1", "C: 0.2"),
        MODEL.replace("C: 0.1", "C: 0.1, max_iter: 500"),
        MODEL.replace("logistic, params: {C: 0.1}", "hist_gradient_boosting"),
        MODEL.replace("features: core", "features: alpha158"),
        MODEL + "cross_features: true\n",
        MODEL.replace("minimum_rows: 40", "minimum_rows: 40, refit: month"),
        MODEL + "calibration: null\n",
        MODEL + "seed: 8\n",
    ]
    assert len({hash_of(fresh_world, edit) for edit in edits}) == len(edits)


@pytest.mark.parametrize(
    "edit",
    [
        MODEL + "seed: 7\n",
        MODEL + "label: {type: direction, horizon_bars: 5}\n",
        MODEL + "label: {dead_zone_bps: 0}\n",
        MODEL.replace("C: 0.1", "C: 0.10, class_weight: null, max_iter: 1000"),
        "# a remark\n" + MODEL,
    ],
)
def test_a_default_that_is_written_out_makes_no_other_trial(fresh_world, edit):
    assert hash_of(fresh_world, edit) == hash_of(fresh_world, MODEL)


def test_whole_numbers_are_the_same_with_and_without_a_point(fresh_world):
    one = MODEL.replace("C: 0.1", "C: 2")
    assert hash_of(fresh_world, one) == hash_of(fresh_world, one.replace("C: 2", "C: 2.0"))
    assert hash_of(fresh_world, MODEL.replace("C: 0.1", "C: 1")) == hash_of(
        fresh_world, MODEL.replace("{C: 0.1}", "{}")
    )


def test_the_columns_of_an_own_feature_set_are_part_of_the_model(fresh_world):
    model = MODEL.replace("features: core", "features: mine")
    fresh_world.write("features/mine.yaml", OWN_SET)
    first = hash_of(fresh_world, model)
    fresh_world.write("features/mine.yaml", OWN_SET.replace("21", "22"))
    assert hash_of(fresh_world, model) != first
    fresh_world.write("features/mine.yaml", OWN_SET + "version: 2\n")
    assert hash_of(fresh_world, model) == first  # the same columns
    fresh_world.write("features/outer.yaml", "name: outer\ncolumns:\n- {set: mine}\n")
    outer = model.replace("mine", "outer")
    nested = hash_of(fresh_world, outer)
    fresh_world.write("features/mine.yaml", OWN_SET.replace("21", "22"))
    assert hash_of(fresh_world, outer) != nested


def test_code_of_own_features_adds_no_trial_and_what_they_declare_does(fresh_world):
    text = (
        "from trading_pipeline.features.own_features import feature\n\n\n"
        "@feature(warmup=5, inputs=['close'], bars_back=3)\n"
        "def change(bars, bars_back):\n    return bars['close'].diff(bars_back)\n"
    )
    model = MODEL.replace("features: core", "features: coded")
    fresh_world.write("features/coded.py", text)
    first = hash_of(fresh_world, model)
    fresh_world.write("features/coded.py", text.replace("return bars", "return 2 * bars"))
    assert hash_of(fresh_world, model) == first
    fresh_world.write("features/coded.py", text.replace("bars_back=3", "bars_back=4"))
    assert hash_of(fresh_world, model) != first


def test_a_strategy_without_models_has_no_model_hash(fresh_world):
    workspace = fresh_world.workspace
    identities = TrialIdentities(workspace, workspace.catalog.scenario("ml_direction"))
    assert identities.of("sma_crossover", {"fast": 5})["model_hash"] == ""
    params = json.loads('{"enter_above": 0.6, "exit_below": 0.4}')
    assert identities.of("ml_direction", params)["model_hash"] != ""
