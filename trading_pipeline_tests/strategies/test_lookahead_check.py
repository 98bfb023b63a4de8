"""The proof that no strategy reads the future, and that the proof finds who does."""

from typing import ClassVar

import numpy as np
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
from trading_pipeline.strategies.lookahead_check import ensure_signals_causal

VARIANTS = [(name, {}) for name in strategy_names()] + [
    ("sma_crossover", {"fast": 3, "slow": 8, "direction": "long_short"}),
    ("sma_crossover", {"fast": 3, "slow": 8, "direction": "long_short", "start": "state"}),
    ("ml_direction", {"direction": "long_short", "max_age_bars": 3}),
    ("ml_direction", {"on_missing": "hold", "enter_above": 0.6, "exit_below": 0.45}),
    ("meta_labelled", {"parameters": {"fast": 3, "slow": 8}, "threshold": 0.45}),
]
FIELDS = ("entry_long", "exit_long", "entry_short", "exit_short", "confidence")


def test_every_registered_strategy_is_checked():
    assert {name for name, _ in VARIANTS} == set(strategy_names())


@pytest.mark.parametrize(("name", "given"), VARIANTS)
def test_signals_of_a_prefix_are_the_prefix_of_the_signals(name, given, lively_market):
    params = validate_params(name, given)
    whole = SHIPPED.signals(name, lively_market, params)
    for rows in range(len(lively_market) + 1):
        part = SHIPPED.signals(name, lively_market.head(rows), params)
        expected = whole.head(rows)
        assert len(part) == rows
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(part, field), getattr(expected, field))


@pytest.mark.parametrize(("name", "given"), VARIANTS)
@pytest.mark.parametrize("first_traded", [0, 60])
def test_the_audit_passes_every_registered_strategy(name, given, first_traded, lively_market):
    market, params = lively_market.traded_from(first_traded), validate_params(name, given)
    ensure_signals_causal(
        lambda seen: SHIPPED.signals(name, seen, params),
        market,
        name,
        memory=SHIPPED.warmup_bars(name, given),
        fresh=SHIPPED.fresh_signals(name, params),
    )


@pytest.mark.parametrize(("name", "given"), VARIANTS)
def test_a_strategy_does_not_change_the_market(name, given, lively_market):
    raw = lively_market.raw.copy()
    frame = lively_market.prediction_frames["direction"].copy()
    SHIPPED.signals(name, lively_market, validate_params(name, given))
    assert lively_market.raw.equals(raw)
    assert lively_market.prediction_frames["direction"].equals(frame)


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
