"""Strategies inside a session, each on one day whose signals are worked out by hand."""

import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, StrategyError
from trading_pipeline.strategies import Market, strategy, strategy_names, validate_params
from trading_pipeline_tests.strategies.conftest import (
    bars_of,
    in_sessions,
    intents,
    ohlc_of,
    signals_of,
)

INTRADAY = [name for name in strategy_names() if ".intraday." in type(strategy(name)).__module__]
# a day of New York in bars of 30 minutes, 14:30 to 21:00 UTC: 13 bars
DAY = [
    (10.0, 11.0, 9.0, 10.5),
    (10.5, 11.5, 10.0, 11.0),
    (11.0, 11.4, 10.5, 11.2),
    (11.2, 12.0, 11.0, 11.8),
    (11.8, 12.2, 11.5, 12.0),
    (12.0, 12.0, 9.5, 9.8),
    (9.8, 10.0, 8.0, 8.5),
    (8.5, 9.0, 8.0, 8.8),
    (9.0, 9.0, 9.0, 9.0),
    (9.0, 9.5, 8.5, 9.2),
    (9.0, 13.0, 9.0, 12.5),
    (12.5, 13.0, 12.0, 12.8),
    (12.8, 13.0, 12.0, 12.9),
]
OPEN = "2024-01-02 14:30"


def test_opening_range_breakout():
    # The first 60 minutes are rows 0 and 1: 9 to 11.5. Row 3 closes at 11.8, above: buy, stop 9,
    # risk 2.8. Row 6 closes at 8.5, below 9: sell, risk 3. Row 10 closes above again: one entry a
    # session is enough. Row 11 decides the exit, which fills at the open of row 12, the last one.
    day = in_sessions(DAY, OPEN)
    found = signals_of("opening_range_breakout", day, minutes=60, reward=1.0)
    assert intents(found) == {"entry_long": [3], "exit_long": [0, 1, 11, 12]}
    assert found.stop_loss.values[3] == 9.0
    assert found.take_profit.values[3] == pytest.approx(11.8 + 2.8)
    both = signals_of("opening_range_breakout", day, minutes=60, reward=1.0, direction="long_short")
    assert (intents(both)["entry_short"], intents(both)["exit_short"]) == ([6], [0, 1, 11, 12])
    assert (both.stop_loss.values[6], both.take_profit.values[6]) == (11.5, 5.5)
    assert signals_of("opening_range_breakout", day).take_profit is None


def test_first_candle_breakout():
    # The first candle rose, from 10 to 10.5, between 9 and 11. Row 1 closes at 11, row 2 at 11.2
    # above: buy, stop 9, target 11.2 + 2*2.2 = 15.6. Row 6 closes below 9, against the candle.
    day = in_sessions(DAY, OPEN)
    found = signals_of("first_candle_breakout", day, direction="long_short")
    assert intents(found) == {
        "entry_long": [2],
        "exit_long": [0, 11, 12],
        "exit_short": [0, 11, 12],
    }
    assert found.stop_loss.values[2] == 9.0
    assert found.take_profit.values[2] == pytest.approx(15.6)
    either = signals_of("first_candle_breakout", day, with_candle=False, direction="long_short")
    assert intents(either)["entry_short"] == [6]


def test_ema_scalper():
    # EMA 2: rows 1 to 5: 10.75, 11.05, 11.55, 11.85, 10.483; rows 9 and 10: 9.125, 11.375
    # EMA 3: rows 2 to 5: 10.9, 11.35, 11.675, 10.738; rows 9 and 10: 9.152, 10.826
    # A cross down on row 5, up on row 10: buy at 12.5, target 14.5, stop 11.5.
    day = in_sessions(DAY, OPEN)
    found = signals_of("ema_scalper", day, fast=2, slow=3)
    assert intents(found) == {"entry_long": [10], "exit_long": [0, 5, 11, 12]}
    assert (found.stop_loss.values[10], found.take_profit.values[10]) == (11.5, 14.5)
    both = signals_of("ema_scalper", day, fast=2, slow=3, direction="long_short")
    assert (intents(both)["entry_short"], intents(both)["exit_short"]) == ([5], [0, 10, 11, 12])


def test_an_early_close_ends_the_day_earlier():
    # 2024-11-29 closes at 18:00 UTC: rows 0 to 6, the last trade is decided on row 4.
    day = in_sessions(DAY[:4] + DAY[3:4] * 3, "2024-11-29 14:30")
    found = signals_of("first_candle_breakout", day)
    assert intents(found)["exit_long"] == [0, 5, 6]


