"""Lines of charts: those that are traded on, without look-ahead, and what is refused."""

import numpy as np
import pytest

from trading_pipeline.errors import LookaheadError, StrategyError
from trading_pipeline.strategies import SHIPPED, own_strategies, strategy_names, validate_params
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.crosses import crosses_above, crosses_below
from trading_pipeline.strategies.line_audit import audited_lines
from trading_pipeline.strategies.sample_lines import sample_lines

WITHOUT = {"buy_and_hold", "chart_pattern_breakout"}
SHORT = {"fast": 3, "slow": 8}


@pytest.fixture
def market_for(lively_market, session_market):
    def chosen(name):
        return session_market if SHIPPED.family(name) == "intraday" else lively_market

    return chosen


# by strategy: parameters, and the entries long that follow from lines, closes and the signals
TRADED_ON = {
    "sma_crossover": (SHORT, lambda line, close: crosses_above(line[0], line[1])),
    "ema_crossover": (SHORT, lambda line, close: crosses_above(line[0], line[1])),
    "keltner_breakout": ({"width": 1.0}, lambda line, close: crosses_above(close, line[1])),
    "donchian_breakout": ({"stop": None}, lambda line, close: close > line[0]),
    "macd": ({}, lambda line, close: crosses_above(line[1], line[2])),
    "atr_trailing": ({"entry": 20, "trail": "5 percent"}, lambda line, close: close > line[0]),
    "bollinger_reversion": ({"width": 1.0}, lambda line, close: crosses_below(close, line[2])),
    "bollinger_breakout": ({"width": 1.0}, lambda line, close: crosses_above(close, line[1])),
    "rsi_reversion": ({"window": 5}, lambda line, close: crosses_below(line[0], 30.0)),
    "rsi_cross": ({"window": 5}, lambda line, close: crosses_above(line[0], 30.0)),
    "awesome_oscillator": (SHORT, lambda line, close: crosses_above(line[0], 0.0)),
    "momentum_score": (
        {"window": 5, "trail": "5 percent", **SHORT},
        lambda line, close: crosses_above(line[0], 0.5),
    ),
    "stochastic_trend": (
        {"trend": 20, "oversold": 40.0},
        lambda line, close: crosses_above(line[1], line[2]) & (line[2] < 40.0) & (close > line[0]),
    ),
    "ml_direction": (
        {"exit_below": 0.55},
        lambda line, close: (line[0] > 0.55) & ~np.append(False, line[0][:-1] > 0.55),
    ),
}
# of the others: what is true on every bar that is entered
TRUE_OF_ENTRIES = {
    "ema_pullback": lambda line, close: (line[0] > line[1]) & (close > line[0]),
    "supertrend": lambda line, close: np.isfinite(line[0]),
    "monthly_trend": lambda line, close: line[0] > line[1],
    "time_series_momentum": lambda line, close: line[0] > 0.0,
    "candlestick_reversal": lambda line, close: np.append(False, close[:-1] < line[0][1:]),
    "range_scalper": lambda line, close: close > line[0],
    "ema_scalper": lambda line, close: crosses_above(line[0], line[1]),
    "first_candle_breakout": lambda line, close: close > line[0],
    "opening_range_breakout": lambda line, close: close > line[0],
    "meta_labelled": lambda line, close: line[2] > 0.45,
    "ml_predictive": lambda line, close: line[0] >= 0.55,
}
GIVEN = {
    "ema_pullback": SHORT,
    "ema_scalper": SHORT,
    "supertrend": {"window": 5, "width": 1.0},
    "monthly_trend": {"months": 3},
    "time_series_momentum": {"lookback_months": 3},
    "candlestick_reversal": {"trend": 5},
    "range_scalper": {"window": 3},
    "meta_labelled": {"parameters": SHORT, "threshold": 0.45},
}


def test_every_shipped_strategy_with_an_indicator_gives_its_lines():
    assert {*TRADED_ON, *TRUE_OF_ENTRIES, *WITHOUT} == set(strategy_names())


@pytest.mark.parametrize("name", TRADED_ON)
def test_the_entries_follow_from_the_lines_that_are_drawn(name, market_for):
    market, (given, rule) = market_for(name), TRADED_ON[name]
    params = validate_params(name, given)
    lines = [each.values for each in SHIPPED.chart_lines(name, market, params)]
    entries = SHIPPED.signals(name, market, params).entry_long
    assert entries.sum() > 2
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(rule(lines, market.close), entries)


