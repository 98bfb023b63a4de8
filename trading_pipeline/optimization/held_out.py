"""The bars of a frozen study: those that its trials read, and those of its one test."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pandas as pd

from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.errors import OptimizationError
from trading_pipeline.settings.scenario import DateSpan, ScenarioSpec
from trading_pipeline.settings.study import StudySpec

__all__ = ["inputs_until", "searched_scenario", "tested_scenario"]


def searched_scenario(study: StudySpec, scenario: ScenarioSpec) -> ScenarioSpec:
    """The scenario as the trials see it: of a frozen study it ends where the test begins.

    Raises `OptimizationError` for a test that is not inside the scenario's dates.
    """
    test = study.test
    if test is None or test.start is None:
        return scenario
    first, last = scenario.dates.start, scenario.dates.end
    begins_early = first is not None and test.start <= first
    ends_late = last is not None and (test.start >= last or (test.end or last) > last)
    if begins_early or ends_late:
        raise OptimizationError(
            f"The study '{study.name}' keeps {test.written} for its test, but its scenario "
            f"'{scenario.name}' trades {scenario.dates.written}. 'test' must begin after the "
            "scenario's start and end with it at the latest.",
            study=study.name,
            scenario=scenario.name,
        )
    return scenario.model_copy(update={"dates": DateSpan(start=first, end=test.start)})


def tested_scenario(study: StudySpec, scenario: ScenarioSpec) -> ScenarioSpec:
    """The scenario on the dates of the test of a frozen study."""
    test = study.test or DateSpan()
    dates = DateSpan(start=test.start, end=test.end or scenario.dates.end)
    return scenario.model_copy(update={"dates": dates})


def inputs_until(inputs: ScenarioInputs, end: datetime | None) -> ScenarioInputs:
    """The inputs as if nothing from `end` on existed: bars, actions, predictions and other inputs.

    `end`: aware UTC, exclusive; None leaves them as they are.
    """
    index = inputs.raw.index
    rows = len(index) if end is None else int(index.searchsorted(pd.Timestamp(end)))
    if end is None or rows == len(index):
        return inputs
    known = inputs.known_at[:rows]
    last_known = known[-1] if rows else pd.Timestamp(end)
    return replace(
        inputs,
        raw=inputs.raw.iloc[:rows],
        factors=inputs.factors.iloc[:rows],
        known_at=known,
        actions=[action for action in inputs.actions if action.ex_date < end.date()],
        predictions={
            name: frame[frame["known_at"] <= last_known]
            for name, frame in inputs.predictions.items()
        },
        external={name: frame.iloc[:rows] for name, frame in inputs.external.items()},
    )
