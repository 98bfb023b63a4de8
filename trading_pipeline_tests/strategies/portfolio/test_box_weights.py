"""The weights of least variance, against a general solver and the conditions of an optimum."""

import numpy as np
import pytest
from scipy.optimize import minimize

from trading_pipeline.strategies.portfolio.box_weights import least_variance


def random_covariance(generator, count):
    factors = generator.normal(size=(count, count + 3))
    scale = np.exp(generator.normal(0.0, 0.7, count))
    return 1e-4 * (factors @ factors.T) * np.outer(scale, scale)


@pytest.mark.parametrize("seed", range(12))
def test_weights_equal_those_of_a_general_solver(seed):
    generator = np.random.default_rng(seed)
    count = int(generator.integers(2, 12))
    covariance = random_covariance(generator, count)
    low = float(generator.choice([0.0, 0.0, -0.3]))
    high = float(generator.uniform(1.0 / count, 1.0)) + 1e-3
    found, regular = least_variance(covariance, low, high)
    assert regular
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert ((found >= low) & (found <= high)).all()
    size = np.trace(covariance)
    other = minimize(
        lambda w: w @ covariance @ w / size,
        np.full(count, 1.0 / count),
        jac=lambda w: 2.0 * covariance @ w / size,
        bounds=[(low, high)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    )
    assert found @ covariance @ found <= other.fun * size * (1.0 + 1e-9)
    np.testing.assert_allclose(found, other.x, atol=2e-4)


@pytest.mark.parametrize("count", [2, 30, 100])
def test_no_exchange_between_two_weights_lowers_the_variance(count):
    covariance = random_covariance(np.random.default_rng(count), count)
    found, _ = least_variance(covariance, 0.0, 0.2 if count > 5 else 0.9)
    slope = covariance @ found
    high = 0.2 if count > 5 else 0.9
    may_fall, may_rise = found > 1e-12, found < high - 1e-12
    assert slope[may_fall].max() <= slope[may_rise].min() + 1e-9 * np.abs(slope).max()


def test_without_bounds_that_hold_it_is_the_closed_form():
    covariance = random_covariance(np.random.default_rng(1), 6)
    found, _ = least_variance(covariance, -50.0, 50.0)
    ones = np.linalg.solve(covariance, np.ones(6))
    np.testing.assert_allclose(found, ones / ones.sum(), rtol=1e-8)


def test_what_has_no_single_solution_is_nearest_to_equal_weights():
    np.testing.assert_allclose(least_variance(np.zeros((3, 3)), 0.0, 1.0)[0], 1.0 / 3.0)
    found, regular = least_variance(np.ones((4, 4)), 0.0, 1.0)
    assert not regular
    np.testing.assert_allclose(found, 0.25)
