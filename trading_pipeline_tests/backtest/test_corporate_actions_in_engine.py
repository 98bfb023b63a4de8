"""Splits and dividends in the engine, worked out by hand (AAPL's shape: 2 for 1)."""

import numpy as np
import pytest

from trading_pipeline.backtest import BacktestSettings, Fraction, Price, run_backtest
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.backtest_settings import FixedQuantity
from trading_pipeline_tests.backtest.random_markets import (
    action,
    flat_bars,
    frame,
    golden_market,
    orders_at,
    sma_signals,
)

TEN = BacktestSettings(initial_cash=1000.0, sizing=FixedQuantity(quantity=10))


def test_split_doubles_the_quantity_and_leaves_the_equity():
    # As AAPL on 2005-02-28: 88.99 on the last day before, 44.86 at the close of the ex-date.
    bars = frame([(88, 88, 88, 88), (88.5, 89, 88, 88.99), (44.68, 45.1, 43.96, 44.86)])
    result = run_backtest(bars, orders_at(3, buy=[0]), TEN, actions=[action(2, "split", 2.0)])
    assert result.quantity.tolist() == [0.0, 10.0, 20.0]
    assert result.equity.tolist() == pytest.approx([1000.0, 1004.9, 1000 - 885 + 20 * 44.86])
    trade = result.trades.iloc[0]
    assert (trade["quantity"], trade["entry_price"], trade["exit_price"]) == (10.0, 88.5, 44.86)
    assert trade["pnl"] == pytest.approx(20 * 44.86 - 885)
    assert trade["mfe"] == pytest.approx(2 * 45.1 / 88.5 - 1)
    assert trade["mae"] == pytest.approx(2 * 43.96 / 88.5 - 1)


def test_without_the_action_the_same_bars_look_like_a_crash():
    bars = frame([(88, 88, 88, 88), (88.5, 89, 88, 88.99), (44.68, 45.1, 43.96, 44.86)])
    result = run_backtest(bars, orders_at(3, buy=[0]), TEN)
    assert result.equity[-1] == pytest.approx(1000 - 885 + 10 * 44.86)


def test_stop_placed_before_a_split_is_halved_and_not_hit_by_it():
    bars = frame([(90,) * 4, (88, 89, 87, 88), (44, 44.5, 43, 44), (43, 43, 39, 40)])
    stop = Price(np.array([84.0, np.nan, np.nan, np.nan]))
    signals = orders_at(4, buy=[0], stop_loss=stop)
    result = run_backtest(bars, signals, TEN, actions=[action(2, "split", 2.0)])
    trade = result.trades.iloc[0]
    assert (trade["exit_price"], trade["exit_ts"]) == (42.0, bars.index[3])


def test_target_and_trailing_distance_are_divided_too():
    bars = frame([(90,) * 4, (88, 89, 87, 88), (44, 46, 43, 45)])
    actions = [action(2, "split", 2.0)]
    target = orders_at(3, buy=[0], take_profit=Price(91.0))
    assert run_backtest(bars, target, TEN, actions=actions).trades.iloc[0]["exit_price"] == 45.5
    # Best price 89 before, 44.5 after; the distance of 3 becomes 1.5, so the stop lies at 43.
    trail = orders_at(3, buy=[0], trailing_stop=Price(3.0))
    assert run_backtest(bars, trail, TEN, actions=actions).trades.iloc[0]["exit_price"] == 43.0


def test_level_decided_before_a_split_and_entered_on_the_ex_date_is_divided():
    bars = frame([(90,) * 4, (45, 46, 41, 44)])
    signals = orders_at(2, buy=[0], stop_loss=Price(84.0))
    result = run_backtest(bars, signals, TEN, actions=[action(1, "split", 2.0)])
    assert result.trades.iloc[0]["exit_price"] == 42.0
    assert result.trades.iloc[0]["quantity"] == 10.0


def test_dividend_is_credited_before_the_open_and_belongs_to_the_trade():
    bars = flat_bars(100, 100, 97.35, 97.35)
    signals = orders_at(4, buy=[0], sell=[1])
    result = run_backtest(bars, signals, TEN, actions=[action(2, "dividend", 2.65)])
    # Sold at the open of the ex-date: the holder of the day before still receives it.
    assert result.final_equity == pytest.approx(1000.0)
    assert result.trades.iloc[0]["pnl"] == pytest.approx(0.0)


