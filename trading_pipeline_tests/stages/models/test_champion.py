"""Champion and challenger: who forecasts, decided on rows that neither learned from."""

import json

import numpy as np
import pytest

from trading_pipeline.models.registry.model_files import read_metadata
from trading_pipeline.stages.features.features import FeatureStage
from trading_pipeline.stages.models.champion import champion_row, other_feature_set
from trading_pipeline.stages.models.live import LatestForecastStage, LiveModelStage
from trading_pipeline.stages.models.models import PredictionStage
from trading_pipeline.stages.stage import WHOLE
from trading_pipeline_tests.stages.models.earlier_fits import AAPL, fitted_earlier, table

PLAIN = "name: direction\nestimator: {type: logistic, params: {C: 0.1}}\nfeatures: core\n"
OTHER = PLAIN.replace("0.1", "0.05")
MEMORISER = (
    "name: direction\nfeatures: core\ncalibration: null\n"
    "estimator: {type: hist_gradient_boosting, params: {learning_rate: 0.9, max_iter: 60, "
    "min_samples_leaf: 1, l2_regularization: 0}}\n"
)
"""It knows its training rows by heart, and is far too sure of all others."""
FEW = "training: {minimum_rows: 40}\n"


def written(world, text):
    world.write("models/direction.yaml", text + FEW)


def live(world):
    return LiveModelStage(world.workspace, AAPL, "direction")


def trials(world):
    return world.rows(
        "SELECT strategy, sharpe, value, fold FROM trials WHERE strategy LIKE 'live/%'"
    )


@pytest.fixture
def old_champion(world):
    """A champion that was fitted at the end of 2002; the bars of 2003 came later."""
    return fitted_earlier(world)


def test_the_same_procedure_on_more_bars_takes_over_and_is_no_trial(world, old_champion):
    live(world).materialize(WHOLE)
    (row,) = table(world).to_dict("records")
    assert (row["role"], row["replaced"]) == ("champion", old_champion)
    assert row["model_id"] != old_champion
    assert row["decision"] == "The same procedure with the bars of today."
    assert not trials(world)


def test_another_spec_that_is_no_worse_takes_over_and_is_a_trial(world, old_champion):
    before = world.workspace.trials.count(), world.workspace.trials.sharpe_variance(AAPL)
    written(world, OTHER)
    (outcome,) = live(world).materialize(WHOLE)
    row = champion_row(table(world))
    assert row["replaced"] == old_champion
    assert row["decision"].startswith(
        ("No difference beyond 2 errors: loss", "The challenger is better: loss")
    )
    assert 30.0 < row["compared_effective_rows"] < 60.0  # labels of 5 days over 250 rows
    assert outcome.metadata["decision"] == row["decision"]
    assert outcome.metadata["difference"] == row["difference"]
    ((strategy, sharpe, value, fold),) = trials(world)
    assert (strategy, sharpe, fold) == ("live/direction", None, old_champion)
    assert value == row["difference"]
    assert world.workspace.trials.count() == before[0] + 1
    assert world.workspace.trials.sharpe_variance(AAPL) == before[1]
    assert not world.workspace.trials.verify().faults
    live(world).materialize(WHOLE)
    assert len(trials(world)) == 1


def test_a_challenger_that_learned_the_rows_by_heart_is_not_judged_on_them(world, old_champion):
    forecasts = LatestForecastStage(world.workspace, AAPL, "direction")
    forecasts.materialize(WHOLE)
    written(world, MEMORISER)
    (outcome,) = live(world).materialize(WHOLE)
    found = table(world)
    assert found["role"].tolist() == ["champion", "challenger"]
    assert found.index.is_monotonic_increasing
    champion = champion_row(found)
    assert champion["model_id"] == old_champion == outcome.metadata["model_id"]
    challenger = found["model_id"].iloc[-1]
    assert outcome.metadata["challenger"] == challenger
    assert champion["decision"].startswith("The challenger is worse: loss")
    assert champion["difference"] > 0.1  # knowing the rows it would be far better
    told = LatestForecastStage(world.workspace, AAPL, "direction")
    told.materialize(WHOLE)
    frame = told.stored("", told.newest()[AAPL])
    assert set(frame["model_id"]) == {old_champion}
    assert live(world).pending(WHOLE) == []
    written(world, PLAIN)  # the file says again what the champion was made by
    live(world).materialize(WHOLE)
    assert champion_row(table(world))["decision"].startswith("The same procedure")
    written(world, MEMORISER + "promotion: {rule: always}\n")
    live(world).materialize(WHOLE)
    assert table(world)["model_id"].tolist() == [challenger]
    assert len(trials(world)) == 1


