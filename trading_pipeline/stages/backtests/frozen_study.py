"""Frozen studies: registered before the first trial, measured once on dates that no trial read."""

from __future__ import annotations

import json
from typing import Any

from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.domain.hashing import canonical_hash, frame_hash
from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization.evaluation import Evaluator
from trading_pipeline.optimization.held_out import (
    inputs_until,
    searched_scenario,
    tested_scenario,
)
from trading_pipeline.settings.scenario import ScenarioSpec, StrategySpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline.stages.backtests.study_record import trial_rows
from trading_pipeline.stages.backtests.study_summary import best_of
from trading_pipeline.stages.backtests.trial_identity import TrialIdentities
from trading_pipeline.stages.workspace import Workspace

__all__ = [
    "measure_test",
    "register_frozen",
    "require_as_registered",
    "revised_bars",
    "tested_row",
]

Row = dict[str, Any]
_FOLD = "/held_out"
"""How the fold of the one measurement ends."""
_BARS = "searched_bars"
"""Registered too, but revised bars break no promise, so they are no part of what is compared."""


def require_as_registered(workspace: Workspace, study: StudySpec, instrument_id: str) -> None:
    """Raise `OptimizationError` where a registered study is no longer what it was.

    Of a study that is not registered, nothing is asked. The error names the file, and each thing
    that changed with its old and new value.
    """
    kept = workspace.frozen_studies.registered(study.name, instrument_id)
    if kept is None:
        return
    before, now = json.loads(kept["registration"]), _registration(workspace, study)
    before.pop(_BARS, None)
    if canonical_hash(now) == kept["registration_hash"]:
        return
    changed = [
        f"{name} was {json.dumps(before.get(name))}, is {json.dumps(now.get(name))}"
        for name in (*now, *(each for each in before if each not in now))
        if now.get(name) != before.get(name)
    ]
    raise OptimizationError(
        f"{_file(workspace, study)}: the study '{study.name}' was frozen on {instrument_id} at "
        f"{kept['registered_at']:%Y-%m-%d %H:%M} UTC, and has changed since: {'; '.join(changed)}. "
        "Write it as it was, or give the changed study another 'name'; its test then counts as "
        "another one.",
        study=study.name,
        instrument=instrument_id,
    )


def register_frozen(
    workspace: Workspace, study: StudySpec, instrument_id: str, inputs: ScenarioInputs
) -> None:
    """Put a frozen study on record before its first trial; a registered one must be as it was.

    `inputs`: of its scenario; the hash of the bars that trials may read is registered too. Raises
    `OptimizationError` where the study has trials from before it was frozen.
    """
    require_as_registered(workspace, study, instrument_id)
    if not study.frozen or workspace.frozen_studies.registered(study.name, instrument_id):
        return
    made = workspace.trials.count(study=study.name, instrument=instrument_id)
    if made:
        raise OptimizationError(
            f"{_file(workspace, study)}: the study '{study.name}' is to be frozen, but it has "
            f"{made:,} trials on {instrument_id} already, and they may have read its test. Give "
            "the frozen study another 'name'.",
            study=study.name,
            instrument=instrument_id,
            trials=made,
        )
    said = _registration(workspace, study)
    workspace.frozen_studies.register(
        {
            "study": study.name,
            "instrument": instrument_id,
            "registration_hash": canonical_hash(said),
            "registration": said | {_BARS: _searched_bars(study, workspace, inputs)},
            "run_id": workspace.run_id,
        }
    )
    require_as_registered(workspace, study, instrument_id)


def revised_bars(
    workspace: Workspace, study: StudySpec, instrument_id: str, inputs: ScenarioInputs
) -> str | None:
    """In one sentence that the bars of the search are others than when the study was frozen.

    None where they are the same, or where the study was frozen before their hash was registered.
    `inputs`: of its scenario, as they are now.
    """
    kept = workspace.frozen_studies.registered(study.name, instrument_id)
    before = None if kept is None else json.loads(kept["registration"]).get(_BARS)
    now = _searched_bars(study, workspace, inputs)
    if kept is None or before is None or before == now:
        return None
    return (
        f"The bars of the search were revised since the study was frozen at "
        f"{kept['registered_at']:%Y-%m-%d %H:%M} UTC ({before[:12]} then, {now[:12]} now), and "
        "its trials were made again on them."
    )


def tested_row(workspace: Workspace, study: StudySpec, instrument_id: str) -> Row | None:
    """The row of the ledger of the one measurement on the test; None before it."""
    if not study.frozen:
        return None
    rows = workspace.trials.rows_of_fold(study.name, instrument_id, ending=_FOLD)
    return rows[0] if rows else None


