"""Orders that one bar could not finish, and days that are over early, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestSettings, Fraction, Price, run_backtest
from trading_pipeline.settings.backtest_settings import (
    FixedQuantity,
    PercentOfEquity,
    TargetWeight,
)
from trading_pipeline_tests.backtest.random_markets import action, flat_bars, frame, orders_at

TEN = BacktestSettings(
    initial_cash=1000.0, sizing=FixedQuantity(quantity=10), periods_per_year=252.0
)
KEEPS = TEN.model_copy(update={"maximum_participation": 0.01, "unfilled": "keep"})


def thin(bars, *volume):
    return bars.assign(volume=[float(each) for each in volume])


def reasons(result):
    return result.orders["reason"].tolist()


def test_stop_that_volume_cut_short_goes_on_at_the_next_opens_where_it_is_kept():
    bars = thin(flat_bars(10, 10, 8, 12, 12), 1000, 1000, 400, 400, 400)
    signals = orders_at(5, buy=[0], stop_loss=Price(9.0))
    kept = run_backtest(bars, signals, KEEPS)
    # 10 bought; 4 sold at 8 when the stop is hit, then 4 and 2 at 12 although 12 lies above it.
    assert kept.quantity.tolist() == [0, 10, 6, 2, 0]
    assert reasons(kept) == ["filled", "clipped_to_volume", "clipped_to_volume", "stop_loss"]
    assert kept.final_equity == 1000 - 100 + 4 * 8 + 6 * 12
    cancelled = run_backtest(bars, signals, KEEPS.model_copy(update={"unfilled": "cancel"}))
    assert cancelled.quantity.tolist() == [0, 10, 6, 6, 6]


def test_rest_of_a_target_stays_a_limit_order_at_its_price():
    bars = thin(flat_bars(10, 10, 12, 10, 12), 1000, 1000, 400, 400, 1000)
    result = run_backtest(bars, orders_at(5, buy=[0], take_profit=Price(11.0)), KEEPS)
    assert result.quantity.tolist() == [0, 10, 6, 6, 0]


def test_longest_holding_that_volume_cut_short_goes_on_at_the_next_open():
    bars = thin(flat_bars(10, 10, 11, 11), 1000, 1000, 1000, 1000)
    chosen = KEEPS.model_copy(update={"max_holding_bars": 1})
    result = run_backtest(bars, orders_at(4, buy=[0]), chosen)
    # All of the bar's volume went into the entry, so the forced exit is done at the next open.
    assert reasons(result) == ["filled", "no_volume", "max_holding"]
    assert result.trades["exit_price"].tolist() == [11.0]


def test_remainder_of_an_entry_is_withdrawn_when_its_position_is_closed():
    rows = [(10, 10, 10, 10), (10, 10, 8, 9), (11, 11, 11, 11), (8, 8, 8, 8)]
    bars = thin(frame(rows), 1000, 600, 1000, 4000)
    chosen = KEEPS.model_copy(update={"max_holding_bars": 2})
    result = run_backtest(bars, orders_at(4, buy=[0], limit_price=Price(9.5)), chosen)
    # 6 of 10 at the limit; the rest would be bought at 8, after the position has been closed.
    assert result.quantity.tolist() == [0, 6, 0, 0]
    assert reasons(result) == ["clipped_to_volume", "max_holding", "withdrawn"]


def test_kept_remainder_keeps_its_levels_across_a_split():
    bars = thin(flat_bars(10, 5, 5, 5, 4.4), 1000, 0, 1000, 1000, 1000)
    signals = orders_at(5, buy=[0], stop_loss=Price(9.0))
    result = run_backtest(bars, signals, KEEPS, actions=[action(1, "split", 2.0)])
    # Nothing traded on the ex-date; a day later the stop lies at 9 / 2, not at 9.
    assert reasons(result) == ["no_volume", "filled", "stop_loss"]
    assert result.trades["exit_price"].tolist() == [4.4]


def test_reached_day_limit_is_tried_again_at_each_close_of_the_day():
    bars = thin(frame([(p,) * 4 for p in (10, 10, 20, 11, 11)]), 1000, 1000, 400, 400, 1000)
    index = pd.date_range("2024-01-01", periods=5, freq="h", tz="UTC", name="ts")
    bars = bars.set_axis(index.as_unit("us"), axis=0)
    chosen = TEN.model_copy(update={"maximum_participation": 0.01, "daily_profit_target": 50.0})
    result = run_backtest(bars, orders_at(5, buy=[0]), chosen)
    # 4 are sold at the target; the gain of the day then falls below it, and the rest still goes.
    assert result.quantity.tolist() == [0, 10, 6, 2, 0]
    assert reasons(result)[-1] == "daily_target"


@pytest.mark.parametrize("fill", ["next_open", "same_close"])
def test_margin_call_is_carried_out_at_the_next_open_with_either_fill(fill):
    rows = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 14, 10, 14), (15, 20, 15, 20), (20,) * 4]
    chosen = BacktestSettings(
        initial_cash=1000.0, leverage=2.0, maintenance_margin=0.25, fill=fill,
        sizing=PercentOfEquity(percent=2.0),
    )  # fmt: skip
    result = run_backtest(frame(rows), orders_at(5, short=[0]), chosen)
    assert result.trades["exit_reason"].tolist() == ["margin_call"]
    assert result.trades["exit_price"].tolist() == [15.0]
    assert result.trades["exit_ts"].tolist() == [result.index[3]]


def test_reduction_of_less_than_a_lot_or_the_least_notional_stands_in_the_log():
    bars = flat_bars(10, 10, 10.1, 10.1)
    signals = orders_at(4, buy=[0, 1])
    chosen = BacktestSettings(initial_cash=1000.0, sizing=TargetWeight(weight=0.5))
    lots = run_backtest(bars, signals, chosen.model_copy(update={"lot_size": 1.0}))
    least = run_backtest(bars, signals, chosen.model_copy(update={"min_notional": 50.0}))
    assert reasons(lots) == ["filled", "below_one_lot"]
    assert reasons(least) == ["filled", "below_min_notional"]
    assert lots.quantity.tolist() == least.quantity.tolist() == [0, 50, 50, 50]


def test_impact_that_makes_the_last_lot_too_dear_is_told_as_such():
    chosen = BacktestSettings(initial_cash=1000.0, slippage_volume_share=900.0, lot_size=100.0)
    bars = thin(flat_bars(10, 10), 1000, 1000)
    result = run_backtest(bars, orders_at(2, buy=[0]), chosen)
    # 100 shares are a tenth of the volume and would cost ten times the price.
    assert reasons(result) == ["below_one_lot"]


def test_levels_given_or_not_are_one_compiled_form():
    from trading_pipeline.backtest.kernels.account import simulate_account

    bars, chosen = flat_bars(10, 10, 10), TEN.model_copy(update={"pyramiding": 2})
    run_backtest(bars, orders_at(3, buy=[0]), chosen)
    before = len(simulate_account.signatures)
    for levels in ({"stop_loss": Fraction(0.1)}, {"take_profit": Price([20.0, 20.0, 20.0])}):
        run_backtest(bars, orders_at(3, buy=[0], **levels), chosen)
        run_backtest(bars, orders_at(3, buy=[0], size=np.ones(3), **levels), chosen)
    assert len(simulate_account.signatures) == before
