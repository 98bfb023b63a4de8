"""The order of events, sizes and costs on bars that can be worked out by hand."""

import numpy as np
import pytest

from trading_pipeline.backtest import BacktestSettings, Fraction, Price, run_backtest
from trading_pipeline.errors import InsufficientDataError, StrategyError
from trading_pipeline.settings.backtest_settings import (
    FixedCash,
    FixedQuantity,
    PercentAtRisk,
    PercentOfEquity,
)
from trading_pipeline_tests.backtest.random_markets import flat_bars, frame, orders_at

TEN = BacktestSettings(initial_cash=1000.0, sizing=FixedQuantity(quantity=10))


def only_trade(result):
    assert len(result.trades) == 1
    return result.trades.iloc[0]


def test_decision_at_a_close_fills_at_the_next_open():
    bars = frame([(10, 10, 10, 10), (20, 25, 15, 22), (30, 35, 25, 33), (40, 45, 35, 44)])
    trade = only_trade(run_backtest(bars, orders_at(4, buy=[0], sell=[2]), TEN))
    assert (trade["entry_price"], trade["exit_price"]) == (20.0, 40.0)
    assert (trade["pnl"], trade["bars_held"]) == (200.0, 2)


def test_same_close_fills_at_the_close_of_the_decision():
    bars = frame([(10, 10, 10, 10), (20, 25, 15, 22), (30, 35, 25, 33)])
    settings = TEN.model_copy(update={"fill": "same_close"})
    trade = only_trade(run_backtest(bars, orders_at(3, buy=[1], sell=[2]), settings))
    assert (trade["entry_price"], trade["exit_price"], trade["bars_held"]) == (22.0, 33.0, 1)


def test_decision_at_the_last_bar_is_logged_as_never_due():
    result = run_backtest(flat_bars(10, 11), orders_at(2, buy=[1]), TEN)
    order = result.orders.iloc[0]
    assert (order["status"], order["reason"], order["filled"]) == ("unfilled", "no_next_bar", 0.0)
    assert result.final_equity == 1000.0


def test_position_left_over_is_marked_at_the_last_close_without_exit_costs():
    settings = TEN.model_copy(update={"commission_bps": 100.0})
    result = run_backtest(flat_bars(10, 10, 12), orders_at(3, buy=[0]), settings)
    trade = only_trade(result)
    assert trade["is_open"]
    assert trade["exit_reason"] == "open"
    assert (trade["fees"], trade["pnl"]) == (1.0, 19.0)  # 10 * 10 * 1 % at the entry only
    assert result.final_equity == 1019.0


def test_short_earns_when_the_price_falls():
    result = run_backtest(flat_bars(20, 20, 15, 15), orders_at(4, short=[0], cover=[1]), TEN)
    trade = only_trade(result)
    assert (trade["side"], trade["pnl"]) == ("short", 50.0)
    assert result.equity.tolist() == [1000.0, 1000.0, 1050.0, 1050.0]


def test_reversal_is_an_exit_then_an_entry_at_the_same_open():
    result = run_backtest(flat_bars(20, 20, 25, 30), orders_at(4, buy=[0], short=[1]), TEN)
    assert result.trades["side"].tolist() == ["long", "short"]
    assert result.trades["exit_reason"].tolist() == ["reversal", "open"]
    assert result.orders["role"].tolist() == ["entry", "exit", "entry"]
    assert result.trades["pnl"].tolist() == [50.0, -50.0]


def test_full_equity_size_leaves_room_for_the_fee_in_both_directions():
    settings = BacktestSettings(initial_cash=1000.0, commission_bps=100)
    for side in ("buy", "short"):
        result = run_backtest(flat_bars(10, 10), orders_at(2, **{side: [0]}), settings)
        assert only_trade(result)["quantity"] == pytest.approx(1000 / (10 * 1.01), rel=1e-15)
    assert result.cash[-1] == pytest.approx(1000 + 1000 / 1.01 * 0.99)  # proceeds less fee


def test_exit_cancels_the_entry_of_its_own_side():
    result = run_backtest(flat_bars(10, 10, 10), orders_at(3, buy=[0], sell=[0]), TEN)
    assert len(result.trades) == 0
    assert result.orders["reason"].tolist() == ["contradiction"]
    held = run_backtest(flat_bars(10, 10, 10, 10), orders_at(4, buy=[0, 1], sell=[1]), TEN)
    assert held.trades["exit_reason"].tolist() == ["signal"]


