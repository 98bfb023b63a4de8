from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.calibration import _SigmoidCalibration

from trading_pipeline.errors import ModelTrainingError
from trading_pipeline.models.training.calibration import SigmoidCalibration, fit_sigmoid, sigmoid


def draw(slope, intercept, rows=4000, seed=1):
    generator = np.random.default_rng(seed)
    margin = generator.normal(0.3, 2.0, rows)
    chance = 1 / (1 + np.exp(-(slope * margin + intercept)))
    return margin, (generator.uniform(size=rows) < chance).astype(float)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.3, -0.5), (2.0, 1.0)])
def test_known_slope_and_intercept_are_found_again(slope, intercept):
    fitted = fit_sigmoid(*draw(slope, intercept, rows=40_000))
    assert fitted.slope == pytest.approx(slope, rel=0.08)
    assert fitted.intercept == pytest.approx(intercept, abs=0.08)


@pytest.mark.parametrize("rows", [30, 300, 4000])
def test_it_is_the_sigmoid_of_scikit_learn(rows):
    margin, outcome = draw(0.7, 0.2, rows=rows)
    other = _SigmoidCalibration().fit(margin, outcome)
    own = fit_sigmoid(margin, outcome)
    np.testing.assert_allclose(own.probability(margin), other.predict(margin), atol=1e-4)


def test_it_is_the_optimum_that_a_general_minimizer_finds():
    margin, outcome = draw(0.5, -1.0, rows=500)
    yes = outcome.sum()
    target = np.where(outcome == 1, (yes + 1) / (yes + 2), 1 / (len(outcome) - yes + 2))

    def loss(point):
        values = point[0] * margin + point[1]
        return float(np.sum(np.logaddexp(0, values) - target * values))

    other = minimize(loss, [0.0, 0.0], method="BFGS", options={"gtol": 1e-9})
    own = fit_sigmoid(margin, outcome)
    assert [own.slope, own.intercept] == pytest.approx(other.x, abs=1e-6)


def test_margins_of_any_size_and_place_give_the_same_probabilities():
    margin, outcome = draw(0.7, 0.2, rows=300)
    plain = fit_sigmoid(margin, outcome).probability(margin)
    moved = fit_sigmoid(1e6 * margin - 3e7, outcome).probability(1e6 * margin - 3e7)
    np.testing.assert_allclose(plain, moved, atol=1e-9)


def test_a_ranking_that_failed_on_the_tail_is_levelled_not_turned_round():
    margin, outcome = draw(-1.0, 0.0, rows=1000)
    fitted = fit_sigmoid(margin, outcome)
    assert fitted.slope == 0.0
    share = fitted.probability(margin)
    assert np.ptp(share) == 0.0
    assert share[0] == pytest.approx(outcome.mean(), abs=0.002)


def test_margins_that_are_all_alike_give_the_base_rate():
    fitted = fit_sigmoid(np.zeros(100), np.repeat([0.0, 1.0], [75, 25]))
    assert fitted.slope == 0.0
    assert sigmoid(np.array([fitted.intercept]))[0] == pytest.approx(0.25, abs=0.01)


def test_outcomes_that_a_margin_parts_perfectly_stay_short_of_certainty():
    margin = np.linspace(-1, 1, 40)
    chance = fit_sigmoid(margin, (margin > 0).astype(float)).probability(margin)
    assert 0.0 < chance.min() < 0.06
    assert 0.94 < chance.max() < 1.0
    assert (np.diff(chance) > 0).all()


@pytest.mark.parametrize(("value", "word"), [(1.0, "up"), (0.0, "down")])
def test_outcomes_that_are_all_alike_are_refused(value, word):
    with pytest.raises(ModelTrainingError, match=f"all have the outcome {word}"):
        fit_sigmoid(np.arange(10.0), np.full(10, value))


def test_the_logistic_function_neither_overflows_nor_loses_nan():
    values = sigmoid(np.array([-1e9, 0.0, 1e9, np.nan]))
    assert values[:3].tolist() == [0.0, 0.5, 1.0]
    assert np.isnan(SigmoidCalibration(slope=1.0, intercept=0.0).probability(values)[3])
