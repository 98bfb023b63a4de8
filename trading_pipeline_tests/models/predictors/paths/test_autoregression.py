"""Least squares on lags, the recursion and its bootstrap."""

import json
import time

import numpy as np
import pytest

from trading_pipeline.models.predictors.paths.autoregression import (
    bootstrap_spread,
    extend,
    fitted_values,
    lagged_rows,
    least_squares,
    residual_sample,
    spectral_radius,
    unrolled,
)

# Yearly sunspot numbers of 1700 to 2008, Solar Influences Data Analysis Center, as the data set
# `sunspots` of statsmodels has them.
SUNSPOTS = np.array(
    json.loads(
        """[
5, 11, 16, 23, 36, 58, 29, 20, 10, 8, 3, 0, 0, 2, 11, 27, 47, 63, 60, 39, 28, 26, 22, 11, 21,
40, 78, 122, 103, 73, 47, 35, 11, 5, 16, 34, 70, 81, 111, 101, 73, 40, 20, 16, 5, 11, 22, 40,
60, 80.9, 83.4, 47.7, 47.8, 30.7, 12.2, 9.6, 10.2, 32.4, 47.6, 54, 62.9, 85.9, 61.2, 45.1, 36.4,
20.9, 11.4, 37.8, 69.8, 106.1, 100.8, 81.6, 66.5, 34.8, 30.6, 7, 19.8, 92.5, 154.4, 125.9, 84.8,
68.1, 38.5, 22.8, 10.2, 24.1, 82.9, 132, 130.9, 118.1, 89.9, 66.6, 60, 46.9, 41, 21.3, 16, 6.4,
4.1, 6.8, 14.5, 34, 45, 43.1, 47.5, 42.2, 28.1, 10.1, 8.1, 2.5, 0, 1.4, 5, 12.2, 13.9, 35.4,
45.8, 41.1, 30.1, 23.9, 15.6, 6.6, 4, 1.8, 8.5, 16.6, 36.3, 49.6, 64.2, 67, 70.9, 47.8, 27.5,
8.5, 13.2, 56.9, 121.5, 138.3, 103.2, 85.7, 64.6, 36.7, 24.2, 10.7, 15, 40.1, 61.5, 98.5, 124.7,
96.3, 66.6, 64.5, 54.1, 39, 20.6, 6.7, 4.3, 22.7, 54.8, 93.8, 95.8, 77.2, 59.1, 44, 47, 30.5,
16.3, 7.3, 37.6, 74, 139, 111.2, 101.6, 66.2, 44.7, 17, 11.3, 12.4, 3.4, 6, 32.3, 54.3, 59.7,
63.7, 63.5, 52.2, 25.4, 13.1, 6.8, 6.3, 7.1, 35.6, 73, 85.1, 78, 64, 41.8, 26.2, 26.7, 12.1,
9.5, 2.7, 5, 24.4, 42, 63.5, 53.8, 62, 48.5, 43.9, 18.6, 5.7, 3.6, 1.4, 9.6, 47.4, 57.1, 103.9,
80.6, 63.6, 37.6, 26.1, 14.2, 5.8, 16.7, 44.3, 63.9, 69, 77.8, 64.9, 35.7, 21.2, 11.1, 5.7, 8.7,
36.1, 79.7, 114.4, 109.6, 88.8, 67.8, 47.5, 30.6, 16.3, 9.6, 33.2, 92.6, 151.6, 136.3, 134.7,
83.9, 69.4, 31.5, 13.9, 4.4, 38, 141.7, 190.2, 184.8, 159, 112.3, 53.9, 37.6, 27.9, 10.2, 15.1,
47, 93.8, 105.9, 105.5, 104.5, 66.6, 68.9, 38, 34.5, 15.5, 12.6, 27.5, 92.5, 155.4, 154.6,
140.4, 115.9, 66.6, 45.9, 17.9, 13.4, 29.4, 100.2, 157.6, 142.6, 145.7, 94.3, 54.6, 29.9, 17.5,
8.6, 21.5, 64.3, 93.3, 119.6, 111, 104, 63.7, 40.4, 29.8, 15.2, 7.5, 2.9
]"""
    )
)
# statsmodels: AutoReg with a constant and nine lags, least squares, twelve years ahead
PATH = [31.484802, 63.023529, 89.649039, 94.350479, 82.73394, 63.043849]
PATH += [41.908407, 25.430642, 13.984408, 14.888274, 27.897981, 49.785265]


