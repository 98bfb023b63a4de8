"""Strategies that decide bar by bar: what they see, what their signals mean, what is refused."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline import BacktestSettings, BarByBarStrategy, Signal, SignalType, run_backtest
from trading_pipeline.domain.signals import Fraction, Price
from trading_pipeline.errors import LookaheadError, StrategyError
from trading_pipeline.strategies import (
    Market,
    StrategyParams,
    ensure_strategy_causal,
    own_strategies,
    strategy,
    validate_params,
)
from trading_pipeline.strategies.lookahead_check import decision_table
from trading_pipeline_tests.strategies.conftest import (
    bars_of,
    clock_of,
    intents,
    predictions_of,
    random_closes,
)

HOLD = Signal(SignalType.HOLD)


class Told(BarByBarStrategy[StrategyParams]):
    """Does at each bar what a test says."""

    name = "told"

    def __init__(self, rule, direction="long_only"):
        self.rule, self.direction = rule, direction

    def on_bar(self, history):
        return self.rule(history)


def signals_by(rule, market, direction="long_only"):
    return Told(rule, direction).signals(market, StrategyParams())


def in_turn(*decisions):
    return lambda history: decisions[len(history) - 1]


class CrossParams(StrategyParams):
    """As those of sma_crossover."""

    fast: int = 10
    slow: int = 30
    direction: str = "long_only"


class Cross(BarByBarStrategy[CrossParams]):
    """The rule of sma_crossover, once more."""

    name = "cross"

    def on_start(self):
        self.before = None

    def on_bar(self, history):
        close, params = history.close, self.params
        if len(close) < params.slow:
            return HOLD
        now = close[-params.fast :].mean() - close[-params.slow :].mean()
        before, self.before = self.before, now
        if before is not None and before <= 0 < now:
            return Signal(SignalType.BUY)
        if before is not None and before >= 0 > now:
            return Signal(SignalType.SELL)
        return HOLD


@pytest.mark.parametrize("direction", ["long_only", "long_short"])
def test_one_rule_in_both_forms_has_the_same_trades(lively_market, direction):
    params = {"fast": 5, "slow": 12, "direction": direction}
    found = Cross().signals(lively_market, CrossParams(**params))
    other = strategy("sma_crossover").signals(
        lively_market, validate_params("sma_crossover", params)
    )
    results = [
        run_backtest(lively_market.raw, each, BacktestSettings(), actions=())
        for each in (found, other)
    ]
    assert len(results[0].trades) > 10
    assert results[0].content_hash == results[1].content_hash
    ensure_strategy_causal(Cross(), CrossParams(**params), lively_market)


def test_each_type_is_the_decision_that_its_name_says():
    order = (SignalType.BUY, SignalType.HOLD, SignalType.SELL, SignalType.CLOSE_LONG,
             SignalType.CLOSE_SHORT)  # fmt: skip
    rule, market = in_turn(*map(Signal, order)), Market(bars_of([1.0] * 5))
    assert intents(signals_by(rule, market)) == {
        "entry_long": [0], "exit_long": [2, 3], "exit_short": [4],
    }  # fmt: skip
    assert intents(signals_by(rule, market, "long_short")) == {
        "entry_long": [0], "entry_short": [2], "exit_long": [3], "exit_short": [4],
    }  # fmt: skip


def test_numbers_and_levels_of_a_bar_stand_in_its_row_as_raw_prices():
    bars = bars_of([10.0, 20.0, 20.0])
    market = Market(bars, factor=np.array([1.0, 2.0, 2.0]))
    found = signals_by(
        in_turn(
            Signal(SignalType.BUY, size=0.5, stop_loss=9, take_profit=Fraction(0.1)),
            Signal(SignalType.HOLD, confidence=0.25),
            Signal(SignalType.BUY, stop_loss=30.0, trailing_stop=4.0, metadata={"rule": "dip"}),
        ),
        market,
    )
    nan = np.nan
    np.testing.assert_array_equal(found.size, [0.5, nan, nan])
    np.testing.assert_array_equal(found.confidence, [nan, 0.25, nan])
    assert isinstance(found.stop_loss, Price)
    np.testing.assert_array_equal(found.stop_loss.values, [9.0, nan, 15.0])
    np.testing.assert_array_equal(found.trailing_stop.values, [nan, nan, 2.0])
    assert isinstance(found.take_profit, Fraction)
    np.testing.assert_array_equal(found.take_profit.values, [0.1, nan, nan])
    assert list(found.reason) == ["", "", "rule=dip"]


def test_the_history_is_the_market_up_to_the_bar(lively_market):
    market, seen = lively_market.traded_from(40), []

    def look(history):
        row = len(history) - 1
        seen.append(row)
        if row % 50 == 7:
            part = market.head(row + 1)
            pd.testing.assert_frame_equal(history.bars, part.bars, check_freq=False)
            for name in part.bars:
                np.testing.assert_array_equal(getattr(history, name), part.bars[name])
            assert history.time == part.bars.index[-1]
            assert history.is_traded is (row >= 40)
            told, newest = history.prediction("direction"), part.predictions["direction"].iloc[-1]
            np.testing.assert_equal(told["p_up"], newest["p_up"])
            np.testing.assert_equal(told["age_bars"], newest["age_bars"])
        return HOLD

    signals_by(look, market)
    assert seen == list(range(len(market)))


def test_no_array_that_a_view_belongs_to_holds_a_later_bar():
    rising = np.arange(1.0, 9.0)
    market = Market(bars_of(rising).assign(volume=rising))

    def look(history):
        rows, now = len(history), history.close[-1]
        for name in ("open", "high", "low", "close", "volume"):
            values = getattr(history, name)
            while values is not None:
                known = np.asarray(values)
                assert known[..., :rows].max() == now
                assert np.isnan(known[..., rows:]).all()
                values = values.base
            with pytest.raises(ValueError, match="read-only"):
                getattr(history, name)[0] = 3.0
        assert history.times.max() == history.time
        return HOLD

    signals_by(look, market)


def test_a_run_remembers_nothing_of_the_run_before():
    counts = []

    class Counting(BarByBarStrategy):
        name = "counting"

        def __init__(self):
            self.seen = []

        def on_bar(self, history):
            self.seen.append(history.time)
            counts.append(len(self.seen))
            return HOLD

    rule, market = Counting(), Market(bars_of([1.0] * 3))
    for _ in range(2):
        rule.signals(market, StrategyParams())
    assert counts == [1, 2, 3, 1, 2, 3]
    assert rule.seen == []


def test_a_future_that_is_smuggled_in_is_found_by_the_audit(lively_market):
    closes = lively_market.close

    def cheat(history):
        row = len(history)
        rises = row < len(closes) and closes[row] > history.close[-1]
        return Signal(SignalType.BUY if rises else SignalType.SELL)

    class Cheat(BarByBarStrategy):
        name = "cheat"

        def signals(self, market, params):
            nonlocal closes
            closes = market.close
            return super().signals(market, params)

        def on_bar(self, history):
            return cheat(history)

    with pytest.raises(LookaheadError, match="the strategy 'cheat' reads the future"):
        ensure_strategy_causal(Cheat(), StrategyParams(), lively_market)


def once_at(row, signal):
    return lambda history: signal if len(history) == row + 1 else HOLD


def test_a_level_that_is_first_given_late_is_no_finding(lively_market):
    signal = Signal(SignalType.BUY, stop_loss=Fraction(0.1), size=0.5, confidence=0.9)
    ensure_strategy_causal(Told(once_at(250, signal)), StrategyParams(), lively_market)


def test_a_level_that_depends_on_later_bars_is_a_finding(lively_market):
    class Peeking(BarByBarStrategy):
        name = "peeking"

        def signals(self, market, params):
            self.last = len(market)
            return super().signals(market, params)

        def on_bar(self, history):
            if len(history) % 7:
                return HOLD
            late = self.last == 300
            return Signal(SignalType.BUY, stop_loss=Fraction(0.1) if late else None)

    with pytest.raises(LookaheadError, match="stop_loss_fraction"):
        ensure_strategy_causal(Peeking(), StrategyParams(), lively_market)


def test_an_empty_market_has_no_signals():
    assert len(signals_by(lambda history: HOLD, Market(bars_of([])))) == 0


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda: Signal("buy"), "type of a Signal is 'buy'; give one of SignalType.BUY"),
        (lambda: Signal(None), "type of a Signal is None"),
        (lambda: Signal(SignalType.BUY, confidence=1.5), "confidence .* 1.5; give a number from 0"),
        (lambda: Signal(SignalType.BUY, confidence=True), "confidence of a Signal is True"),
        (lambda: Signal(SignalType.BUY, size=float("nan")), "size of a Signal is nan; give a numb"),
        (lambda: Signal(SignalType.BUY, size=0), "size of a Signal is 0"),
        (lambda: Signal(SignalType.BUY, size="1"), "size of a Signal is '1'; give a number, or No"),
        (lambda: Signal(SignalType.BUY, stop_loss=-1.0), "stop_loss of a Signal is -1.0; .*price"),
        (lambda: Signal(SignalType.BUY, stop_loss=np.inf), "stop_loss of a Signal is inf"),
        (lambda: Signal(SignalType.BUY, stop_loss="2 atr"), "stop_loss of a Signal is '2 atr'"),
        (lambda: Signal(SignalType.BUY, stop_loss=Fraction(1.0)), "above 0 and below 1"),
        (lambda: Signal(SignalType.BUY, take_profit=Fraction([0.1, 0.2])), "one fraction above 0"),
        (lambda: Signal(SignalType.HOLD, stop_loss=5.0), "HOLD has a stop_loss.*SignalType.BUY"),
        (lambda: Signal(SignalType.BUY, metadata="dip"), "metadata of a Signal is 'dip'"),
        (lambda: None, r"it returned None; .* Signal\(SignalType.HOLD\)"),
        (lambda: SignalType.BUY, "it returned a SignalType; give a Signal"),
        (lambda: 1 / 0, "ZeroDivisionError: division by zero. Fix that line"),
        (lambda: [][3], "IndexError: list index out of range. Fix that line"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_bar(give, message):
    market = Market(bars_of([1.0] * 3))
    words = rf"on_bar of 'told' failed at the bar 2024-01-03 \(row 2\): .*{message}"
    with pytest.raises(StrategyError, match=words):
        signals_by(lambda history: HOLD if len(history) < 3 else give(), market)


def test_a_level_has_one_form_in_a_run():
    rule = in_turn(
        Signal(SignalType.BUY, stop_loss=0.5), Signal(SignalType.BUY, stop_loss=Fraction(0.1))
    )
    with pytest.raises(
        StrategyError, match="stop_loss is a fraction, and was a price at the bar 2"
    ):
        signals_by(rule, Market(bars_of([1.0] * 2)))


def test_a_run_that_cannot_be_copied_and_a_direction_that_is_none_are_refused():
    market = Market(bars_of([1.0]))
    rule = Told(lambda history: HOLD)
    rule.open = (n for n in range(3))
    with pytest.raises(StrategyError, match=r"cannot be copied .*TypeError.* in on_start"):
        rule.signals(market, StrategyParams())
    with pytest.raises(StrategyError, match="direction of 'told' is 'both'"):
        signals_by(lambda history: HOLD, market, "both")


FILE = """\
from trading_pipeline import BarByBarStrategy, Signal, SignalType


