from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.models.predictors.estimators import (
    build_estimator,
    estimator,
    estimator_names,
    is_installed,
    validate_parameters,
)
from trading_pipeline.models.training.estimator_fit import margins_of


def installed(task=None):
    return [name for name in estimator_names(task) if is_installed(name)]


def data(rows=300, seed=3):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(rows, 4))
    return values, (values[:, 0] + generator.normal(size=rows) > 0).astype("int64")


def test_the_known_estimators():
    both = {"hist_gradient_boosting", "lightgbm", "random_forest"}
    assert set(estimator_names("classifier")) == {*both, "logistic"}
    assert set(estimator_names("regressor")) == {*both, "ridge"}
    assert set(estimator_names()) == {*both, "logistic", "ridge"}


@pytest.mark.parametrize("name", installed("regressor"))
def test_equal_seeds_give_equal_forecasts_bit_by_bit(name):
    values, _ = data()
    target = values[:, 0] + 0.5 * values[:, 1]
    first, second = (
        build_estimator(name, {}, seed=5, task="regressor").fit(values, target) for _ in range(2)
    )
    np.testing.assert_array_equal(first.predict(values), second.predict(values))
    assert np.corrcoef(first.predict(values), target)[0, 1] > 0.7


@pytest.mark.parametrize("name", installed("classifier"))
def test_equal_seeds_give_equal_margins_bit_by_bit(name):
    values, outcome = data()
    first, second = (build_estimator(name, {}, seed=5).fit(values, outcome) for _ in range(2))
    margins = margins_of(first, values)
    np.testing.assert_array_equal(margins, margins_of(second, values))
    assert margins.shape == (300,)
    assert np.corrcoef(margins, outcome)[0, 1] > 0.4


@pytest.mark.parametrize("name", [name for name in installed() if name != "lightgbm"])
def test_every_parameter_reaches_the_estimator(name):
    forest = {
        "n_estimators": 7,
        "max_depth": 3,
        "min_samples_leaf": 9,
        "max_features": 0.5,
        "class_weight": "balanced",
    }
    chosen = {
        "ridge": {"alpha": 0.25},
        "random_forest": forest,
        "logistic": {"C": 0.25, "class_weight": "balanced", "max_iter": 77},
        "hist_gradient_boosting": {
            "learning_rate": 0.2,
            "max_iter": 7,
            "max_leaf_nodes": 5,
            "max_depth": 2,
            "min_samples_leaf": 9,
            "l2_regularization": 0.5,
            "max_features": 0.5,
            "class_weight": "balanced",
        },
    }[name]
    assert set(chosen) == set(estimator(name).parameters)
    for task in estimator(name).tasks:
        built = build_estimator(name, chosen, seed=5, task=task)
        found = (built.steps[-1][1] if hasattr(built, "steps") else built).get_params()
        wanted = {
            key: value
            for key, value in chosen.items()
            if task == "classifier" or key != "class_weight"
        }
        assert {key: found[key] for key in wanted} == wanted
        assert found["random_state"] == 5


def test_the_logistic_regression_does_not_depend_on_the_unit_of_a_feature():
    values, outcome = data()
    plain = build_estimator("logistic", {}, seed=1).fit(values, outcome).decision_function(values)
    scaled = values * [1e6, 1e-6, 1.0, 1.0]
    other = build_estimator("logistic", {}, seed=1).fit(scaled, outcome).decision_function(scaled)
    np.testing.assert_allclose(plain, other, rtol=1e-3, atol=1e-4)


def test_boosting_never_holds_back_random_rows():
    for task in ("classifier", "regressor"):
        made = build_estimator("hist_gradient_boosting", {}, seed=1, task=task)
        assert made.early_stopping is False


def test_defaults_are_filled_in():
    assert validate_parameters("logistic", {}) == {
        "C": 1.0,
        "class_weight": None,
        "max_iter": 1000,
    }
    assert validate_parameters("hist_gradient_boosting", {"max_depth": 3})["max_depth"] == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: estimator("logistc"), "no estimator 'logistc'. Did you mean 'logistic'"),
        (lambda: build_estimator("forest", {}, seed=1), "no estimator 'forest'"),
        (lambda: validate_parameters("logistic", {"c": 1.0}), "no parameter 'c'. Did you mean 'C'"),
        (
            lambda: validate_parameters("hist_gradient_boosting", {"early_stopping": True}),
            "no parameter 'early_stopping'",
        ),
    ],
)
def test_unknown_names_are_refused_with_the_closest_ones(call, message):
    with pytest.raises(UnknownNameError, match=message):
        call()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"C": 0.0}, "'C' of the estimator 'logistic' must be above 0, was 0.0"),
        ({"C": float("nan")}, "must be above 0"),
        ({"C": "big"}, "must be of type float, was 'big'"),
        ({"C": None}, "must be of type float"),
        ({"C": True}, "must be of type float"),
        ({"max_iter": 10.0}, "must be of type int"),
        ({"max_iter": 0}, "must be 1 or more"),
        ({"class_weight": "even"}, "must be one of"),
    ],
)
def test_wrong_values_are_refused(parameters, message):
    with pytest.raises(ConfigurationError, match=message):
        validate_parameters("logistic", parameters)


def test_upper_bounds_hold_and_a_whole_number_is_a_float():
    with pytest.raises(ConfigurationError, match=r"must be 1 or less, was 1\.5"):
        validate_parameters("hist_gradient_boosting", {"max_features": 1.5})
    assert validate_parameters("logistic", {"C": 2})["C"] == 2


def test_checking_names_and_parameters_does_not_load_scikit_learn():
    code = (
        "import sys; from trading_pipeline.models.predictors import estimators; "
        "from trading_pipeline.models.registry import model_files; "
        "from trading_pipeline.models.training import train; "
        "estimators.validate_parameters('logistic', {}); sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