@pytest.mark.parametrize("name", TRUE_OF_ENTRIES)
def test_every_entry_agrees_with_the_lines_that_are_drawn(name, market_for):
    market, params = market_for(name), validate_params(name, GIVEN.get(name, {}))
    lines = [each.values for each in SHIPPED.chart_lines(name, market, params)]
    entries = SHIPPED.signals(name, market, params).entry_long
    assert entries.any()
    with np.errstate(invalid="ignore"):
        assert TRUE_OF_ENTRIES[name](lines, market.close)[entries].all()


@pytest.mark.parametrize("name", strategy_names())
@pytest.mark.parametrize("direction", ["long_only", "long_short"])
def test_no_line_reads_the_future_and_the_sample_names_the_same_lines(name, direction, market_for):
    both = "direction" in SHIPPED.get(name).params_type.model_fields
    if direction == "long_short" and not both:
        pytest.skip("one direction")
    params = validate_params(name, {"direction": direction} if both else {})
    lines = audited_lines(SHIPPED, name, market_for(name), params)
    sample = sample_lines(SHIPPED, name, params)
    assert sample.error == ""
    assert [row.pane for row in sample.rows] == [each.pane for each in lines]
    assert [row.levels for row in sample.rows] == [each.levels for each in lines]
    assert bool(lines) is (name not in WITHOUT)


OWN = """\
from trading_pipeline import Signals
from trading_pipeline.strategies import Strategy
from trading_pipeline.strategies.chart_lines import ChartLine


class Mine(Strategy):
    def signals(self, market, params):
        return Signals.long_only(market.close > 0, market.close < 0)

    def chart_lines(self, market, params):
        {body}
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return [ChartLine('a', market.close[1:])]", "'a' of 'mine' has 299 values for 300 bars"),
        ("return ChartLine('a', market.close)", "gave a ChartLine; give a list of ChartLine"),
        ("return None", "gave a NoneType; give a list of ChartLine"),
        ("return [market.close]", "gave a list with a ndarray; give ChartLine"),
        ("return [ChartLine('a', market.close)] * 2", "Two chart lines of 'mine' are called 'a'"),
        ("return [ChartLine('', market.close)]", "line 11: .*name of a chart line is ''"),
        ("return [ChartLine('a', market.close, pane=3)]", "line 11: .*pane of a chart line is 3"),
        ("return [ChartLine('a', market.close, style='dots')]", "'dots'; give one of line, step,"),
        ("return [ChartLine('a', market.close > 0)]", "1-dimensional array of bool"),
        ("return [ChartLine('a', market.close / 0)]", "is inf on row 0; give NaN"),
        ("return [ChartLine('a', market.close, levels=(1, None))]", r"levels .* \(1, None\); give"),
        ("return [ChartLine('a', market.close, levels=[True])]", "levels .*True"),
        ("return 1 / 0", "line 11: chart_lines of 'mine' failed: ZeroDivisionError"),
    ],
)  # fmt: skip
def test_wrong_lines_of_a_user_name_the_file(tmp_path, lively_market, body, message):
    (tmp_path / "mine.py").write_text(OWN.format(body=body), encoding="utf-8")
    known = own_strategies(tmp_path)
    params = known.validate_params("mine", {})
    with pytest.raises(StrategyError, match=message) as caught, np.errstate(divide="ignore"):
        known.chart_lines("mine", lively_market, params)
    assert str(caught.value).startswith(str(tmp_path / "mine.py"))
    told = sample_lines(known, "mine", params).error
    assert told.startswith(str(tmp_path / "mine.py"))


@pytest.mark.parametrize("line", ["market.close[::-1]", "market.close - market.close.mean()"])
def test_a_line_that_reads_the_future_is_found(tmp_path, lively_market, line):
    body = f"return [ChartLine('early', {line})]"
    (tmp_path / "mine.py").write_text(OWN.format(body=body), encoding="utf-8")
    known = own_strategies(tmp_path)
    words = "chart line of the strategy 'mine' reads the future: column 'price: early'"
    with pytest.raises(LookaheadError, match=words):
        audited_lines(known, "mine", lively_market, known.validate_params("mine", {}))


def test_values_are_a_copy_that_cannot_be_changed():
    values = np.array([1.0, 2.0])
    line = ChartLine("a", values)
    values[0] = 9.0
    assert line.values.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        line.values[0] = 3.0