def test_what_missing_bars_left_open_over_night_is_closed_on_the_first_bar():
    first = pd.date_range(OPEN, periods=5, freq="30min", tz="UTC")  # the rest of the day is missing
    second = pd.date_range("2024-01-03 14:30", periods=13, freq="30min", tz="UTC")
    bars = ohlc_of([*DAY[:5], *DAY], first.append(second))
    market = Market(bars, timeframe="30m", calendar="XNYS")
    for name in INTRADAY:
        assert 5 in intents(signals_of(name, market))["exit_long"], name
    found = signals_of("first_candle_breakout", market)
    assert intents(found)["entry_long"] == [2, 7]  # each session has its own candle


def test_bars_outside_the_session_are_never_entered():
    index = pd.date_range("2024-01-02 12:30", periods=17, freq="30min", tz="UTC")
    before = [(5.0, 20.0, 1.0, 15.0)] * 4  # before the open at 14:30, far beyond the candle
    market = Market(ohlc_of([*before, *DAY], index), timeframe="30m", calendar="XNYS")
    found = signals_of("first_candle_breakout", market)
    assert intents(found) == {"entry_long": [6], "exit_long": [0, 1, 2, 3, 4, 15, 16]}
    assert found.stop_loss.values[6] == 9.0


def test_a_market_that_never_closes_has_sessions_of_a_day():
    hours = [
        (10.0, 11.0, 9.0, 10.5),
        *[(10.5, 10.9, 10.0, 10.6)] * 20,
        *[(11.0, 12.0, 11.0, 12.0)] * 3,
    ]
    market = in_sessions(hours * 2, "2024-01-06 00:00", timeframe="1h", calendar="24/7")
    found = signals_of("first_candle_breakout", market)
    # rows 21 and 45 close above the candle; on rows 22, 23, 46 and 47 it is too late to leave
    assert intents(found) == {"entry_long": [21, 45], "exit_long": [0, 22, 23, 24, 46, 47]}


def test_the_names_are_those_of_the_folder():
    assert INTRADAY == ["ema_scalper", "first_candle_breakout", "opening_range_breakout"]


@pytest.mark.parametrize("name", INTRADAY)
def test_bars_of_a_day_are_refused(name):
    market = Market(bars_of([10.0, 11.0]), timeframe="1d", calendar="XNYS")
    with pytest.raises(ConfigurationError, match=f"'{name}'.*bars of 1d have no part of one"):
        signals_of(name, market)


@pytest.mark.parametrize("name", INTRADAY)
def test_a_market_without_a_calendar_is_refused(name):
    with pytest.raises(ConfigurationError, match=r"does not say.*timeframe='5m'"):
        signals_of(name, Market(bars_of([10.0, 11.0])))


@pytest.mark.parametrize(
    ("timeframe", "minutes", "words"),
    [
        ("4h", 240, "needs 4 bars in a session of XNYS, and one has 2 bars of 4h"),
        ("30m", 45, "first 45 minutes of a session, which bars of 30m do not divide"),
        ("30m", 360, "needs 15 bars in a session of XNYS, and one has 13 bars of 30m"),
        ("1h", 30, "multiple of 60 minutes"),
    ],
)
def test_an_opening_range_that_does_not_fit_is_refused(timeframe, minutes, words):
    market = in_sessions(DAY, OPEN, timeframe=timeframe)
    with pytest.raises(ConfigurationError, match=words):
        signals_of("opening_range_breakout", market, minutes=minutes)


@pytest.mark.parametrize("name", INTRADAY)
def test_no_bar_gives_no_signal(name):
    empty = Market(bars_of([]), timeframe="5m", calendar="XNYS")
    assert len(signals_of(name, empty)) == 0


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("opening_range_breakout", {"minutes": 0}, "'minutes'.*1"),
        ("opening_range_breakout", {"reward": 0.0}, "'reward'.*0"),
        ("first_candle_breakout", {"with_candle": 1}, "'with_candle'"),
        ("ema_scalper", {"target": "2"}, "'2' is no distance"),
        ("ema_scalper", {"fast": 21}, "fast window of 21 bars"),
    ],
)
def test_parameters_out_of_bounds_are_refused(name, params, words):
    with pytest.raises(StrategyError, match=words):
        validate_params(name, params)
