"""The estimator of the extra `lightgbm`, and what is said where it is not installed."""

from __future__ import annotations

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError, ModelIntegrityError, ModelTrainingError
from trading_pipeline.models.predictors import estimators
from trading_pipeline.models.predictors.catalogue import check_model_spec
from trading_pipeline.models.predictors.estimators import build_estimator, estimator
from trading_pipeline.models.registry.model_files import MODEL_FILE, load_model, save_model
from trading_pipeline.models.training.estimator_fit import fit_regressor
from trading_pipeline.models.training.forecasting import forecast
from trading_pipeline.models.training.train import library_versions
from trading_pipeline.settings.model_spec import ModelSpec

SAID = r"needs the package 'lightgbm'.*uv sync --extra lightgbm"


@pytest.fixture
def not_installed(monkeypatch):
    monkeypatch.setattr(estimators, "find_spec", lambda name: None)
    library_versions.cache_clear()


@pytest.fixture
def needs_lightgbm():
    pytest.importorskip("lightgbm")


def spec_of(predictor):
    values = {"name": "trees", "predictor": predictor, "estimator": {"type": "lightgbm"}}
    label = {"direction": "direction", "forward_return": "forward_return"}
    return ModelSpec.parse(
        {**values, "label": {"type": label.get(predictor, predictor)}}, where="trees.yaml"
    )


def test_without_the_extra_its_name_is_in_the_error(not_installed):
    for predictor in ("direction", "forward_return", "volatility"):
        with pytest.raises(ConfigurationError, match=SAID):
            check_model_spec(spec_of(predictor))
    with pytest.raises(ConfigurationError, match=SAID):
        build_estimator("lightgbm", {}, seed=1)
    with pytest.raises(ConfigurationError, match=SAID):
        library_versions("lightgbm")
    assert check_model_spec(ModelSpec(name="direction")).name == "direction"


def test_other_models_do_not_depend_on_its_version(needs_lightgbm):
    assert "lightgbm" not in library_versions("ridge")
    assert library_versions("lightgbm").keys() - library_versions("ridge") == {"lightgbm"}


@pytest.mark.parametrize("predictor", ["direction", "forward_return", "volatility"])
def test_every_predictor_with_an_estimator_may_learn_by_it(needs_lightgbm, predictor):
    assert check_model_spec(spec_of(predictor)).name == predictor


def test_every_parameter_reaches_the_trees(needs_lightgbm):
    chosen = {
        "learning_rate": 0.2,
        "n_estimators": 7,
        "num_leaves": 5,
        "max_depth": 2,
        "min_data_in_leaf": 9,
        "lambda_l2": 0.5,
        "feature_fraction": 0.5,
    }
    assert set(chosen) == set(estimator("lightgbm").parameters)
    values = np.random.default_rng(1).normal(size=(300, 4))
    fitted = build_estimator("lightgbm", chosen, seed=5, task="regressor").fit(values, values[:, 0])
    assert fitted.text.count("\nTree=") == 7
    said = dict(
        line.strip("[]").split(": ", 1) for line in fitted.text.splitlines() if ": " in line
    )
    for name in set(chosen) - {"n_estimators"}:
        assert float(said[name]) == chosen[name], name
    assert (said["num_threads"], said["deterministic"], said["force_row_wise"]) == ("1", "1", "1")
    assert (said["seed"], said["objective"]) == ("5", "regression")


def test_a_model_file_holds_the_text_of_the_trees_and_nothing_else(
    needs_lightgbm, tmp_path, make_fit, make_spec, make_data
):
    fitted = make_fit(make_spec(estimator="lightgbm"))
    path = save_model(tmp_path, fitted)
    loaded = load_model(path)
    assert vars(loaded.state["estimator"]) == {"text": fitted.state["estimator"].text}
    assert loaded.library_versions["lightgbm"]
    features, _ = make_data(300, seed=5)
    before, after = (forecast(each, features)["p_up"] for each in (fitted, loaded))
    np.testing.assert_array_equal(before, after)


def test_a_model_file_that_was_changed_is_refused(needs_lightgbm, tmp_path, make_fit, make_spec):
    path = save_model(tmp_path, make_fit(make_spec(estimator="lightgbm")))
    content = (path / MODEL_FILE).read_bytes()
    (path / MODEL_FILE).write_bytes(content.replace(b"num_leaves: 15", b"num_leaves: 16"))
    with pytest.raises(ModelIntegrityError, match="sha256"):
        load_model(path)


def test_what_lightgbm_refuses_is_a_training_error(needs_lightgbm):
    values = np.random.default_rng(1).normal(size=(50, 2))
    spec = spec_of("forward_return")
    with pytest.raises(ModelTrainingError, match="'lightgbm' of the model 'trees'"):
        fit_regressor(spec, values, values[:40, 0], np.ones(40))
