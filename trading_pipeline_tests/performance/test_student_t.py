"""Student's t distribution against scipy."""

import math

import pytest
from scipy.special import stdtr, stdtrit

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.performance.student_t import student_probability, student_quantile

DEGREES = (1, 2, 3, 4, 5, 23, 58, 60, 61, 200, 5_000)


@pytest.mark.parametrize("degrees", DEGREES)
def test_probabilities_equal_those_of_scipy(degrees):
    for score in (-40.0, -8.0, -2.1, -0.3, 0.0, 0.7, 1.645, 3.0, 12.0, 1e6):
        expected = stdtr(degrees, score)
        assert student_probability(score, degrees=degrees) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("degrees", DEGREES)
@pytest.mark.parametrize("probability", [0.001, 0.05, 0.5, 0.6, 0.95, 0.9995])
def test_quantiles_equal_those_of_scipy(degrees, probability):
    found = student_quantile(probability, degrees=degrees)
    assert found == pytest.approx(stdtrit(degrees, probability), rel=1e-7, abs=1e-9)


def test_edges_are_certain_and_nan_stays_nan():
    assert student_probability(math.inf, degrees=3) == 1.0
    assert student_probability(-math.inf, degrees=3) == 0.0
    assert math.isnan(student_probability(math.nan, degrees=3))


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, math.nan])
def test_a_probability_without_a_finite_quantile_is_refused(probability):
    with pytest.raises(ConfigurationError, match="probability"):
        student_quantile(probability, degrees=3)


def test_less_than_one_degree_is_refused():
    with pytest.raises(ConfigurationError, match="degrees of freedom are 0"):
        student_probability(1.0, degrees=0)
    with pytest.raises(ConfigurationError, match="degrees of freedom are 0"):
        student_quantile(0.9, degrees=0)
