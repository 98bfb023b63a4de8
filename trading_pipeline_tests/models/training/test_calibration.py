from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from trading_pipeline.errors import DataQualityError
from trading_pipeline.models.training.calibration import (
    PRIOR_ROWS,
    SigmoidCalibration,
    fit_slope,
    log_odds,
    shrunk_base_rate,
    sigmoid,
)


def draw(slope, rows=4000, *, base=0.0, seed=1):
    generator = np.random.default_rng(seed)
    margin = generator.normal(0.0, 2.0, rows)
    chance = sigmoid(base + slope * margin)
    return margin, (generator.uniform(size=rows) < chance).astype(float)


def fitted(margin, outcome, *, base=0.0, weights=None):
    rows = len(margin)
    return fit_slope(
        margin,
        outcome,
        base_log_odds=np.full(rows, base),
        weights=np.ones(rows) if weights is None else weights,
    )


@pytest.mark.parametrize(("slope", "base"), [(1.0, 0.0), (0.3, -0.5), (2.0, 1.0)])
def test_a_known_slope_is_found_again_in_many_rows(slope, base):
    margin, outcome = draw(slope, rows=40_000, base=base)
    assert fitted(margin, outcome, base=base) == pytest.approx(slope, rel=0.05)


@pytest.mark.parametrize("rows", [15, 150, 1500])
def test_it_is_the_optimum_that_a_general_minimizer_finds(rows):
    margin, outcome = draw(0.7, rows=rows)
    weights = np.random.default_rng(3).uniform(0.1, 1.0, rows)
    size = np.sqrt(np.average(margin**2, weights=weights))

    def loss(slope):
        values = 0.2 + slope * margin
        misfit = weights @ (np.logaddexp(0, values) - outcome * values)
        return misfit + 0.5 * PRIOR_ROWS / 4 * (slope * size) ** 2

    other = minimize_scalar(loss, bounds=(0.0, 5.0), method="bounded", options={"xatol": 1e-10})
    assert fitted(margin, outcome, base=0.2, weights=weights) == pytest.approx(other.x, abs=1e-6)


@pytest.mark.parametrize("unit", [1e-200, 1e-6, 1e6, 1e200])
def test_margins_of_any_unit_give_the_same_probabilities(unit):
    margin, outcome = draw(0.7, rows=300)
    assert fitted(unit * margin, outcome) * unit == pytest.approx(fitted(margin, outcome))


def test_ten_rows_that_are_worth_one_count_as_one():
    margin, outcome = draw(0.7, rows=200)
    ten_times = fitted(np.repeat(margin, 10), np.repeat(outcome, 10), weights=np.full(2000, 0.1))
    assert ten_times == pytest.approx(fitted(margin, outcome))
    assert ten_times < fitted(np.repeat(margin, 10), np.repeat(outcome, 10))


def test_the_fewer_effective_rows_the_smaller_the_slope():
    margin, outcome = draw(1.0, rows=1000)
    slopes = [fitted(margin, outcome, weights=np.full(1000, w)) for w in (0.01, 0.05, 0.2, 1.0)]
    assert slopes == sorted(slopes)
    assert slopes[0] < 0.25
    assert slopes[-1] == pytest.approx(1.0, abs=0.15)


def test_on_noise_no_number_of_rows_makes_the_brier_score_worse_by_two_thousandths():
    generator = np.random.default_rng(11)
    for rows in (10, 40, 160, 640):
        worse = []
        for _ in range(200):
            margin = generator.normal(size=rows)
            slope = fitted(margin, generator.integers(0, 2, rows).astype(float))
            later = sigmoid(slope * generator.normal(size=200))
            worse.append(np.mean((later - 0.5) ** 2))
        assert np.mean(worse) < 0.002


def test_a_ranking_that_failed_is_levelled_not_turned_round():
    assert fitted(*draw(-1.0, rows=1000)) == 0.0


def test_nothing_to_tell_apart_gives_a_slope_of_zero():
    assert fitted(np.zeros(100), np.repeat([0.0, 1.0], 50)) == 0.0
    assert fitted(np.empty(0), np.empty(0)) == 0.0


def test_outcomes_that_a_margin_parts_perfectly_or_that_are_all_alike_stay_short_of_certainty():
    margin = np.linspace(-1, 1, 40)
    for outcome in ((margin > 0).astype(float), np.ones(40)):
        slope = fitted(margin, outcome)
        assert 0.05 < sigmoid(np.array([-slope]))[0] <= 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margins": np.ones(2)}, "2 margins, 3 outcomes, 3 base rates and 3 weights"),
        ({"weights": np.array([1.0, 0.0, 1.0])}, "must be above 0"),
        ({"weights": np.array([1.0, np.nan, 1.0])}, "must be above 0"),
        ({"margins": np.array([1.0, np.inf, 1.0])}, "not finite"),
    ],
)
def test_rows_that_do_not_fit_are_refused(change, message):
    given = {
        "margins": np.arange(3.0),
        "outcomes": np.array([0.0, 1.0, 1.0]),
        "base_log_odds": np.zeros(3),
        "weights": np.ones(3),
    } | change
    margins, outcomes = given.pop("margins"), given.pop("outcomes")
    with pytest.raises(DataQualityError, match=message):
        fit_slope(margins, outcomes, **given)


def test_a_base_rate_is_a_half_without_rows_and_the_share_of_ones_with_many():
    assert shrunk_base_rate(np.empty(0), np.empty(0)) == 0.5
    assert shrunk_base_rate(np.ones(10), np.full(10, PRIOR_ROWS / 10)) == pytest.approx(0.75)
    many = np.repeat([0.0, 1.0], [30_000, 70_000])
    assert shrunk_base_rate(many, np.ones(100_000)) == pytest.approx(0.7, abs=1e-4)


def test_log_odds_and_the_logistic_function_are_inverse_and_nothing_overflows():
    for chance in (1e-12, 0.2, 0.5, 0.999):
        assert sigmoid(np.array([log_odds(chance)]))[0] == pytest.approx(chance)
    values = sigmoid(np.array([-1e9, 0.0, 1e9, np.nan]))
    assert values[:3].tolist() == [0.0, 0.5, 1.0]
    assert np.isnan(SigmoidCalibration(slope=1.0, intercept=0.0).probability(values)[3])
