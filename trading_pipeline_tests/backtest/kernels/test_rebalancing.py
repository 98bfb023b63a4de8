"""The orders of one rebalancing, each worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestSettings, TargetWeights, run_portfolio_backtest
from trading_pipeline.backtest.account_run import UnitsHeld
from trading_pipeline_tests.backtest.random_markets import frame

A, B, C = "A_1d", "B_1d", "C_1d"


def bars(*prices):
    """Bars whose open is the close before."""
    pairs = zip((prices[0], *prices[:-1]), prices, strict=True)
    return frame([(o, max(o, c), min(o, c), c) for o, c in pairs])


def run(prices, weights, settings, **others):
    markets = {name: bars(*each) for name, each in prices.items()}
    index = next(iter(markets.values())).index
    table = pd.DataFrame(weights, index[: len(next(iter(weights.values())))])
    result = run_portfolio_backtest(markets, TargetWeights(table), settings, **others)
    assert isinstance(result.held, UnitsHeld)  # the loop of its own took it
    return result


def rows(result, *columns):
    return [tuple(row) for row in result.orders[list(columns)].itertuples(index=False)]


def test_exits_come_first_then_reductions_then_buys_by_priority():
    prices = dict.fromkeys((A, B, C, "D_1d"), (10.0, 10.0, 10.0))
    weights = {A: [0.0, 0.3], B: [0.5, 0.25], C: [0.25, -0.1], "D_1d": [0.0, 0.35]}
    result = run(prices, weights, BacktestSettings(initial_cash=1000.0), priorities={"D_1d": 1.0})
    assert rows(result, "instrument", "side", "filled", "reason") == [
        (B, "buy", 50.0, "filled"),
        (C, "buy", 25.0, "filled"),
        (C, "sell", 25.0, "rebalance"),
        (B, "sell", 25.0, "rebalance"),
        ("D_1d", "buy", 35.0, "filled"),
        (A, "buy", 30.0, "filled"),
        (C, "sell", 10.0, "filled"),
    ]


@pytest.mark.parametrize(
    ("second", "third", "expected"),
    [
        (0.5, 0.0, [(B, 100.0, "clipped_to_cash")]),
        (0.4, 0.1, [(B, 100.0, "filled"), (C, 0.0, "no_cash")]),
    ],
)
def test_buys_that_the_cash_does_not_reach_for_are_clipped_and_refused(second, third, expected):
    # A rises to 1500 of 2500, and what is too much of it is less than a lot: 1000 are left.
    result = run(
        {A: (10.0, 10.0, 15.0, 15.0), B: (10.0,) * 4, C: (10.0,) * 4},
        {A: [0.5, np.nan, 0.5], B: [np.nan, np.nan, second], C: [np.nan, np.nan, third]},
        BacktestSettings(initial_cash=2000.0),
        instrument_settings={A: {"lot_size": 100.0}},
    )
    assert rows(result, "instrument", "filled", "reason") == [
        (A, 100.0, "filled"), (A, 0.0, "below_one_lot"), *expected,
    ]  # fmt: skip
    assert result.quantity[-1].tolist() == [100, 100, 0]


def test_costs_of_exits_and_entries_are_paid_from_the_weights():
    prices = dict.fromkeys((A, B), (10.0, 10.0, 10.0))
    costs = BacktestSettings(initial_cash=1000.0, commission_per_order=10.0)
    result = run(prices, {A: [0.5, 0.0], B: [0.0, 1.0]}, costs)
    assert result.quantity.tolist() == [[0, 0], [49, 0], [0, 97]]
    assert result.cash.tolist() == [1000.0, 500.0, 0.0]


def test_part_sales_and_purchases_are_one_trade_at_average_prices():
    result = run(
        {A: (10.0, 10.0, 20.0, 20.0, 10.0, 10.0, 10.0)},
        {A: [0.5, np.nan, 0.5, np.nan, 0.5, 0.0]},
        BacktestSettings(initial_cash=1000.0),
    )
    # 50 at 10; at 20 the equity is 1500, 37.5 are kept; at 10 it is 1125, 56.25 are held.
    assert result.quantity[:, 0].tolist() == [0, 50, 50, 37.5, 37.5, 56.25, 0]
    (trade,) = result.trades.itertuples()
    assert trade.quantity == 68.75
    assert trade.entry_price == 10.0
    assert trade.exit_price == pytest.approx((12.5 * 20 + 56.25 * 10) / 68.75)
    assert trade.pnl == pytest.approx(125.0)
    assert result.final_equity == 1125.0


def test_open_trade_is_marked_with_what_was_sold_of_it():
    result = run(
        {A: (10.0, 10.0, 20.0, 20.0)},
        {A: [0.5, np.nan, 0.25]},
        BacktestSettings(initial_cash=1000.0, commission_per_order=1.0),
    )
    (trade,) = result.trades.itertuples()
    assert trade.is_open
    assert trade.fees == 2.0
    assert trade.pnl == pytest.approx(result.final_equity - 1000.0)


def test_reduction_below_a_lot_or_the_least_notional_is_logged_and_not_sold():
    prices = {A: (10.0, 10.0, 11.0, 11.0)}
    weights = {A: [0.5, np.nan, 0.5]}
    coarse = BacktestSettings(initial_cash=1000.0, lot_size=5.0)
    assert rows(run(prices, weights, coarse), "side", "role", "filled", "reason") == [
        ("buy", "entry", 50.0, "filled"),
        ("sell", "exit", 0.0, "below_one_lot"),
    ]
    dear = BacktestSettings(initial_cash=1000.0, min_notional=100.0)
    result = run(prices, weights, dear)
    assert rows(result, "filled", "reason")[1:] == [(0.0, "below_min_notional")]
    assert result.orders["requested"].iloc[1] == pytest.approx(50 - 1050 * 0.5 / 11)


def test_short_weight_is_refused_where_shorts_are_not_allowed_and_the_long_is_sold():
    result = run(
        {A: (10.0, 10.0, 10.0)},
        {A: [0.5, -0.5]},
        BacktestSettings(initial_cash=1000.0, allow_short=False),
    )
    assert rows(result, "side", "filled", "reason") == [
        ("buy", 50.0, "filled"),
        ("sell", 50.0, "rebalance"),
        ("sell", 0.0, "short_not_allowed"),
    ]


def test_settings_of_an_instrument_are_those_of_its_own_orders():
    result = run(
        {A: (10.0, 10.0, 10.0), B: (10.0, 10.0, 10.0)},
        {A: [0.4, 0.0], B: [0.4, 0.0]},
        BacktestSettings(initial_cash=1000.0),
        instrument_settings={B: {"commission_per_round_trip": 3.0, "multiplier": 2.0}},
    )
    assert rows(result, "instrument", "filled", "fee") == [
        (A, 40.0, 0.0), (B, 20.0, 0.0), (A, 40.0, 0.0), (B, 20.0, 3.0),
    ]  # fmt: skip
    assert result.final_equity == 997.0


def test_weights_of_the_last_bar_are_logged_without_a_bar_to_fill_in():
    result = run(
        {A: (10.0, 10.0), B: (10.0, 10.0)},
        {A: [0.5, 0.25], B: [np.nan, -0.25]},
        BacktestSettings(initial_cash=1000.0),
    )
    assert rows(result, "instrument", "side", "role", "requested", "reason") == [
        (A, "buy", "entry", 50.0, "filled"),
        (A, "sell", "exit", 25.0, "no_next_bar"),
        (B, "sell", "entry", 25.0, "no_next_bar"),
    ]
    assert result.orders["ts"].isna().tolist() == [False, True, True]
