"""The strategy that trades another one only where its meta model says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.domain.signals import Fraction, Signals
from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies import SHIPPED, Market, own_strategies, strategy
from trading_pipeline.strategies.lookahead_check import audit_strategy
from trading_pipeline.strategies.ml.held_states import opened_sides
from trading_pipeline_tests.strategies.conftest import (
    bars_of,
    clock_of,
    predictions_of,
    random_closes,
)

NAN = float("nan")
FAST = {"strategy": "sma_crossover", "parameters": {"fast": 2, "slow": 5}}


def of(rows, **flags):
    given = {name: np.zeros(rows, dtype=bool) for name in ("el", "xl", "es", "xs")}
    for name, positions in flags.items():
        given[name][list(positions)] = True
    return Signals(
        entry_long=given["el"],
        exit_long=given["xl"],
        entry_short=given["es"],
        exit_short=given["xs"],
        stop_loss=Fraction(0.05),
    )


def market_of(p_act, primary=None, model="meta", column="p_act"):
    bars = bars_of(np.ones(len(p_act)))
    clock = clock_of(bars)
    frame = predictions_of(clock, p_act).rename(columns={"p_up": column})
    market = Market(bars, None, clock, {model: frame})
    return market if primary is None else market.with_primary(primary)


def traded(market, **params):
    checked = SHIPPED.validate_params("meta_labelled", params)
    return strategy("meta_labelled").signals(market, checked)


def where(flags):
    return np.flatnonzero(flags).tolist()


flags = st.lists(st.tuples(*[st.booleans()] * 4), max_size=30)


@given(flags)
def test_sides_are_opened_as_a_plain_reading_of_the_signals_says(rows):
    table = np.array(rows, dtype=bool).reshape(-1, 4)
    names = ("entry_long", "exit_long", "entry_short", "exit_short")
    found = opened_sides(Signals(**{name: table[:, n] for n, name in enumerate(names)}))
    side, expected = 0, []
    for entry_long, exit_long, entry_short, exit_short in rows:
        long, short = entry_long and not exit_long, entry_short and not exit_short
        if long and short:
            long = short = False
        if (side == 1 and exit_long) or (side == -1 and exit_short):
            side = 0
        wanted = 1 if long else -1 if short else 0
        expected.append(float(wanted) if wanted and wanted != side else NAN)
        side = wanted or side
    np.testing.assert_array_equal(found, expected)


def test_only_openings_above_the_threshold_are_taken_and_exits_stay():
    primary = of(8, el=[0, 1, 4, 6], xl=[3, 5, 7])
    found = traded(market_of([0.6, 0.9, NAN, NAN, 0.5, NAN, 0.7, NAN], primary), threshold=0.55)
    assert where(found.entry_long) == [0, 6]  # that of row 1 opens nothing
    assert where(found.exit_long) == [3, 5, 7]
    assert found.stop_loss.values.tolist() == [0.05]
    np.testing.assert_array_equal(found.confidence, [0.6, 0.9, NAN, NAN, 0.5, NAN, 0.7, NAN])


def test_an_opening_at_the_threshold_or_without_a_prediction_is_left():
    primary = of(5, el=[0, 2, 4], xl=[1, 3])
    found = traded(market_of([0.5, NAN, NAN, NAN, 0.51], primary))
    assert where(found.entry_long) == [4]


def test_a_turn_that_is_not_taken_still_closes_the_old_side():
    primary = of(4, el=[0], es=[2])
    found = traded(market_of([0.9, NAN, 0.1, NAN], primary))
    assert where(found.entry_short) == []
    assert where(found.exit_long) == [2]
    taken = traded(market_of([0.9, NAN, 0.9, NAN], primary))
    assert where(taken.entry_short) == [2]
    assert where(taken.exit_long) == []


def test_the_prediction_of_an_earlier_bar_decides_nothing():
    bars = bars_of(np.ones(3))
    clock = clock_of(bars)
    frame = predictions_of(clock, [0.9, 0.9, 0.9]).rename(columns={"p_up": "p_act"}).iloc[:1]
    market = Market(bars, None, clock, {"meta": frame}).with_primary(of(3, el=[1]))
    assert where(traded(market).entry_long) == []


def test_a_threshold_of_nothing_takes_every_opening_of_the_primary():
    market = market_of(np.full(300, 0.5))
    market = Market(bars_of(random_closes()), None, market.known_at, market.prediction_frames)
    params = SHIPPED.validate_params("meta_labelled", {**FAST, "threshold": 0.0})
    plain = SHIPPED.validate_params("sma_crossover", FAST["parameters"])
    all_taken = SHIPPED.signals("meta_labelled", market, params)
    primary = SHIPPED.signals("sma_crossover", market, plain)
    np.testing.assert_array_equal(all_taken.entry_long, opened_sides(primary) == 1.0)
    np.testing.assert_array_equal(all_taken.exit_long, primary.exit_long)
    assert all_taken.entry_long.sum() > 10


def test_the_catalogue_knows_what_the_primary_strategy_needs():
    given = {"strategy": "ml_direction", "parameters": {"model": "mine"}}
    assert SHIPPED.required_predictions("meta_labelled", given) == ("meta", "mine")
    assert SHIPPED.warmup_bars("meta_labelled", FAST) == 5
    first, second = (
        SHIPPED.validate_params("meta_labelled", given)
        for given in (FAST, {"strategy": "buy_and_hold"})
    )
    hashes = {SHIPPED.code_hash("meta_labelled", each) for each in (first, second)}
    assert len(hashes | {SHIPPED.code_hash("meta_labelled")}) == 3


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"strategy": "sma_crosover"}, "Did you mean 'sma_crossover'"),
        ({"parameters": {"fasst": 3}}, "The parameters of the strategy 'sma_crossover' are wrong"),
        ({"threshold": 1.0}, "'threshold'"),
    ],
)
def test_wrong_parameters_are_refused_those_of_the_primary_strategy_too(params, said):
    with pytest.raises(StrategyError, match=said):
        SHIPPED.validate_params("meta_labelled", params)


def test_a_market_without_signals_or_with_another_models_predictions_says_so():
    with pytest.raises(StrategyError, match="the market holds none"):
        traded(market_of([0.5]))
    with pytest.raises(StrategyError, match="no column p_act"):
        traded(market_of([0.5], of(1, el=[0]), column="p_up"))
    with pytest.raises(StrategyError, match="no predictions of the model 'meta'"):
        traded(market_of([0.5], of(1, el=[0]), model="other"))


LEAKS = """
import numpy as np
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies import Strategy

