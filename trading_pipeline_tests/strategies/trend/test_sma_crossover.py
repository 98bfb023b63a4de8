"""The moving-average crossover, including its golden runs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestSettings, run_backtest
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


@pytest.mark.parametrize("slow", [20, 30])
def test_no_signal_lies_within_the_declared_warm_up(slow, make_market):
    params = validate_params("sma_crossover", {"fast": 2, "slow": slow})
    warmup = strategy("sma_crossover").warmup_bars(params)
    assert warmup == slow
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


@pytest.mark.parametrize("direction", ["long_only", "long_short"])
def test_crossing_plan_gives_the_signals_of_each_set_of_parameters(direction):
    rng = np.random.default_rng(4)
    close = 50 + np.cumsum(rng.integers(-1, 2, 120)).astype(float)
    index = pd.date_range("2024-01-01", periods=120, tz="UTC", name="ts").as_unit("us")
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close), index=index)
    market = Market(bars.assign(volume=1.0))
    many = [
        SmaCrossoverParams(fast=fast, slow=slow, direction=direction)
        for fast, slow in ((2, 5), (3, 5), (5, 20))
    ]
    plan = SmaCrossover().crossing_plan(market, many)
    assert plan.rows.shape == (4, 120)  # each distinct window once
    for row, params in enumerate(many):
        wanted, found = SmaCrossover().signals(market, params), plan.signals(row)
        for name in ("entry_long", "exit_long", "entry_short", "exit_short"):
            np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


def test_mixed_directions_have_no_crossing_plan():
    index = pd.date_range("2024-01-01", periods=3, tz="UTC", name="ts").as_unit("us")
    bars = pd.DataFrame(1.0, index=index, columns=["open", "high", "low", "close", "volume"])
    many = [SmaCrossoverParams(), SmaCrossoverParams(direction="long_short")]
    assert SmaCrossover().crossing_plan(Market(bars), many) is None
