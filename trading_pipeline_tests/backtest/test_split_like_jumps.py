"""Bars that jump as at a split: a holding keeps its value with actions; without, it is said."""

import numpy as np
import pytest

from trading_pipeline.backtest import (
    CrossingPlan,
    run_backtest,
    run_portfolio_backtest,
    run_signal_sweep,
    run_sweep,
)
from trading_pipeline.domain.bars_with_actions import BarsWithActions
from trading_pipeline_tests.backtest.random_markets import action, flat_bars, orders_at

BUY = orders_at(6, buy=[0])
SPLIT = flat_bars(100, 101, 100, 50, 51, 50)
TWO_FOR_ONE = (action(3, "split", 2.0),)


def market(ratio):
    return flat_bars(*(np.array([100, 101, 100, 100, 101, 100]) * np.repeat([1.0, ratio], 3)))


@pytest.mark.parametrize("ratio", [1 / 2, 1 / 3, 2 / 3, 1 / 7, 1 / 20, 2.0, 10.0, 0.51])
def test_a_jump_like_a_split_is_said_where_no_actions_were_given(ratio):
    bars = market(ratio)
    *_, said = run_backtest(bars, BUY).warnings
    assert said.startswith("Split-like jump: the open of 2024-01-04")
    together = run_portfolio_backtest({"TEST_1d": bars}, {"TEST_1d": BUY})
    assert together.warnings[-1] == f"TEST_1d: {said}"


@pytest.mark.parametrize("ratio", [0.95, 0.8, 1.3])
def test_a_smaller_jump_is_no_news(ratio):
    assert not any("Split" in said for said in run_backtest(market(ratio), BUY).warnings)


def test_a_market_that_always_moves_like_that_is_no_news():
    wild = flat_bars(100, 200, 100, 50, 100, 50)
    assert not any("Split" in said for said in run_backtest(wild, BUY).warnings)


@pytest.mark.parametrize("actions", [(), [], TWO_FOR_ONE])
def test_who_gives_actions_or_says_that_there_were_none_is_not_asked(actions):
    assert run_backtest(SPLIT, BUY, actions=actions).warnings == ()
    both = run_portfolio_backtest(
        {"TEST_1d": SPLIT}, {"TEST_1d": BUY}, actions={"TEST_1d": actions}
    )
    assert both.warnings == ()


def test_bars_that_bring_their_actions_equal_both_given_apart_everywhere():
    together = BarsWithActions(SPLIT, TWO_FOR_ONE)
    apart = run_backtest(SPLIT, BUY, actions=TWO_FOR_ONE)
    found = run_backtest(together, BUY)
    assert found.equity.tolist() == apart.equity.tolist()
    assert found.final_equity == pytest.approx(100_000 * 100 / 101)
    assert found.warnings == ()
    portfolio = run_portfolio_backtest({"TEST_1d": together}, {"TEST_1d": BUY})
    assert portfolio.equity.tolist() == apart.equity.tolist()
    assert run_signal_sweep(together, [BUY])["final_equity"].tolist() == [apart.final_equity]
    rows = np.array([[1.0, 3, 3, 3, 3, 3], [2.0, 2, 2, 2, 2, 2]])
    plan = CrossingPlan(rows=rows, pairs=np.array([[0, 1]]))
    swept = [
        run_sweep(SPLIT, plan, actions=TWO_FOR_ONE).table["final_equity"].tolist(),
        run_sweep(together, plan).table["final_equity"].tolist(),
    ]
    assert swept[0] == swept[1]


def test_actions_of_the_call_win_over_those_of_the_bars():
    found = run_backtest(BarsWithActions(SPLIT, TWO_FOR_ONE), BUY, actions=())
    assert found.final_equity == pytest.approx(100_000 * 50 / 101)