def fitted(series, lags, **given):
    inputs = lagged_rows(series, lags)[:-1]
    return inputs, least_squares(inputs, series[lags:], **given)


def test_the_path_of_sunspots_is_that_of_the_reference():
    series = SUNSPOTS[:, None]
    _, coefficients = fitted(series, 9)
    recent = lagged_rows(series, 9)[-1:]
    path = extend(coefficients, recent, 12)[0, :, 0]
    assert path == pytest.approx(PATH, abs=1e-5)
    steps = [fitted_values(each, recent)[0, 0] for each in unrolled(coefficients, 12)]
    assert steps == pytest.approx(PATH, abs=1e-5)


def test_ordinary_and_ridge_regression_are_those_of_scikit_learn():
    from sklearn.linear_model import LinearRegression, Ridge
    from sklearn.preprocessing import StandardScaler

    generator = np.random.default_rng(3)
    inputs, weights = (
        generator.normal(size=(200, 4)) * [1, 10, 0.1, 3],
        generator.uniform(1, 2, 200),
    )
    outcomes = inputs @ generator.normal(size=(4, 2)) + generator.normal(size=(200, 2)) + 5.0
    plain = least_squares(inputs, outcomes, weights=weights)
    oracle = LinearRegression().fit(inputs, outcomes, sample_weight=weights)
    assert pytest.approx(oracle.coef_) == plain[1:].T
    assert plain[0] == pytest.approx(oracle.intercept_)
    ridge = least_squares(inputs, outcomes, penalty=0.1)
    scaled = StandardScaler().fit(inputs)
    oracle = Ridge(alpha=0.1 * 200).fit(scaled.transform(inputs), outcomes)
    assert fitted_values(ridge, inputs) == pytest.approx(oracle.predict(scaled.transform(inputs)))


@pytest.mark.parametrize("series", [1, 4])
def test_spread_added_to_the_expected_path_is_the_simulation_from_that_origin(series):
    generator = np.random.default_rng(5)
    values = generator.normal(size=(400, series)).cumsum(axis=0) * 0.01 + generator.normal(
        size=(400, series)
    )
    inputs, coefficients = fitted(values, 3)
    residuals = residual_sample(
        values[3:] - fitted_values(coefficients, inputs), parameters=3, seed=1
    )
    origin = np.repeat(inputs[-1:], 200, axis=0)
    draws = np.random.default_rng(9).integers(len(residuals), size=(20, 200))
    shocks = residuals[draws] - residuals[draws].mean(axis=1, keepdims=True)
    simulated = extend(coefficients, origin, 20, shocks=shocks)
    spread = bootstrap_spread(coefficients, residuals, steps=20, paths=200, seed=9)
    expected = extend(coefficients, inputs[-1:], 20)
    assert expected + spread == pytest.approx(simulated, abs=1e-9)


def test_three_hundred_steps_and_two_hundred_paths_take_less_than_two_seconds():
    values = np.random.default_rng(5).normal(size=(23_000, 1))  # 60 sessions of one-minute bars
    started = time.process_time()
    inputs, coefficients = fitted(values, 20)
    residuals = values[20:] - fitted_values(coefficients, inputs)
    bootstrap_spread(coefficients, residuals, steps=300, paths=200, seed=1)
    extend(coefficients, inputs[-1:], 300)
    assert time.process_time() - started < 2.0


def test_residuals_are_centred_and_as_wide_as_errors_of_new_rows():
    residuals = np.random.default_rng(5).normal(size=(100, 1)) + 1.0
    sample = residual_sample(residuals, parameters=20, seed=1)
    assert sample.mean() == pytest.approx(0.0, abs=1e-12)
    assert sample.std() == pytest.approx(residuals.std() * np.sqrt(100 / 80))
    assert len(residual_sample(residuals, parameters=20, seed=1, most=30)) == 30


def test_a_recursion_that_runs_away_is_told_by_its_radius():
    assert spectral_radius(np.array([[0.0], [1.1]])) == pytest.approx(1.1)
    assert spectral_radius(np.array([[0.0], [0.5], [0.2]])) < 1.0
