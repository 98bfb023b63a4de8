"""How combinations are chosen: distinct, allowed, the same by seed, none asked for twice."""

import json
import math

import pytest

from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization.search_methods import planned, rungs, search
from trading_pipeline.optimization.search_space import SearchSpace
from trading_pipeline.settings.study import StudySpec

WIDE = {"a": {"range": [1, 60]}, "b": {"log": [1, 1000]}, "side": {"choice": ["long", "short"]}}


def space(method="random", budget=40, where=WIDE, constraints=("a < b",), **more):
    values = {"name": "s", "strategy": "sma_crossover", "scenario": "own", "space": where}
    asked = {"method": method, "constraints": list(constraints)}
    asked |= {} if method == "grid" else {"budget": budget}
    return SearchSpace(StudySpec.parse(values | asked | more, where="a test"), whole=["a"])


def value(each):
    """Best at a = 20, b = 100, long."""
    return -abs(each["a"] - 20) / 20 - abs(math.log(each["b"] / 100)) - (each["side"] != "long")


def run(where, of=value):
    """All batches of a search, each set with its value."""
    method, batches = search(where), []
    batch = next(method)
    while True:
        batches.append((batch, [of(each) for each in batch.sets]))
        try:
            batch = method.send(batches[-1][1])
        except StopIteration:
            return batches


@pytest.mark.parametrize("method", ["random", "successive_halving", "tpe"])
def test_sets_are_distinct_allowed_and_the_same_by_seed(method):
    batches = run(space(method))
    first = batches[0][0].sets if method == "successive_halving" else []
    sets = first or [each for batch, _ in batches for each in batch.sets]
    told = [json.dumps(each) for each in sets]
    assert len(told) == len(set(told)) == 40
    assert all(each["a"] < each["b"] <= 1000 and isinstance(each["a"], int) for each in sets)
    assert {each["side"] for each in sets} == {"long", "short"}
    assert [batch for batch, _ in run(space(method))] == [batch for batch, _ in batches]
    assert [batch for batch, _ in run(space(method, seed=8))] != [batch for batch, _ in batches]
    assert planned(space(method)) == sum(len(batch.sets) for batch, _ in batches)


def test_the_estimator_comes_closer_than_the_same_number_of_draws():
    best = {
        method: [
            max(v for _, values in run(space(method, 120, seed=seed)) for v in values)
            for seed in range(3)
        ]
        for method in ("random", "tpe")
    }
    assert sum(best["tpe"]) > sum(best["random"])


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_a_small_space_is_tried_whole_and_no_further(method):
    small = {"a": {"values": [1, 2, 3]}, "b": {"values": [2, 3]}}
    sets = [
        tuple(each.values())
        for batch, _ in run(space(method, 50, small), of=lambda _: 1.0)
        for each in batch.sets
    ]
    assert sorted(sets) == [(1, 2), (1, 3), (2, 3)]


def test_values_that_are_undefined_lead_the_estimator_nowhere_and_stop_nothing():
    batches = run(space("tpe", 40), of=lambda each: math.nan if each["a"] < 30 else value(each))
    assert sum(len(values) for _, values in batches) == 40


def test_halving_keeps_the_best_third_for_three_times_the_bars():
    batches = run(space("successive_halving", 27))
    assert [(len(b.sets), b.rung, round(b.share, 3)) for b, _ in batches] == [
        (27, 1, 0.111), (9, 2, 0.333), (3, 0, 1.0),
    ]  # fmt: skip
    first, values = batches[0]
    ranked = sorted(zip(values, map(json.dumps, first.sets), strict=True), reverse=True)
    assert {told for _, told in ranked[:9]} == set(map(json.dumps, batches[1][0].sets))


def test_halving_drops_undefined_values_first():
    lowest = run(space("successive_halving", 9), of=lambda e: math.nan if e["a"] > 45 else -e["a"])
    kept = lowest[1][0].sets
    assert [each["a"] for each in kept] == sorted(
        each["a"] for each in lowest[0][0].sets if each["a"] <= 45
    )[: len(kept)]


@pytest.mark.parametrize("sets", [1, 2, 8, 9, 100, 1_000])
def test_the_last_step_has_all_bars_and_no_step_more_sets(sets):
    steps = rungs(sets)
    assert steps[-1][1] == 1.0
    assert [count for count, _ in steps] == sorted((count for count, _ in steps), reverse=True)
    assert steps[0][0] == sets


def test_a_space_that_no_draw_can_meet_is_an_error_with_the_number_of_draws():
    with pytest.raises(OptimizationError, match=r"in 28,000 draws \(a > b; b > a\)"):
        next(search(space(constraints=("a > b", "b > a"))))
