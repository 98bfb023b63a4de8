"""Grid studies: each trial equals the single run of its parameters."""

import math

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest.scenario_runner import ScenarioInputs, run_scenario
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import InsufficientDataError, OptimizationError, StrategyError
from trading_pipeline.optimization.study_checks import check_study
from trading_pipeline.optimization.study_metrics import STUDY_METRICS
from trading_pipeline.optimization.study_run import run_study
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline_tests.conftest import random_bars


def scenario(**more):
    values = {
        "name": "own",
        "strategy": {"type": "sma_crossover", "params": {"direction": "long_short"}},
        "dates": {"start": "2012-03-01"},
        "costs": {"commission_bps": 10, "slippage_bps": 5},
    }
    return ScenarioSpec.parse(values | more, where="a test")


def study(**more):
    values = {
        "name": "s",
        "strategy": "sma_crossover",
        "scenario": "own",
        "space": {"fast": {"values": [2, 5]}, "slow": {"range": [5, 25, 10]}},
        "constraints": ["fast < slow"],
    }
    return StudySpec.parse(values | more, where="a test")


@pytest.fixture(scope="module")
def inputs():
    raw = random_bars(400, seed=3)
    split = CorporateAction(
        instrument="X_1d",
        ex_date=raw.index[150].date(),
        kind="split",
        value=2.0,
        source="test",
        seen_at=raw.index[150].to_pydatetime(),
    )
    raw.iloc[150:, :4] /= 2.0
    factor = np.where(np.arange(400) < 150, 1.0, 2.0)
    return ScenarioInputs(
        instrument=Instrument(symbol="X", timeframe=Timeframe.D1, source="test", calendar="24/7"),
        raw=raw,
        factors=pd.DataFrame({"total": factor, "split": factor}, index=raw.index),
        known_at=pd.DatetimeIndex(raw.index + pd.Timedelta(days=1)),
        actions=[split],
        periods_per_year=365.0,
        predictions={},
    )


def test_each_trial_equals_the_single_run_of_its_parameters_to_the_last_bit(inputs):
    found = run_study(study(), scenario(), inputs)
    assert [(p["fast"], p["slow"]) for p in found.parameters] == [
        (2, 5), (2, 15), (2, 25), (5, 15), (5, 25),
    ]  # fmt: skip
    for parameters, row in zip(found.parameters, found.table.to_dict("records"), strict=True):
        alone = scenario(strategy={"type": "sma_crossover", "params": parameters})
        run = run_scenario(alone, inputs)
        assert row["final_equity"] == run.result.equity[-1]
        assert row["sharpe"] == run.metrics["sharpe"]
        assert row["trade_count"] == len(run.result.trades)
        for name in ("mean", "sd", "skew", "kurtosis"):
            assert row[name] == getattr(run.result.moments, name)
        assert row["max_drawdown"] == pytest.approx(run.metrics["max_drawdown"], abs=1e-12)
        assert run.parameters == parameters
        assert row["parameters_hash"] == canonical_hash(parameters)
    assert found.bars == 400 - 60
    assert found.table["final_equity"].nunique() == 5


@pytest.mark.parametrize("metric", STUDY_METRICS)
def test_the_value_is_the_metric_of_the_single_run(inputs, metric):
    found = run_study(study(metric=metric), scenario(), inputs)
    single = []
    for parameters in found.parameters:
        alone = scenario(strategy={"type": "sma_crossover", "params": parameters})
        single.append(run_scenario(alone, inputs).metrics[metric])
    assert found.table["value"].tolist() == pytest.approx(single, rel=1e-12)
    assert found.best == int(np.argmax(single))


def test_parameters_that_are_not_searched_come_from_the_scenario():
    checked = check_study(study(), scenario())
    assert {each["direction"] for each in checked} == {"long_short"}


def test_no_best_where_nothing_was_traded(inputs):
    idle = study(space={"fast": {"values": [500]}, "slow": {"values": [600, 700]}})
    found = run_study(idle, scenario(), inputs)
    assert found.best == -1
    assert all(math.isnan(value) for value in found.table["value"])


def test_what_cannot_be_run_is_refused_before_anything_runs(inputs):
    with pytest.raises(OptimizationError, match=r"'sharp'.*'sharpe'"):
        check_study(study(metric="sharp"), scenario())
    with pytest.raises(OptimizationError, match=r"'sortino', which is not computed in a sweep"):
        check_study(study(metric="sortino"), scenario())
    with pytest.raises(StrategyError, match="fast"):
        check_study(study(space={"fats": {"values": [1]}}, constraints=[]), scenario())
    with pytest.raises(StrategyError):
        check_study(study(constraints=[]), scenario())  # fast 5, slow 5
    with pytest.raises(InsufficientDataError, match="'own' trades X_1d"):
        run_study(study(), scenario(dates={"start": "2020-01-01"}), inputs)


def test_a_combination_that_the_strategy_refuses_is_named_with_the_constraint_that_leaves_it_out():
    with pytest.raises(StrategyError) as caught:
        check_study(
            study(space={"fast": {"values": [20]}, "slow": {"values": [20]}}, constraints=[]),
            scenario(),
        )
    assert "The study 's' reaches {fast: 20, slow: 20}" in str(caught.value)
    assert 'constraints: ["fast < slow"]' in str(caught.value)
    assert caught.value.study == "s"