class Mine(BarByBarStrategy):
    "Buy after a fall."

    def on_bar(self, history):
        if len(history) == 5:
            {body}
        return Signal(SignalType.HOLD)
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return history.clse", "line 9: .*2024-01-05.*AttributeError: 'History' object has no"),
        ("return None", r"mine\.py: signals of 'mine' failed: on_bar of 'mine' .*returned None"),
        ("return Signal(SignalType.BUY, size=-1)", "line 9: .*size of a Signal is -1"),
        ("raise SystemExit(3)", "line 9: .*SystemExit: 3. Leave out of it what ends the program"),
        ("return history.input('vix')", "line 9: .*declares no input 'vix'"),
        ("return history.prediction('x')", "line 9: .*holds no predictions of the model 'x'"),
    ],
)
def test_a_users_file_is_named_with_line_and_bar(tmp_path, body, message):
    (tmp_path / "mine.py").write_text(FILE.format(body=body), encoding="utf-8")
    known = own_strategies(tmp_path)
    params = known.validate_params("mine", {})
    with pytest.raises(StrategyError, match=message) as caught:
        known.signals("mine", Market(bars_of(random_closes(9))), params)
    assert str(caught.value).startswith(str(tmp_path / "mine.py"))
    assert "\n" not in str(caught.value)


