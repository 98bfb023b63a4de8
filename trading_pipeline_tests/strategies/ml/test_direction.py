"""The strategy that trades the probabilities of a direction model."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies import Market, strategy, validate_params
from trading_pipeline_tests.strategies.conftest import bars_of, clock_of, predictions_of

NAN = float("nan")


def market_of(p_up, **frame_changes):
    bars = bars_of(np.ones(len(p_up)))
    clock = clock_of(bars)
    return Market(bars, None, clock, {"direction": predictions_of(clock, p_up)})


def signals(market, **params):
    return strategy("ml_direction").signals(market, validate_params("ml_direction", params))


def where(flags):
    return np.flatnonzero(flags).tolist()


def held(found, side):
    """Position after each bar's decision, bar by bar."""
    state, states = False, []
    for entry, leave in zip(
        getattr(found, f"entry_{side}"), getattr(found, f"exit_{side}"), strict=True
    ):
        state = (state or entry) and not leave
        states.append(state)
    return states


def test_long_from_above_the_upper_threshold_until_below_the_lower():
    #                  0    1     2     3     4     5     6
    found = signals(market_of([0.5, 0.56, 0.52, 0.50, 0.49, 0.54, 0.60]))
    assert where(found.entry_long) == [1, 6]
    assert where(found.exit_long) == [4]
    assert not (found.entry_short | found.exit_short).any()


def test_thresholds_themselves_change_nothing():
    found = signals(market_of([0.55, 0.56, 0.5, 0.5, 0.55]), enter_above=0.55, exit_below=0.5)
    assert where(found.entry_long) == [1]
    assert where(found.exit_long) == []


def test_short_is_the_mirror_of_long():
    p_up = np.array([0.5, 0.3, 0.48, 0.51, 0.7, 0.52, 0.44])
    up = signals(market_of(p_up), direction="long_short")
    down = signals(market_of(1.0 - p_up), direction="long_short")
    assert where(up.entry_long) == where(down.entry_short)
    assert where(up.exit_long) == where(down.exit_short)
    assert where(up.entry_short) == where(down.entry_long) == [1, 6]
    assert where(up.exit_short) == [3]


def test_a_jump_from_high_to_low_reverses_on_one_bar():
    found = signals(market_of([0.7, 0.2, 0.8]), direction="long_short")
    assert where(found.entry_long) == [0, 2]
    assert where(found.exit_long) == where(found.entry_short) == [1]
    assert where(found.exit_short) == [2]


def test_a_missing_prediction_closes_and_never_opens():
    found = signals(market_of([NAN, 0.7, NAN, 0.52, 0.7]))
    assert where(found.entry_long) == [1, 4]
    assert where(found.exit_long) == [2]


def test_a_missing_prediction_can_be_held_through():
    found = signals(market_of([NAN, 0.7, NAN, 0.52, 0.4, NAN]), on_missing="hold")
    assert where(found.entry_long) == [1]
    assert where(found.exit_long) == [4]


@pytest.mark.parametrize("on_missing", ["exit", "hold"])
def test_only_missing_predictions_give_no_signal(on_missing):
    found = signals(market_of([NAN] * 5), on_missing=on_missing, direction="long_short")
    assert not (found.entry_long | found.exit_long | found.entry_short | found.exit_short).any()
    assert np.isnan(found.confidence).all()


def gap_market():
    bars = bars_of([1.0] * 6)
    clock = clock_of(bars)
    frame = predictions_of(clock, [0.7, 0.1, 0.1, 0.1, 0.7, 0.7]).iloc[[0, 4, 5]]
    return Market(bars, None, clock, {"direction": frame})


def test_an_old_prediction_is_not_carried_forward():
    found = signals(gap_market())
    assert where(found.entry_long) == [0, 4]
    assert where(found.exit_long) == [1]


def test_an_old_prediction_counts_as_long_as_asked():
    found = signals(gap_market(), max_age_bars=2)
    assert where(found.exit_long) == [3]
    assert where(signals(gap_market(), max_age_bars=3).exit_long) == []


def test_confidence_is_the_probability_of_the_likelier_side():
    found = signals(market_of([0.7, 0.2, NAN]))
    assert found.confidence[:2].tolist() == pytest.approx([0.7, 0.8])
    assert np.isnan(found.confidence[2])


probabilities = st.lists(
    st.one_of(st.just(NAN), st.floats(0.3, 0.7).map(lambda p: round(p, 2))), max_size=40
)


@given(probabilities, st.sampled_from(["exit", "hold"]), st.sampled_from([0.5, 0.48]))
def test_positions_equal_a_plain_reading_of_the_rule(p_up, on_missing, exit_below):
    found = signals(
        market_of(p_up), direction="long_short", on_missing=on_missing, exit_below=exit_below
    )
    long = short = False
    longs, shorts = [], []
    for p in p_up:
        if np.isnan(p):
            long, short = long and on_missing == "hold", short and on_missing == "hold"
        else:
            long = p > 0.55 or (long and not p < exit_below)
            short = p < 1.0 - 0.55 or (short and not p > 1.0 - exit_below)
        longs.append(long)
        shorts.append(short)
    assert held(found, "long") == longs
    assert held(found, "short") == shorts
    assert not any(a and b for a, b in zip(longs, shorts, strict=True))
    assert not (found.entry_long & found.exit_long).any()


