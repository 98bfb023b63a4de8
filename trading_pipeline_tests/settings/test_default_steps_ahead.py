"""How far paths go where neither the model's file nor the timeframe shall decide."""

from __future__ import annotations

import pytest

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.models.predictors.catalogue import SHIPPED_PREDICTORS as SHIPPED
from trading_pipeline.models.predictors.paths.path_predictor import PathPredictor
from trading_pipeline.settings import model_spec
from trading_pipeline.settings.catalog import load_catalog

PATH = "name: path\npredictor: {type: autoregressive, params: %s}\n"


@pytest.fixture
def steps_of(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()

    def steps(params, value):
        (tmp_path / "models" / "path.yaml").write_text(PATH % params)
        monkeypatch.setenv("TRADING_PIPELINE_DEFAULT_STEPS_AHEAD", value)
        return load_catalog(tmp_path).model("path").predictor.params.get("steps")

    return steps


def test_the_environment_says_how_far_a_path_goes_that_does_not_say_it(steps_of):
    assert steps_of("{lags: 3}", "12") == 12
    assert steps_of("{lags: 3}", "") is None


@pytest.mark.parametrize("params", ["{steps: 7}", "{horizons: [1, 5]}"])
def test_a_path_that_says_how_far_it_goes_is_left_as_it_is(steps_of, params):
    assert steps_of(params, "12") == (7 if "steps" in params else None)


def test_other_steps_are_another_model(steps_of, tmp_path):
    hashes = set()
    for value in ("", "5", "6"):
        steps_of("{lags: 3}", value)
        hashes.add(load_catalog(tmp_path).model("path").hash)
    assert len(hashes) == 3


def test_models_that_are_no_path_do_not_change(steps_of, monkeypatch):
    monkeypatch.delenv("TRADING_PIPELINE_DEFAULT_STEPS_AHEAD", raising=False)
    before = load_catalog(None).model("direction").hash
    monkeypatch.setenv("TRADING_PIPELINE_DEFAULT_STEPS_AHEAD", "5")
    assert load_catalog(None).model("direction").hash == before


@pytest.mark.parametrize("value", ["0", "1001", "many", "2.5"])
def test_a_number_that_cannot_be_is_refused_by_name(steps_of, value):
    with pytest.raises(ConfigurationError, match="DEFAULT_STEPS_AHEAD"):
        steps_of("{lags: 3}", value)


def test_every_shipped_predictor_of_a_path_is_meant():
    paths = {name for name in SHIPPED.names() if isinstance(SHIPPED.get(name), PathPredictor)}
    assert set(model_spec._PATHS) == paths