def test_a_class_without_on_bar_is_told_of_it(tmp_path):
    (tmp_path / "mine.py").write_text(FILE.partition("    def")[0], encoding="utf-8")
    (broken,) = own_strategies(tmp_path).own.broken
    assert "line 4: The class Mine has no on_bar." in str(broken.error)


def test_a_users_run_is_compared_with_fresh_copies_of_its_file(tmp_path):
    kept = FILE.replace("class Mine", "SEEN = []\n\n\nclass Mine").replace(
        "        if len(history) == 5:\n            {body}\n",
        "        SEEN.append(1)\n        if len(SEEN) > 40: return Signal(SignalType.BUY)\n",
    )
    (tmp_path / "mine.py").write_text(kept, encoding="utf-8")
    known, market = own_strategies(tmp_path), Market(bars_of(random_closes(60)))
    params = known.validate_params("mine", {})
    known.signals("mine", market, params)  # a second run begins with 60 bars on record
    fresh = decision_table(known.fresh_signals("mine", params)(market), market.raw.index)
    assert fresh["entry_long"].sum() == 20
    assert known.signals("mine", market, params).entry_long.all()


def test_predictions_of_a_step_are_those_of_the_bar():
    bars = bars_of([1.0] * 4)
    clock = clock_of(bars)
    frame = predictions_of(clock, [0.1, 0.2, 0.3, 0.4])
    seen = []

    def look(history):
        told = history.prediction("direction", 5)
        seen.append((told["p_up"], told["model_id"], told["horizon"]))
        return HOLD

    signals_by(look, Market(bars, None, clock, {"direction": frame}))
    assert seen == [(p, "direction-TEST_1d", 5) for p in (0.1, 0.2, 0.3, 0.4)]
