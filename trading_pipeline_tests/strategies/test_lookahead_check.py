"""The proof that no strategy reads the future, and that the proof finds who does."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.signals import Price, Signals
from trading_pipeline.errors import InsufficientDataError, LookaheadError
from trading_pipeline.strategies import (
    SHIPPED,
    Market,
    Strategy,
    StrategyParams,
    ensure_strategy_causal,
    strategy,
    strategy_names,
    validate_params,
)
from trading_pipeline.strategies.lookahead_check import decision_table, ensure_signals_causal

TRIED = [
    ("ml_direction", {}),
    ("sma_crossover", {}),
    ("sma_crossover", {"fast": 3, "slow": 8, "direction": "long_short"}),
    ("sma_crossover", {"fast": 3, "slow": 8, "direction": "long_short", "start": "state"}),
    ("ml_direction", {"direction": "long_short", "max_age_bars": 3}),
    ("ml_direction", {"on_missing": "hold", "enter_above": 0.6, "exit_below": 0.45}),
    ("meta_labelled", {"parameters": {"fast": 3, "slow": 8}, "threshold": 0.45}),
    ("ml_predictive", {"direction": "long_short", "prefilter": 9}),
    ("ml_predictive", {"risk_per_trade": 0.01, "stop": "2 atr", "confidence_threshold": 0.6}),
    ("atr_trailing", {"entry": 5, "direction": "long_short"}),
    ("donchian_breakout", {"entry": 5, "exit": 3, "direction": "long_short"}),
    ("ema_crossover", {"fast": 3, "slow": 8, "direction": "long_short"}),
    ("ema_pullback", {"fast": 3, "slow": 8, "direction": "long_short"}),
    ("keltner_breakout", {"width": 1.0, "direction": "long_short"}),
    ("macd", {"direction": "long_short"}),
    ("monthly_trend", {"months": 3, "direction": "long_short"}),
    ("supertrend", {"window": 5, "width": 1.0, "direction": "long_short"}),
    ("supertrend", {"bars": "plain"}),
    ("time_series_momentum", {"lookback_months": 3, "direction": "long_short"}),
    ("bollinger_reversion", {"width": 1.0, "direction": "long_short"}),
    ("candlestick_reversal", {"trend": 5, "direction": "long_short"}),
    ("rsi_cross", {"window": 5, "direction": "long_short"}),
    ("rsi_reversion", {"window": 5, "direction": "long_short"}),
    ("awesome_oscillator", {"fast": 3, "slow": 8, "direction": "long_short"}),
    ("bollinger_breakout", {"width": 1.0, "direction": "long_short"}),
    ("chart_pattern_breakout", {"breakouts": "all", "direction": "long_short"}),
    ("ema_scalper", {"fast": 3, "slow": 8, "target": "1 atr", "direction": "long_short"}),
    ("first_candle_breakout", {"with_candle": False, "direction": "long_short"}),
    ("momentum_score", {"fast": 3, "slow": 8, "window": 5, "direction": "long_short"}),
    ("opening_range_breakout", {"minutes": 45, "reward": 1.5, "direction": "long_short"}),
    ("range_scalper", {"window": 3, "direction": "long_short"}),
    ("stochastic_trend", {"trend": 20, "oversold": 40.0, "direction": "long_short"}),
]
VARIANTS = TRIED + [(name, {}) for name in strategy_names() if name not in dict(TRIED)]


@pytest.fixture
def market_for(lively_market, session_market):
    """The market that a strategy is tried on: one with sessions where it needs them."""

    def chosen(name):
        intraday = ".intraday." in type(strategy(name)).__module__
        return session_market if intraday else lively_market

    return chosen


def ensure_causal(name, given, market):
    params = validate_params(name, given)
    ensure_signals_causal(
        lambda seen: SHIPPED.signals(name, seen, params),
        market,
        name,
        memory=SHIPPED.warmup_bars(name, given),
        fresh=SHIPPED.fresh_signals(name, params),
    )


def test_every_registered_strategy_is_checked():
    assert {name for name, _ in VARIANTS} == set(strategy_names())


def test_no_strategy_is_audited_without_an_entry_to_find(market_for):
    entries = dict.fromkeys(strategy_names(), 0)
    for name, given in VARIANTS:
        found = SHIPPED.signals(name, market_for(name), validate_params(name, given))
        entries[name] += int(found.entry_long.sum())
    assert [name for name, count in entries.items() if not count] == []


@pytest.mark.parametrize(("name", "given"), VARIANTS)
def test_signals_of_a_prefix_are_the_prefix_of_the_signals(name, given, market_for):
    params, market = validate_params(name, given), market_for(name)
    whole = decision_table(SHIPPED.signals(name, market, params), market.raw.index)
    for rows in [0, 1, 2, *range(11, len(market), 17)]:
        part = market.head(rows)
        found = decision_table(SHIPPED.signals(name, part, params), part.raw.index)
        pd.testing.assert_frame_equal(found, whole.iloc[:rows], check_freq=False)


@pytest.mark.parametrize("name", strategy_names())
def test_no_entry_comes_before_the_warm_up_is_over(name, market_for):
    params, market = validate_params(name, {}), market_for(name)
    warmup = SHIPPED.warmup_bars(name, {})
    found = SHIPPED.signals(name, market, params)
    assert not (found.entry_long | found.entry_short)[:warmup].any()


@pytest.mark.parametrize(("name", "given"), VARIANTS)
def test_the_audit_passes_every_registered_strategy(name, given, market_for):
    ensure_causal(name, given, market_for(name))


@pytest.mark.parametrize("given", [given for name, given in VARIANTS if name == "sma_crossover"])
def test_the_audit_passes_a_strategy_that_reads_where_trading_begins(given, lively_market):
    ensure_causal("sma_crossover", given, lively_market.traded_from(60))


@pytest.mark.parametrize(("name", "given"), VARIANTS)
def test_a_strategy_does_not_change_the_market(name, given, market_for):
    market = market_for(name)
    raw, bars = market.raw.copy(), market.bars.copy()
    frames = {each: frame.copy() for each, frame in market.prediction_frames.items()}
    SHIPPED.signals(name, market, validate_params(name, given))
    assert market.raw.equals(raw)
    assert market.bars.equals(bars)
    assert all(market.prediction_frames[each].equals(frames[each]) for each in frames)


def test_the_audit_keeps_the_row_from_which_a_market_is_traded(lively_market):
    seen = set()

    def rule(market):
        seen.add(market.first_traded)
        return long_where(np.zeros(len(market), dtype=bool))

    ensure_strategy_causal(Leaking(rule), StrategyParams(), lively_market.traded_from(60))
    assert seen == {60}


class Leaking(Strategy[StrategyParams]):
    """A strategy whose rule a test gives it."""

    name: ClassVar[str] = "leaking"
    params_type = StrategyParams

    def __init__(self, rule):
        self.rule = rule

    def signals(self, market, params):
        return self.rule(market)

    def warmup_bars(self, params):
        return 0


def long_where(flags, **others):
    flags = np.asarray(flags)
    return Signals.long_only(flags, ~flags, **others)


def buys_before_a_rise(market: Market) -> Signals:
    return long_where(np.append(np.diff(market.close) > 0, False))


def buys_below_the_mean_of_all(market: Market) -> Signals:
    return long_where(market.close < market.close.mean())


def buys_at_a_centred_low(market: Market) -> Signals:
    low = market.bars["low"]
    return long_where((low == low.rolling(5, center=True).min()).to_numpy())


def stops_at_the_lowest_low_to_come(market: Market) -> Signals:
    lowest = market.bars["low"][::-1].cummin()[::-1]
    return long_where(market.close > 0, stop_loss=Price(market.to_raw(lowest * 0.5)))


def reads_predictions_by_position(market: Market) -> Signals:
    frame = market.prediction_frames["direction"]
    return long_where(np.full(len(market), frame["p_up"].iloc[-1] > 0.5))


LEAKS = [
    buys_before_a_rise,
    buys_below_the_mean_of_all,
    buys_at_a_centred_low,
    stops_at_the_lowest_low_to_come,
    reads_predictions_by_position,
]


@pytest.mark.parametrize("rule", LEAKS, ids=lambda rule: rule.__name__)
def test_planted_leaks_are_found(rule, lively_market):
    with pytest.raises(LookaheadError, match="the strategy 'leaking' reads the future") as caught:
        ensure_strategy_causal(Leaking(rule), StrategyParams(), lively_market)
    assert caught.value.findings


def test_an_honest_rule_with_levels_and_texts_passes(lively_market):
    def rule(market):
        stop = Price(market.to_raw(market.bars["low"].rolling(5, min_periods=1).min() * 0.9))
        reason = np.array(["up"] * len(market), dtype=object)
        rises = np.append([False], np.diff(market.close) > 0)
        return long_where(rises, stop_loss=stop, reason=reason)

    ensure_strategy_causal(Leaking(rule), StrategyParams(), lively_market)


def test_one_bar_cannot_prove_anything(lively_market):
    with pytest.raises(InsufficientDataError):
        ensure_strategy_causal(
            strategy("buy_and_hold"), validate_params("buy_and_hold", {}), lively_market.head(1)
        )
