"""What a run is refused for, and what is refused inside a run, each with bar and value."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import (
    BacktestSettings,
    Fraction,
    Price,
    Signals,
    run_backtest,
    run_portfolio_backtest,
)
from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    InsufficientDataError,
    StrategyError,
    TradingPipelineError,
)
from trading_pipeline.settings.backtest_settings import (
    FixedCash,
    FixedQuantity,
    PercentAtRisk,
    SessionClose,
    TargetWeight,
    VolatilityTarget,
)
from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline_tests.backtest.random_markets import flat_bars, orders_at

BARS = flat_bars(10, 11, 12)
BUY = orders_at(3, buy=[0])


def spoiled(column, value):
    bars = BARS.copy()
    bars.loc[bars.index[1], column] = value
    return bars


def unaware():
    return BARS.set_axis(BARS.index.tz_localize(None), axis=0)


@pytest.mark.parametrize(
    ("bars", "error", "words"),
    [
        (BARS.iloc[[0, 2, 1]], DataQualityError,
         r"Bar 2 \(2024-01-02.*not later than the bar before it.*2024-01-03"),
        (BARS.iloc[[0, 1, 1]], DataQualityError,
         r"Bar 2 \(2024-01-02.*stamps must rise, each once"),
        (unaware(), DataQualityError, "no time zone"),
        (spoiled("open", np.nan), DataQualityError, r"Bar 1 \(2024-01-02.*open nan"),
        (spoiled("close", 0.0), DataQualityError, r"Bar 1 .*close 0.0"),
        (spoiled("low", -3.0), DataQualityError, r"Bar 1 .*low -3.0"),
        (spoiled("high", 9.0), DataQualityError, r"Bar 1 .*high of 9.0, below its open 11.0"),
        (spoiled("volume", -1.0), DataQualityError, r"Bar 1 .*volume of -1.0"),
        (BARS.iloc[:0], InsufficientDataError, "no bars to trade on"),
    ],
)  # fmt: skip
def test_bad_bars_are_refused_by_the_run_with_bar_and_value(bars, error, words):
    with pytest.raises(error, match=words) as caught:
        run_backtest(bars, BUY)
    assert isinstance(caught.value, TradingPipelineError)


def test_signals_of_another_length_than_the_bars_are_refused():
    with pytest.raises(StrategyError, match="signals have 4 rows and the bars 3") as caught:
        run_backtest(BARS, orders_at(4, buy=[0]))
    assert (caught.value.rows, caught.value.expected) == (4, 3)


def test_array_of_another_length_than_the_other_arrays_is_refused_by_name():
    yes = np.ones(3, dtype=bool)
    with pytest.raises(StrategyError, match="take_profit has 2 rows and entry_long has 3"):
        Signals.long_only(yes, ~yes, take_profit=Price([1.0, 2.0]))


@pytest.mark.parametrize(
    ("signals", "reasons"),
    [
        (orders_at(3, buy=[0], sell=[0]), ["contradiction"]),
        (orders_at(3, buy=[0], short=[0]), ["contradiction"]),
        (orders_at(3, short=[0], cover=[0]), ["contradiction"]),
        (orders_at(3, buy=[0], cover=[0]), ["filled"]),
    ],
)
def test_entry_and_exit_at_once_follow_the_cautious_rule_and_stand_in_the_log(signals, reasons):
    assert run_backtest(BARS, signals).orders["reason"].tolist() == reasons


@pytest.mark.parametrize(
    ("side", "field", "value", "word"),
    [("buy", "stop_loss", 10.0, "below"), ("buy", "take_profit", 9.5, "above"),
     ("short", "stop_loss", 9.5, "above"), ("short", "take_profit", 10.5, "below")],
)  # fmt: skip
def test_level_on_the_wrong_side_is_refused_with_bar_and_value(side, field, value, word):
    signals = orders_at(3, **{side: [0], field: Price(value)})
    with pytest.raises(
        StrategyError, match=rf"Bar 0 \(2024-01-01.*{field} of {value}.*{word}"
    ) as e:
        run_backtest(BARS, signals)
    assert (e.value.field, e.value.row, e.value.value) == (field, 0, value)


def test_level_of_a_stop_order_is_measured_from_the_orders_own_price():
    fine = orders_at(3, buy=[0], stop_price=Price(12.0), stop_loss=Price(11.0))
    assert run_backtest(BARS, fine).orders["reason"].tolist() == ["filled"]
    wrong = orders_at(3, buy=[0], stop_price=Price(12.0), stop_loss=Price(12.5))
    with pytest.raises(StrategyError, match=r"stop_loss of 12.5 at a price of 12.0"):
        run_backtest(BARS, wrong)


@pytest.mark.parametrize(
    ("changes", "size", "reason"),
    [
        ({"sizing": FixedCash(cash=5.0), "lot_size": 1.0}, None, "below_one_lot"),
        ({"sizing": FixedQuantity(quantity=1.0), "min_notional": 50.0}, None, "below_min_notional"),
        ({"sizing": PercentAtRisk(percent=0.01)}, None, "no_stop"),
        ({"sizing": FixedQuantity(quantity=1.0)}, 0.0, "no_size"),
        ({"commission_per_order": 2000.0}, None, "no_cash"),
        ({"sizing": VolatilityTarget(annual_volatility=0.1)}, None, "no_size"),
        ({"allow_short": False}, None, "short_not_allowed"),
        ({"slippage_price": 100.0}, None, "no_size"),  # nothing is sold short for nothing
    ],
)
def test_size_that_cannot_fill_stands_in_the_log_with_its_reason(changes, size, reason):
    sizes = None if size is None else np.full(3, size)
    side = "short" if reason == "short_not_allowed" or "slippage_price" in changes else "buy"
    chosen = BacktestSettings(initial_cash=1000.0, **changes)
    result = run_backtest(BARS, orders_at(3, **{side: [0]}, size=sizes), chosen)
    assert result.orders["reason"].tolist() == [reason]
    assert result.orders["status"].tolist() == ["unfilled"]
    assert result.final_equity == 1000.0


def test_order_prices_are_refused_where_the_sizing_brings_a_weight_about_at_the_market():
    signals = orders_at(3, buy=[0], limit_price=Fraction(0.01))
    with pytest.raises(StrategyError, match=r"limit_price or stop_price.*target_weight"):
        run_backtest(BARS, signals, BacktestSettings(sizing=TargetWeight(weight=0.5)))


def test_negative_cash_and_unknown_zone_are_refused_with_their_value():
    with pytest.raises(ConfigurationError, match=r"'initial_cash': .*was -1"):
        BacktestSettings(initial_cash=-1)
    with pytest.raises(ConfigurationError, match="'Atlantis/Harbour' is not a time zone"):
        SessionClose(time="16:00", zone="Atlantis/Harbour")


def test_no_size_asked_of_a_market_that_stands_still_is_no_size_and_no_warning():
    bars = flat_bars(10, 10, 10, 10, 10)
    sizing = VolatilityTarget(annual_volatility=0.1, lookback_bars=2)
    signals = orders_at(5, buy=[3], size=np.zeros(5))
    result = run_backtest(bars, signals, BacktestSettings(sizing=sizing))
    assert result.orders["reason"].tolist() == ["no_size"]


@pytest.mark.parametrize("signals", [None, np.zeros(3, dtype=bool), {"entry_long": [True]}])
def test_what_is_no_signals_is_refused_by_its_type(signals):
    with pytest.raises(StrategyError, match=f"signals are a {type(signals).__name__}"):
        run_backtest(BARS, signals)


@pytest.mark.parametrize("settings", [{"initial_cash": 5.0}, "cheap", 3])
def test_what_is_no_settings_is_refused_by_its_type(settings):
    with pytest.raises(ConfigurationError, match=f"settings are a {type(settings).__name__}"):
        run_backtest(BARS, BUY, settings)


def test_a_truth_value_is_no_number():
    for field in ("initial_cash", "commission_bps", "pyramiding", "leverage", "max_holding_bars"):
        with pytest.raises(ConfigurationError, match=f"'{field}': a number is needed here"):
            BacktestSettings(**{field: True})


@pytest.mark.parametrize("field", ["commission_bps", "maker_commission_bps", "slippage_bps"])
def test_costs_of_the_whole_notional_and_more_are_refused(field):
    with pytest.raises(ConfigurationError, match=f"'{field}'.*less than 10000"):
        BacktestSettings(**{field: 20_000})


def series(index, at):
    flags = pd.Series(data=False, index=index)
    flags.iloc[at] = True
    return flags


def test_signals_as_series_of_other_stamps_are_refused_not_taken_by_position():
    shifted = BARS.index + pd.Timedelta(days=1)
    signals = Signals.long_only(series(shifted, 0), series(shifted, 2))
    with pytest.raises(
        StrategyError, match=r"Row 0 of the signals has the stamp 2024-01-02.*bar 0 is"
    ):
        run_backtest(BARS, signals)
    with pytest.raises(StrategyError, match="A: Row 0 of the signals has the stamp"):
        run_portfolio_backtest({"A": BARS}, {"A": signals})


def test_signals_as_series_of_two_indexes_are_refused():
    with pytest.raises(
        StrategyError, match=r"exit_long has 3 stamps from .* and entry_long 3 from"
    ):
        Signals.long_only(series(BARS.index, 0), series(BARS.index + pd.Timedelta(hours=1), 2))


def test_signals_as_series_of_the_bars_trade_as_arrays_do():
    local = BARS.index.tz_convert("America/New_York")
    given = Signals.long_only(series(local, 0), series(local, 1))
    plain = Signals.long_only(given.entry_long, given.exit_long)
    assert run_backtest(BARS, given).content_hash == run_backtest(BARS, plain).content_hash
    assert given.head(2).index.equals(local[:2])


def test_series_without_stamps_are_taken_by_position():
    flags = pd.Series([True, False, False])
    assert run_backtest(BARS, Signals.long_only(flags, ~flags)).trade_count == 1


def test_a_trailing_distance_of_the_whole_price_is_refused():
    far = Signals.long_only(BUY.entry_long, BUY.exit_long, trailing_stop=Price(120.0))
    with pytest.raises(StrategyError, match=r"Bar 0 .* distance of 120.0 from a price of 10.0"):
        run_backtest(BARS, far)
    # a short can lose any distance
    short = orders_at(3, short=[0])
    run_backtest(BARS, replace(short, trailing_stop=Price(120.0)))


def test_a_session_close_that_no_bar_can_meet_is_warned_of():
    rule = BacktestSettings(session_close=SessionClose(time="15:55", zone="America/New_York"))
    said, *_ = run_backtest(BARS, BUY, rule).warnings
    assert said.startswith(
        "No position is ever closed at 15:55 America/New_York: of 3 bars from 2024"
    )
    of_one, *_ = run_portfolio_backtest({"A": BARS}, {"A": BUY}, rule).warnings
    assert of_one == f"A: {said}"


def test_a_session_close_that_bars_can_meet_is_not_warned_of():
    rule = BacktestSettings(session_close=SessionClose(time="15:55", zone="UTC"))
    assert run_backtest(BARS, BUY, rule).warnings == ()


@pytest.mark.parametrize(
    "values",
    [{"calendar": "mounth"}, {"threshold": -1.0}, {"threshold": True}, {"calender": "day"}],
)
def test_a_rebalancing_that_cannot_be_is_refused_in_plain_words(values):
    with pytest.raises(ConfigurationError, match="Rebalancing: .*" + next(iter(values))):
        Rebalancing(**values)
