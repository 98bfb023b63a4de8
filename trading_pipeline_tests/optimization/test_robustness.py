"""The statistics of a search on one instrument, each checked against runs of its own."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestResult, run_backtest
from trading_pipeline.backtest.scenario_runner import (
    ScenarioInputs,
    scenario_settings,
    scenario_signals,
)
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import InsufficientDataError, OptimizationError
from trading_pipeline.optimization.cost_stress import costs_times
from trading_pipeline.optimization.robustness import robustness
from trading_pipeline.optimization.trial_returns import sampled_trials, trial_returns
from trading_pipeline.performance.bar_returns import bar_returns
from trading_pipeline.settings.backtest_settings import BacktestSettings
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.strategies import SHIPPED
from trading_pipeline_tests.conftest import random_bars

SEED = 1
SETS = [{"fast": f, "slow": s, "direction": "long_short"} for f in (2, 5, 10) for s in (15, 20, 30)]


def scenario(**costs) -> ScenarioSpec:
    values = {
        "name": "own",
        "strategy": {"type": "sma_crossover"},
        "costs": {"commission_bps": 10, "slippage_bps": 5} | costs,
    }
    return ScenarioSpec.parse(values, where="a test")


def run(params, inputs, **costs) -> BacktestResult:
    checked = SHIPPED.validate_params("sma_crossover", params)
    signals = scenario_signals("sma_crossover", checked, inputs.market, slice(0, 700))
    return run_backtest(
        inputs.raw, signals, scenario_settings(scenario(**costs), inputs.instrument, 365.0)
    )


@pytest.fixture(scope="module")
def inputs() -> ScenarioInputs:
    raw = random_bars(700, seed=SEED)
    ones = np.ones(700)
    return ScenarioInputs(
        instrument=Instrument(symbol="X", timeframe=Timeframe.D1, source="test", calendar="24/7"),
        raw=raw,
        factors=pd.DataFrame({"total": ones, "split": ones}, index=raw.index),
        known_at=pd.DatetimeIndex(raw.index + pd.Timedelta(days=1)),
        actions=[],
        predictions={},
        periods_per_year=365.0,
    )


@pytest.fixture(scope="module")
def values(inputs) -> list[float]:
    return [run(each, inputs).moments.sharpe for each in SETS]


@pytest.fixture(scope="module")
def found(inputs, values) -> dict:
    return robustness("sma_crossover", scenario(), inputs, SETS, values)


def test_every_statistic_is_there_and_can_be_written(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["returns_of"] == {"trials": 9, "left_out": 0}
    assert 0.0 <= found["pbo"]["probability"] <= 1.0
    assert 1.0 <= found["effective_trials"] <= 9.0
    assert set(found["importance"]) == {"fast", "slow"}
    assert found["plateau"]["neighbours"] >= 2
    for benchmark in ("against_holding", "against_cash"):
        p_value, better = found["spa"][benchmark]["p_value"], found["stepm"][benchmark]["trials"]
        assert bool(better) == (p_value < 0.05)
    assert found["stress"]["sub_periods"]["parts"]


def test_returns_of_trials_are_those_of_their_own_runs(inputs, values):
    trials = trial_returns("sma_crossover", scenario(), inputs, SETS, values)
    for column in (0, 8):
        equity = run(SETS[column], inputs).equity
        expected = bar_returns(equity, initial_equity=100_000.0)
        assert (trials.returns[:, column] == expected).all()


def test_costs_are_stressed_by_runs_at_these_costs(found, inputs, values):
    best = SETS[int(np.argmax(values))]
    by_multiple = {row["cost_multiple"]: row for row in found["stress"]["costs"]}
    assert sorted(by_multiple) == [0.0, 1.0, 2.0, 3.0]
    tripled = run(best, inputs, commission_bps=30, slippage_bps=15)
    assert by_multiple[3.0]["sharpe"] == pytest.approx(tripled.moments.sharpe, abs=1e-9)
    assert by_multiple[1.0]["sharpe"] == pytest.approx(max(values), abs=1e-9)


def test_at_the_break_even_cost_a_rerun_ends_where_it_began(found, inputs, values):
    best, cost = SETS[int(np.argmax(values))], found["break_even_cost_bps"]
    assert found["break_even_outcome"] == "found"

    def ends(bps: float) -> float:
        return run(best, inputs, commission_bps=bps, slippage_bps=0).final_equity

    assert ends(cost - 0.01) >= 100_000.0 >= ends(cost + 0.01)


def test_every_cost_is_multiplied_and_none_leaves_its_bounds():
    settings = BacktestSettings(
        commission_bps=9_000.0, slippage_price=0.5, commission_per_order=1.0, borrow_rate=0.1
    )
    tripled = costs_times(settings, 3.0)
    assert (tripled.commission_bps, tripled.slippage_price) == (9_999.0, 1.5)
    assert (tripled.commission_per_order, tripled.borrow_rate) == (3.0, 0.1)
    assert costs_times(settings, 0.0).maker_commission_bps is None


def test_what_there_is_not_enough_for_is_said_in_words(inputs):
    one = robustness("sma_crossover", scenario(), inputs, [SETS[0]], [0.3])
    assert "at least 2 must be compared" in one["pbo"]["not_enough"]
    assert one["plateau"]["shape"] == "unknown"
    assert one["importance"] == {}
    idle = [{"fast": 600, "slow": 690}, {"fast": 601, "slow": 690}]
    never = robustness("sma_crossover", scenario(), inputs, idle, [0.0, 0.0])
    for key in ("pbo", "effective_trials"):
        assert "returns that vary" in never[key]["not_enough"]
    assert "returns that vary" in never["spa"]["against_cash"]["not_enough"]
    assert never["break_even_cost_bps"] is None
    assert never["break_even_outcome"] == "indifferent"
    with pytest.raises(InsufficientDataError, match="No trial of 'sma_crossover' has a value"):
        robustness("sma_crossover", scenario(), inputs, SETS[:2], [None, math.nan])


def test_sets_that_the_strategy_refuses_are_left_out_and_counted(inputs, values):
    sets = [*SETS, {"fast": 50, "slow": 10}]
    found = trial_returns("sma_crossover", scenario(), inputs, sets, [*values, math.nan])
    assert found.trials.tolist() == list(range(9))
    assert found.left_out == 1
    with pytest.raises(OptimizationError, match="each set needs one value"):
        trial_returns("sma_crossover", scenario(), inputs, sets, values)


def test_of_too_many_trials_the_best_and_a_seeded_sample_are_kept():
    values = np.random.default_rng(1).normal(size=5_000)
    kept = sampled_trials(values, 1_000)
    assert kept.size == 500 == np.unique(kept).size
    assert int(np.argmax(values)) in kept
    assert (kept == sampled_trials(values, 1_000)).all()
    assert sampled_trials(values, 1_000_000).size == 20
    assert sampled_trials(values, 10**9).size == 2
    assert sampled_trials([math.nan] * 600, 10).size == 500
