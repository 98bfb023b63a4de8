"""Breakout strategies, each on a few bars whose signals are worked out by hand."""

import pytest

from trading_pipeline.errors import StrategyError
from trading_pipeline.features.patterns import FAMILIES
from trading_pipeline.strategies import Market, strategy, validate_params
from trading_pipeline_tests.features.patterns.drawn_paths import DRAWN, mirrored, path
from trading_pipeline_tests.strategies.conftest import intents, market_of, signals_of


def test_bollinger_breakout():
    #   row:            2     3      4      5      6      7
    #   mean of 3:     10    11   12.333   13   11.667  9.667
    #   deviation:      0   1.414  1.700  0.816  2.055  1.700
    # Row 3 closes at 13, above 11 + 1.414 = 12.414: buy. Row 5 closes at 12, below the mean of 13:
    # sell, and below 13 - 0.816 = 12.184: a short entry.
    market = market_of([[close] * 4 for close in (10, 10, 10, 13, 14, 12, 9, 8)])
    found = signals_of("bollinger_breakout", market, window=3, width=1.0)
    assert intents(found) == {"entry_long": [3], "exit_long": [5, 6, 7]}
    both = signals_of("bollinger_breakout", market, window=3, width=1.0, direction="long_short")
    assert (intents(both)["entry_short"], intents(both)["exit_short"]) == ([5], [3, 4])


@pytest.fixture
def narrow():
    """16 bars between 9 and 11, whose true ranges and ATR are 2; then a rise and a fall."""
    return [(10, 11, 9, 10)] * 16


def test_range_scalper(narrow):
    # The range of 3 bars is 2 high, no more than 1 ATR of the bar before. Row 16 closes at 12,
    # above 11: buy; the risk is 12 - 9 = 3, so the target is 12 + 2*3 = 18.
    # Row 17 closes at 8.5, below 9: leave. Its range, 12.2 - 9 = 3.2, is more than the ATR of row
    # 16, (13*2 + 2.4)/14 = 2.03, so it is no short entry.
    market = market_of([*narrow, (10, 12.2, 9.8, 12), (12, 12.5, 8, 8.5)])
    rules = {"window": 3, "narrow": 1.0}
    found = signals_of("range_scalper", market, **rules)
    assert intents(found) == {"entry_long": [16], "exit_long": [17]}
    assert (found.stop_loss.values[16], found.take_profit.values[16]) == (9.0, 18.0)
    both = signals_of("range_scalper", market, **rules, direction="long_short")
    assert "entry_short" not in intents(both)


def test_range_scalper_short(narrow):
    # The mirror: a close of 8 below 9, a risk of 11 - 8 = 3, a target of 8 - 2*3 = 2.
    market = market_of([*narrow, (10, 10.2, 7.8, 8)])
    found = signals_of("range_scalper", market, window=3, narrow=1.0, direction="long_short")
    assert intents(found) == {"entry_short": [16], "exit_long": [16]}
    assert (found.stop_loss.values[16], found.take_profit.values[16]) == (11.0, 2.0)


def test_chart_pattern_breakout():
    # A double bottom as drawn: lows of 93.9 on row 48 and 93.7 on row 72, a high of 102.1 between.
    # Closes rise by 9.2/12 a bar from 93.8 on row 72: 101.467 on row 82, 102.233 on row 83, the
    # first above 102.1. Height: 102.1 - (93.9 + 93.7)/2 = 8.3. Lower line on row 83:
    # 93.9 - 0.2*35/24 = 93.608.
    market = Market(mirrored(path(DRAWN["double_top"])))
    found = signals_of("chart_pattern_breakout", market, family="double")
    assert intents(found) == {"entry_long": [83]}
    assert found.stop_loss.values[83] == pytest.approx(93.9 - 0.2 * 35 / 24)
    assert found.take_profit.values[83] == pytest.approx(102.1 + 8.3)
    assert intents(signals_of("chart_pattern_breakout", market, family="flag")) == {}
    assert intents(signals_of("chart_pattern_breakout", market, quality=0.95)) == {}


def test_a_chart_pattern_that_fails_counts_only_where_all_breakouts_do():
    # A double top that breaks out upward instead of downward.
    market = Market(path([*DRAWN["double_top"][:3], (42, 99.9), (60, 115)]))
    rules = {"family": "double", "direction": "long_short"}
    assert intents(signals_of("chart_pattern_breakout", market, **rules)) == {}
    every = signals_of("chart_pattern_breakout", market, **rules, breakouts="all")
    assert intents(every) == {"entry_long": [86], "exit_short": [86]}
    # rows 48 to 86: closes rise from 99.9 on row 78 by 15.1/18 a bar; row 85: 105.77, row 86: 106.6
    assert market.close[85] < 106.3 < market.close[86]


def test_every_family_of_patterns_can_be_asked_for():
    for family in FAMILIES:
        validate_params("chart_pattern_breakout", {"family": family})


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("bollinger_breakout", {"window": 1}, "'window'.*2"),
        ("range_scalper", {"reward": 0.0}, "'reward'.*0"),
        ("range_scalper", {"narrow": 30.0}, "'narrow'.*20"),
        ("chart_pattern_breakout", {"family": "doubles"}, "'family'.*'doubles'"),
        ("chart_pattern_breakout", {"quality": 1.5}, "'quality'.*1"),
    ],
)
def test_parameters_out_of_bounds_are_refused(name, params, words):
    with pytest.raises(StrategyError, match=words):
        validate_params(name, params)


def test_too_few_bars_give_no_signal(narrow):
    for name in ("bollinger_breakout", "range_scalper", "chart_pattern_breakout"):
        warmup = strategy(name).warmup_bars(validate_params(name, {}))
        assert warmup >= 14
        assert intents(signals_of(name, market_of(narrow[:5]))) == {}
