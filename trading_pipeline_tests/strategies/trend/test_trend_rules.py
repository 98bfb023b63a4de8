"""Trend strategies, each on a few bars whose signals are worked out by hand."""

import pandas as pd
import pytest

from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies import Market, strategy, validate_params
from trading_pipeline_tests.strategies.conftest import intents, market_of, ohlc_of, signals_of

UP_AND_DOWN = [10.0, 10.0, 10.0, 13.0, 10.0, 7.0, 13.0]


def flat_bars(closes):
    return market_of([[close] * 4 for close in closes])


def one_around(closes):
    """Bars with a high 1 above the close and a low 1 below."""
    return market_of([(close, close + 1, close - 1, close) for close in closes])


def test_ema_crossover():
    # EMA 2 (weight 2/3), begun with the mean of rows 0 and 1:
    #   row 1: 10, 2: 10, 3: 10 + 2/3*3 = 12, 4: 12 - 2/3*2 = 10.667, 5: 8.222, 6: 11.407
    # EMA 3 (weight 1/2), begun with the mean of rows 0 to 2:
    #   row 2: 10, 3: 11.5, 4: 10.75, 5: 8.875, 6: 10.9375
    # fast - slow: 0, +0.5, -0.083, -0.653, +0.470 on rows 2 to 6
    found = signals_of("ema_crossover", flat_bars(UP_AND_DOWN), fast=2, slow=3)
    assert intents(found) == {"entry_long": [3, 6], "exit_long": [4]}


def test_ema_crossover_on_both_sides_reverses():
    both = signals_of(
        "ema_crossover", flat_bars(UP_AND_DOWN), fast=2, slow=3, direction="long_short"
    )
    assert intents(both) == {
        "entry_long": [3, 6],
        "exit_long": [4],
        "entry_short": [4],
        "exit_short": [3, 6],
    }


def test_macd():
    # The MACD is the difference above: 0, 0.5, -0.083, -0.653, 0.470 on rows 2 to 6. Its signal
    # (EMA 2, weight 2/3) begins on row 3 with the mean of rows 2 and 3: 0.25; then
    #   row 4: 0.25 - 2/3*0.333 = 0.028, 5: 0.028 - 2/3*0.681 = -0.426, 6: 0.171
    # MACD - signal: +0.25, -0.111, -0.227, +0.299 on rows 3 to 6; row 3 has no row before it
    found = signals_of("macd", flat_bars(UP_AND_DOWN), fast=2, slow=3, signal=2)
    assert intents(found) == {"entry_long": [6], "exit_long": [4]}


def test_ema_pullback():
    # EMA 2: row 1: 10.5, 2: 11.5, 3: 12.5, 4: 13.5, 5: 13.833, 6: 13.278
    # EMA 3:         row 2: 11,   3: 12,   4: 13,   5: 13.5,   6: 13.25
    # The fast one is above throughout. Lows reach it on row 4 (13.4 <= 13.5, close 14 above it)
    # and on row 6, which closes at 13 below it, and below the slow one: an exit.
    closes_and_lows = [(10, 9), (11, 10), (12, 11.9), (13, 12.6), (14, 13.4), (14, 13.9), (13, 12)]
    market = market_of([(close, close + 1, low, close) for close, low in closes_and_lows])
    found = signals_of("ema_pullback", market, fast=2, slow=3, stop="1 points")
    assert intents(found) == {"entry_long": [4], "exit_long": [6]}
    assert found.stop_loss.values[4] == 13.0  # the close of 14 less 1 point


