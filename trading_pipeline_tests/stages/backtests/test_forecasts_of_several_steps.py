"""Backtests of strategies that read forecasts of several steps: one step, by its horizon."""

import pytest

from trading_pipeline.errors import StrategyError
from trading_pipeline.stages.coverage import chain_stages
from trading_pipeline_tests.stage_calls import materialize_backtest

AAPL = "AAPL_1d"
MODEL = """
name: {name}
predictor: {{type: {predictor}, params: {{paths: 100, steps: 4, horizons: [1, 4]}}}}
training: {{minimum_rows: 100}}
"""
SCENARIO = """
name: steps
strategy: {{type: {strategy}, params: {{{params}}}}}
instruments: [AAPL_1d]
dates: {{start: 2002-01-01, end: 2004-01-01}}
costs: {{commission_bps: 10}}
"""
RISES = """
import numpy as np
from trading_pipeline.domain.signals import Signals
from trading_pipeline.strategies import Strategy, StrategyParams


class Params(StrategyParams):
    model: str = "path"
    horizon: int | None = None


class Rises(Strategy[Params]):
    def signals(self, market, params):
        told = market.predictions_at(params.model, params.horizon)
        if "close" in told:
            expected = np.log(told["close"].to_numpy() / market.close)
        else:
            expected = told["yhat"].to_numpy()
        rises = np.nan_to_num(expected) > 0.0
        return Signals.long_only(rises, ~rises)

    def required_predictions(self, params):
        return (params.model,)
"""


def predicted(world, predictor):
    world.write("models/path.yaml", MODEL.format(name="path", predictor=predictor))
    workspace = world.workspace
    for stage in chain_stages(workspace, AAPL, ["path"])[1:]:
        stage.materialize(workspace.windows())


def trades_of(world, strategy, params):
    world.write("scenarios/steps.yaml", SCENARIO.format(strategy=strategy, params=params))
    return materialize_backtest(world.workspace, AAPL, "steps")


def test_a_strategy_names_the_step_that_it_trades(world):
    predicted(world, "autoregressive")
    found = {}
    for horizon in (1, 4, None):
        params = "model: path, enter_above: 0.5, exit_below: 0.5"
        params += f", horizon: {horizon}" if horizon else ""
        outcome = trades_of(world, "ml_direction", params)
        found[horizon] = outcome.metadata["content_hash"]
        assert outcome.metadata["trade_count"] > 3
        assert outcome.metadata["audit"] == "passed"
    assert found[None] == found[4] != found[1]
    with pytest.raises(StrategyError, match=r"no forecast 3 bars ahead; it has those of 1, 4\."):
        trades_of(world, "ml_direction", "model: path, horizon: 3")
    world.write("strategies/rises.py", RISES)
    assert trades_of(world, "rises", "horizon: 1").metadata["trade_count"] > 3


def test_a_strategy_of_the_users_trades_forecast_closes_of_one_step(world):
    predicted(world, "multi_ohlc")
    world.write("strategies/rises.py", RISES)
    assert trades_of(world, "rises", "horizon: 4").metadata["trade_count"] > 3
