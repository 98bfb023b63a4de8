"""Portfolios of members: who may be entered, and what happens when a membership ends."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import (
    BacktestSettings,
    Rebalancing,
    TargetWeights,
    run_portfolio_backtest,
)
from trading_pipeline.errors import StrategyError, UnknownNameError
from trading_pipeline_tests.backtest.portfolio.test_run import ALL, TEN, log, stamps, without
from trading_pipeline_tests.backtest.random_markets import flat_bars, orders_at

TWO = {"A": flat_bars(*[10] * 6), "B": flat_bars(*[10] * 6)}
YES = [True] * 6


def held(result, name):
    return result.positions[name].tolist()


def test_no_entry_is_made_for_an_instrument_that_does_not_belong():
    orders = {"A": orders_at(6, buy=[0, 3]), "B": orders_at(6, buy=[0])}
    members = {"A": [False, False, True, True, True, True], "B": YES}
    result = run_portfolio_backtest(TWO, orders, TEN, members=members)
    assert held(result, "A") == [0, 0, 0, 0, 10, 10]
    assert held(result, "B") == [0, 10, 10, 10, 10, 10]
    assert len(log(result)) == 2


def test_a_position_is_closed_at_the_open_after_the_first_bar_without_membership():
    orders = {"A": orders_at(6, buy=[0])}
    members = {"A": [True, True, True, False, False, False], "B": YES}
    result = run_portfolio_backtest(TWO, orders, TEN, members=members)
    assert held(result, "A") == [0, 10, 10, 10, 0, 0]
    assert not result.trades["is_open"].any()


def test_a_short_position_is_closed_too():
    orders = {"A": orders_at(6, short=[0])}
    members = {"A": [True, True, False, False, False, False]}
    result = run_portfolio_backtest(TWO, orders, TEN, members=members)
    assert held(result, "A") == [0, -10, -10, 0, 0, 0]


def test_a_weight_counts_only_while_its_instrument_belongs():
    fixed = TargetWeights.fixed({"A": 0.5, "B": 0.5}, stamps(1)[0])
    members = {"A": [False, True, True, False, False, True], "B": YES}
    result = run_portfolio_backtest(TWO, fixed, ALL, members=members)
    assert held(result, "A") == [0, 0, 50, 50, 0, 0]
    assert held(result, "B") == [0, 50, 50, 50, 50, 50]


def test_a_weight_given_while_an_instrument_does_not_belong_is_0():
    index = stamps(6)
    weights = TargetWeights(pd.DataFrame({"A": [0.5] * 6, "B": [0.5] * 6}, index=index))
    members = {"A": [True, True, False, False, False, False], "B": YES}
    result = run_portfolio_backtest(TWO, weights, ALL, members=members)
    assert held(result, "A") == [0, 50, 50, 0, 0, 0]
    assert held(result, "B") == [0, 50, 50, 50, 50, 50]


@pytest.mark.parametrize("rebalancing", [Rebalancing(calendar="year"), Rebalancing(threshold=0.5)])
def test_a_membership_that_ends_does_not_wait_for_the_rebalancing(rebalancing):
    fixed = TargetWeights.fixed({"A": 0.5, "B": 0.5}, stamps(1)[0])
    members = {"A": [True, True, False, False, False, False], "B": YES}
    result = run_portfolio_backtest(TWO, fixed, ALL, rebalancing=rebalancing, members=members)
    assert held(result, "A") == [0, 50, 50, 0, 0, 0]


def test_on_bars_that_an_instrument_lacks_its_last_flag_counts():
    bars = {"A": without(flat_bars(*[10] * 6), 3), "B": flat_bars(*[10] * 6)}
    index = stamps(6)
    weights = TargetWeights(pd.DataFrame({"A": [0.5] * 6, "B": [0.25] * 6}, index=index))
    members = {"A": [True, True, False, False, False], "B": YES}
    result = run_portfolio_backtest(bars, weights, ALL, members=members)
    assert held(result, "A") == [0, 50, 50, 50, 0, 0]  # no bar on the fourth day to sell at


def test_members_throughout_change_nothing():
    rng = np.random.default_rng(3)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (2, 60)), axis=1))
    bars = {name: flat_bars(*row) for name, row in zip("AB", closes, strict=True)}
    flags = dict.fromkeys(bars, np.ones(60, dtype=bool))
    for orders in (
        {"A": orders_at(60, buy=[3], sell=[20]), "B": orders_at(60, buy=[5])},
        TargetWeights.fixed({"A": 0.4, "B": 0.6}, stamps(1)[0]),
    ):
        plain = run_portfolio_backtest(bars, orders, ALL)
        given = run_portfolio_backtest(bars, orders, ALL, members=flags)
        assert plain.content_hash == given.content_hash


def test_the_fast_loop_and_the_exact_one_agree_on_members():
    rng = np.random.default_rng(4)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (3, 80)), axis=1))
    bars = {name: flat_bars(*row) for name, row in zip("ABC", closes, strict=True)}
    flags = {"A": rng.random(80) < 0.8, "B": rng.random(80) < 0.5}
    weights = TargetWeights(
        pd.DataFrame(rng.random((80, 3)) / 3, index=stamps(80), columns=list("ABC")).iloc[::7]
    )
    far = BacktestSettings(initial_cash=1000.0, stop_loss=0.999)  # the exact loop
    fast = run_portfolio_backtest(bars, weights, ALL, members=flags)
    exact = run_portfolio_backtest(bars, weights, far, members=flags)
    np.testing.assert_array_equal(fast.equity, exact.equity)
    for name in "AB":  # nothing is held after two bars without membership
        gone = ~flags[name][:-2] & ~flags[name][1:-1]
        assert (np.abs(fast.positions[name].to_numpy()[2:][gone]) < 1e-12).all()


def test_the_result_says_that_its_instruments_were_chosen_with_hindsight():
    orders = {"A": orders_at(6, buy=[0])}
    plain = run_portfolio_backtest(TWO, orders, TEN)
    assert plain.hindsight.startswith("The instruments were chosen with hindsight: the call says")
    some = run_portfolio_backtest(TWO, orders, TEN, members={"A": YES})
    assert "does not say for B" in some.hindsight
    assert run_portfolio_backtest(TWO, orders, TEN, members=dict.fromkeys(TWO, YES)).hindsight == ""
    assert run_portfolio_backtest({"A": TWO["A"]}, orders, TEN).hindsight == ""


@pytest.mark.parametrize("flags", [[True] * 5, [1] * 6, ["yes"] * 6, True])
def test_flags_that_do_not_fit_the_bars_are_refused(flags):
    with pytest.raises(StrategyError, match=r"A: 'members' has the shape .* each of the 6 bars"):
        run_portfolio_backtest(TWO, {"A": orders_at(6)}, TEN, members={"A": flags})


def test_members_without_bars_are_refused():
    with pytest.raises(UnknownNameError, match="'members' names the instrument 'C'"):
        run_portfolio_backtest(TWO, {"A": orders_at(6)}, TEN, members={"C": YES})
