"""How a scenario's keys meet the strategy's own levels, its dates and its benchmark."""

import dataclasses
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest.scenario_runner import ScenarioInputs, run_scenario
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.signals import Fraction, Signals
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.optimization.study_run import run_study
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.strategies import catalogue as registry
from trading_pipeline.strategies.base import Strategy
from trading_pipeline.strategies.buy_and_hold import BuyAndHoldParams
from trading_pipeline_tests.backtest.random_markets import flat_bars, golden_market


class StopsItself(Strategy[BuyAndHoldParams]):
    """Enters on the first and fourth bar; only the first entry has a stop of its own, 10 % away."""

    name: ClassVar[str] = "stops_itself"
    params_type = BuyAndHoldParams

    def signals(self, market, params):
        entry = np.zeros(len(market), dtype=bool)
        entry[[0, 3]] = True
        stop = np.full(len(market), np.nan)
        stop[0] = 0.1
        return Signals.long_only(entry, np.zeros_like(entry), stop_loss=Fraction(stop))

    def warmup_bars(self, params):
        return 0


def inputs(raw):
    factors = pd.DataFrame({"total": 1.0, "split": 1.0}, index=raw.index)
    return ScenarioInputs(
        instrument=Instrument(symbol="TEST", timeframe=Timeframe.D1, source="csv"),
        raw=raw,
        factors=factors,
        known_at=pd.DatetimeIndex(raw.index + pd.Timedelta(hours=21)),
        actions=(),
        periods_per_year=252.0,
        predictions={},
    )


def scenario(strategy, **groups):
    values = {"name": "s", "strategy": {"type": strategy}, **groups}
    return ScenarioSpec.parse(values, where="a test")


@pytest.fixture
def stops_itself(monkeypatch):
    monkeypatch.setitem(registry._STRATEGIES, "stops_itself", StopsItself())
    return "stops_itself"


def test_levels_of_the_strategy_win_over_the_scenarios(stops_itself):
    raw = flat_bars(100, 100, 94, 100, 100, 94, 94)
    run = run_scenario(scenario(stops_itself, risk={"stop_loss": 0.05}), inputs(raw))
    # 94 lies below the scenario's 95 but above the strategy's own 90.
    assert run.result.trades["exit_reason"].tolist() == ["open"]
    fallen = flat_bars(100, 100, 89, 100, 100, 94, 94)
    run = run_scenario(scenario(stops_itself, risk={"stop_loss": 0.05}), inputs(fallen))
    assert run.result.trades["exit_price"].tolist()[0] == 89.0
    assert run.result.trades["exit_reason"].tolist()[0] == "stop_loss"


def test_longest_holding_and_costs_of_the_scenario_reach_its_result():
    groups = {"risk": {"max_holding_bars": 2}, "costs": {"commission_per_order": 1}}
    run = run_scenario(scenario("buy_and_hold", **groups), inputs(flat_bars(10, 10, 11, 12, 13)))
    assert run.result.trades["exit_reason"].tolist() == ["max_holding"]
    assert run.result.trades["fees"].tolist() == [2.0]
    assert run.benchmark.trades["exit_reason"].tolist() == ["open"]
    assert run.benchmark.trades["fees"].tolist() == [1.0]


def test_a_result_says_how_many_of_its_own_bars_had_no_prediction():
    given = inputs(flat_bars(10, 10, 11, 12, 13, 14))
    told = pd.DataFrame(
        {"known_at": given.known_at, "horizon": 1, "p_up": [0.9, np.nan, np.nan, 0.9, 0.9, np.nan]},
        index=given.raw.index,
    )
    given = dataclasses.replace(given, predictions={"direction": told})
    days = given.raw.index
    dates = {"start": f"{days[1]:%Y-%m-%d}", "end": f"{days[5]:%Y-%m-%d}"}
    for name in ("ml_direction", "ml_predictive"):
        run = run_scenario(scenario(name, dates=dates), given)
        (found,) = [text for text in run.result.warnings if "prediction" in text]
        assert "'direction' has no prediction for 2 of 4 traded bars" in found
    whole = run_scenario(scenario("buy_and_hold", dates=dates), given)
    assert [text for text in whole.result.warnings if "prediction" in text] == []


@pytest.mark.slow
def test_study_on_a_scenario_with_further_keys_equals_its_single_runs():
    raw = golden_market("goog").iloc[:600]
    groups = {
        "risk": {"daily_loss_limit": 3000},
        "financing": {"borrow_rate": 0.1},
        "execution": {"maximum_participation": 0.5},
        "sizing": {"type": "volatility_target", "annual_volatility": 0.3},
    }
    one = scenario("sma_crossover", **groups)
    study = StudySpec.model_validate(
        {"name": "grid", "strategy": "sma_crossover", "scenario": "s", "metric": "sharpe",
         "method": "grid",
         "space": {"fast": {"range": [5, 10, 5]}, "slow": {"range": [20, 30, 10]}}}
    )  # fmt: skip
    found = run_study(study, one, inputs(raw))
    assert len(found.parameters) == len(found.table) == 4
    for parameters, row in zip(found.parameters, found.table.itertuples(), strict=True):
        changed = one.strategy.model_copy(update={"params": parameters})
        single = run_scenario(one.model_copy(update={"strategy": changed}), inputs(raw)).result
        assert row.final_equity == single.final_equity
        assert row.trade_count == single.trade_count
