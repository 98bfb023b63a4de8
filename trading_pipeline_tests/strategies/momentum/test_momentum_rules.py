"""Momentum strategies, each on a few bars whose signals are worked out by hand."""

import numpy as np
import pytest

from trading_pipeline.domain.signals import Price
from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies import validate_params
from trading_pipeline_tests.strategies.conftest import intents, market_of, signals_of


def test_awesome_oscillator():
    # Middles of the bars: 10, 10, 10, 13, 10, 7, 13 (high and low 1 around).
    #   mean of 2: row 2: 10, 3: 11.5, 4: 11.5, 5: 8.5, 6: 10
    #   mean of 3: row 2: 10, 3: 11,   4: 11,   5: 10,  6: 10
    # Their difference: 0, 0.5, 0.5, -1.5, 0
    middles = (10, 10, 10, 13, 10, 7, 13)
    market = market_of([(middle, middle + 1, middle - 1, middle) for middle in middles])
    found = signals_of("awesome_oscillator", market, fast=2, slow=3)
    assert intents(found) == {"entry_long": [3], "exit_long": [5]}
    both = signals_of("awesome_oscillator", market, fast=2, slow=3, direction="long_short")
    assert (intents(both)["entry_short"], intents(both)["exit_short"]) == ([5], [3])


def test_stochastic_trend():
    #   row:        1      2      3      4      5
    #   high of 2: 12     14     14     14     13.6
    #   low of 2:   9     10     11.5   12.9   12.9
    #   %K:        83.3   95     60      4.5   42.9
    #   %D:               89.2   77.5   32.3   23.7   (mean of 2 %K)
    #   EMA 3:            11.77  12.38  12.67  12.93
    # Row 3: %K falls below a %D above 70: leave. Row 5: %K rises above a %D below 40, and the close
    # of 13.2 is above the average: buy.
    highs_lows_closes = [
        (11, 9, 10),
        (12, 10, 11.5),
        (14, 11.5, 13.8),
        (14, 12.9, 13),
        (13.5, 12.9, 12.95),
        (13.6, 12.9, 13.2),
    ]
    market = market_of([(close, high, low, close) for high, low, close in highs_lows_closes])
    rules = {"window": 2, "smooth": 1, "signal": 2, "trend": 3}
    levels = {"oversold": 40.0, "overbought": 70.0}
    found = signals_of("stochastic_trend", market, **rules, **levels)
    assert intents(found) == {"entry_long": [5], "exit_long": [3]}
    # with the usual levels neither cross is extreme enough
    assert intents(signals_of("stochastic_trend", market, **rules)) == {}


def test_momentum_score():
    # Until row 10 nothing moves, and every vote is 0. Row 11 closes at 12:
    #   close - EMA 3 = 12 - 11, EMA 2 - EMA 3 = 11.333 - 11, RSI 2 = 100, MACD 0.333 - signal
    #   0.067, close - close two bars ago = 12 - 10: five votes up, a score of 1: buy.
    # Row 13 closes at 9: 9 - 10.5, 10.148 - 10.5, RSI 20, -0.352 - 0.043, 9 - 12: five votes down.
    closes = [10.0] * 11 + [12.0, 13.0, 9.0, 8.0]
    market = market_of([[close] * 4 for close in closes])
    rules = {"fast": 2, "slow": 3, "window": 2, "trail": "1 points"}
    found = signals_of("momentum_score", market, **rules)
    assert intents(found) == {"entry_long": [11], "exit_long": [10, 13, 14]}
    assert isinstance(found.trailing_stop, Price)
    assert found.trailing_stop.values[11] == 1.0
    np.testing.assert_array_equal(found.confidence[9:], [np.nan, 0.0, 1.0, 1.0, 1.0, 1.0])
    both = signals_of("momentum_score", market, **rules, direction="long_short")
    assert (intents(both)["entry_short"], intents(both)["exit_short"]) == ([13], [10, 11, 12])


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("awesome_oscillator", {"fast": 34}, "fast window of 34 bars"),
        ("stochastic_trend", {"oversold": 80.0}, "oversold of 80.0 must be below"),
        ("stochastic_trend", {"smooth": 0}, "'smooth'.*1"),
        ("momentum_score", {"enter": 1.0}, "'enter'.*1"),
        ("momentum_score", {"leave": 0.5}, "leave of 0.5 must be below enter of 0.5"),
        ("momentum_score", {"trail": "0 atr"}, "'0 atr' is no distance"),
    ],
)
def test_parameters_out_of_bounds_are_refused(name, params, words):
    with pytest.raises(StrategyError, match=words):
        validate_params(name, params)
