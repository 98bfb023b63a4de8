"""Resting orders, pyramiding, volume, margin, sessions and financing, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestSettings, Fraction, Price, run_backtest
from trading_pipeline.errors import StrategyError
from trading_pipeline.settings.backtest_settings import (
    FixedQuantity,
    PercentOfEquity,
    SessionClose,
    TargetWeight,
    VolatilityTarget,
)
from trading_pipeline_tests.backtest.random_markets import flat_bars, frame, orders_at

TEN = BacktestSettings(
    initial_cash=1000.0, sizing=FixedQuantity(quantity=10), periods_per_year=252.0
)


def using(**changes):
    return TEN.model_copy(update=changes)


def reasons(result):
    return result.orders["reason"].tolist()


def test_buy_limit_waits_and_fills_at_its_price_when_traded_through():
    bars = frame([(10, 10, 10, 10), (10, 11, 9, 10), (10, 11, 7, 10), (12, 12, 12, 12)])
    result = run_backtest(bars, orders_at(4, buy=[0], limit_price=Price(8.0)), TEN)
    order = result.orders.iloc[0]
    assert (order["price"], order["kind"], order["ts"]) == (8.0, "limit", result.index[2])
    assert result.equity.tolist() == [1000.0, 1000.0, 1020.0, 1040.0]


def test_limit_that_is_only_touched_fills_only_where_touching_is_enough():
    bars = frame([(10, 10, 10, 10), (10, 11, 8, 10), (10, 10, 10, 10)])
    signals = orders_at(3, buy=[0], limit_price=Price(8.0))
    assert reasons(run_backtest(bars, signals, TEN)) == ["still_working"]
    assert reasons(run_backtest(bars, signals, using(limit_fill="touch"))) == ["filled"]


def test_limit_that_the_open_has_jumped_over_fills_at_the_open():
    bars = frame([(10, 10, 10, 10), (7, 8, 6, 8)])
    result = run_backtest(bars, orders_at(2, buy=[0], limit_price=Fraction(0.2)), TEN)
    assert result.orders["price"].tolist() == [7.0]


def test_buy_stop_becomes_a_market_order_at_its_level_with_slippage():
    bars = frame([(10, 10, 10, 10), (10, 13, 10, 12), (12, 12, 12, 12)])
    signals = orders_at(3, buy=[0], stop_price=Price(12.0))
    result = run_backtest(bars, signals, using(slippage_price=0.5))
    assert (result.orders["kind"].iloc[0], result.orders["price"].iloc[0]) == ("stop", 12.5)


def test_sell_stop_that_was_jumped_over_fills_at_the_open():
    bars = frame([(10, 10, 10, 10), (7, 8, 6, 8)])
    result = run_backtest(bars, orders_at(2, short=[0], stop_price=Price(9.0)), TEN)
    assert result.trades["side"].tolist() == ["short"]
    assert result.orders["price"].tolist() == [7.0]


def test_stop_limit_pays_no_more_than_its_limit():
    bars = frame([(10, 10, 10, 10), (10, 13, 10, 12), (12, 12, 12, 12)])
    signals = orders_at(3, buy=[0], stop_price=Price(12.0), limit_price=Price(12.25))
    result = run_backtest(bars, signals, using(slippage_price=0.5))
    assert (result.orders["kind"].iloc[0], result.orders["price"].iloc[0]) == ("stop_limit", 12.25)


def test_stop_limit_beyond_its_limit_rests_until_the_price_comes_back():
    bars = frame([(10, 10, 10, 10), (14, 15, 14, 15), (15, 15, 11, 12)])
    signals = orders_at(3, buy=[0], stop_price=Price(12.0), limit_price=Price(13.0))
    result = run_backtest(bars, signals, TEN)
    assert (result.orders["price"].iloc[0], result.trades["entry_ts"].iloc[0]) == (
        13.0, result.index[2],
    )  # fmt: skip


@pytest.mark.parametrize(("life", "filled"), [(1, False), (2, True), ("day", False), ("gtc", True)])
def test_time_in_force_ends_an_order(life, filled):
    bars = frame([(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 7, 10), (10, 10, 10, 10)])
    signals = orders_at(4, buy=[0], limit_price=Price(8.0))
    result = run_backtest(bars, signals, using(time_in_force=life))
    assert reasons(result) == (["filled"] if filled else ["expired"])


def test_new_entry_replaces_the_resting_one_and_an_exit_withdraws_it():
    bars = flat_bars(10, 10, 10, 10, 10)
    signals = orders_at(5, buy=[0, 1], sell=[2], limit_price=Price([8.0, 7.0, 7.0, 7.0, 7.0]))
    assert reasons(run_backtest(bars, signals, TEN)) == ["replaced", "withdrawn"]


def test_resting_price_is_divided_by_a_split():
    from trading_pipeline_tests.backtest.random_markets import action

    bars = frame([(10, 10, 10, 10), (10, 10, 10, 10), (5, 5, 3.5, 5), (5, 5, 5, 5)])
    signals = orders_at(4, buy=[0], limit_price=Price(8.0))
    result = run_backtest(bars, signals, TEN, actions=[action(2, "split", 2.0)])
    assert result.orders["price"].tolist() == [4.0]


def test_bracket_opened_inside_a_bar_can_be_stopped_in_it():
    bars = frame([(10, 10, 10, 10), (10, 10, 6, 9), (9, 9, 9, 9)])
    signals = orders_at(3, buy=[0], limit_price=Price(8.0), stop_loss=Price(7.0))
    result = run_backtest(bars, signals, TEN)
    assert reasons(result) == ["filled", "stop_loss"]
    assert result.final_equity == 990.0


@pytest.mark.parametrize(
    ("mode", "bar", "stopped"),
    [
        ("pessimistic", (10, 13, 8, 12.5), True),
        ("optimistic", (10, 13, 8, 12.5), False),
        ("optimistic", (10, 13, 8, 8.5), True),
        ("ohlc_path", (10, 13, 8, 12.5), False),  # low first: after the entry only the close
        ("ohlc_path", (10, 13, 6, 12.5), True),  # high first: the low comes after the entry
    ],
)
def test_stop_after_a_stop_entry_depends_on_the_path(mode, bar, stopped):
    bars = frame([(10, 10, 10, 10), bar, (12, 12, 12, 12)])
    signals = orders_at(3, buy=[0], stop_price=Price(12.0), stop_loss=Price(9.0))
    result = run_backtest(bars, signals, using(intrabar=mode))
    assert ("stop_loss" in reasons(result)) == stopped


def test_target_of_an_entry_inside_a_bar_acts_from_the_next_bar_on():
    bars = frame([(10, 10, 10, 10), (10, 13, 7, 9), (9, 12.5, 9, 9)])
    signals = orders_at(3, buy=[0], limit_price=Price(8.0), take_profit=Price(12.0))
    result = run_backtest(bars, signals, TEN)
    assert result.trades["exit_ts"].tolist() == [result.index[2]]


def test_pyramid_adds_until_its_limit_and_averages_the_entry():
    bars = flat_bars(10, 10, 20, 30, 40)
    result = run_backtest(bars, orders_at(5, buy=[0, 1, 2], sell=[3]), using(pyramiding=2))
    trade = result.trades.iloc[0]
    assert reasons(result) == ["filled", "filled", "pyramiding_limit", "signal"]
    assert (trade["quantity"], trade["entry_price"], trade["pnl"]) == (20.0, 15.0, 500.0)


def test_target_weight_adjusts_up_and_down():
    bars = flat_bars(10, 10, 20, 20)
    chosen = using(sizing=TargetWeight(weight=0.5))
    result = run_backtest(bars, orders_at(4, buy=[0, 1]), chosen)
    # 50 at 10; worth 1500 at 20, half of it is 37.5.
    assert result.quantity.tolist() == [0.0, 50.0, 37.5, 37.5]
    assert reasons(result) == ["filled", "rebalance"]
    assert result.final_equity == 1500.0
    assert result.trades["pnl"].tolist() == [500.0]


def test_volatility_target_stakes_the_inverse_of_the_volatility():
    closes = [10.0, 11.0, 10.0, 11.0, 10.0]
    bars = flat_bars(*closes)
    sizing = VolatilityTarget(annual_volatility=0.5, lookback_bars=3, maximum_weight=1.0)
    chosen = BacktestSettings(initial_cash=1000.0, sizing=sizing)
    result = run_backtest(bars, orders_at(5, buy=[0, 3]), chosen)
    deviation = np.std(np.diff(np.log(closes[:4])), ddof=1) * np.sqrt(252.0)
    assert reasons(result) == ["no_size", "filled"]
    assert result.quantity[-1] == pytest.approx(1000 * 0.5 / deviation / 10, rel=1e-12)


def test_participation_caps_a_fill_and_keeps_or_cancels_the_rest():
    bars = flat_bars(10, 10, 10, 10, 10)  # volume 1000 a bar
    signals = orders_at(5, buy=[0])
    chosen = {"sizing": FixedQuantity(quantity=25), "maximum_participation": 0.01}
    cancelled = run_backtest(bars, signals, using(**chosen))
    assert cancelled.quantity.tolist() == [0, 10, 10, 10, 10]
    assert reasons(cancelled) == ["clipped_to_volume"]
    kept = run_backtest(bars, signals, using(unfilled="keep", **chosen))
    assert kept.quantity.tolist() == [0, 10, 20, 25, 25]
    assert reasons(kept) == ["clipped_to_volume", "clipped_to_volume", "filled"]


def test_kept_exit_works_until_all_is_sold():
    bars = flat_bars(10, 10, 20, 30, 40)
    bars["volume"] = [1000, 1000, 400, 400, 400]
    chosen = using(maximum_participation=0.01, unfilled="keep")
    result = run_backtest(bars, orders_at(5, buy=[0], sell=[1]), chosen)
    assert result.quantity.tolist() == [0, 10, 6, 2, 0]
    trade = result.trades.iloc[0]
    assert trade["exit_price"] == pytest.approx((4 * 20 + 4 * 30 + 2 * 40) / 10)
    assert result.final_equity == 1000 - 100 + 80 + 120 + 80


def test_bar_without_volume_fills_nothing_where_volume_counts():
    bars = flat_bars(10, 10, 10)
    bars["volume"] = [0.0, 0.0, 0.0]
    for chosen in (using(maximum_participation=0.5), using(slippage_volume_share=0.1)):
        assert reasons(run_backtest(bars, orders_at(3, buy=[0]), chosen)) == ["no_volume"]


def test_volume_share_moves_the_price_with_its_square():
    result = run_backtest(
        flat_bars(10, 10), orders_at(2, buy=[0]), using(slippage_volume_share=100.0)
    )
    assert result.orders["price"].iloc[0] == pytest.approx(10 * (1 + 100 * (10 / 1000) ** 2))


def test_margin_call_closes_at_the_next_open():
    bars = flat_bars(10, 10, 14, 15, 15)
    chosen = BacktestSettings(
        initial_cash=1000.0, leverage=2.0, maintenance_margin=0.25,
        sizing=PercentOfEquity(percent=2.0),
    )  # fmt: skip
    result = run_backtest(bars, orders_at(5, short=[0]), chosen)
    # 200 short at 10; at 14 equity is 200 and a quarter of the notional 700.
    assert result.equity.tolist() == [1000.0, 1000.0, 200.0, 0.0, 0.0]
    assert result.trades["exit_reason"].tolist() == ["margin_call"]


def minutes(*rows, start="2024-03-08 20:58"):
    bars = frame(rows)
    index = pd.date_range(start, periods=len(rows), freq="min", tz="UTC", name="ts")
    return bars.set_axis(index.as_unit("us"), axis=0)


@pytest.mark.parametrize(
    ("start", "summer"), [("2024-03-08 20:58", False), ("2024-03-11 19:58", True)]
)
def test_session_close_follows_local_time_across_the_change_of_clocks(start, summer):
    bars = minutes(*[(10, 10, 10, 10)] * 4, start=start)
    rule = SessionClose(time="16:00", zone="America/New_York")
    result = run_backtest(bars, orders_at(4, buy=[0]), using(session_close=rule))
    assert result.trades["exit_reason"].tolist() == ["session_close"]
    assert result.trades["exit_ts"].tolist() == [bars.index[1]]


def test_days_of_the_result_are_the_sessions_local_dates():
    bars = minutes(*[(10, 10, 10, 10)] * 4, start="2024-03-08 23:58")
    rule = SessionClose(time="16:00", zone="America/New_York")
    local = run_backtest(bars, orders_at(4), using(session_close=rule)).daily
    assert local["date"].astype(str).tolist() == ["2024-03-08"]
    assert len(run_backtest(bars, orders_at(4), TEN).daily) == 2


@pytest.mark.parametrize(
    ("limits", "prices", "reason"),
    [({"daily_profit_target": 50.0}, (10, 10, 15, 15, 15), "daily_target"),
     ({"daily_loss_limit": 50.0}, (10, 10, 5, 5, 5), "daily_loss")],
)  # fmt: skip
def test_daily_limit_closes_the_day(limits, prices, reason):
    bars = minutes(*[(p, p, p, p) for p in prices], start="2024-03-08 14:00")
    result = run_backtest(bars, orders_at(5, buy=[0, 2]), using(**limits))
    assert reasons(result) == ["filled", reason, "daily_halt"]
    assert result.quantity.tolist() == [0, 10, 0, 0, 0]


def test_next_day_trades_again_after_a_daily_limit():
    bars = flat_bars(10, 10, 15, 15, 15)
    result = run_backtest(bars, orders_at(5, buy=[0, 2]), using(daily_profit_target=50.0))
    assert reasons(result) == ["filled", "daily_target", "filled"]


def test_short_pays_borrow_only_while_open():
    result = run_backtest(
        flat_bars(10, 10, 10, 10), orders_at(4, short=[0], cover=[1]), using(borrow_rate=0.36525)
    )
    # 100 for one of 365.25 days, from its open on the second day to its exit at the third's
    assert result.equity.tolist() == pytest.approx([1000.0, 1000.0, 999.9, 999.9])
    assert result.trades["pnl"].tolist() == pytest.approx([-0.1])


def test_funding_is_paid_by_longs_and_earned_by_shorts():
    for side, final in (("buy", 999.8), ("short", 1000.2)):
        signals = orders_at(4, **{side: [0]})
        result = run_backtest(flat_bars(10, 10, 10, 10), signals, using(funding_rate=0.36525))
        assert result.final_equity == pytest.approx(final)


def test_negative_cash_pays_interest():
    chosen = BacktestSettings(
        initial_cash=1000.0, leverage=2.0, cash_rate=0.36525, sizing=PercentOfEquity(percent=2.0)
    )
    result = run_backtest(flat_bars(10, 10, 10), orders_at(3, buy=[0]), chosen)
    assert result.cash[-1] == pytest.approx(-1000.0 * 1.001)


@pytest.mark.parametrize(
    ("side", "levels", "word"),
    [("buy", {"stop_loss": Price(11.0)}, "below"), ("short", {"stop_loss": Price(9.0)}, "above"),
     ("buy", {"take_profit": Price(9.0)}, "above"),
     ("short", {"take_profit": Price(11.0)}, "below")],
)  # fmt: skip
def test_level_on_the_wrong_side_names_bar_and_value(side, levels, word):
    signals = orders_at(3, **{side: [1]}, **levels)
    with pytest.raises(StrategyError, match=rf"Bar 1 \(2024-01-02.*must lie {word}"):
        run_backtest(flat_bars(10, 10, 10), signals, TEN)
