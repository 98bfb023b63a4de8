"""No model, prediction or backtest can see what comes after it."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.stages.models.models import ModelStage
from trading_pipeline_tests.pipeline_world import cause_of_failure, run_job
from trading_pipeline_tests.stage_calls import materialize_windows, pending_windows

PINNED = (
    "name: ml_direction\nstrategy: {{type: ml_direction, params: {{enter_above: 0.505}}}}\n"
    "instruments: [AAPL_1d]\ndates: {{start: {start}, end: 2004-01-01}}\n"
    "model_window: {window}\ncosts: {{commission_bps: 0}}\n{more}"
)
KEY = "AAPL_1d|ml_direction"


def poison(world, asset, window):
    """Make rows full of nonsense the valid content of a partition."""
    store, partition = world.workspace.artifacts, f"AAPL_1d|{window}"
    old = store.newest([asset])[asset, partition]
    frame = store.load(old)
    rng = np.random.default_rng(5)
    for column in frame.columns.drop(["known_at", "t0", "t1"], errors="ignore"):
        frame[column] = rng.integers(0, 2, len(frame)).astype("float64")
    row = store.write(
        frame,
        asset=asset,
        partition=partition,
        status="ok",
        input_hash="poison" * 4,
        code_hash="",
        run_id="test",
    )
    store.record([row])


def forget(world, asset):
    with world.workspace.warehouse.write() as connection:
        connection.execute("DELETE FROM artifacts WHERE asset = ?", [asset])


@pytest.mark.parametrize("asset", ["features/core", "labels/direction"])
def test_what_a_later_window_holds_changes_no_fit(world, asset):
    before = world.artifact_hashes("models/direction")
    models = world.rows("SELECT model_id FROM models ORDER BY ALL")
    poison(world, asset, "2003-01-01")
    workspace = world.workspace
    assert pending_windows(ModelStage(workspace, "AAPL_1d", "direction"), workspace.windows()) == []
    forget(world, "models/direction")
    materialize_windows(ModelStage(workspace, "AAPL_1d", "direction"), workspace.windows())
    assert world.artifact_hashes("models/direction") == before
    assert world.rows("SELECT DISTINCT model_id FROM models ORDER BY ALL") == models


@pytest.mark.parametrize("asset", ["features/core", "labels/direction"])
def test_what_an_earlier_window_holds_does_change_the_fits_after_it(world, asset):
    before = world.artifact_hashes("models/direction")
    poison(world, asset, "2002-01-01")
    workspace = world.workspace
    stage = ModelStage(workspace, "AAPL_1d", "direction")
    stale = [window.key for window in pending_windows(stage, workspace.windows())]
    assert stale == ["2003-01-01"]
    materialize_windows(stage, workspace.windows())
    after = world.artifact_hashes("models/direction")
    assert after["AAPL_1d|2003-01-01"] != before["AAPL_1d|2003-01-01"]
    assert after["AAPL_1d|2002-01-01"] == before["AAPL_1d|2002-01-01"]


def test_training_ends_where_labels_were_known_before_the_refit(world):
    found = world.rows(
        'SELECT "window", train_to, last_label_end, purged FROM models ORDER BY "window"'
    )
    assert [row[0] for row in found] == ["2002-01-01", "2003-01-01"]
    for key, train_to, last_label_end, purged in found:
        refit_at = pd.Timestamp(key, tz="UTC")
        assert train_to < last_label_end < refit_at
        assert purged == 5
        labels = world.workspace.artifacts.newest(["labels/direction"])
        frame = world.workspace.artifacts.load(
            labels["labels/direction", f"AAPL_1d|{int(key[:4]) - 1}-01-01"]
        )
        assert (frame["t1"] >= refit_at).sum() == purged


def test_every_prediction_is_made_after_its_models_last_label_was_known(world):
    store = world.workspace.artifacts
    frames = [store.load(row) for row in store.newest(["predictions/direction"]).values()]
    predictions = pd.concat([frame for frame in frames if len(frame)])
    assert len(predictions) == 252 + 252
    ends = dict(world.rows("SELECT model_id, last_label_end FROM models"))
    assert set(predictions["model_id"]) == set(ends)
    known_at = predictions["known_at"]
    assert (known_at > predictions["model_id"].map(ends)).all()
    assert (known_at > predictions.index).all()
    assert predictions["p_up"].between(0.0, 1.0).all()


def test_a_model_that_saw_the_traded_bars_is_refused(world, instance):
    world.write(
        "scenarios/ml_direction.yaml",
        PINNED.format(start="2002-06-03", window="2003-01-01", more=""),
    )
    results = world.value("SELECT count(*) FROM backtest_results")
    result = run_job(world, instance, "backtests", KEY)
    assert not result.success
    text = cause_of_failure(result)
    assert "DataLeakageError" in text
    assert (
        "was trained on labels that end at 2002-12-31, but the backtest starts at 2002-06-03"
        in text
    )
    assert world.value("SELECT count(*) FROM backtest_results") == results


def test_a_model_that_did_not_see_the_traded_bars_may_be_pinned(world, instance):
    world.write(
        "scenarios/ml_direction.yaml",
        PINNED.format(start="2003-01-01", window="2002-01-01", more=""),
    )
    assert run_job(world, instance, "backtests", KEY).success
    warnings = world.workspace.results.newest()[0]["warnings"]
    assert warnings.startswith("Free fills")
    assert "Leakage" not in warnings


def test_an_overlap_that_is_asked_for_runs_and_says_so(world, instance):
    text = PINNED.format(start="2002-06-03", window="2003-01-01", more="allow_overlap: true\n")
    world.write("scenarios/ml_direction.yaml", text)
    assert run_job(world, instance, "backtests", KEY).success
    row = world.workspace.results.newest()[0]
    assert row["scenario"] == "ml_direction"
    assert "Leakage allowed by 'allow_overlap'" in row["warnings"]
    assert "worthless as evidence" in row["warnings"]


def test_a_pinned_window_without_a_model_is_refused_with_its_reason(world, instance):
    world.write(
        "scenarios/ml_direction.yaml",
        PINNED.format(start="2002-06-03", window="2000-01-01", more=""),
    )
    result = run_job(world, instance, "backtests", KEY)
    assert "InsufficientDataError" in cause_of_failure(result)
    assert "No window lies before this one" in cause_of_failure(result)
