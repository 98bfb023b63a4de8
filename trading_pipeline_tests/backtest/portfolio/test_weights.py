"""How target weights become the plan of a run: rows, rebalancing bars, the sum allowed."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestSettings, Rebalancing, TargetWeights, validate_bars
from trading_pipeline.backtest.portfolio.clock import account_clock
from trading_pipeline.backtest.portfolio.weights import weight_plan
from trading_pipeline.errors import StrategyError
from trading_pipeline_tests.backtest.random_markets import flat_bars

NAMES = ("B_1d", "A_1d")  # the order of the priority
BARS = {name: validate_bars(flat_bars(*[10.0] * 12)) for name in NAMES}
CLOCK = account_clock(BARS)
NAN = np.nan


def plan_of(rows, at, rebalancing=None, account=None, columns=("A_1d", "B_1d")):
    targets = TargetWeights(pd.DataFrame(rows, CLOCK.index[list(at)], columns=list(columns)))
    return weight_plan(
        NAMES, CLOCK, targets, rebalancing or Rebalancing(), account or BacktestSettings()
    )


def due(plan):
    return np.flatnonzero(plan.rebalance).tolist()


def test_rows_stand_in_the_order_of_the_priority():
    plan = plan_of([[0.1, 0.2], [0.3, 0.4]], (2, 5))
    assert plan.rows.tolist() == [2, 5]
    assert plan.values.tolist() == [[0.2, 0.1], [0.4, 0.3]]
    assert due(plan) == [2, 5]
    assert plan.rebalance.dtype == np.uint8
    assert plan.threshold == 0.0


def test_instrument_without_a_column_gets_no_weight():
    plan = plan_of([[0.1]], (2,), columns=("A_1d",))
    np.testing.assert_array_equal(plan.values, [[NAN, 0.1]])


def test_rows_that_give_no_weight_are_left_out():
    plan = plan_of([[NAN, NAN], [0.1, NAN], [NAN, NAN], [NAN, 0.2]], (0, 3, 4, 9))
    assert plan.rows.tolist() == [3, 9]
    np.testing.assert_array_equal(plan.values, [[NAN, 0.1], [0.2, NAN]])
    assert due(plan) == [3, 9]


def test_weights_that_give_nothing_at_all_rebalance_never():
    for rules in (None, Rebalancing(calendar=3), Rebalancing(threshold=0.1)):
        plan = plan_of([[NAN, NAN]], (0,), rules)
        assert plan.rows.tolist() == []
        assert due(plan) == []


def test_dense_table_holds_the_rows_at_their_bars():
    plan = plan_of([[0.1, 0.2], [NAN, 0.4]], (2, 5))
    assert plan.weights.shape == (12, 2)
    np.testing.assert_array_equal(plan.weights[[2, 5]], [[0.2, 0.1], [0.4, NAN]])
    assert np.isnan(np.delete(plan.weights, [2, 5], axis=0)).all()


def test_calendar_restores_at_the_first_row_and_then_at_its_own_dates():
    plan = plan_of([[0.1, 0.2], [0.3, 0.4]], (4, 6), Rebalancing(calendar=3))
    assert due(plan) == [4, 5, 8, 11]
    plan = plan_of([[0.1, 0.2], [0.3, 0.4]], (4, 6), Rebalancing(calendar="week"))
    assert due(plan) == [4, 6]  # 2024-01-07 is a Sunday
    assert plan.rows.tolist() == [4, 6]


def test_threshold_restores_at_the_first_row_by_itself():
    plan = plan_of([[0.1, 0.2], [0.3, 0.4]], (4, 6), Rebalancing(threshold=0.2))
    assert due(plan) == [4]
    assert plan.threshold == 0.2


@pytest.mark.parametrize(
    ("rows", "wrong", "total"),
    [
        ([[0.5, 0.6], [0.1, 0.1]], 0, 1.1),
        ([[0.5, NAN], [NAN, -0.6]], 1, 1.1),
        ([[0.9, NAN], [NAN, NAN], [NAN, 0.2]], 2, 1.1),
        ([[0.9, 0.1], [0.2, NAN], [NAN, 0.9]], 2, 1.1),
    ],
)
def test_weights_known_at_a_bar_are_added_up_with_those_before(rows, wrong, total):
    with pytest.raises(StrategyError, match=r"add up to 1\.1") as caught:
        plan_of(rows, range(len(rows)))
    assert (caught.value.row, caught.value.value) == (wrong, pytest.approx(total))
    assert plan_of(rows, range(len(rows)), account=BacktestSettings(leverage=1.1)).values.size


def test_plan_keeps_the_given_weights_as_they_were():
    targets = TargetWeights.fixed({"B_1d": 0.5, "A_1d": 0.25}, CLOCK.index[0])
    plan = weight_plan(NAMES, CLOCK, targets, Rebalancing(), BacktestSettings())
    assert plan.values.tolist() == [[0.5, 0.25]]
    assert targets.values.tolist() == [[0.5, 0.25]]
    assert targets.instruments is targets.instruments  # made once
