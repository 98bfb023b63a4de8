"""Portfolios worked out by hand: shared cash, priorities, weights, gaps, actions, listings."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import (
    BacktestSettings,
    Price,
    Rebalancing,
    TargetWeights,
    run_portfolio_backtest,
)
from trading_pipeline.settings.backtest_settings import (
    FixedQuantity,
    PercentOfEquity,
    SessionClose,
    VolatilityTarget,
)
from trading_pipeline_tests.backtest.random_markets import action, flat_bars, frame, orders_at

HALF = BacktestSettings(initial_cash=1000.0, sizing=PercentOfEquity(percent=0.75))
ALL = BacktestSettings(initial_cash=1000.0)
TEN = BacktestSettings(
    initial_cash=1000.0, sizing=FixedQuantity(quantity=10), periods_per_year=252.0
)


def stamps(count, start="2024-01-01", freq="D"):
    return pd.date_range(start, periods=count, freq=freq, tz="UTC", name="ts")


def without(bars, *rows):
    """The bars but those at the given positions."""
    return bars.drop(bars.index[list(rows)])


def weights_at(rows):
    """Target weights from {bar: {instrument: weight}}, daily from 2024-01-01."""
    index = stamps(max(rows) + 1)
    return TargetWeights(pd.DataFrame(list(rows.values()), index=index[list(rows)]))


def log(result):
    """(instrument, side, filled, reason) of each order."""
    orders = result.orders
    return list(
        zip(orders["instrument"], orders["side"], orders["filled"], orders["reason"], strict=True)
    )


# Shared cash


def test_buys_of_one_open_share_the_cash_and_the_last_is_clipped():
    bars = {"A": flat_bars(10, 10, 12), "B": flat_bars(20, 20, 30)}
    result = run_portfolio_backtest(bars, dict.fromkeys(bars, orders_at(3, buy=[0])), HALF)
    # Both ask for 750 of the 1000 at the open; A comes first and leaves 250 for B.
    assert log(result) == [("A", "buy", 75.0, "filled"), ("B", "buy", 12.5, "clipped_to_cash")]
    assert result.orders["requested"].tolist() == [75.0, 37.5]
    assert result.cash.tolist() == [1000.0, 0.0, 0.0]
    assert result.equity.tolist() == [1000.0, 1000.0, 75 * 12 + 12.5 * 30]
    assert result.positions.iloc[-1].to_dict() == {"A": 75.0, "B": 12.5}


def test_priority_says_who_is_served_first_and_names_break_ties():
    bars = {name: flat_bars(10, 10) for name in "CAB"}
    orders = dict.fromkeys(bars, orders_at(2, buy=[0]))
    first = run_portfolio_backtest(bars, orders, ALL)
    assert first.instruments == ("A", "B", "C")
    assert first.orders["reason"].tolist() == ["filled", "no_cash", "no_cash"]
    second = run_portfolio_backtest(bars, orders, ALL, priorities={"C": 2.0, "A": -1.0})
    assert second.instruments == ("C", "B", "A")
    assert second.positions.iloc[-1].to_dict() == {"C": 100.0, "B": 0.0, "A": 0.0}


def test_sells_come_before_buys_whatever_the_priority():
    bars = {"A": flat_bars(10, 10, 10, 10), "Z": flat_bars(10, 10, 20, 20)}
    orders = {"A": orders_at(4, buy=[1]), "Z": orders_at(4, buy=[0], sell=[1])}
    result = run_portfolio_backtest(bars, orders, ALL)
    assert log(result) == [
        ("Z", "buy", 100.0, "filled"), ("Z", "sell", 100.0, "signal"),
        ("A", "buy", 200.0, "filled"),
    ]  # fmt: skip


def test_every_order_of_an_open_is_sized_on_the_equity_at_that_open():
    bars = {"A": flat_bars(10, 10, 30), "B": flat_bars(10, 10, 10)}
    orders = {"A": orders_at(3, buy=[0]), "B": orders_at(3, buy=[1])}
    quarter = BacktestSettings(initial_cash=1000.0, sizing=PercentOfEquity(percent=0.25))
    result = run_portfolio_backtest(bars, orders, quarter)
    # 25 of A at 10; at the next open it stands at 30, the account at 1500, a quarter is 375.
    assert result.orders["filled"].tolist() == [25.0, 37.5]


def test_fees_of_reductions_count_against_the_cash_of_buys():
    bars = {"A": flat_bars(10, 10, 10, 10), "B": flat_bars(10, 10, 10, 10)}
    targets = weights_at({0: {"A": 1.0, "B": 0.0}, 1: {"A": 0.1, "B": 0.9}})
    chosen = BacktestSettings(initial_cash=1000.0, commission_bps=100)
    result = run_portfolio_backtest(bars, targets, chosen)
    assert result.orders["reason"].tolist() == ["filled", "rebalance", "clipped_to_cash"]
    assert result.cash[-1] == pytest.approx(0.0, abs=1e-9)
    assert result.cash[-1] >= -1e-9


def test_shorts_take_up_room_and_their_proceeds_buy_nothing():
    bars = {"A": flat_bars(10, 10, 10), "B": flat_bars(10, 10, 10)}
    orders = {"A": orders_at(3, short=[0]), "B": orders_at(3, buy=[0])}
    result = run_portfolio_backtest(bars, orders, HALF)
    assert log(result) == [("A", "sell", 75.0, "filled"), ("B", "buy", 25.0, "clipped_to_cash")]
    assert result.exposure.iloc[-1] == 1.0
    assert result.weights.iloc[-1].to_dict() == {"A": -0.75, "B": 0.25}


def test_entry_inside_a_bar_is_sized_on_the_open_and_not_on_another_close_of_the_bar():
    bars = {
        "A": frame([(10, 10, 10, 10), (10, 10, 10, 10), (10, 90, 10, 90)]),
        "B": frame([(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 4, 10)]),
    }
    orders = {
        "A": orders_at(3, buy=[0]),
        "B": orders_at(3, buy=[1], limit_price=Price(5.0)),
    }
    quarter = BacktestSettings(initial_cash=1000.0, sizing=PercentOfEquity(percent=0.25))
    result = run_portfolio_backtest(bars, orders, quarter)
    assert result.orders["filled"].tolist() == [25.0, 50.0]  # 250 at 5, though A closed at 90


def test_money_that_an_exit_inside_a_bar_sets_free_is_spent_from_the_next_open_on():
    stop = {"stop_loss": Price(8.0)}
    fall = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 7, 7), (7, 7, 4, 7)]
    for names in (("A", "B"), ("B", "A")):  # whichever comes first
        bars = dict.fromkeys(names, frame(fall))
        orders = {
            names[0]: orders_at(4, buy=[0], **stop),
            names[1]: orders_at(4, buy=[1], limit_price=Price(7.5)),
        }
        result = run_portfolio_backtest(bars, orders, ALL)
        assert [row[1:] for row in log(result)] == [
            ("buy", 100.0, "filled"), ("sell", 100.0, "stop_loss"), ("buy", 0.0, "no_cash"),
        ]  # fmt: skip


def test_lots_ticks_multiplier_and_costs_are_the_instruments_own():
    bars = {"FUT": flat_bars(10, 10.1, 12), "STK": flat_bars(10, 10, 12)}
    orders = dict.fromkeys(bars, orders_at(3, buy=[0]))
    own = {
        "FUT": {"multiplier": 5.0, "lot_size": 1.0, "tick_size": 0.25, "commission_per_order": 2.0},
        "STK": {"min_notional": 1000.0},
    }
    quarter = BacktestSettings(initial_cash=1000.0, sizing=PercentOfEquity(percent=0.25))
    result = run_portfolio_backtest(bars, orders, quarter, instrument_settings=own)
    # 248 / (10.25 * 5) = 4.8 contracts, in whole lots 4; a quarter of 1000 is below STK's minimum.
    assert log(result) == [
        ("FUT", "buy", 4.0, "rounded_to_lot"), ("STK", "buy", 0.0, "below_min_notional"),
    ]  # fmt: skip
    assert result.orders["price"].iloc[0] == 10.25
    assert result.equity.tolist() == [1000.0, 1000 - 2 + 4 * 5 * (10.1 - 10.25), 1033.0]
    assert result.trades["pnl"].tolist() == [33.0]


# Target weights


def test_weights_buy_their_share_and_leave_what_is_nan():
    bars = {"A": flat_bars(10, 10, 20, 20), "B": flat_bars(10, 10, 10, 10)}
    targets = weights_at({0: {"A": 0.5, "B": 0.25}, 1: {"A": np.nan, "B": 0.5}})
    result = run_portfolio_backtest(bars, targets, ALL)
    # At bar 2: 500 + 250 + 500 = 1250 + ... A stands at 1000, cash 250, B 250: equity 1500.
    assert result.equity.tolist() == [1000.0, 1000.0, 1500.0, 1500.0]
    assert result.positions["A"].tolist() == [0.0, 50.0, 37.5, 37.5]  # its 0.5 is restored too
    assert result.positions["B"].tolist() == [0.0, 25.0, 75.0, 75.0]


def test_reductions_come_before_increases():
    bars = {"A": flat_bars(10, 10, 10, 10), "Z": flat_bars(10, 10, 10, 10)}
    targets = weights_at({0: {"A": 0.2, "Z": 0.8}, 1: {"A": 0.8, "Z": 0.2}})
    result = run_portfolio_backtest(bars, targets, ALL)
    assert log(result)[2:] == [("Z", "sell", 60.0, "rebalance"), ("A", "buy", 60.0, "filled")]


def test_weight_of_the_other_sign_closes_and_opens_anew():
    bars = {"A": flat_bars(10, 10, 10, 10)}
    result = run_portfolio_backtest(bars, weights_at({0: {"A": 0.5}, 1: {"A": -0.5}}), ALL)
    assert log(result) == [
        ("A", "buy", 50.0, "filled"), ("A", "sell", 50.0, "rebalance"),
        ("A", "sell", 50.0, "filled"),
    ]  # fmt: skip
    no_shorts = ALL.model_copy(update={"allow_short": False})
    refused = run_portfolio_backtest(bars, weights_at({0: {"A": 0.5}, 1: {"A": -0.5}}), no_shorts)
    assert refused.orders["reason"].tolist() == ["filled", "rebalance", "short_not_allowed"]


def test_weight_of_zero_closes_the_position():
    result = run_portfolio_backtest(
        {"A": flat_bars(10, 10, 10, 10)}, weights_at({0: {"A": 0.5}, 1: {"A": 0.0}}), ALL
    )
    assert result.positions["A"].tolist() == [0.0, 50.0, 0.0, 0.0]
    assert result.trades["exit_reason"].tolist() == ["rebalance"]


def test_monthly_calendar_buys_at_once_and_rebalances_at_the_first_open_of_a_month():
    days = [*stamps(2, "2024-01-30"), *stamps(2, "2024-02-01"), *stamps(2, "2024-03-01")]
    index = pd.DatetimeIndex(days, name="ts")
    bars = {"A": flat_bars(10, 10, 20, 20, 40, 40), "B": flat_bars(10, 10, 10, 10, 10, 10)}
    bars = {name: each.set_axis(index, axis=0) for name, each in bars.items()}
    fixed = TargetWeights.fixed({"A": 0.5, "B": 0.5}, index[0])
    result = run_portfolio_backtest(bars, fixed, ALL, rebalancing=Rebalancing(calendar="month"))
    # 31 January: 50 each. 1 February: 1500, 37.5 and 75. 1 March: 2250, 28.125 and 112.5.
    assert result.positions["A"].tolist() == [0.0, 50.0, 37.5, 37.5, 28.125, 28.125]
    assert result.positions["B"].tolist() == [0.0, 50.0, 75.0, 75.0, 112.5, 112.5]
    assert result.orders["decided_ts"].drop_duplicates().tolist() == [index[0], index[1], index[3]]


def test_weights_that_change_between_two_dates_wait_for_the_next_one():
    bars = {"A": flat_bars(10, 10, 10, 10, 10, 10)}
    targets = weights_at({0: {"A": 0.5}, 1: {"A": 0.9}, 2: {"A": 0.2}})
    result = run_portfolio_backtest(bars, targets, ALL, rebalancing=Rebalancing(calendar=4))
    assert result.positions["A"].tolist() == [0.0, 50.0, 50.0, 50.0, 20.0, 20.0]


def test_threshold_rebalances_only_where_a_weight_is_off_by_more():
    bars = {"A": flat_bars(10, 10, 12, 16, 16), "B": flat_bars(10, 10, 10, 10, 10)}
    fixed = TargetWeights.fixed({"A": 0.5, "B": 0.5}, stamps(1)[0])
    result = run_portfolio_backtest(bars, fixed, ALL, rebalancing=Rebalancing(threshold=0.1))
    # A weighs 600/1100 = 0.545 at bar 2 and 800/1300 = 0.615 at bar 3: only this one acts.
    assert result.positions["A"].tolist() == [0.0, 50.0, 50.0, 50.0, 650 / 16]
    assert result.orders["decided_ts"].nunique() == 2


def test_threshold_is_not_breached_by_an_instrument_that_has_no_bars_any_more():
    gone, other = flat_bars(10, 10, 30), flat_bars(10, 10, 10, 11, 12, 13)
    fixed = TargetWeights.fixed({"GONE": 0.3, "HERE": 0.3}, stamps(1)[0])
    result = run_portfolio_backtest(
        {"GONE": gone, "HERE": other}, fixed, ALL, rebalancing=Rebalancing(threshold=0.1)
    )
    # At bar 2 GONE weighs 900/1600. HERE buys at the next open, up to 489 of then 1630, and never
    # strays by a tenth again, while GONE cannot be sold.
    assert result.positions["HERE"].tolist() == pytest.approx([0.0, 30.0, 30.0, *[489 / 11] * 3])
    assert result.weights["GONE"].iloc[-1] > 0.5


def test_reduction_that_is_too_small_to_sell_stands_in_the_log():
    bars = {"A": flat_bars(10, 10, 11, 11)}
    targets = weights_at({0: {"A": 0.5}, 1: {"A": 0.5}})
    for own, reason in (
        ({"lot_size": 10.0}, "below_one_lot"), ({"min_notional": 100.0}, "below_min_notional"),
    ):  # fmt: skip
        result = run_portfolio_backtest(bars, targets, ALL.model_copy(update=own))
        assert log(result)[1] == ("A", "sell", 0.0, reason)
        assert result.orders["role"].tolist()[1] == "exit"
        assert result.positions["A"].tolist() == [0.0, 50.0, 50.0, 50.0]


def test_weights_of_the_last_bar_are_logged_as_without_a_next_bar():
    bars = {"A": flat_bars(10, 10, 20), "B": flat_bars(10, 10, 10)}
    targets = weights_at({0: {"A": 0.5, "B": 0.0}, 2: {"A": 0.25, "B": 0.25}})
    result = run_portfolio_backtest(bars, targets, ALL)
    assert log(result)[1:] == [("A", "sell", 0.0, "no_next_bar"), ("B", "buy", 0.0, "no_next_bar")]
    assert result.orders["requested"].tolist()[1:] == [50 - 0.25 * 1500 / 20, 0.25 * 1500 / 10]


def test_kept_remainder_gives_way_to_new_weights():
    bars = {"A": flat_bars(10, 10, 10, 10)}  # volume 1000, so 10 a bar
    chosen = ALL.model_copy(update={"maximum_participation": 0.01, "unfilled": "keep"})
    targets = weights_at({0: {"A": 0.5}, 1: {"A": 0.15}})
    result = run_portfolio_backtest(bars, targets, chosen)
    assert result.orders["reason"].tolist() == ["clipped_to_volume", "replaced", "filled"]
    assert result.positions["A"].tolist() == [0.0, 10.0, 15.0, 15.0]


def test_closing_for_lack_of_weight_works_on_where_volume_is_short():
    bars = {"A": flat_bars(10, 10, 10, 10, 10)}
    bars["A"]["volume"] = [1000.0, 1000.0, 400.0, 400.0, 400.0]
    chosen = ALL.model_copy(update={"maximum_participation": 0.01, "unfilled": "keep"})
    result = run_portfolio_backtest(bars, weights_at({0: {"A": 0.1}, 1: {"A": 0.0}}), chosen)
    assert result.positions["A"].tolist() == [0.0, 10.0, 6.0, 2.0, 0.0]


def test_stop_of_the_settings_closes_a_position_that_a_weight_opened():
    bars = {"A": frame([(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 8, 9), (9, 9, 9, 9)])}
    chosen = ALL.model_copy(update={"stop_loss": 0.1})
    result = run_portfolio_backtest(bars, weights_at({0: {"A": 0.5}}), chosen)
    assert result.trades["exit_reason"].tolist() == ["stop_loss"]


# Clocks


def test_account_has_a_row_for_each_stamp_of_any_instrument():
    stock, coin = without(flat_bars(10, 10, 10, 10, 10), 1, 2), flat_bars(5, 6, 7, 8, 9)
    result = run_portfolio_backtest({"S": stock, "C": coin}, {}, ALL)
    assert result.index.tolist() == coin.index.tolist()
    assert len(result.daily) == 5


def test_order_waits_for_the_next_bar_of_its_own_instrument():
    bars = {"S": without(flat_bars(10, 99, 99, 12, 12), 1, 2), "C": flat_bars(5, 5, 5, 5, 5)}
    orders = {"S": orders_at(3, buy=[0]), "C": orders_at(5, buy=[0])}
    result = run_portfolio_backtest(bars, orders, TEN)
    when = result.orders.set_index("instrument")["ts"]
    assert when["C"] == stamps(5)[1]
    assert when["S"] == stamps(5)[3]
    assert result.positions["S"].tolist() == [0.0, 0.0, 0.0, 10.0, 10.0]


def test_position_is_marked_at_its_last_close_while_its_market_is_closed():
    bars = {"S": without(flat_bars(10, 10, 0, 0, 20), 2, 3), "C": flat_bars(5, 5, 5, 5, 5)}
    result = run_portfolio_backtest(bars, {"S": orders_at(3, buy=[0])}, TEN)
    assert result.equity.tolist() == [1000.0, 1000.0, 1000.0, 1000.0, 1100.0]
    assert result.position_values["S"].tolist() == [0.0, 100.0, 100.0, 100.0, 200.0]
    assert result.trades["bars_held"].tolist() == [2]


def test_weights_of_a_day_on_which_a_market_is_closed_wait_for_its_open():
    bars = {"S": without(flat_bars(10, 10, 10, 20), 1, 2), "C": flat_bars(10, 10, 10, 10)}
    result = run_portfolio_backtest(bars, weights_at({1: {"S": 0.5, "C": 0.5}}), ALL)
    assert result.positions["C"].tolist() == [0.0, 0.0, 50.0, 50.0]
    assert result.positions["S"].tolist() == [0.0, 0.0, 0.0, 25.0]


def test_financing_follows_the_time_while_a_market_is_closed():
    bars = {"S": without(flat_bars(10, 10, 10, 10, 10), 2, 3), "C": flat_bars(5, 5, 5, 5, 5)}
    chosen = TEN.model_copy(update={"borrow_rate": 0.36525})
    result = run_portfolio_backtest(bars, {"S": orders_at(3, short=[0])}, chosen)
    # 100 short pays a thousandth of 100 a day from its entry on the second row.
    assert result.equity.tolist() == pytest.approx([1000.0, 1000.0, 999.9, 999.8, 999.7])


def test_bars_a_year_scale_neither_financing_nor_interest():
    bars = {"A": flat_bars(10, 10, 10), "B": flat_bars(10, 10, 10)}
    chosen = BacktestSettings(
        initial_cash=1000.0, leverage=2.0, cash_rate=0.36525, periods_per_year=365.0,
        sizing=PercentOfEquity(percent=2.0), funding_rate=0.36525,
    )  # fmt: skip
    orders = {"B": orders_at(3, buy=[0])}
    own = {"B": {"periods_per_year": 252.0}}
    result = run_portfolio_backtest(bars, orders, chosen, instrument_settings=own)
    # One of 365.25 days: interest 1000 * 0.001 = 1, funding 2000 * 0.001 = 2.
    assert result.cash[-1] == pytest.approx(-1003.0)
    assert result.interest_paid == pytest.approx(1.0)
    assert result.trades["pnl"].tolist() == pytest.approx([-2.0])


def test_late_listing_joins_when_its_bars_begin():
    late = flat_bars(10, 10, 10, 20, 40).iloc[2:]
    fixed = TargetWeights.fixed({"NEW": 0.5, "OLD": 0.5}, stamps(1)[0])
    result = run_portfolio_backtest({"NEW": late, "OLD": flat_bars(*[10] * 5)}, fixed, ALL)
    assert result.positions["NEW"].tolist() == [0.0, 0.0, 50.0, 50.0, 50.0]
    assert result.equity[-1] == 500 + 50 * 40


def test_delisted_position_stays_marked_and_is_said_in_a_warning():
    gone = flat_bars(10, 10, 12)
    orders = {"GONE": orders_at(3, buy=[0], sell=[2])}
    result = run_portfolio_backtest({"GONE": gone, "X": flat_bars(*[10] * 6)}, orders, TEN)
    assert result.equity.tolist() == [1000.0, 1000.0, 1020.0, 1020.0, 1020.0, 1020.0]
    assert log(result)[-1] == ("GONE", "sell", 0.0, "no_next_bar")
    trade = result.trades.iloc[0]
    assert (trade["is_open"], trade["exit_price"], trade["bars_held"]) == (True, 12.0, 2)
    warning, *_ = result.warnings
    assert "GONE has no bar after 2024-01-03" in warning
    assert "position of 10" in warning


def test_weekend_after_the_last_session_is_no_delisting():
    sessions = without(flat_bars(*[10] * 9), 3, 4, 7, 8)
    orders = {"S": orders_at(5, buy=[0])}
    result = run_portfolio_backtest({"S": sessions, "C": flat_bars(*[5] * 9)}, orders, TEN)
    assert result.positions["S"].iloc[-1] == 10.0
    assert result.warnings == ()


# Corporate actions


def test_split_of_one_instrument_leaves_the_equity_and_the_other_alone():
    bars = {"A": flat_bars(10, 10, 5, 5), "B": flat_bars(10, 10, 10, 10)}
    orders = dict.fromkeys(bars, orders_at(4, buy=[0]))
    split = {"A": [of("A", 2, "split", 2.0)]}
    result = run_portfolio_backtest(bars, orders, TEN, actions=split)
    assert result.positions["A"].tolist() == [0.0, 10.0, 20.0, 20.0]
    assert result.positions["B"].tolist() == [0.0, 10.0, 10.0, 10.0]
    assert result.equity.tolist() == [1000.0] * 4
    assert result.trades["pnl"].tolist() == [0.0, 0.0]


def test_dividend_is_paid_into_the_shared_cash_and_can_buy_the_other():
    bars = {"A": flat_bars(10, 10, 9, 9), "B": flat_bars(10, 10, 10, 10)}
    orders = {"A": orders_at(4, buy=[0]), "B": orders_at(4, buy=[1])}
    paid = {"A": [of("A", 2, "dividend", 1.0)]}
    result = run_portfolio_backtest(bars, orders, ALL, actions=paid)
    # 100 of A, a dividend of 100 before the open at which B buys.
    assert log(result)[-1] == ("B", "buy", 10.0, "clipped_to_cash")
    assert result.equity.tolist() == [1000.0] * 4
    assert result.trades["pnl"].tolist() == [0.0, 0.0]


def test_split_on_a_day_without_a_bar_applies_before_the_next_one():
    bars = {"A": without(flat_bars(10, 10, 0, 5, 5), 2), "B": flat_bars(*[10] * 5)}
    split = {"A": [of("A", 2, "split", 2.0)]}
    result = run_portfolio_backtest(bars, {"A": orders_at(4, buy=[0])}, TEN, actions=split)
    assert result.positions["A"].tolist() == [0.0, 10.0, 10.0, 20.0, 20.0]
    assert result.equity.tolist() == [1000.0] * 5


def of(name, day, kind, value):
    from dataclasses import replace

    return replace(action(day, kind, value), instrument=name)


# Rules of the whole account


def test_margin_call_closes_every_position_at_its_next_open():
    bars = {"A": flat_bars(10, 10, 14, 15, 15), "B": flat_bars(10, 10, 10, 10, 10)}
    chosen = BacktestSettings(
        initial_cash=1000.0,
        leverage=2.0,
        maintenance_margin=0.25,
        sizing=PercentOfEquity(percent=1.0),
    )
    orders = {"A": orders_at(5, short=[0]), "B": orders_at(5, short=[0])}
    result = run_portfolio_backtest(bars, orders, chosen)
    # At 14 the equity is 600 on a notional of 2400: just a quarter, so nothing yet; at 15 it is
    # 500.
    assert result.trades["exit_reason"].tolist() == ["margin_call", "margin_call"]
    assert result.positions.iloc[3].tolist() == [-100.0, -100.0]
    assert result.positions.iloc[4].tolist() == [0.0, 0.0]


def test_daily_target_of_the_account_closes_all_and_halts_until_the_next_day():
    index = stamps(5, "2024-03-08 14:00", "min")
    bars = {"A": flat_bars(10, 10, 13, 13, 13), "B": flat_bars(10, 10, 13, 13, 13)}
    bars = {name: each.set_axis(index, axis=0) for name, each in bars.items()}
    orders = dict.fromkeys(bars, orders_at(5, buy=[0, 2]))
    chosen = TEN.model_copy(update={"daily_profit_target": 50.0})
    result = run_portfolio_backtest(bars, orders, chosen)
    # Neither alone made 50, both together 60.
    assert result.trades["exit_reason"].tolist() == ["daily_target", "daily_target"]
    assert result.orders["reason"].tolist()[-2:] == ["daily_halt", "daily_halt"]
    assert result.daily["target_hit"].tolist() == [True]


def test_session_close_may_be_one_instruments_own():
    index = stamps(4, "2024-03-08 20:58", "min")
    bars = {n: flat_bars(10, 10, 10, 10).set_axis(index, axis=0) for n in ("COIN", "STOCK")}
    rule = SessionClose(time="16:00", zone="America/New_York")
    result = run_portfolio_backtest(
        bars,
        dict.fromkeys(bars, orders_at(4, buy=[0])),
        TEN,
        instrument_settings={"STOCK": {"session_close": rule}},
    )
    assert result.positions["COIN"].tolist() == [0.0, 10.0, 10.0, 10.0]
    assert result.positions["STOCK"].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert result.trades.set_index("instrument").loc["STOCK", "exit_reason"] == "session_close"


def test_volatility_target_counts_the_instruments_own_bars():
    closes = [10.0, 11.0, 10.0, 11.0, 10.0]
    spread = flat_bars(10, 11, 1, 10, 11, 10)
    bars = {"A": without(spread, 2), "B": flat_bars(*[10] * 6)}
    sizing = VolatilityTarget(annual_volatility=0.5, lookback_bars=3)
    chosen = BacktestSettings(initial_cash=1000.0, sizing=sizing, periods_per_year=252.0)
    result = run_portfolio_backtest(bars, {"A": orders_at(5, buy=[3])}, chosen)
    deviation = np.std(np.diff(np.log(closes[:4])), ddof=1) * np.sqrt(252.0)
    assert result.positions["A"].iloc[-1] == pytest.approx(1000 * 0.5 / deviation / 10)


def test_same_close_fills_at_once_and_warns():
    bars = {"A": flat_bars(10, 20), "B": flat_bars(10, 20)}
    chosen = TEN.model_copy(update={"fill": "same_close"})
    result = run_portfolio_backtest(bars, dict.fromkeys(bars, orders_at(2, buy=[0])), chosen)
    assert result.equity.tolist() == [1000.0, 1200.0]
    assert "Look-ahead" in result.warnings[0]


def test_ruin_is_said_in_a_warning():
    chosen = BacktestSettings(
        initial_cash=1000.0, leverage=2.0, sizing=PercentOfEquity(percent=2.0)
    )
    result = run_portfolio_backtest(
        {"A": flat_bars(10, 10, 20, 20)}, {"A": orders_at(4, short=[0])}, chosen
    )
    assert "fell to zero or below at bar 2" in result.warnings[0]
    assert np.isnan(result.returns.iloc[3])
