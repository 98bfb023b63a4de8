"""Audits of studies: corners and drawn sets before the sweep, the best trial after it."""

from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.domain.audit_records import AuditMemory
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.signals import Signals
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import LookaheadError
from trading_pipeline.optimization.study_audit import audit_space, sets_to_audit
from trading_pipeline.optimization.study_run import run_study
from trading_pipeline.optimization.trial_record import TrialMemory
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.strategies import SHIPPED, Market, Strategy, StrategyParams
from trading_pipeline.strategies import catalogue as registry
from trading_pipeline_tests.conftest import random_bars

LEAKY = [(-1, -1)]


class GridParams(StrategyParams):
    """A grid."""

    a: Annotated[int, Field(ge=0)] = 1
    b: Annotated[int, Field(ge=0)] = 1


class Sometimes(Strategy[GridParams]):
    """Long after a rise over `a` bars; where (a, b) is leaky, it knows the opens it trades at."""

    name: ClassVar[str] = "sometimes"

    def signals(self, market, params):
        change = pd.Series(market.close).diff(params.a + 1).to_numpy()
        if (params.a, params.b) in LEAKY:
            opens = market.bars["open"].to_numpy()
            change = np.append(np.diff(opens)[1:], [0.0, 0.0])
        return Signals.long_only(change > 0, change < 0)


@pytest.fixture(autouse=True)
def sometimes(monkeypatch):
    monkeypatch.setitem(registry._STRATEGIES, "sometimes", Sometimes())


def run(*leaky, audits=None, record=None, allow=None, last=9):
    LEAKY[:] = leaky
    raw = random_bars(300, seed=3)
    inputs = ScenarioInputs(
        instrument=Instrument(symbol="X", timeframe=Timeframe.D1, source="test", calendar="24/7"),
        raw=raw,
        factors=pd.DataFrame({"total": 1.0, "split": 1.0}, index=raw.index),
        known_at=pd.DatetimeIndex(raw.index + pd.Timedelta(days=1)),
        actions=[],
        periods_per_year=365.0,
        predictions={},
    )
    scenario = ScenarioSpec.parse(
        {"name": "own", "strategy": {"type": "sometimes"}, "allow_lookahead": allow}, where="a test"
    )
    axis = {"range": [0, last, 1]}
    study = StudySpec.parse(
        {"name": "s", "strategy": "sometimes", "scenario": "own", "space": {"a": axis, "b": axis}},
        where="a test",
    )
    return run_study(study, scenario, inputs, audits=audits, record=record)


def test_an_honest_study_says_how_much_was_tried():
    found = run()
    assert found.outcome.audit == "passed"
    assert found.outcome.note.startswith("no difference at")


@pytest.mark.parametrize("corner", [(0, 0), (0, 9), (9, 0), (9, 9)])
def test_a_leak_in_one_corner_is_found_before_the_sweep(corner):
    made = TrialMemory()
    with pytest.raises(LookaheadError) as caught:
        run(corner, record=made)
    assert caught.value.parameters == f'{{"a": {corner[0]}, "b": {corner[1]}}}'
    assert made.trials == {}


def test_a_leak_that_only_the_best_trial_has_is_found_and_the_trials_are_recorded_first():
    grid = [{"a": a, "b": b} for a in range(10) for b in range(10)]
    audited = {tuple(grid[row].values()) for row in sets_to_audit(grid)}
    other = next((a, b) for a in range(4, 9) for b in range(4, 9) if (a, b) not in audited)
    made, log = TrialMemory(), AuditMemory()
    with pytest.raises(LookaheadError) as caught:
        run(other, record=made, audits=log)
    assert len(made.known("")) == 100
    best = max(made.known("").values(), key=lambda row: row["value"])
    assert best["parameters_hash"] == canonical_hash({"a": other[0], "b": other[1]})
    assert caught.value.parameters == f'{{"a": {other[0]}, "b": {other[1]}}}'
    # from now on the study is refused before its sweep
    again = TrialMemory()
    with pytest.raises(LookaheadError):
        run(other, record=again, audits=log)
    assert again.trials == {}


def test_a_reason_keeps_a_study_whose_best_trial_looks_ahead():
    found = run((9, 9), allow="for a test", last=9)
    assert found.outcome.audit == "look_ahead_allowed"
    marks = [text.split(":")[0] for text in found.outcome.warnings]
    assert marks == ["Look-ahead allowed", "Implausible"]


def test_an_equal_study_is_audited_once():
    log = AuditMemory()
    run(audits=log)
    kept = len(log.records)
    run(audits=log)
    assert len(log.records) == kept


@pytest.mark.parametrize(
    ("name", "sets", "audited"),
    [
        ("sma_crossover", [{"fast": fast, "slow": 20} for fast in (3, 5)], [299]),
        ("sometimes", [{"a": a} for a in (1, 2)], [299, 300]),  # not of the package
    ],
)
def test_one_new_bar_audits_the_space_of_own_strategies_alone(name, sets, audited):
    log, market = AuditMemory(), Market(random_bars(300, seed=3))
    many = [SHIPPED.validate_params(name, each) for each in sets]
    for bars in (299, 300):
        record = audit_space(SHIPPED, name, many, market.head(bars), instrument="X_1d", log=log)
    assert [each.bars for each in log.records] == audited
    covered = "" if audited[-1] == 300 else ", on the first 299 of 300 bars"
    assert record.note_on(300) == f"{record.note}{covered}"


def test_corners_are_the_furthest_allowed_sets_and_twenty_others_are_drawn():
    grid = [{"f": f, "s": s} for f in range(20) for s in range(20) if f < s]
    chosen = [grid[row] for row in sets_to_audit(grid)]
    assert len(chosen) == len({tuple(each.values()) for each in chosen}) <= 24
    for corner in ({"f": 0, "s": 1}, {"f": 0, "s": 19}, {"f": 18, "s": 19}):
        assert corner in chosen
    assert sets_to_audit(grid) == sets_to_audit(grid)


def test_small_words_and_fixed_parameters_have_corners_too():
    grid = [{"side": side, "n": 3, "on": None} for side in ("long", "short")]
    assert sorted(sets_to_audit(grid)) == [0, 1]
    assert sets_to_audit([{"n": 3}]) == [0]
    assert sets_to_audit([]) == []


def test_of_many_parameters_sixteen_corners_are_drawn():
    grid = [{f"p{i}": (row >> i) & 1 for i in range(8)} for row in range(256)]
    assert len(sets_to_audit(grid)) == 36
