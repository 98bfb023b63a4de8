"""Runs a study: every trial of its method, the audits, and walk-forward optimization."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from pydantic import JsonValue

from trading_pipeline.backtest.plausibility import implausible_sharpe
from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.domain.audit_records import AuditLog, AuditMemory, AuditOutcome
from trading_pipeline.errors import OptimizationError
from trading_pipeline.optimization.evaluated_trials import EvaluatedTrials
from trading_pipeline.optimization.evaluation import Evaluator
from trading_pipeline.optimization.held_out import inputs_until, searched_scenario
from trading_pipeline.optimization.study_audit import audit_space
from trading_pipeline.optimization.study_checks import check_study, likely_sets, space_of
from trading_pipeline.optimization.trial_record import TrialMemory, TrialRecord
from trading_pipeline.optimization.trial_run import StudyProgress, TrialRun
from trading_pipeline.optimization.walk_forward import (
    WalkForward,
    record_windows,
    walk_forward_folds,
    walked_forward,
)
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.strategies import SHIPPED, StrategyCatalogue
from trading_pipeline.strategies.strategy_audit import outcome_of, strategy_outcome

__all__ = ["StudyResult", "evaluator_of", "run_study"]


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """The trials of a study on an instrument that were evaluated on all of its bars.

    `parameters`: one dict a trial, defaults filled in; `table`: `TRIAL_COLUMNS` in the same order,
    `value` the metric that is maximized (of a trial that was made before a stop only the columns of
    the ledger are known); `bars`: traded bars. `outcome`: what the audit of the space and of the
    best trial came to, and whether the best one's Sharpe ratio is plausible.
    """

    parameters: list[dict[str, JsonValue]]
    table: pd.DataFrame
    bars: int
    outcome: AuditOutcome = field(default_factory=AuditOutcome)
    walk_forward: WalkForward | None = None

    @property
    def best(self) -> int:
        """Row of the best value, the first among equals; -1 if every value is undefined."""
        values = self.table["value"].to_numpy(dtype="float64")
        return -1 if np.isnan(values).all() else int(np.nanargmax(values))


def evaluator_of(
    study: StudySpec,
    scenario: ScenarioSpec,
    inputs: ScenarioInputs,
    strategies: StrategyCatalogue = SHIPPED,
) -> Evaluator:
    """Evaluates sets on the bars that the study searches; those of a frozen test are cut off."""
    searched = searched_scenario(study, scenario)
    seen = inputs_until(inputs, searched.dates.bounds[1]) if study.frozen else inputs
    return Evaluator(study, searched, seen, strategies)


def run_study(
    study: StudySpec,
    scenario: ScenarioSpec,
    inputs: ScenarioInputs,
    strategies: StrategyCatalogue = SHIPPED,
    *,
    audits: AuditLog | None = None,
    record: TrialRecord | None = None,
    progress: StudyProgress | None = None,
) -> StudyResult:
    """Evaluate the combinations that the study's method chooses.

    Each row equals the single run of the same parameters, bit for bit. The corners of the space and
    20 drawn sets are audited for look-ahead before the first trial, and the best trial after the
    last. `audits` keeps outcomes, `record` the trials, as soon as they are evaluated; what is in it
    already is not evaluated again, so a study that was stopped goes on where it was.

    Raises `LookaheadError`, whose `parameters` say for which set, unless the scenario's
    `allow_lookahead` gives a reason; `OptimizationError` where the strategy fails with every set.
    """
    check_study(study, scenario, strategies)
    evaluator = evaluator_of(study, scenario, inputs, strategies)
    space = space_of(study, strategies)
    name, instrument = study.strategy, inputs.instrument.id
    log = AuditMemory() if audits is None else audits
    whole, reason = evaluator.whole, scenario.allow_lookahead
    many = evaluator.validated(likely_sets(space))
    audited = audit_space(strategies, name, many, whole.market, instrument=instrument, log=log)
    if audited is not None:
        outcome_of(audited, instrument, reason, bars=len(whole.market))
    spec = study.walk_forward
    folds = [] if spec is None else walk_forward_folds(study, evaluator.index)
    record = TrialMemory() if record is None else record
    trials = TrialRun(evaluator, space, record, progress, 1 + len(folds))
    parameters, evaluated = trials.searched("", 0, len(whole.bars))
    _require_one_that_ran(study, evaluated)
    found = StudyResult(parameters=parameters, table=evaluated.table, bars=len(whole.bars))
    if found.best >= 0:
        best = strategies.validate_params(name, parameters[found.best])
        outcome = strategy_outcome(
            strategies, name, best, whole.market, instrument=instrument, log=log,
            allow_lookahead=reason,
        )  # fmt: skip
        sharpe = float(found.table["sharpe"].iloc[found.best])
        unlikely = implausible_sharpe(sharpe, whole.bars.index)
        outcome = replace(outcome, warnings=(*outcome.warnings, *unlikely))
        found = replace(found, outcome=outcome)
    if not folds:
        return found
    chosen = []
    for fold in folds:
        sets, trained = trials.searched(fold.name, *fold.train)
        at = trained.best
        chosen.append(None if at < 0 else (sets[at], trained.row(at)))
    walked = walked_forward(evaluator, folds, chosen)
    record_windows(walked, evaluator, record)
    return replace(found, walk_forward=walked)


def _require_one_that_ran(study: StudySpec, trials: EvaluatedTrials) -> None:
    if all(each == "failed" for each in trials.status):
        raise OptimizationError(
            f"The study '{study.name}' has no trial that ran: its strategy '{study.strategy}' "
            f"fails with each of the {len(trials):,} combinations, which are on record as failed. "
            f"The first says: {trials.reason[0]}",
            study=study.name,
            strategy=study.strategy,
        )