def test_entries_of_both_sides_cancel_each_other_and_keep_the_position():
    result = run_backtest(flat_bars(10, 10, 11, 12), orders_at(4, buy=[0, 1], short=[1]), TEN)
    assert result.trades["is_open"].tolist() == [True]


def test_second_entry_in_the_same_direction_is_no_order():
    result = run_backtest(flat_bars(10, 10, 11, 12), orders_at(4, buy=[0, 1, 2]), TEN)
    assert len(result.orders) == 1


def test_short_that_is_not_allowed_leaves_the_long_and_is_logged():
    settings = TEN.model_copy(update={"allow_short": False})
    result = run_backtest(flat_bars(10, 10, 11, 12), orders_at(4, buy=[0], short=[1]), settings)
    assert result.trades["exit_reason"].tolist() == ["signal"]
    assert result.orders["reason"].tolist() == ["filled", "signal", "short_not_allowed"]


class TestStopsAndTargets:
    def run(self, bars, *, intrabar="pessimistic", side="buy", **levels):
        settings = TEN.model_copy(update={"intrabar": intrabar})
        signals = orders_at(len(bars), **{side: [0]}, **levels)
        return only_trade(run_backtest(frame(bars), signals, settings))

    def test_stop_inside_the_bar_fills_at_its_level(self):
        bars = [(100,) * 4, (100, 101, 99, 100), (100, 102, 90, 101)]
        trade = self.run(bars, stop_loss=Fraction(0.05))
        assert (trade["exit_price"], trade["exit_reason"]) == (95.0, "stop_loss")
        assert trade["bars_held"] == 2

    def test_stop_jumped_over_by_the_open_fills_at_the_open(self):
        bars = [(100,) * 4, (100,) * 4, (90, 91, 89, 90)]
        trade = self.run(bars, stop_loss=Fraction(0.05))
        assert (trade["exit_price"], trade["bars_held"]) == (90.0, 1)

    def test_position_can_be_stopped_in_the_bar_it_was_entered_in(self):
        trade = self.run([(100,) * 4, (100, 100, 80, 90)], stop_loss=Price(np.array([90.0, 1.0])))
        assert (trade["exit_price"], trade["bars_held"]) == (90.0, 1)

    def test_stop_that_the_entry_has_already_passed_sells_at_once(self):
        trade = self.run([(100,) * 4, (90, 95, 85, 91)], stop_loss=Price(np.array([92.0, 1.0])))
        assert (trade["entry_price"], trade["exit_price"], trade["pnl"]) == (90.0, 90.0, 0.0)

    def test_target_fills_only_when_the_price_trades_through_it(self):
        level = Price(np.array([110.0, 1.0, 1.0]))
        touched = self.run([(100,) * 4, (100, 110, 99, 100), (100,) * 4], take_profit=level)
        assert touched["is_open"]
        passed = self.run([(100,) * 4, (100, 110.5, 99, 100), (100,) * 4], take_profit=level)
        assert (passed["exit_price"], passed["exit_reason"]) == (110.0, "take_profit")

    def test_target_jumped_over_by_the_open_fills_at_the_better_open(self):
        bars = [(100,) * 4, (100,) * 4, (120, 121, 119, 120)]
        assert self.run(bars, take_profit=Fraction(0.1))["exit_price"] == 120.0

    @pytest.mark.parametrize(
        ("intrabar", "bar", "reason"),
        [
            ("pessimistic", (100, 120, 80, 100), "stop_loss"),
            ("optimistic", (100, 120, 80, 100), "take_profit"),
            ("ohlc_path", (100, 115, 80, 100), "take_profit"),  # high nearer: O-H-L-C
            ("ohlc_path", (100, 120, 85, 100), "stop_loss"),  # low nearer: O-L-H-C
            ("ohlc_path", (100, 120, 80, 100), "stop_loss"),  # a tie is O-L-H-C
        ],
    )
    def test_bar_that_holds_stop_and_target(self, intrabar, bar, reason):
        levels = {"stop_loss": Fraction(0.1), "take_profit": Fraction(0.1)}
        trade = self.run([(100,) * 4, (100,) * 4, bar], intrabar=intrabar, **levels)
        assert trade["exit_reason"] == reason

    def test_optimism_does_not_undo_a_stop_that_the_open_jumped_over(self):
        levels = {"stop_loss": Fraction(0.1), "take_profit": Fraction(0.1)}
        bars = [(100,) * 4, (100,) * 4, (85, 120, 80, 100)]
        trade = self.run(bars, intrabar="optimistic", **levels)
        assert (trade["exit_price"], trade["exit_reason"]) == (85.0, "stop_loss")

    def test_stops_of_a_short_are_mirrored(self):
        levels = {"stop_loss": Fraction(0.1), "take_profit": Fraction(0.1)}
        bars = [(100,) * 4, (100,) * 4]
        up = self.run([*bars, (100, 112, 99, 105)], side="short", **levels)
        down = self.run([*bars, (100, 101, 85, 90)], side="short", **levels)
        assert (up["exit_price"], down["exit_price"]) == (110.00000000000001, 90.0)
        assert (up["exit_reason"], down["exit_reason"]) == ("stop_loss", "take_profit")

    def test_trailing_stop_acts_from_the_bar_after_its_extreme(self):
        # At the second bar the high of 120 would put the trail to 108, above that bar's low of 95.
        bars = [(100,) * 4, (100, 120, 95, 118), (118, 119, 107, 110)]
        trade = self.run(bars, trailing_stop=Fraction(0.1))
        assert (trade["exit_price"], trade["exit_reason"]) == (108.0, "trailing_stop")
        assert trade["bars_held"] == 2

    def test_trailing_distance_in_price_units(self):
        bars = [(100,) * 4, (100, 120, 95, 118), (118, 119, 107, 110)]
        assert self.run(bars, trailing_stop=Price(7.0))["exit_price"] == 113.0

    def test_trailing_stop_never_falls_back(self):
        bars = [(100,) * 4, (100, 120, 100, 118), (115, 116, 110, 112), (112, 113, 105, 106)]
        assert self.run(bars, trailing_stop=Fraction(0.1))["exit_price"] == 108.0

    def test_due_exit_at_the_open_comes_before_a_stop_jumped_over(self):
        signals = orders_at(4, buy=[0], sell=[1], stop_loss=Fraction(0.05))
        trade = only_trade(run_backtest(flat_bars(100, 100, 80, 80), signals, TEN))
        assert (trade["exit_price"], trade["exit_reason"]) == (80.0, "signal")

    def test_level_in_the_signals_wins_over_the_settings(self):
        settings = TEN.model_copy(update={"stop_loss": 0.02})
        bars = frame([(100,) * 4, (100, 100, 94, 95), (95,) * 4])
        own = run_backtest(bars, orders_at(3, buy=[0], stop_loss=Fraction(0.05)), settings)
        assert only_trade(own)["exit_price"] == 95.0
        assert only_trade(run_backtest(bars, orders_at(3, buy=[0]), settings))["exit_price"] == 98.0


