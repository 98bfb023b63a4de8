"""A study that is stopped at any moment, then run again, makes the same trials and finds the same.

Failing trials are recorded and end nothing."""

from typing import ClassVar

import pandas as pd
import pytest

from trading_pipeline.domain.audit_records import AuditMemory
from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization import trial_run
from trading_pipeline.optimization.study_run import run_study
from trading_pipeline.optimization.trial_record import TrialMemory
from trading_pipeline.strategies import Strategy, StrategyParams
from trading_pipeline.strategies import catalogue as registry
from trading_pipeline_tests.optimization.test_study_run import inputs, scenario, study

__all__ = ["inputs"]


class BandParams(StrategyParams):
    """A band."""

    bars: int = 5
    width: float = 0.01


class Band(Strategy[BandParams]):
    """Long below a band around its mean, flat above; some sets raise."""

    name: ClassVar[str] = "band"

    def signals(self, market, params):
        if params.bars in RAISING:
            raise ZeroDivisionError(f"no mean of {params.bars}")
        mean = pd.Series(market.close).rolling(params.bars).mean().to_numpy()
        return Signals.long_only(
            market.close < mean * (1 - params.width), market.close > mean * (1 + params.width)
        )


RAISING: set[int] = set()


@pytest.fixture(autouse=True)
def band(monkeypatch):
    RAISING.clear()
    monkeypatch.setitem(registry._STRATEGIES, "band", Band())
    monkeypatch.setattr(trial_run, "_MOST_SETS", 7)


def banded(method, **more):
    space = {"bars": {"range": [2, 40]}, "width": {"log": [0.001, 0.1]}}
    if method == "grid":
        space = {"bars": {"range": [2, 8, 1]}, "width": {"values": [0.005, 0.01, 0.02]}}
    budget = {} if method == "grid" else {"budget": 12}
    walked = {"walk_forward": {"train_windows": 3, "test_windows": 4, "window": "month"}}
    asked = {"strategy": "band", "space": space, "constraints": [], "method": method}
    return study(**asked | budget | walked | more)


def traded(**more):
    return scenario(strategy={"type": "band"}, **more)


class Killed(BaseException):
    """What a kill looks like from inside."""


class Mortal(TrialMemory):
    """A record that is killed after some writes, and keeps what was written."""

    def __init__(self, tables, writes):
        super().__init__()
        self.trials, self.left = tables, writes

    def add(self, fold, part, sets, trials):
        if self.left == 0:
            raise Killed
        self.left -= 1
        super().add(fold, part, sets, trials)


def trials_of(record):
    return {
        fold: pd.concat([each.table for each in tables], ignore_index=True)[
            ["parameters_hash", "value", "status"]
        ]
        for fold, tables in record.trials.items()
    }


@pytest.mark.parametrize("method", ["grid", "random", "successive_halving", "tpe"])
def test_a_study_that_is_killed_again_and_again_ends_as_one_that_was_not(inputs, method):
    asked = banded(method)
    whole, log = TrialMemory(), AuditMemory()
    expected = run_study(asked, traded(), inputs, record=whole, audits=log)
    tables, kills = {}, 0
    while True:
        record = Mortal(tables, writes=3)
        try:
            found = run_study(asked, traded(), inputs, record=record, audits=log)
            break
        except Killed:
            kills += 1
    assert kills > 1
    made, alone = trials_of(record), trials_of(whole)
    assert made.keys() == alone.keys()
    for fold, table in alone.items():
        pd.testing.assert_frame_equal(made[fold], table)
        assert not made[fold]["parameters_hash"].duplicated().any()
    assert found.parameters == expected.parameters
    assert found.table["value"].equals(expected.table["value"])
    assert found.walk_forward.equity.equals(expected.walk_forward.equity)
    assert found.walk_forward.chosen[0][0] == expected.walk_forward.chosen[0][0]


def test_a_set_that_raises_is_a_failed_trial_with_its_reason_and_ends_nothing(inputs):
    RAISING.update({3, 5})
    found = run_study(banded("grid", walk_forward=None), traded(), inputs)
    failed = found.table["status"] == "failed"
    assert [p["bars"] in RAISING for p in found.parameters] == failed.tolist()
    assert failed.sum() == 6
    assert found.table.loc[failed, "value"].isna().all()
    assert all("no mean of" in reason for reason in found.table.loc[failed, "reason"])
    RAISING.clear()
    others = run_study(banded("grid", walk_forward=None), traded(), inputs)
    assert found.table.loc[~failed, "value"].equals(others.table.loc[~failed, "value"])


def test_a_study_all_of_whose_sets_raise_is_an_error_and_its_trials_stay_on_record(inputs):
    RAISING.update(range(100))
    record = TrialMemory()
    with pytest.raises(OptimizationError, match=r"no trial that ran.*each of the 21.*no mean of 2"):
        run_study(banded("grid", walk_forward=None), traded(), inputs, record=record)
    assert len(record.known("")) == 21


def test_progress_ends_with_all_that_was_planned(inputs):
    seen = []
    run_study(banded("grid"), traded(), inputs, progress=lambda *told: seen.append(told))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]
    assert seen[-1][1] % 21 == 0
