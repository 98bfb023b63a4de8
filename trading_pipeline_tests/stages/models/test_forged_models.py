"""A models folder that somebody changed: no stage loads, runs or overwrites what was put there."""

import hashlib
import json
import pickle

import numpy as np
import pytest
from skops import io as skops_io

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import DataQualityError, ModelIntegrityError
from trading_pipeline.models.registry.model_files import METADATA_FILE, MODEL_FILE
from trading_pipeline.stages.models.live import LatestForecastStage, LiveModelStage
from trading_pipeline.stages.models.models import ModelStage, PredictionStage
from trading_pipeline.stages.stage import WHOLE

AAPL = "AAPL_1d"


class Payload:
    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


def malicious_pickle(folder, marker):
    return pickle.dumps(Payload(marker))


def forged_estimator(folder, marker):
    """A sound model file that says the opposite; only the record in the warehouse tells."""
    state = skops_io.loads((folder / MODEL_FILE).read_bytes())
    state["estimator"][-1].coef_ *= -1.0
    return skops_io.dumps(state)


def change_metadata(folder, **changes):
    values = json.loads((folder / METADATA_FILE).read_text()) | changes
    values.pop("metadata_hash")
    values["metadata_hash"] = canonical_hash(values)
    (folder / METADATA_FILE).write_text(json.dumps(values))


def model_of(world, window):
    path = world.value('SELECT path FROM models WHERE "window" = ? ORDER BY seq DESC', window)
    return world.runtime / path


def plant(folder, content):
    (folder / MODEL_FILE).write_bytes(content)
    change_metadata(folder, sha256=hashlib.sha256(content).hexdigest())


def predict_anew(world):
    """Predictions of 2003, which are missing; nobody asks for the fits before."""
    for file in (world.runtime / "cache/predictions/direction" / AAPL / "2003-01-01").glob("*"):
        file.unlink()
    stage = PredictionStage(world.workspace, AAPL, "direction")
    return stage.materialize(world.workspace.windows(["2003-01-01"]))


@pytest.mark.parametrize("make", [malicious_pickle, forged_estimator])
def test_what_was_planted_is_not_loaded_by_predictions_and_the_next_fit_replaces_it(
    world, tmp_path, make
):
    marker = tmp_path / "marker"
    folder = model_of(world, "2003-01-01")
    before = (folder / MODEL_FILE).read_bytes()
    planted = make(folder, marker)
    plant(folder, planted)
    rows = world.counts()
    with pytest.raises(ModelIntegrityError, match=r"on record\. The next pass trains it again"):
        predict_anew(world)
    assert not marker.exists()
    assert (folder / MODEL_FILE).read_bytes() == planted
    assert world.counts() == rows
    ModelStage(world.workspace, AAPL, "direction").materialize(world.workspace.windows())
    assert (folder / MODEL_FILE).read_bytes() == before
    assert predict_anew(world)[0].status == "ok"
    assert not marker.exists()


@pytest.mark.parametrize("make", [malicious_pickle, forged_estimator])
def test_a_live_model_that_was_planted_forecasts_nothing_and_is_fitted_again(world, tmp_path, make):
    marker = tmp_path / "marker"
    LiveModelStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    folder = model_of(world, "live")
    plant(folder, make(folder, marker))
    with pytest.raises(ModelIntegrityError, match="forecast for a live model"):
        LatestForecastStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    live = LiveModelStage(world.workspace, AAPL, "direction")
    assert live.pending(WHOLE)
    live.materialize(WHOLE)
    assert LatestForecastStage(world.workspace, AAPL, "direction").materialize(WHOLE)
    assert not marker.exists()


def test_a_model_of_another_scikit_learn_predicts_nothing(world):
    folder = model_of(world, "2003-01-01")
    versions = json.loads((folder / METADATA_FILE).read_text())["library_versions"]
    change_metadata(folder, library_versions=versions | {"scikit-learn": "0.24.2"})
    with pytest.raises(ModelIntegrityError, match=r"saved with scikit-learn 0\.24\.2"):
        predict_anew(world)


def test_a_feature_set_that_changed_since_the_fit_predicts_nothing(world, monkeypatch):
    stage = PredictionStage(world.workspace, AAPL, "direction")
    for file in (world.runtime / "cache/predictions/direction" / AAPL / "2003-01-01").glob("*"):
        file.unlink()
    monkeypatch.setattr(stage._features, "hash", "0" * 64)
    with pytest.raises(ModelIntegrityError, match=r"feature set .* at hand are of 000000000000"):
        stage.materialize(world.workspace.windows(["2003-01-01"]))


@pytest.mark.parametrize("kind", [ModelStage, PredictionStage, LiveModelStage])
def test_an_infinite_feature_reaches_no_model_and_no_prediction(world, monkeypatch, kind):
    keys = WHOLE if kind is LiveModelStage else world.workspace.windows(["2003-01-01"])
    stage = kind(world.workspace, AAPL, "direction")
    sound = stage._features.rows

    def infinite(windows):
        frame = sound(windows)
        frame.iloc[60, frame.columns.get_loc("known_at") - 1] = np.inf
        return frame

    monkeypatch.setattr(stage._features, "rows", infinite)
    monkeypatch.setattr(stage, "is_current", lambda *_: False)
    before, files = world.counts(), sorted((world.runtime / "models").rglob("*"))
    with pytest.raises(DataQualityError, match="infinite value"):
        stage.materialize(keys)
    assert world.counts() == before
    assert sorted((world.runtime / "models").rglob("*")) == files
