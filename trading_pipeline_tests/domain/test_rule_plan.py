"""Rule plans: conditions by hand, cuts, parts, and refused shapes."""

import numpy as np
import pytest

from trading_pipeline.domain.rule_plan import INTENTS, Condition, Levels, RulePlan
from trading_pipeline.domain.signals import Fraction, Price
from trading_pipeline.errors import StrategyError

ROWS = np.array([[1.0, 3.0, 2.0, np.nan, 2.0, 1.0], [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]])
FIRST = [0]
HELD = {
    "above": [1],
    "at_or_above": [1, 2, 4],
    "below": [0, 5],
    "at_or_below": [0, 2, 4, 5],
    "crosses_above": [1],
    "crosses_below": [5],
}


@pytest.mark.parametrize("relation", HELD)
@pytest.mark.parametrize("right", ["number", "row", "row and spread"])
def test_a_condition_holds_on_the_bars_found_by_hand(relation, right):
    given = {
        "number": {"number": [2.0]},
        "row": {"base": [1]},
        "row and spread": {"base": [1], "spread": [1], "number": [0.0]},
    }[right]
    plan = RulePlan(rows=ROWS, count=1, entry_long=[[Condition(FIRST, relation, **given)]])
    assert np.flatnonzero(plan.signals(0).entry_long).tolist() == HELD[relation]


def test_alternatives_are_any_of_all():
    above, below = Condition(FIRST, "above", base=[1]), Condition(FIRST, "below", number=[2.0])
    low = Condition(FIRST, "at_or_below", number=[1.0])
    plan = RulePlan(rows=ROWS, count=1, exit_long=[[below, low], [above]])
    assert np.flatnonzero(plan.signals(0).exit_long).tolist() == [0, 1, 5]
    assert not plan.signals(0).entry_long.any()


def test_a_spread_is_a_number_of_times_another_row_above_the_base():
    rows = np.array([[2.5, 2.5], [2.0, 2.0], [0.2, 0.3]])
    plan = RulePlan(
        rows=rows, count=1, entry_long=[[Condition([0], "above", [1], number=[2.0], spread=[2])]]
    )
    assert plan.signals(0).entry_long.tolist() == [True, False]


def test_cutting_keeps_a_cross_on_the_first_bar_and_the_levels_of_its_bars():
    long = Levels(stop_loss=Price(np.arange(6.0)))
    rule = [[Condition(FIRST, "crosses_above", base=[1])]]
    cut = RulePlan(rows=ROWS, count=1, entry_long=rule, long=long).cut(slice(1, 4))
    signals = cut.signals(0)
    assert signals.entry_long.tolist() == [True, False, False]
    assert signals.stop_loss.values.tolist() == [1.0, 2.0, 3.0]
    assert cut.cut(slice(2, 3)).signals(0).stop_loss.values.tolist() == [3.0]


def test_each_side_has_its_own_levels_and_one_side_alone_has_its_own():
    up, down = (
        [[Condition(FIRST, relation, base=[1])]] for relation in ("crosses_above", "crosses_below")
    )
    sides = {
        "long": Levels(stop_loss=Price(np.full(6, 1.0))),
        "short": Levels(stop_loss=Price(np.full(6, 9.0))),
    }
    both = RulePlan(rows=ROWS, count=1, entry_long=up, entry_short=down, **sides)
    assert both.signals(0).stop_loss.values.tolist() == [1.0, 1.0, 1.0, 1.0, 1.0, 9.0]
    assert set(
        RulePlan(rows=ROWS, count=1, entry_long=up, **sides).signals(0).stop_loss.values
    ) == {1.0}
    with pytest.raises(StrategyError, match="given for 1 of 2 sides"):
        RulePlan(rows=ROWS, count=1, entry_long=up, entry_short=down, long=sides["long"])
    mixed = {"long": sides["long"], "short": Levels(stop_loss=Fraction(0.1))}
    with pytest.raises(StrategyError, match="one kind on all traded sides"):
        RulePlan(rows=ROWS, count=1, entry_long=up, entry_short=down, **mixed)


def test_some_combinations_can_be_taken_alone():
    rule = [[Condition([0, 0, 1], "above", number=[2.5, 0.0, 1.0])]]
    plan = RulePlan(rows=ROWS, count=3, entry_long=rule, exit_short=rule)
    part = plan.take(np.array([2, 0]))
    assert len(part) == 2
    for name in INTENTS:
        for number, whole in enumerate((2, 0)):
            wanted = getattr(plan.signals(whole), name)
            assert getattr(part.signals(number), name).tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": np.ones(3)}, "rows of shape"),
        ({"lead": 2}, "a lead of 0 or 1"),
        ({"count": 2}, "has the shape"),
        ({"entry_long": [[Condition([7], "above", number=[1.0])]]}, "rows 0 to 1"),
        ({"entry_long": [[Condition([-1], "above", number=[1.0])]]}, "rows 0 to 1"),
        ({"long": Levels(stop_loss=Price(np.ones(3)))}, r"lengths \[3\]"),
    ],
)
def test_what_does_not_fit_is_refused(change, said):
    given = {"rows": ROWS, "count": 1, "entry_long": [[Condition(FIRST, "above", base=[1])]]}
    with pytest.raises(StrategyError, match=said):
        RulePlan(**given | change)


def test_a_condition_that_compares_with_nothing_or_in_an_unknown_way_is_refused():
    for wrong in ({}, {"base": [0], "number": [1.0]}, {"base": [0], "spread": [0]}):
        with pytest.raises(StrategyError, match="give one of the three"):
            Condition([0], "above", **wrong)
    with pytest.raises(StrategyError, match="not 'over'"):
        Condition([0], "over", number=[1.0])