SEEN = {"close": np.empty(0)}


class Leaks(Strategy):
    def signals(self, market, params):
        if len(market) > len(SEEN["close"]):  # what it remembers hides that it looks ahead
            SEEN["close"] = market.close
        rises = np.append(np.diff(SEEN["close"]) > 0.0, False)[: len(market)]
        return Signals.long_only(rises, ~rises)
"""


def test_a_primary_strategy_that_remembers_the_future_is_found_through_the_filter(
    tmp_path, lively_market
):
    (tmp_path / "leaks.py").write_text(LEAKS)
    catalogue = own_strategies(tmp_path)
    params = catalogue.validate_params("meta_labelled", {"strategy": "leaks", "threshold": 0.2})

    def decide(market):
        return catalogue.signals("meta_labelled", market, params)

    fresh = catalogue.fresh_signals("meta_labelled", params)
    assert audit_strategy(decide, lively_market, fresh=fresh)
    changed = LEAKS.replace("> 0.0", "> 0.1")
    before = catalogue.code_hash("meta_labelled", params)
    (tmp_path / "leaks.py").write_text(changed)
    assert own_strategies(tmp_path).code_hash("meta_labelled", params) != before


def test_entries_without_a_prediction_are_counted_in_a_remark():
    primary = of(8, el=[0, 4, 6], xl=[3, 5, 7])
    market = market_of([NAN, 0.9, 0.9, 0.9, 0.9, NAN, NAN, NAN], primary)
    params = SHIPPED.validate_params("meta_labelled", {})
    chosen = strategy("meta_labelled")
    (remark,) = chosen.remarks(market, params)
    assert remark.startswith("The model 'meta' has no prediction for 2 of 3 entries of 'sma_cross")
    (remark,) = chosen.remarks(market.traded_from(1), params)
    assert "1 of 2 entries" in remark
    assert chosen.remarks(market.head(0).with_primary(of(0)), params) == ()