@pytest.mark.parametrize(("bars_allowed", "exit_bar"), [(1, 1), (2, 2)])
def test_longest_holding_time_counts_the_entry_bar(bars_allowed, exit_bar):
    settings = TEN.model_copy(update={"max_holding_bars": bars_allowed})
    bars = frame([(10, 10, 10, 10), (11, 12, 10, 11.5), (13, 14, 12, 13.5), (14, 15, 13, 14.5)])
    result = run_backtest(bars, orders_at(4, buy=[0]), settings)
    trade = only_trade(result)
    assert trade["exit_ts"] == bars.index[exit_bar]
    assert trade["exit_price"] == bars["close"].iloc[exit_bar]
    assert (trade["exit_reason"], trade["bars_held"]) == ("max_holding", bars_allowed)


class TestSizesAndCosts:
    def first_order(self, settings, price=10.0, **others):
        result = run_backtest(flat_bars(price, price), orders_at(2, buy=[0], **others), settings)
        return result.orders.iloc[0]

    def with_cash(self, **others):
        return BacktestSettings(initial_cash=1000.0, **others)

    def test_fixed_quantity_beyond_the_cash_is_clipped_and_says_so(self):
        order = self.first_order(self.with_cash(sizing=FixedQuantity(quantity=150)))
        assert (order["requested"], order["filled"]) == (150.0, 100.0)
        assert (order["status"], order["reason"]) == ("clipped", "clipped_to_cash")

    def test_leverage_raises_the_cap(self):
        settings = self.with_cash(sizing=FixedQuantity(quantity=150), leverage=2.0)
        assert self.first_order(settings)["reason"] == "filled"

    def test_fixed_cash_includes_the_costs(self):
        sizing = FixedCash(cash=505)
        order = self.first_order(self.with_cash(sizing=sizing, commission_bps=100))
        assert order["filled"] == pytest.approx(50.0)
        assert order["fee"] == pytest.approx(5.0)

    def test_share_at_risk_loses_that_share_at_the_stop(self):
        settings = self.with_cash(sizing=PercentAtRisk(percent=0.01))
        assert self.first_order(settings, stop_loss=Fraction(0.1))["filled"] == pytest.approx(10.0)
        assert self.first_order(settings)["reason"] == "no_stop"

    def test_size_of_the_signals_replaces_the_number_of_the_sizing(self):
        settings = self.with_cash(sizing=PercentOfEquity(percent=1.0))
        assert self.first_order(settings, size=np.array([0.25, 1.0]))["filled"] == 25.0
        assert self.first_order(settings, size=np.array([np.nan, 1.0]))["filled"] == 100.0
        assert self.first_order(settings, size=np.array([0.0, 1.0]))["reason"] == "no_size"

    def test_lots_round_down(self):
        settings = self.with_cash(lot_size=30.0)
        order = self.first_order(settings)
        assert (order["filled"], order["reason"]) == (90.0, "rounded_to_lot")
        assert self.first_order(settings, price=50.0)["reason"] == "below_one_lot"

    def test_order_below_the_minimum_notional_is_not_filled(self):
        settings = self.with_cash(sizing=FixedCash(cash=50), min_notional=100.0)
        assert self.first_order(settings)["reason"] == "below_min_notional"

    def test_slippage_is_paid_by_buyer_and_seller(self):
        settings = TEN.model_copy(update={"slippage_bps": 100.0, "slippage_price": 0.5})
        result = run_backtest(flat_bars(10, 10, 20, 20), orders_at(4, buy=[0], sell=[1]), settings)
        trade = only_trade(result)
        assert trade["entry_price"] == pytest.approx(10.6)
        assert trade["exit_price"] == pytest.approx(19.3)
        assert trade["slippage"] == pytest.approx(10 * 0.6 + 10 * 0.7)

    def test_fills_are_rounded_to_ticks_against_the_order(self):
        settings = TEN.model_copy(update={"tick_size": 0.05})
        result = run_backtest(
            flat_bars(10, 10.02, 10.08, 1), orders_at(4, buy=[0], sell=[1]), settings
        )
        assert (only_trade(result)["entry_price"], only_trade(result)["exit_price"]) == (
            10.05,
            10.05,
        )

    def test_commission_a_share_with_minimum_and_flat_parts(self):
        settings = TEN.model_copy(
            update={
                "commission_per_share": 0.1,
                "commission_minimum": 3.0,
                "commission_per_order": 0.5,
                "commission_per_round_trip": 2.0,
            }
        )
        result = run_backtest(flat_bars(10, 10, 10), orders_at(3, buy=[0], sell=[1]), settings)
        assert result.orders["fee"].tolist() == [3.5, 5.5]
        assert only_trade(result)["pnl"] == pytest.approx(-9.0)

    def test_target_pays_the_maker_fee_and_no_slippage(self):
        settings = TEN.model_copy(
            update={"commission_bps": 100.0, "maker_commission_bps": 10.0, "slippage_bps": 0.0}
        )
        bars = frame([(10,) * 4, (10,) * 4, (10, 12, 10, 11)])
        result = run_backtest(bars, orders_at(3, buy=[0], take_profit=Fraction(0.1)), settings)
        assert result.orders["fee"].tolist() == pytest.approx([1.0, 0.11])

    def test_multiplier_and_delta_turn_points_into_currency(self):
        settings = self.with_cash(
            sizing=FixedQuantity(quantity=1), multiplier=50.0, delta=0.5, leverage=10.0
        )
        result = run_backtest(flat_bars(100, 100, 104), orders_at(3, buy=[0]), settings)
        assert result.final_equity == 1100.0

    def test_entry_without_cash_is_logged(self):
        settings = self.with_cash(sizing=FixedQuantity(quantity=100))
        signals = orders_at(5, short=[0], cover=[1], buy=[2])
        result = run_backtest(flat_bars(10, 10, 25, 25, 25), signals, settings)
        assert result.orders["reason"].tolist()[-1] == "no_cash"
        assert any("zero or below" in text for text in result.warnings)
        assert np.isnan(result.moments.sharpe)


def test_signals_of_another_length_are_refused():
    with pytest.raises(StrategyError, match="2 rows and the bars 3"):
        run_backtest(flat_bars(10, 10, 10), orders_at(2), TEN)


def test_no_bars_are_refused():
    with pytest.raises(InsufficientDataError):
        run_backtest(flat_bars(10).iloc[:0], orders_at(0), TEN)