def test_a_capital_gain_is_cash_and_adds_to_a_dividend_of_its_day():
    bars = flat_bars(100, 100, 91, 91)
    cash = [action(2, "capital_gain", 8.0), action(2, "dividend", 1.0)]
    result = run_backtest(bars, orders_at(4, buy=[0]), TEN, actions=cash)
    assert result.equity.tolist() == pytest.approx([1000.0] * 4)


def test_buyer_at_the_open_of_the_ex_date_gets_no_dividend():
    bars = flat_bars(100, 97.35, 97.35)
    result = run_backtest(bars, orders_at(3, buy=[0]), TEN, actions=[action(1, "dividend", 2.65)])
    assert result.final_equity == 1000.0


def test_short_pays_the_dividend():
    result = run_backtest(
        flat_bars(100, 100, 100), orders_at(3, short=[0]), TEN, actions=[action(2, "dividend", 3.0)]
    )
    assert result.equity.tolist() == [1000.0, 1000.0, 970.0]


def test_split_comes_before_the_dividend_of_the_same_date():
    actions = [action(2, "dividend", 1.0), action(2, "split", 2.0)]
    result = run_backtest(flat_bars(100, 100, 49), orders_at(3, buy=[0]), TEN, actions=actions)
    assert result.cash[-1] == pytest.approx(1000 - 1000 + 20 * 1.0)


def test_ex_date_without_a_bar_applies_before_the_next_bar():
    bars = flat_bars(100, 100, 100, 50).drop(index=flat_bars(1, 1, 1).index[2])
    result = run_backtest(bars, orders_at(3, buy=[0]), TEN, actions=[action(2, "split", 2.0)])
    assert result.quantity.tolist() == [0.0, 10.0, 20.0]


def test_actions_outside_the_bars_change_nothing():
    bars, signals = flat_bars(100, 101, 102), orders_at(3, buy=[0])
    outside = [action(-5, "split", 2.0), action(0, "split", 3.0), action(9, "dividend", 1.0)]
    plain = run_backtest(bars, signals, TEN)
    assert run_backtest(bars, signals, TEN, actions=outside).content_hash == plain.content_hash


def test_actions_of_two_instruments_are_refused():
    first = action(1, "split", 2.0)
    other = type(first)(**{**first.__dict__, "instrument": "OTHER_1d"})
    with pytest.raises(ConfigurationError, match="OTHER_1d"):
        run_backtest(flat_bars(1, 1), orders_at(2), TEN, actions=[first, other])


@pytest.mark.parametrize("mode", ["long", "long_short"])
def test_splitting_the_raw_prices_leaves_the_equity_of_the_unsplit_market(mode):
    """Raw bars of a market that splits 2:1, 3:2 and 1:10 must trade like one that never did."""
    whole = golden_market("goog")
    signals = sma_signals(whole, 10, 30, mode)
    signals = type(signals)(
        **{
            n: getattr(signals, n) for n in ("entry_long", "exit_long", "entry_short", "exit_short")
        },
        stop_loss=Fraction(0.08),
        trailing_stop=Fraction(0.15),
        take_profit=Fraction(0.4),
    )
    settings = BacktestSettings(commission_bps=10, slippage_bps=5)
    first = whole.index[0].date()
    actions, raw = [], whole.copy()
    for row, ratio in ((300, 2.0), (900, 1.5), (1500, 0.1)):
        raw.loc[raw.index[row] :, ["open", "high", "low", "close"]] /= ratio
        dated = action(0, "split", ratio)
        actions.append(type(dated)(**{**dated.__dict__, "ex_date": whole.index[row].date()}))
    assert actions[0].ex_date > first
    expected = run_backtest(whole, signals, settings)
    result = run_backtest(raw, signals, settings, actions=actions)
    np.testing.assert_allclose(result.equity, expected.equity, rtol=1e-10)
    np.testing.assert_allclose(result.trades["return"], expected.trades["return"], rtol=1e-8)
    np.testing.assert_allclose(result.trades["mfe"], expected.trades["mfe"], rtol=1e-8, atol=1e-12)
    assert (result.trades["exit_reason"] == expected.trades["exit_reason"]).all()
