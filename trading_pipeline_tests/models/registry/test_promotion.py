from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.models.predictors.catalogue import SHIPPED_PREDICTORS
from trading_pipeline.models.predictors.predictor import Predictor
from trading_pipeline.models.registry.promotion import decide, is_same_procedure
from trading_pipeline.models.registry.row_losses import (
    LossDifference,
    loss_difference,
    row_losses,
)
from trading_pipeline.models.training.forecasting import forecast
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.promotion_spec import PromotionSpec

DAYS = pd.date_range("2024-01-01", periods=400, tz="UTC", name="ts").as_unit("us")


def difference(value, error=0.01, effective=50.0):
    return LossDifference(
        rows=200,
        effective_rows=effective,
        first=0.25,
        second=0.25 + value,
        difference=value,
        error=error,
    )


@pytest.mark.parametrize(
    ("rule", "compared", "promoted", "says"),
    [
        ("not_worse", difference(0.019), True, "No difference beyond 2 errors"),
        ("not_worse", difference(0.021), False, "The challenger is worse: loss 0.271 against 0.25"),
        ("not_worse", difference(-0.021), True, "is better: loss"),
        ("not_worse", difference(0.5, effective=19.0), True, "Fewer than 20 effective rows"),
        ("better", difference(-0.019), False, "No difference beyond 2 errors"),
        ("better", difference(-0.021), True, "is better: loss"),
        ("better", difference(0.021), False, "is worse: loss"),
        ("better", difference(-0.5, effective=19.0), False, "Fewer than 20 effective rows"),
        ("better", difference(0.0, error=0.0), False, "No difference"),
        ("not_worse", difference(0.0, error=0.0), True, "No difference"),
        ("not_worse", difference(1e-9, error=0.0), False, "is worse: loss"),
        ("not_worse", None, True, "Not compared: no rows."),
        ("better", None, True, "Not compared: no rows."),
        ("always", difference(9.0), True, "promote always"),
    ],
)
def test_the_rule_decides_by_the_difference_and_its_error(rule, compared, promoted, says):
    found = decide(PromotionSpec(rule=rule), compared, "no rows")
    assert found.promoted is promoted
    assert says in found.reason


def test_two_models_are_of_one_procedure_where_only_their_rows_differ():
    first = {
        "spec_hash": "s",
        "feature_set_hash": "f",
        "code_hash": "c",
        "libraries_hash": "l",
        "seed": 7,
        "features_hash": "old",
        "refit_at": "2003",
    }
    assert is_same_procedure(first, first | {"features_hash": "new", "refit_at": "2004"})
    for name in ("spec_hash", "feature_set_hash", "code_hash", "libraries_hash", "seed"):
        assert not is_same_procedure(first, first | {name: "other"})


def losses(values, horizon=5, start=0):
    rows = slice(start, start + len(values))
    ends = DAYS[start + horizon : start + horizon + len(values)]
    return pd.DataFrame({"t0": DAYS[rows], "t1": ends, "loss": values}, index=DAYS[rows])


def test_the_difference_is_paired_and_its_error_knows_overlapping_labels():
    noise = np.random.default_rng(3).normal(size=300)
    found = loss_difference(losses(noise), losses(noise + 0.1))
    assert (found.rows, found.difference) == (300, pytest.approx(0.1))
    assert found.error == pytest.approx(0.0, abs=1e-12)  # what both share cancels
    apart = loss_difference(losses(noise), losses(-noise))
    assert apart.effective_rows == pytest.approx(300 / 5, rel=0.05)
    assert apart.error == pytest.approx(2.0 * noise.std(ddof=1) / np.sqrt(60), rel=0.05)


def test_only_rows_of_both_with_the_same_outcome_are_compared():
    first, second = losses(np.ones(100)), losses(np.zeros(100), start=60)
    assert loss_difference(first, second).rows == 40
    assert loss_difference(first, losses(np.ones(100), start=200)) is None
    assert loss_difference(first, losses(np.ones(100), horizon=3)) is None


def test_an_equal_challenger_is_refused_about_as_often_as_two_errors_say():
    generator, refused = np.random.default_rng(11), 0
    for _ in range(300):
        steps = generator.normal(size=205)
        ours, theirs = (
            np.convolve(steps + generator.normal(size=205), np.ones(5) / 5, "valid")[:200] ** 2
            for _ in range(2)
        )
        compared = loss_difference(losses(ours), losses(theirs))
        refused += not decide(PromotionSpec(), compared).promoted
    assert refused <= 0.05 * 300  # 2.3 % for independent normal differences


def test_the_loss_of_a_probability_is_its_part_of_the_brier_score(make_fit, make_data):
    model = make_fit()
    features, labels = make_data(500, seed=3)
    told = forecast(model, features)
    found = row_losses(model.predictor, model.spec, told, labels.iloc[:-20], None)
    assert len(found) == 480
    expected = (told["p_up"] - labels["label"]).iloc[:480] ** 2
    np.testing.assert_allclose(found["loss"], expected)
    told.iloc[5, told.columns.get_loc("p_up")] = np.nan
    assert len(row_losses(model.predictor, model.spec, told, labels.iloc[:-20], None)) == 479


def test_a_predictor_that_says_neither_number_nor_probability_has_no_loss(make_data):
    class Words(Predictor):
        name: ClassVar = "words"
        columns: ClassVar = {"mood": "of the market"}

        def fit(self, rows):
            return {}

        def predict(self, state, rows):
            return pd.DataFrame({"mood": 0.0}, index=rows.features.index)

    features, labels = make_data()
    told = pd.DataFrame({"horizon": 5, "mood": 0.0}, index=features.index)
    spec = ModelSpec(name="m")
    assert row_losses(Words(), spec, told, labels, None) is None
    assert row_losses(SHIPPED_PREDICTORS.get("autoregressive"), spec, told, labels, None) is None
