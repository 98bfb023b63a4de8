"""Reversion strategies, each on a few bars whose signals are worked out by hand."""

import pytest

from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies import strategy, validate_params
from trading_pipeline_tests.strategies.conftest import intents, market_of, signals_of


def flat_bars(closes):
    return market_of([[close] * 4 for close in closes])


@pytest.fixture
def swing():
    # Changes: +1 -1 -1 -1 +2 +2 +1 -2 -1. Wilder's averages of 2 bars, begun with the means of
    # the first two changes, then (average + change)/2:
    #   row:      2     3     4      5       6        7       8       9
    #   rises:  0.5  0.25  0.125  1.0625  1.5313   1.2656  0.6328  0.3164
    #   falls:  0.5  0.75  0.875  0.4375  0.2188   0.1094  1.0547  1.0273
    #   RSI:     50    25   12.5   70.8    87.5     92.0    37.5    23.5
    return flat_bars([10, 11, 10, 9, 8, 10, 12, 13, 11, 10])


def test_rsi_reversion(swing):
    found = signals_of("rsi_reversion", swing, window=2)
    # below 30 on rows 3 and 9, at 50 or more on rows 2, 5, 6 and 7
    assert intents(found) == {"entry_long": [3, 9], "exit_long": [2, 5, 6, 7]}
    both = signals_of("rsi_reversion", swing, window=2, direction="long_short")
    assert intents(both)["entry_short"] == [5]  # above 70
    assert intents(both)["exit_short"] == [2, 3, 4, 8, 9]  # at 50 or less


def test_rsi_cross(swing):
    found = signals_of("rsi_cross", swing, window=2)
    # back above 30 on row 5 (12.5, then 70.8), back below 70 on row 8 (92.0, then 37.5)
    assert intents(found) == {"entry_long": [5], "exit_long": [8]}
    both = signals_of("rsi_cross", swing, window=2, direction="long_short")
    assert (intents(both)["entry_short"], intents(both)["exit_short"]) == ([8], [5])


def test_bollinger_reversion():
    #   row:            2     3      4      5      6      7
    #   mean of 3:     10     9    8.333  8.667   11   12.333
    #   deviation:      0   1.414  1.247  1.700  2.449  1.247
    # Row 3 closes at 7, below 9 - 1.414 = 7.586: buy. Row 5 closes at 11, above the mean: sell, and
    # above 8.667 + 1.7 = 10.366: a short entry. Row 7 closes at 12, below the mean.
    market = flat_bars([10, 10, 10, 7, 8, 11, 14, 12])
    found = signals_of("bollinger_reversion", market, window=3, width=1.0)
    assert intents(found) == {"entry_long": [3], "exit_long": [2, 5, 6]}
    both = signals_of("bollinger_reversion", market, window=3, width=1.0, direction="long_short")
    assert intents(both)["entry_short"] == [5]
    assert intents(both)["exit_short"] == [2, 3, 4, 7]


def test_candlestick_reversal():
    market = market_of(
        [
            (15.0, 15.2, 13.8, 14.0),
            (14.0, 14.2, 12.8, 13.0),
            (13.0, 13.2, 11.8, 12.0),
            (12.0, 12.2, 10.8, 11.0),  # below the mean of rows 1 to 3, 12: a fall
            (10.8, 12.4, 10.4, 12.2),  # its body holds the one before, 12 to 11: buy
            (12.2, 13.2, 12.0, 13.0),
            (13.0, 14.2, 12.9, 14.0),  # above the mean of rows 4 to 6, 13.07: a rise
            (14.3, 14.5, 12.6, 12.8),  # its body holds the one before, 13 to 14: sell
        ]
    )
    found = signals_of("candlestick_reversal", market, candle="engulfing", trend=3)
    assert intents(found) == {"entry_long": [4], "exit_long": [7]}
    assert found.stop_loss.values[4] == 10.4  # the lowest low of rows 2 to 4
    assert found.take_profit.values[4] == pytest.approx(12.2 + 2 * (12.2 - 10.4))
    both = signals_of(
        "candlestick_reversal", market, candle="engulfing", trend=3, direction="long_short"
    )
    assert (intents(both)["entry_short"], intents(both)["exit_short"]) == ([7], [4])
    assert both.stop_loss.values[7] == 14.5  # the highest high of rows 5 to 7
    assert both.take_profit.values[7] == pytest.approx(12.8 - 2 * (14.5 - 12.8))


def test_a_candlestick_without_a_fall_before_it_is_no_signal():
    market = market_of(
        [
            (10.0, 11.2, 9.9, 11.0),
            (11.0, 12.2, 10.9, 12.0),
            (12.0, 13.2, 11.9, 13.0),
            (13.0, 13.1, 12.4, 12.5),
            (12.4, 13.8, 12.3, 13.6),  # engulfs, but 12.5 is not below the mean of 12.5
        ]
    )
    assert intents(signals_of("candlestick_reversal", market, trend=3)) == {}


def test_prices_that_never_move_are_no_extreme():
    still = flat_bars([10.0] * 60)
    for name in ("rsi_reversion", "rsi_cross", "bollinger_reversion", "candlestick_reversal"):
        assert not signals_of(name, still, direction="long_short").entry_long.any(), name
        assert not signals_of(name, still, direction="long_short").entry_short.any(), name


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("rsi_reversion", {"oversold": 60.0}, "must rise, were 60.0, 50.0 and 70.0"),
        ("rsi_reversion", {"window": 1}, "'window'.*2"),
        ("rsi_cross", {"overbought": 100.0}, "'overbought'.*100"),
        ("rsi_cross", {"oversold": 70.0}, "oversold of 70.0 must be below overbought of 70.0"),
        ("bollinger_reversion", {"width": -1.0}, "'width'.*0"),
        ("bollinger_reversion", {"window": 5}, "never more than 2 deviations from the mean of 5"),
        ("candlestick_reversal", {"candle": "doji"}, "'candle'.*'engulfing'.*'doji'"),
        ("candlestick_reversal", {"reward": 21.0}, "'reward'.*20"),
    ],
)
def test_parameters_out_of_bounds_are_refused(name, params, words):
    with pytest.raises(StrategyError, match=words):
        validate_params(name, params)


def test_the_warm_up_is_that_of_the_slowest_part():
    warmups = {
        name: strategy(name).warmup_bars(validate_params(name, {}))
        for name in ("rsi_reversion", "rsi_cross", "bollinger_reversion", "candlestick_reversal")
    }
    assert warmups == {
        "rsi_reversion": 15,
        "rsi_cross": 15,
        "bollinger_reversion": 20,
        "candlestick_reversal": 10,
    }
