"""Grid studies over a crossing plan: each row equals the single run of its parameters."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest.scenario_runner import ScenarioInputs, run_scenario
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.optimization.study_run import run_study
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline_tests.backtest.random_markets import golden_market


def inputs() -> ScenarioInputs:
    raw = golden_market("goog")
    ones: Any = pd.DataFrame({"total": 1.0, "split": 1.0}, index=raw.index)
    known = pd.DatetimeIndex(raw.index + pd.Timedelta(hours=21))
    instrument = Instrument(
        symbol="GOOG", timeframe="1d", source="bundled", calendar="XNYS", asset_class="equity",
        currency="USD",
    )  # fmt: skip
    return ScenarioInputs(
        instrument=instrument, raw=raw, factors=ones, known_at=known, actions=(),
        periods_per_year=252.0, predictions={},
    )  # fmt: skip


@pytest.mark.parametrize("start", ["cross", "state"])
@pytest.mark.parametrize("direction", ["long_only", "long_short"])
@pytest.mark.parametrize("first_day", ["2006-01-03", None])
def test_rows_equal_the_scenarios_run_one_by_one(direction, start, first_day):
    strategy = {"type": "sma_crossover", "params": {"direction": direction, "start": start}}
    rest = {"name": "one", "dates": {"start": first_day, "end": "2011-05-02"}}
    scenario = ScenarioSpec.model_validate(
        {**rest, "strategy": strategy, "costs": {"commission_bps": 10}, "risk": {"stop_loss": 0.05}}
    )
    study = StudySpec.model_validate(
        {"name": "grid", "strategy": "sma_crossover", "scenario": "one", "metric": "sharpe",
         "method": "grid",
         "space": {"fast": {"range": [5, 15, 5]}, "slow": {"range": [20, 40, 10]}}}
    )  # fmt: skip
    given = inputs()
    found = run_study(study, scenario, given)
    assert len(found.parameters) == len(found.table) > 4
    for parameters, row in zip(found.parameters, found.table.itertuples(), strict=True):
        one = scenario.model_copy(
            update={"strategy": scenario.strategy.model_copy(update={"params": parameters})}
        )
        single = run_scenario(one, given).result
        assert row.final_equity == single.final_equity
        assert row.trade_count == single.trade_count
        assert np.float64(row.sharpe).tobytes() == np.float64(single.moments.sharpe).tobytes()


def test_a_study_may_search_over_how_trading_begins():
    scenario = ScenarioSpec.model_validate(
        {"name": "one", "strategy": {"type": "sma_crossover"}, "dates": {"start": "2006-01-03"}}
    )
    space = {"slow": {"values": [100, 200]}, "start": {"values": ["cross", "state"]}}
    study = StudySpec.model_validate(
        {"name": "grid", "strategy": "sma_crossover", "scenario": "one", "metric": "sharpe",
         "method": "grid", "space": space}
    )  # fmt: skip
    found = run_study(study, scenario, inputs())
    values = found.table["final_equity"].tolist()
    assert values[0] != values[1]  # GOOG stood above both slow averages
    assert values[2] != values[3]
    assert found.table["parameters_hash"].nunique() == 4