def test_with_the_rule_better_an_equal_challenger_waits(world, old_champion):
    written(world, OTHER + "promotion: {rule: better}\n")
    live(world).materialize(WHOLE)
    assert champion_row(table(world))["model_id"] == old_champion
    assert champion_row(table(world))["decision"].startswith("No difference beyond 2 errors")


def test_without_rows_since_the_champion_nothing_is_told_and_the_file_decides(world):
    live(world).materialize(WHOLE)
    written(world, OTHER)
    live(world).materialize(WHOLE)
    (row,) = table(world).to_dict("records")
    assert row["decision"].startswith("Not compared: 0 outcomes of bars from 2003-12-31 on")
    assert np.isnan(row["difference"])
    assert not trials(world)


def test_a_champion_of_another_feature_set_is_compared_and_goes_on_with_it(world, old_champion):
    world.write(
        "features/momentum.yaml",
        "name: momentum\ncolumns:\n  - {set: core, only: [log_return_1, rsi_14]}\n",
    )
    written(world, MEMORISER.replace("core", "momentum"))
    assert other_feature_set(world.workspace, AAPL, "direction") == "core"
    FeatureStage(world.workspace, AAPL, "momentum").materialize(world.workspace.windows())
    live(world).materialize(WHOLE)
    assert champion_row(table(world))["decision"].startswith("The challenger is worse: loss")
    (outcome,) = LatestForecastStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    assert outcome.metadata["model_id"] == old_champion


def test_a_champion_whose_features_changed_is_replaced(world, old_champion):
    mine = "name: mine\ncolumns:\n  - {set: core, only: [log_return_1, rsi_14]}\n"
    world.write("features/mine.yaml", mine)
    windows = world.workspace.windows()
    FeatureStage(world.workspace, AAPL, "mine").materialize(windows)
    written(world, PLAIN.replace("core", "mine"))
    live(world).materialize(WHOLE)
    world.write("features/mine.yaml", mine.replace("rsi_14", "log_return_5"))
    FeatureStage(world.workspace, AAPL, "mine").materialize(windows)
    live(world).materialize(WHOLE)
    decision = champion_row(table(world))["decision"]
    assert decision == "Not compared: the champion's feature set 'mine' is not what it was."


def test_a_champion_that_forecast_something_else_is_replaced_without_a_comparison(
    world, old_champion
):
    written(world, PLAIN + "label: {type: direction, horizon_bars: 1}\n")
    from trading_pipeline.stages.features.labels import LabelStage

    name = world.workspace.catalog.model("direction").label.name
    LabelStage(world.workspace, AAPL, name).materialize(world.workspace.windows())
    live(world).materialize(WHOLE)
    (row,) = table(world).to_dict("records")
    assert row["decision"] == "Not compared: the champion forecasts something else."
    assert row["replaced"] == old_champion


def test_a_champion_whose_files_are_damaged_is_replaced(world, old_champion):
    folder = world.runtime / world.value("SELECT path FROM models WHERE model_id = ?", old_champion)
    (folder / "model.skops").write_bytes(b"")
    written(world, MEMORISER)
    live(world).materialize(WHOLE)
    assert champion_row(table(world))["decision"] == "There was no champion to compare with."


def test_promotion_moves_no_walk_forward_prediction_and_no_id(world, old_champion):
    before = world.artifact_hashes("predictions/direction")
    written(world, PLAIN + "promotion: {rule: better, errors: 1}\nmax_age_days: 3\n")
    windows = world.workspace.windows()
    assert PredictionStage(world.workspace, AAPL, "direction").pending(windows) == []
    live(world).materialize(WHOLE)
    metadata = read_metadata(world.runtime / champion_row(table(world))["path"])
    assert "promotion" not in json.dumps(metadata)
    assert world.artifact_hashes("predictions/direction") == before


def test_paths_are_compared_at_their_first_horizon(world):
    text = "name: paths\npredictor: {type: autoregressive, params: {paths: 100, lags: LAGS}}\n"
    world.write("models/paths.yaml", text.replace("LAGS", "5") + FEW)
    old = fitted_earlier(world, "paths")
    world.write("models/paths.yaml", text.replace("LAGS", "6") + FEW)
    LiveModelStage(world.workspace, AAPL, "paths").materialize(WHOLE)
    row = champion_row(table(world, "paths"))
    assert row["replaced"] == old
    assert row["compared_effective_rows"] == pytest.approx(251.0)  # one bar ahead, no overlap
    assert row["decision"].startswith("No difference beyond 2 errors: loss 0.000")
