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
        ("a and b < 9", "compares nothing"),
        ("not a", "compares nothing"),
        ("a = 1", "Write '==' for equal"),
        ("a <> b", "is not a parameter"),
        ("a < b // 1", "is not a parameter"),
        ("a < (b", "is not closed"),
        ("a < b)", "has ')' at character 6"),
        ("(a < b) + 1 > 0", "counts with what is true or false"),
        ("a if b else 1 < 2", "has 'if' at character 3"),
        ("a := 1", "has ':' at character 3"),
        ("'x' * 9999999999 == 'y'", "mixes texts and numbers"),
        ("a < 1e999", "not finite"),
        ("a < " + "9" * 40, "more than 30 characters"),
        ("a < " + "9" * 5000, "at most 500 are read"),
        ("a < " + "1 + " * 60 + "1", "at most 100 are read"),
        ("a < " + " < ".join("b" * 60), "at most 100 are read"),
        ("a < " + "- " * 120 + "1", "at most 100 are read"),
        ("(" * 40 + "a < b" + ")" * 40, "more than 20 parentheses"),
        ("not " * 120 + "a < b", "at most 100 are read"),
        ("", "it ends early"),
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


@pytest.mark.parametrize(
    ("constraint", "kept"),
    [
        ("a < b and b < 4", lambda a, b: a < b < 4),
        ("a == 1 or b == 1", lambda a, b: a == 1 or b == 1),
        ("not a == b", lambda a, b: a != b),
        ("not not a == b", lambda a, b: a == b),
        ("a == 1 or a == 2 and b == 4", lambda a, b: a == 1 or (a == 2 and b == 4)),
        ("(a == 1 or a == 2) and b == 4", lambda a, b: a in (1, 2) and b == 4),
        ("not (a < b or b > 2)", lambda a, b: not (a < b or b > 2)),
        ("a < b == true", lambda a, b: a < b and b is True),
        ("1 <= a < b <= 4 and not a == 2", lambda a, b: 1 <= a < b <= 4 and a != 2),
        ("a - b - 1 < -1", lambda a, b: a - b - 1 < -1),
        ("8 / a / b >= 2", lambda a, b: 8 / a / b >= 2),
        ("a + 2 * b > 1.5e0 * .5", lambda a, b: a + 2 * b > 0.75),
    ],
)
def test_comparisons_are_joined_as_in_python(constraint, kept):
    expected = [each for each in itertools.product([1, 2, 3], [1, 2, 4]) if kept(*each)]
    if expected:
        assert combinations({"a": [1, 2, 3], "b": [1, 2, 4]}, constraint) == expected
    else:
        with pytest.raises(OptimizationError, match="no combination"):
            combinations({"a": [1, 2, 3], "b": [1, 2, 4]}, constraint)


def test_a_text_that_is_searched_is_never_multiplied():
    with pytest.raises(OptimizationError, match="mixes texts and numbers"):
        combinations({"direction": ["long_only"], "n": [1]}, "direction * 9999999999 == 'y'")


def test_a_searched_truth_value_is_compared_but_not_counted_with():
    assert combinations({"filter": [True, False]}, "filter == true") == [(True,)]
    with pytest.raises(OptimizationError, match="mixes texts and numbers"):
        combinations({"filter": [True, False]}, "filter + 1 > 1")


def test_a_quotient_beyond_a_float_is_an_error_and_no_crash():
    with pytest.raises(OptimizationError, match="too large"):
        combinations({"a": [10**400]}, "a / 3 > 1")


class TestCountingBeforeBuilding:
    def study_of(self, space, **changes):
        return StudySpec.parse(
            {"name": "s", "strategy": "x", "scenario": "x", "space": space} | changes,
            where="a test",
        )

    @pytest.mark.parametrize(
        ("space", "count"),
        [
            ({"a": {"range": [0, 999_999, 1]}}, "1,000,000"),
            ({f"p{n}": {"range": [1, 10, 1]} for n in range(12)}, "1,000,000,000,000"),
            ({f"p{n}": {"values": [1, 2]} for n in range(200)}, "1,606,938,044"),
            ({"a": {"range": [0, 99_999, 1]}, "b": {"values": [1, 2]}}, "200,000"),
        ],
    )
    def test_too_many_combinations_are_refused_before_one_is_built(self, monkeypatch, space, count):
        monkeypatch.setattr(
            "trading_pipeline.settings.study.ParameterSpace.grid",
            lambda _: pytest.fail("values were built"),
        )
        with pytest.raises(OptimizationError, match=f"'s' has {count}.* at most 100,000"):
            parameter_combinations(self.study_of(space))

    def test_the_limit_can_be_set_in_the_study(self):
        space = {"a": {"range": [1, 10, 1]}, "b": {"range": [1, 10, 1]}}
        assert len(parameter_combinations(self.study_of(space, max_combinations=100))) == 100
        with pytest.raises(OptimizationError, match="at most 99 are searched") as caught:
            parameter_combinations(self.study_of(space, max_combinations=99))
        assert caught.value.combinations == 100

    def test_the_limit_is_no_part_of_what_makes_a_study_stale(self):
        space = {"a": {"values": [1]}}
        plain, limited = self.study_of(space), self.study_of(space, max_combinations=5)
        assert plain.hash == limited.hash

    def test_a_study_has_at_most_20_constraints(self):
        one = self.study_of({"a": {"values": [1]}}, constraints=["a > 0"] * 21)
        with pytest.raises(OptimizationError, match="21 constraints, at most 20"):
            parameter_combinations(one)
