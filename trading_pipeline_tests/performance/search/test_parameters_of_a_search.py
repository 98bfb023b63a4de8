"""Plateau or spike, and which parameter decides, on surfaces whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance.search.importance import parameter_importance
from trading_pipeline.performance.search.plateau import plateau

GRID = [{"fast": fast, "slow": slow, "side": "long"} for fast in range(10) for slow in range(9)]
HILL = [-((each["fast"] - 4) ** 2) - (each["slow"] - 4) ** 2 for each in GRID]


def scattered(sets: int, seed: int) -> list[dict[str, float]]:
    points = np.random.default_rng(seed).random((sets, 2)).tolist()
    return [{"a": a, "b": 10.0**b} for a, b in points]


def test_a_smooth_hill_is_a_plateau_and_one_lucky_set_a_spike():
    found = plateau(GRID, HILL)
    assert (found.shape, found.neighbours, found.by) == ("plateau", 8, "steps")
    assert found.worst_neighbour == -2.0
    assert math.isnan(found.kept_of_value)  # the best is 0
    needle = [1.0 if each["fast"] == each["slow"] == 4 else 0.2 for each in GRID]
    spike = plateau(GRID, needle)
    assert (spike.shape, spike.kept_of_lead, spike.kept_of_value) == ("spike", 0.0, 0.2)


def test_noise_is_nearly_never_a_plateau():
    generator = np.random.default_rng(3)
    shapes = [plateau(GRID, generator.normal(size=90)).shape for _ in range(100)]
    assert shapes.count("plateau") <= 3
    assert shapes.count("spike") > 75


def test_a_scattered_sample_is_judged_by_the_nearest_sets():
    sets = scattered(60, 1)
    hill = [-((each["a"] - 0.5) ** 2) - (math.log10(each["b"]) - 0.5) ** 2 for each in sets]
    found = plateau(sets, hill)
    assert (found.shape, found.neighbours, found.by) == ("plateau", 4, "nearest")
    worst = min(range(60), key=hill.__getitem__)
    lucky = [value + 2.0 * (row == worst) for row, value in enumerate(hill)]
    assert plateau(sets, lucky).shape == "spike"


def test_neighbours_have_the_same_words_and_truth_values():
    sets = [{"n": n, "side": side, "on": on} for n in range(5) for side in "ab" for on in (0, 1)]
    sets = [each | {"on": bool(each["on"])} for each in sets]
    values = [
        1.0 - abs(each["n"] - 2) if each["side"] == "a" and each["on"] else -5.0 for each in sets
    ]
    found = plateau(sets, values)
    assert (found.neighbours, found.worst_neighbour) == (2, 0.0)


@pytest.mark.parametrize(
    ("sets", "values"),
    [
        ([], []),
        ([{"n": 1}], [1.0]),
        ([{"n": 1}, {"n": 2}, {"n": 3}], [1.0, 1.0, 1.0]),
        ([{"n": 1}, {"n": 2}, {"n": 3}], [math.nan] * 3),
        ([{"n": 1}, {"n": 1}], [1.0, 2.0]),
        ([{}, {}], [1.0, 2.0]),
    ],
)
def test_nothing_is_said_where_nothing_can_be_told(sets, values):
    assert plateau(sets, values).shape == "unknown"
    assert parameter_importance(sets, values) == {}


def test_the_parameter_that_decides_explains_the_variance():
    generator = np.random.default_rng(4)
    values = [each["slow"] + 0.1 * generator.normal() for each in GRID]
    found = parameter_importance(GRID, values)
    assert set(found) == {"fast", "slow"}  # `side` is the same for all
    assert found["slow"] > 0.97
    assert found["fast"] == 0.0
    sets = scattered(80, 2)  # every value is different: eight ranges
    found = parameter_importance(sets, [each["b"] ** 3 for each in sets])
    assert found["b"] > 0.9
    assert found["a"] < 0.15


def test_noise_explains_nothing_and_words_are_groups():
    generator = np.random.default_rng(5)
    found = [parameter_importance(GRID, generator.normal(size=90))["fast"] for _ in range(100)]
    assert np.mean(found) < 0.05
    sides = [{"side": side, "n": n} for side in ("long", "short", None) for n in range(6)]
    by_side = [{"long": 2.0, "short": -1.0, None: 0.0}[each["side"]] for each in sides]
    assert parameter_importance(sides, by_side) == {"side": 1.0, "n": 0.0}


def test_each_set_needs_a_value():
    for measure in (plateau, parameter_importance):
        with pytest.raises(DataQualityError, match="3 parameter sets and values of the shape"):
            measure([{"n": 1}, {"n": 2}, {"n": 3}], [1.0, 2.0])