def measure_test(
    workspace: Workspace,
    study: StudySpec,
    instrument_id: str,
    trials: list[Row],
    *,
    fold: str,
    code_hash: str,
) -> Row:
    """Measure the best of the trials on the test, once and for all; gives its row of the ledger.

    Raises `OptimizationError` for a study that is not frozen, was changed, has been measured or has
    no best trial, and `InsufficientDataError` where the test has no bars yet. Nothing is recorded
    then.
    """
    if not study.frozen:
        raise OptimizationError(
            f"{_file(workspace, study)}: the study '{study.name}' is not frozen, so its trials may "
            "have read every bar. Write 'frozen: true' and 'test: {start: ...}' into a study of "
            "another name before its first trial.",
            study=study.name,
        )
    require_as_registered(workspace, study, instrument_id)
    made = tested_row(workspace, study, instrument_id)
    if made is not None:
        raise OptimizationError(
            f"{_file(workspace, study)}: the test of the study '{study.name}' on {instrument_id} "
            f"was measured at {made['created_at']:%Y-%m-%d %H:%M} UTC (trial {made['trial_no']}), "
            "and it is measured once: a second look would make it one more part of the search. "
            f"See it with: trading-pipeline optimize {study.name}.",
            study=study.name,
            trial_no=made["trial_no"],
        )
    best = best_of(trials)
    if best is None:
        raise OptimizationError(
            f"The study '{study.name}' has no trial on {instrument_id} with a value of "
            f"'{study.metric}', so there is nothing to test.",
            study=study.name,
        )
    scenario = _with(tested_scenario(study, workspace.catalog.scenario(study.scenario)), best)
    loaded = load_inputs(workspace, instrument_id, scenario)
    seen = inputs_until(loaded.inputs, scenario.dates.bounds[1])
    evaluator = Evaluator(study, scenario, seen, workspace.registries.strategies)
    tested = evaluator.trials(evaluator.validated([{}]), evaluator.whole)
    common = {
        "study": study.name,
        "instrument": instrument_id,
        "strategy": study.strategy,
        "bars_hash": loaded.hashes.bars,
        "code_hash": code_hash,
        "predictions_hash": loaded.hashes.predictions,
        "metric": study.metric,
        "run_id": workspace.run_id,
        "fold": f"{fold}{_FOLD}",
    }
    identities = TrialIdentities(workspace, scenario)
    searched = load_inputs(
        workspace,
        instrument_id,
        searched_scenario(study, workspace.catalog.scenario(study.scenario)),
    )
    revised = revised_bars(workspace, study, instrument_id, searched.inputs)
    parameters = [json.loads(best["parameters"])]
    (row,) = trial_rows(common, identities, parameters, tested)
    row["reason"] = " ".join(filter(None, (row["reason"], revised))) or None
    workspace.trials.append([row])
    found = tested_row(workspace, study, instrument_id)
    assert found is not None  # it was appended
    return found


def _with(scenario: ScenarioSpec, trial: Row) -> ScenarioSpec:
    strategy = StrategySpec(type=trial["strategy"], params=json.loads(trial["parameters"]))
    return scenario.model_copy(update={"strategy": strategy})


def _registration(workspace: Workspace, study: StudySpec) -> dict[str, Any]:
    """All that a frozen study promises, as plain values."""
    scenario = workspace.catalog.scenario(study.scenario)
    others = {"name", "ledger", "instruments", "scenario"}
    asked = study.model_dump(mode="json", exclude=others, exclude_defaults=True)
    said = {
        **asked,  # a key that a later version adds is left out at its default
        "metric": study.metric,
        "method": study.method,
        "frozen": study.frozen,
        "space": {
            name: each.model_dump(mode="json", exclude_none=True)
            for name, each in study.space.items()
        },
        "strategy_code": workspace.registries.strategies.code_hash(study.strategy)[:12],
        "fixed_parameters": scenario.strategy.params,
        "settings": scenario.settings_hash[:12],
        "searched_dates": searched_scenario(study, scenario).dates.written,
        "tested_dates": tested_scenario(study, scenario).dates.written,
    }
    plain: dict[str, Any] = json.loads(json.dumps(said, default=str))
    return plain


def _searched_bars(study: StudySpec, workspace: Workspace, inputs: ScenarioInputs) -> str:
    """Hash of all that a trial can read of the instrument's bars: prices and corporate actions."""
    scenario = searched_scenario(study, workspace.catalog.scenario(study.scenario))
    seen = inputs_until(inputs, scenario.dates.bounds[1])
    actions = [[each.ex_date, each.kind, each.value] for each in seen.actions]
    return canonical_hash([frame_hash(seen.raw), actions])


def _file(workspace: Workspace, study: StudySpec) -> str:
    return str(workspace.catalog.sources.get(f"studies/{study.name}", f"studies/{study.name}"))