def test_donchian_breakout():
    highs_lows_closes = [
        (10, 8, 9),
        (11, 9, 10),
        (12, 10, 11),
        (13, 11, 12.5),  # above the highest high of rows 0 to 2, 12: enter
        (13, 12, 12.5),
        (12, 10.4, 10.5),  # below the lowest low of rows 3 and 4, 11: exit; of rows 2 to 4: 10
        (10.5, 9, 9.5),  # below 10.4 of rows 4 and 5 and of rows 3 to 5: exit, and sell short
    ]
    market = market_of([(close, high, low, close) for high, low, close in highs_lows_closes])
    rules = {"entry": 3, "exit": 2, "stop": "1 points"}
    found = signals_of("donchian_breakout", market, **rules)
    assert intents(found) == {"entry_long": [3], "exit_long": [5, 6]}
    assert found.stop_loss.values[3] == 11.5
    both = signals_of("donchian_breakout", market, **rules, direction="long_short")
    assert intents(both) == {
        "entry_long": [3],
        "exit_long": [5, 6],
        "entry_short": [6],
        "exit_short": [3],  # 12.5 is above the highest high of rows 1 and 2, 12
    }
    assert both.stop_loss.values[6] == 10.5  # above the close of 9.5: a short position's stop


def test_keltner_breakout():
    # True ranges: 2 on rows 1 and 2, 15 - 10 = 5 on row 3, 2 on rows 4 and 5.
    # ATR 2: row 2: 2, 3: (2 + 5)/2 = 3.5, 4: 2.75, 5: 2.375
    # EMA 2: row 2: 10, 3: 12.667, 4: 12.889, 5: 12.296
    # Upper line, 0.3 ATRs above: row 2: 10.6, 3: 13.717 (14 is above: enter), 4: 13.714
    # Row 5 closes at 12, below 12.296: exit
    market = one_around([10, 10, 10, 14, 13, 12])
    found = signals_of("keltner_breakout", market, window=2, atr_window=2, width=0.3)
    assert intents(found) == {"entry_long": [3], "exit_long": [5]}


def test_supertrend_of_plain_bars():
    # ATR 2: row 2: 2, 3: 2.5, 4: 2.75, 5: 2.375, 6: (2.375 + 5)/2 = 3.6875, 7: 2.844, 8: 2.422
    # Lower band, close - ATR, never falling: 8, 9.5, 11.25, 11.25 on rows 2 to 5; row 6 closes at 9
    # below it: the trend turns down. Upper band from there, close + ATR, never rising: 12.6875,
    # 10.844, 10.422 on rows 6 to 8; row 9 closes at 13 above it: up.
    market = one_around([10, 10, 10, 12, 14, 13, 9, 8, 8, 13, 15])
    rules = {"window": 2, "width": 1.0, "bars": "plain"}
    assert intents(signals_of("supertrend", market, **rules)) == {
        "entry_long": [9],
        "exit_long": [6],
    }


def test_heikin_ashi_bars_do_not_turn_where_plain_ones_do():
    # Plain bars, bands 2 ATRs away. ATR 2 on rows 4 to 9: 2.5, 2.75, 2.375, 3.6875, 2.844, 2.422.
    # Lower band: 12 - 5 = 7, 14 - 5.5 = 8.5, then 8.5; row 8 closes at 8 below: down. Upper band:
    # 8 + 5.6875 = 13.6875, 8 + 4.844 = 12.844; row 10 closes at 13 above: up.
    # Heikin-Ashi bars of rows 4 to 6: opens (the mean of open and close before) 10, 11, 12.5;
    # closes 12, 14, 13; highs 13, 15, 14; lows 10, 11, 12. True ranges 3, 4, 2, ATRs 2.5, 3.25,
    # 2.625. Lower band: 11.5 - 5 = 6.5, 13 - 6.5 = 6.5, 13 - 5.25 = 7.75; no close is below.
    market = one_around([10, 10, 10, 10, 12, 14, 13, 9, 8, 8, 13, 15])
    plain = signals_of("supertrend", market, window=2, width=2.0, bars="plain")
    assert intents(plain) == {"entry_long": [10], "exit_long": [8]}
    assert intents(signals_of("supertrend", market, window=2, width=2.0)) == {}


def test_atr_trailing():
    # Highest close of the 3 bars before: row 3: 12 (12.5 is above: enter), row 4: 12.5 (12 is not).
    # True ranges are 2 on each row, so an ATR is 2 once it is known, which is on row 14.
    market = one_around([10, 11, 12, 12.5, 12])
    found = signals_of("atr_trailing", market, entry=3, trail="2 points")
    assert intents(found) == {"entry_long": [3]}
    assert found.trailing_stop.values[3] == 2.0


