"""Crossing plans: crosses, cuts and refused shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.errors import StrategyError

ROWS = np.array([[1.0, 3.0, 2.0, 1.0], [2.0, 2.0, 2.0, 2.0]])
ONE = np.array([[0, 1]])


def test_cross_up_enters_and_cross_down_leaves():
    signals = CrossingPlan(rows=ROWS, pairs=ONE).signals(0)
    assert signals.entry_long.tolist() == [False, True, False, False]
    assert signals.exit_long.tolist() == [False, False, False, True]  # equal at bar 2: no cross yet
    assert not signals.entry_short.any()


def test_both_sides_reverse_at_each_cross():
    signals = CrossingPlan(rows=ROWS, pairs=ONE, direction="long_short").signals(0)
    assert signals.entry_short.tolist() == signals.exit_long.tolist()
    assert signals.exit_short.tolist() == signals.entry_long.tolist()


def test_unknown_values_cross_nothing():
    rows = np.array([[np.nan, 3.0, 1.0], [2.0, 2.0, 2.0]])
    signals = CrossingPlan(rows=rows, pairs=ONE).signals(0)
    assert not signals.entry_long.any()
    assert signals.exit_long.tolist() == [False, False, True]


@pytest.mark.parametrize("direction", ["long_only", "long_short"])
def test_a_start_in_the_state_takes_the_side_that_holds_where_both_rows_are_first_known(direction):
    rows = np.array([[np.nan, 3.0, 3.0, 1.0, 1.0], [2.0] * 5])
    plan = CrossingPlan(rows=rows, pairs=ONE, direction=direction, start="state")
    signals = plan.signals(0)
    assert signals.entry_long.tolist() == [False, True, False, False, False]
    assert signals.exit_long.tolist() == [False, False, False, True, False]
    below = plan.cut(slice(4, 5)).signals(0)
    assert below.exit_long.tolist() == [True]
    assert below.entry_short.tolist() == [direction == "long_short"]


def test_equal_rows_are_no_state_and_wait_for_their_cross():
    rows = np.array([[2.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
    signals = CrossingPlan(rows=rows, pairs=ONE, start="state").signals(0)
    assert signals.entry_long.tolist() == [False, False, True]


@given(seed=st.integers(0, 10_000), first=st.integers(0, 11), length=st.integers(0, 12))
def test_cut_keeps_the_signals_of_its_bars_however_often_it_is_cut(seed, first, length):
    rows = np.random.default_rng(seed).integers(0, 4, (3, 12)).astype(float)
    plan = CrossingPlan(rows=rows, pairs=np.array([[0, 1], [2, 0]]), direction="long_short")
    traded = slice(first, min(first + length, 12))
    once = plan.cut(traded)
    twice = plan.cut(slice(first // 2, 12)).cut(slice(first - first // 2, traded.stop - first // 2))
    for number in range(2):
        expected = plan.signals(number).entry_long[traded].tolist()
        assert once.signals(number).entry_long.tolist() == expected
        assert twice.signals(number).entry_long.tolist() == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": np.array([[0, 2]])}, r"Pair 0 of the crossing plan is \(0, 2\).*rows 0 to 1"),
        ({"pairs": np.array([[0, 1], [-1, 0]])}, "Pair 1"),
        ({"pairs": np.array([0, 1])}, "shape"),
        ({"rows": np.zeros(3)}, "shape"),
        ({"lead": 2}, "lead of 0 or 1"),
        ({"start": "level"}, "'cross' or in the 'state', not at 'level'"),
    ],
)
def test_impossible_plans_are_refused(change, message):
    with pytest.raises(StrategyError, match=message):
        CrossingPlan(**({"rows": ROWS, "pairs": ONE} | change))


def test_rows_cannot_be_changed_afterwards():
    with pytest.raises(ValueError, match="read-only"):
        CrossingPlan(rows=ROWS, pairs=ONE).rows[0, 0] = 9.0
