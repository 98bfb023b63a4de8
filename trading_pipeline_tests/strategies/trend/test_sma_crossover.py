"""The moving-average crossover, including its golden runs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestSettings, run_backtest, run_sweep
from trading_pipeline.errors import StrategyError
from trading_pipeline.strategies import Market, strategy, validate_params
from trading_pipeline.strategies.trend.sma_crossover import SmaCrossover, SmaCrossoverParams
from trading_pipeline_tests.backtest.random_markets import golden_market
from trading_pipeline_tests.strategies.conftest import random_closes

GOLDEN = Path(__file__).parents[2] / "golden"
RUNS = json.loads((GOLDEN / "engine_finals.json").read_text())["runs"]
DIRECTIONS = {"long": "long_only", "long_short": "long_short"}


def signals(market, **params):
    return strategy("sma_crossover").signals(market, validate_params("sma_crossover", params))


def where(flags):
    return np.flatnonzero(flags).tolist()


def test_crosses_by_hand(make_market):
    #                     0    1    2    3    4    5    6    7
    market = make_market([3.0, 2.0, 1.0, 4.0, 5.0, 1.0, 1.0, 9.0])
    # mean of 1: the close; mean of 3: -, -, 2, 7/3, 10/3, 10/3, 7/3, 11/3
    found = signals(market, fast=1, slow=3)
    assert where(found.entry_long) == [3, 7]
    assert where(found.exit_long) == [5]
    assert not found.entry_short.any()
    assert not found.exit_short.any()


def test_long_short_reverses_at_each_cross(make_market):
    market = make_market(random_closes())
    both = signals(market, fast=5, slow=20, direction="long_short")
    only = signals(market, fast=5, slow=20)
    assert where(both.entry_long) == where(both.exit_short) == where(only.entry_long)
    assert where(both.entry_short) == where(both.exit_long) == where(only.exit_long)
    assert len(where(both.entry_long)) > 3


def test_equal_averages_are_no_cross_until_they_part(make_market):
    # 2, 2, 2 keeps both averages at 2; the cross is on the first bar that parts them
    market = make_market([2.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0])
    found = signals(market, fast=1, slow=2)
    assert where(found.entry_long) == [5]
    assert where(found.exit_long) == []


def test_a_market_that_starts_above_waits_for_its_first_cross(make_market):
    found = signals(make_market(np.arange(1.0, 60.0)), fast=3, slow=10)
    assert not found.entry_long.any()


def test_a_start_in_the_state_enters_on_the_first_bar_with_both_averages(make_market):
    found = signals(make_market(np.arange(1.0, 60.0)), fast=3, slow=10, start="state")
    assert where(found.entry_long) == [9]
    assert not found.exit_long.any()


def test_a_start_in_the_state_enters_on_the_first_traded_bar(make_market):
    market = make_market(np.arange(1.0, 60.0)).traded_from(30)
    assert where(signals(market, fast=3, slow=10, start="state").entry_long) == [30]
    assert where(signals(market, fast=3, slow=10).entry_long) == []
    late = make_market(np.arange(1.0, 60.0)).traded_from(4)
    assert where(signals(late, fast=3, slow=10, start="state").entry_long) == [9]


def test_a_market_that_starts_below_is_short_at_once_only_where_shorts_are_traded(make_market):
    market = make_market(np.arange(60.0, 1.0, -1.0)).traded_from(20)
    both = signals(market, fast=3, slow=10, direction="long_short", start="state")
    assert where(both.entry_short) == [20]
    only = signals(market, fast=3, slow=10, start="state")
    assert not (only.entry_long | only.entry_short).any()


def test_equal_averages_are_no_state(make_market):
    found = signals(make_market([2.0, 2.0, 2.0, 2.0, 3.0]), fast=1, slow=2, start="state")
    assert where(found.entry_long) == [4]


def test_after_a_start_in_the_state_only_crosses_count(make_market):
    market = make_market(random_closes()).traded_from(100)
    crosses, state = (signals(market, fast=5, slow=20, start=s) for s in ("cross", "state"))
    late = np.arange(300) > 100
    for name in ("entry_long", "exit_long"):
        after = getattr(crosses, name) & late
        np.testing.assert_array_equal(getattr(state, name) & late, after)


def test_a_stop_after_a_start_in_the_state_waits_for_a_cross(make_market):
    market = make_market([*np.arange(1.0, 21.0), 18.0, 21.0, 22.0, 23.0])
    found = signals(market, fast=2, slow=10, start="state")
    settings = BacktestSettings(initial_cash=1e3, trailing_stop=0.05)
    stopped = run_backtest(market.raw, found, settings)
    assert stopped.trades["exit_reason"].tolist()[0] == "trailing_stop"
    assert stopped.trade_count == 1


def test_the_default_start_leaves_stored_parameters_as_they_were():
    params = validate_params("sma_crossover", {"fast": 5})
    before = {"fast": 5, "slow": 30, "direction": "long_only"}
    assert params.model_dump(mode="json") == before
    assert SmaCrossoverParams.model_validate(before) == params
    given = validate_params("sma_crossover", {"fast": 5, "start": "cross"})
    assert given.hash == params.hash
    state = validate_params("sma_crossover", {"fast": 5, "start": "state"})
    assert state.model_dump(mode="json") == before | {"start": "state"}


@pytest.mark.parametrize("start", ["cross", "state"])
@pytest.mark.parametrize("slow", [20, 30])
def test_no_signal_lies_within_the_declared_warm_up(slow, start, make_market):
    params = validate_params("sma_crossover", {"fast": 2, "slow": slow, "start": start})
    warmup = strategy("sma_crossover").warmup_bars(params)
    assert warmup == (slow if start == "cross" else slow - 1)
    earliest = slow
    for seed in range(40):
        found = strategy("sma_crossover").signals(make_market(random_closes(90, seed)), params)
        rows = where(found.entry_long | found.exit_long)
        earliest = min([earliest, *rows])
        if rows:
            assert rows[0] >= warmup


def test_a_signal_can_fall_on_the_first_bar_after_the_warm_up(make_market):
    found = signals(make_market([2.0, 2.0, 2.0, 5.0]), fast=1, slow=3)
    assert where(found.entry_long) == [3]


@pytest.mark.parametrize("rows", [0, 1, 29, 30])
def test_a_market_shorter_than_the_slow_window_has_no_signal(rows, make_market):
    found = signals(make_market(random_closes(300)[:rows]))
    assert len(found) == rows
    assert not (found.entry_long | found.exit_long).any()


def test_a_split_makes_no_cross(make_market):
    rising = np.linspace(50.0, 150.0, 300)
    halved = np.where(np.arange(300) >= 150, rising / 2.0, rising)
    raw = make_market(halved).raw
    adjusted = Market(raw, np.where(np.arange(300) >= 150, 2.0, 1.0))
    assert where(signals(adjusted).exit_long) == []
    assert where(signals(Market(raw)).exit_long) != []  # the raw drop looks like a fall


def test_the_best_of_the_published_42_crossovers_has_its_published_sharpe_ratio():
    bars, traded = golden_market("sp500"), slice(249, None)
    market = Market(bars).traded_from(traded.start)
    many = [
        SmaCrossoverParams(fast=fast, slow=slow, start="state")
        for fast in (5, 10, 20, 30, 40, 50)
        for slow in (60, 80, 100, 120, 150, 200, 250)
    ]
    plan = SmaCrossover().sweep_plan(market, many).cut(traded)
    settings = BacktestSettings(initial_cash=1e9, fill="same_close")
    swept = run_sweep(bars.iloc[traded], plan, settings)
    (best,) = swept.best()
    assert (many[best].fast, many[best].slow) == (50, 250)
    assert swept.table["sharpe"][best] == pytest.approx(0.5274, abs=5e-5)


@pytest.mark.parametrize("golden", RUNS, ids=lambda g: f"{g['market']}-{g['mode']}-{g['fill']}")
def test_golden_finals_come_out_of_the_strategy(golden):
    bars = golden_market(golden["market"])
    settings = BacktestSettings(initial_cash=1e6, commission_bps=10, fill=golden["fill"])
    found = signals(Market(bars), direction=DIRECTIONS[golden["mode"]])
    result = run_backtest(bars, found, settings)
    assert result.final_equity == pytest.approx(golden["final_equity"], rel=1e-9)
    assert result.trade_count == golden["trades"]


@pytest.mark.parametrize("mode", DIRECTIONS)
@pytest.mark.parametrize("name", ["goog", "sp500"])
def test_golden_entries_are_decided_one_bar_before_they_fill(name, mode):
    trades = pd.read_csv(GOLDEN / f"trades_{name}_{mode}.csv")
    found = signals(Market(golden_market(name)), direction=DIRECTIONS[mode])
    long = trades["direction"] == 0
    decided = where(found.entry_long[:-1])
    assert decided[: long.sum()] == (trades.loc[long, "entry_idx"] - 1).tolist()
    short = where(found.entry_short[:-1])
    assert short == (trades.loc[~long, "entry_idx"] - 1).tolist()


@pytest.mark.parametrize(("fast", "slow"), [(30, 30), (31, 30)])
def test_a_fast_window_that_is_not_shorter_is_refused(fast, slow):
    with pytest.raises(StrategyError, match=f"fast window of {fast} bars must be shorter"):
        validate_params("sma_crossover", {"fast": fast, "slow": slow})


@pytest.mark.parametrize("fast", [0, -1])
def test_a_window_below_one_bar_is_refused(fast):
    with pytest.raises(StrategyError, match="'fast'"):
        validate_params("sma_crossover", {"fast": fast})


def test_needs_no_prediction():
    params = validate_params("sma_crossover", {})
    assert strategy("sma_crossover").required_predictions(params) == ()


@pytest.mark.parametrize("start", ["cross", "state"])
@pytest.mark.parametrize("direction", ["long_only", "long_short"])
def test_crossing_plan_gives_the_signals_of_each_set_of_parameters(direction, start):
    rng = np.random.default_rng(4)
    close = 50 + np.cumsum(rng.integers(-1, 2, 120)).astype(float)
    index = pd.date_range("2024-01-01", periods=120, tz="UTC", name="ts").as_unit("us")
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close), index=index)
    market = Market(bars.assign(volume=1.0))
    many = [
        SmaCrossoverParams(fast=fast, slow=slow, direction=direction, start=start)
        for fast, slow in ((2, 5), (3, 5), (5, 20))
    ]
    plan = SmaCrossover().sweep_plan(market, many)
    assert plan.rows.shape == (4, 120)  # each distinct window once
    for row, params in enumerate(many):
        wanted, found = SmaCrossover().signals(market, params), plan.signals(row)
        for name in ("entry_long", "exit_long", "entry_short", "exit_short"):
            np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