def test_a_distance_in_atrs_waits_until_the_atr_is_known():
    # Each close is 1 above the one before, so each true range is 2, and each close is the highest.
    market = one_around(range(10, 30))
    found = signals_of("atr_trailing", market, entry=3, trail="3 atr")
    assert intents(found) == {"entry_long": [14, 15, 16, 17, 18, 19]}
    assert found.trailing_stop.values[14] == 6.0
    assert strategy("atr_trailing").warmup_bars(validate_params("atr_trailing", {"entry": 3})) == 14


MONTHS = {
    "2024-01-15": 100.0,
    "2024-01-31": 110.0,
    "2024-02-10": 90.0,
    "2024-02-28": 120.0,
    "2024-03-05": 100.0,
    "2024-03-29": 115.0,
    "2024-04-01": 130.0,
    "2024-04-30": 131.0,
    "2024-05-02": 132.0,
}


@pytest.fixture
def months():
    """Closes of four months and a day, at two bars a month."""
    index = pd.DatetimeIndex(list(MONTHS), tz="UTC")
    return Market(ohlc_of([[close] * 4 for close in MONTHS.values()], index))


def test_time_series_momentum(months):
    # Month ends: January 110, February 120, March 115. Two months back, the latest one left out:
    # the first bar of April (row 6) compares February with January: 120 > 110, hold;
    # the first bar of May (row 8) compares March with February: 115 < 120, leave.
    # The first bar of March would need the end of December.
    found = signals_of("time_series_momentum", months, lookback_months=2)
    assert intents(found) == {"entry_long": [6], "exit_long": [8]}
    both = signals_of("time_series_momentum", months, lookback_months=2, direction="long_short")
    assert (intents(both)["entry_short"], intents(both)["exit_short"]) == ([8], [6])


def test_momentum_without_a_skipped_month(months):
    # The first bar of March compares February with January, and so on, one month later.
    found = signals_of("time_series_momentum", months, lookback_months=1, skip_months=0)
    assert intents(found) == {"entry_long": [4, 8], "exit_long": [6]}


def test_monthly_trend(months):
    # Averages of two month ends: March 1st (row 4) (110 + 120)/2 = 115 < 120: hold;
    # April (row 6) (120 + 115)/2 = 117.5 > 115: leave; May (row 8) (115 + 131)/2 = 123 < 131: hold
    found = signals_of("monthly_trend", months, months=2)
    assert intents(found) == {"entry_long": [4, 8], "exit_long": [6]}


def test_a_month_without_bars_keeps_the_close_before_it():
    index = pd.DatetimeIndex(["2024-01-31", "2024-02-01", "2024-04-01", "2024-05-01"], tz="UTC")
    market = Market(ohlc_of([[close] * 4 for close in (10.0, 11.0, 12.0, 13.0)], index))
    # May: April 12 against March, where February's 11 still stands. April: March 11 = February 11.
    found = signals_of("time_series_momentum", market, lookback_months=2, skip_months=0)
    assert intents(found) == {"entry_long": [2, 3]}  # row 2: March's 11 against January's 10


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("ema_crossover", {"fast": 26}, "fast window of 26 bars must be shorter"),
        ("ema_crossover", {"fast": 1}, "'fast'.*2"),
        ("macd", {"signal": 5000}, "'signal'.*2000"),
        ("donchian_breakout", {"entry": 10, "exit": 20}, "exit window of 20 bars"),
        ("donchian_breakout", {"stop": "2 apples"}, "'2 apples' is no distance"),
        ("keltner_breakout", {"width": 0.0}, "'width'.*0"),
        ("time_series_momentum", {"lookback_months": 2, "skip_months": 2}, "skip_months of 2"),
        ("monthly_trend", {"months": 1}, "'months'.*2"),
    ],
)
def test_parameters_out_of_bounds_are_refused(name, params, words):
    with pytest.raises(StrategyError, match=words):
        validate_params(name, params)
