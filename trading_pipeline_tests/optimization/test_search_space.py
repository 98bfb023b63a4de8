"""Search spaces: combinations, constraints and refused input."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization.search_space import parameter_combinations
from trading_pipeline.settings.study import StudySpec


def study(space, *constraints):
    return StudySpec.parse(
        {
            "name": "s",
            "strategy": "sma_crossover",
            "scenario": "sma_crossover",
            "space": {name: {"values": list(values)} for name, values in space.items()},
            "constraints": list(constraints),
        },
        where="a test",
    )


def combinations(space, *constraints):
    return [tuple(c.values()) for c in parameter_combinations(study(space, *constraints))]


def test_every_combination_comes_once_with_the_last_parameter_fastest():
    assert combinations({"a": [1, 2], "b": [5, 6, 7]}) == [
        (1, 5), (1, 6), (1, 7), (2, 5), (2, 6), (2, 7),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("constraint", "kept"),
    [
        ("a < b", lambda a, b: a < b),
        ("2 * a <= b", lambda a, b: 2 * a <= b),
        ("a + 1 == b", lambda a, b: a + 1 == b),
        ("1 < a < b", lambda a, b: 1 < a < b),
        ("b / a > 1.5", lambda a, b: b / a > 1.5),
        ("-a != -b", lambda a, b: a != b),
        ("(b - a) * 2 >= 4", lambda a, b: (b - a) * 2 >= 4),
    ],
)
def test_constraints_mean_what_they_say(constraint, kept):
    space = {"a": [1, 2, 3], "b": [1, 2, 4]}
    expected = [each for each in itertools.product([1, 2, 3], [1, 2, 4]) if kept(*each)]
    assert combinations(space, constraint) == expected
    assert expected


def test_all_constraints_hold_at_once():
    assert combinations({"a": [1, 2, 3], "b": [2, 3]}, "a < b", "a > 1") == [(2, 3)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True),
    st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True),
)
def test_what_is_kept_is_exactly_what_meets_the_constraint(first, second):
    expected = [each for each in itertools.product(first, second) if each[0] <= each[1]]
    space = {"a": first, "b": second}
    if expected:
        assert combinations(space, "a <= b") == expected
    else:
        with pytest.raises(OptimizationError, match="no combination"):
            combinations(space, "a <= b")


def test_no_combination_left_is_an_error_that_names_the_constraints():
    with pytest.raises(OptimizationError, match=r"'s' has no combination.*\(a > 5; a < 3\)"):
        combinations({"a": [1, 9]}, "a > 5", "a < 3")


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ("a <", "cannot be read"),
        ("a", "compares nothing"),
        ("a + 1", "compares nothing"),
        ("aa < b", "names 'aa', which is not searched"),
        ("a in b", "must use"),
        ("a < b.real", "is not a parameter"),
        ("a < b[0]", "is not a parameter"),
        ("a < b ** 2", "is not a parameter"),
        ("a < (lambda: 1)", "is not a parameter"),
        ("a < abs(b)", "abs"),
        ("__import__('os').getcwd() < b", "__import__"),
        ("a < b / 0", "divides by zero"),
        ("a < 'x'", "mixes texts and numbers"),
        ("a < 'x' + 1", "mixes texts and numbers"),
        ("9 < a < abs(b)", "abs"),
        ("9 < a < b ** 2", "is not a parameter"),
        ("9 < a < b[0]", "is not a parameter"),
        ("a < None", "is not a parameter"),
        ("a < b and b < 9", "compares nothing"),
    ],
)
def test_what_is_no_plain_comparison_is_refused_before_anything_runs(constraint, message):
    with pytest.raises(OptimizationError) as caught:
        combinations({"a": [1, 2], "b": [2, 3]}, constraint)
    assert message in str(caught.value)


def test_texts_can_be_searched_and_compared():
    space = {"direction": ["long_only", "long_short"]}
    assert combinations(space, "direction != 'long_short'") == [("long_only",)]
    assert combinations(space, "direction < 'long_s'") == [("long_only",)]