def test_each_entry_begins_a_state_once():
    found = signals(market_of([0.6] * 10))
    assert where(found.entry_long) == [0]


def test_a_market_without_the_model_offers_the_ones_it_has():
    with pytest.raises(StrategyError, match="Did you mean 'direction'"):
        signals(market_of([0.6]), model="directions")


def test_a_market_without_predictions_says_so():
    with pytest.raises(StrategyError, match="None is known"):
        signals(Market(bars_of([1.0])))


def test_a_model_of_another_kind_is_refused():
    bars = bars_of([1.0])
    frame = predictions_of(clock_of(bars), [0.5]).rename(columns={"p_up": "yhat"})
    with pytest.raises(StrategyError, match="no column p_up"):
        signals(Market(bars, None, clock_of(bars), {"direction": frame}))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, 55.0])
def test_a_probability_outside_zero_and_one_is_refused(wrong):
    with pytest.raises(StrategyError, match="must be a probability"):
        signals(market_of([0.5, wrong]))


def test_an_exit_above_the_entry_is_refused():
    with pytest.raises(StrategyError, match=r"exit_below is 0\.6"):
        validate_params("ml_direction", {"enter_above": 0.55, "exit_below": 0.6})


def test_long_and_short_bands_that_overlap_are_refused():
    wrong = {"enter_above": 0.55, "exit_below": 0.4, "direction": "long_short"}
    with pytest.raises(StrategyError, match=r"0\.45 or more"):
        validate_params("ml_direction", wrong)
    validate_params("ml_direction", wrong | {"direction": "long_only"})


@pytest.mark.parametrize("value", [0.0, 1.0, 1.5, "0.6"])
def test_thresholds_must_be_probabilities(value):
    with pytest.raises(StrategyError, match="'enter_above'"):
        validate_params("ml_direction", {"enter_above": value})


def test_requires_its_model_and_no_warm_up():
    params = validate_params("ml_direction", {"model": "my_model"})
    chosen = strategy("ml_direction")
    assert chosen.required_predictions(params) == ("my_model",)
    assert chosen.warmup_bars(params) == 0


def test_perfect_foresight_in_predictions_would_win_so_the_wiring_is_the_right_way_round():
    from trading_pipeline.backtest import BacktestSettings, run_backtest

    steps = np.random.default_rng(2).normal(0.0, 0.01, 400)
    closes = 100.0 * np.exp(np.cumsum(steps))
    bars = bars_of(closes)
    clock = clock_of(bars)
    # an entry decided at t fills at the open of t+1, which here is its close: gains t+1 to t+2
    rises = np.append(steps[2:], [0.0, 0.0]) > 0
    market = Market(
        bars, None, clock, {"direction": predictions_of(clock, np.where(rises, 0.9, 0.1))}
    )
    finals = {
        direction: run_backtest(bars, signals(market, direction=direction), BacktestSettings())
        for direction in ("long_only", "long_short")
    }
    gains = steps[2:][rises[:-2]].sum()
    assert finals["long_only"].final_equity == pytest.approx(1e5 * np.exp(gains), rel=1e-9)
    assert finals["long_short"].final_equity > finals["long_only"].final_equity


def test_empty_market_gives_empty_signals():
    empty = market_of([])
    assert isinstance(empty.predictions["direction"], pd.DataFrame)
    assert len(signals(empty)) == 0


def test_the_horizon_chooses_the_step_and_its_default_leaves_trials_what_they_were():
    bars = bars_of(np.ones(3))
    clock = clock_of(bars)
    steps = [
        predictions_of(clock, p_up).assign(horizon=horizon)
        for horizon, p_up in ((1, [0.7, 0.7, 0.2]), (9, [0.2, 0.7, 0.7]))
    ]
    frame = pd.concat(steps).sort_values(["known_at", "horizon"])
    market = Market(bars, None, clock, {"direction": frame})
    assert where(signals(market, horizon=1).entry_long) == [0]
    assert where(signals(market, horizon=9).entry_long) == [1]
    assert where(signals(market).entry_long) == [1]
    assert "horizon" not in validate_params("ml_direction", {}).model_dump()


@pytest.mark.parametrize("direction", ["long_only", "long_short"])
def test_the_first_traded_bar_begins_a_state_that_holds_already(direction):
    p_up = [0.5, 0.6, 0.6, 0.6, 0.6, 0.4, 0.3, 0.5]
    found = signals(market_of(p_up).traded_from(3), direction=direction)
    assert where(found.entry_long) == [3]
    assert where(found.exit_long) == [5]
    band = signals(market_of([0.6, 0.6, 0.52, 0.52, 0.6]).traded_from(2), direction=direction)
    assert where(band.entry_long) == [4]  # what was before the first traded bar holds nothing
