"""What stages of scenarios and studies ask before and after they run a strategy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from trading_pipeline.backtest.plausibility import SharpeLimits, implausible_sharpe
from trading_pipeline.domain.audit_records import AuditOutcome
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import LookaheadError
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.stages.features.instrument_series import stored_series
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.strategies.strategy_audit import (
    known_finding,
    outcome_of,
    refusal,
    strategy_subject,
)

__all__ = [
    "audit_of_best",
    "call_trials_invalid",
    "changed_sharpe_limits",
    "refuse_known_look_ahead",
    "sharpe_limits",
]


def sharpe_limits(workspace: Workspace) -> SharpeLimits:
    """Annual Sharpe ratios above which a result has a warning, by the settings."""
    settings = workspace.settings
    return SharpeLimits(
        daily=settings.sharpe_limit_daily,
        hourly=settings.sharpe_limit_hourly,
        minutes=settings.sharpe_limit_minutes,
    )


def changed_sharpe_limits(workspace: Workspace) -> list[dict[str, float]]:
    """The limits where they are not the usual ones: only then a result depends on them."""
    limits = sharpe_limits(workspace)
    return [] if limits == SharpeLimits() else [vars(limits)]


def refuse_known_look_ahead(
    workspace: Workspace, scenario: ScenarioSpec, instrument_id: str
) -> None:
    """Raise `LookaheadError` where the scenario's strategy was found to read the future.

    A finding on one instrument holds for all. Nothing is raised where the scenario allows it.
    """
    if scenario.allow_lookahead is not None:
        return
    strategies, name = workspace.registries.strategies, scenario.strategy.type
    params = strategies.validate_params(name, scenario.strategy.params)
    found = known_finding(strategy_subject(strategies, name, params), workspace.audits)
    if found is not None:
        raise refusal(found, instrument_id)


def audit_of_best(
    workspace: Workspace, study: StudySpec, instrument_id: str, best: Mapping[str, Any]
) -> dict[str, Any]:
    """`audit`, `audit_note` and `warnings` of a study's best trial, for its summary.

    `best`: its row in the ledger. Raises `LookaheadError` for a trial that reads the future, unless
    the study's scenario allows it.
    """
    strategies = workspace.registries.strategies
    params = strategies.validate_params(study.strategy, json.loads(best["parameters"]))
    subject = strategy_subject(strategies, study.strategy, params)
    records = workspace.audits.of(subject, instrument_id)
    outcome = AuditOutcome()
    if records:
        allowed = workspace.catalog.scenario(study.scenario).allow_lookahead
        record = known_finding(subject, workspace.audits) or records[0]
        outcome = outcome_of(record, instrument_id, allowed)
    index = pd.DatetimeIndex(stored_series(workspace, instrument_id).raw.index)
    unlikely = implausible_sharpe(float(best["sharpe"]), index, sharpe_limits(workspace))
    warnings = "\n".join((*outcome.warnings, *unlikely))
    return {"audit": outcome.audit, "audit_note": outcome.note, "warnings": warnings}


def call_trials_invalid(
    workspace: Workspace, trials: Sequence[Mapping[str, Any]], error: LookaheadError
) -> None:
    """Say in the ledger which of these trials have the refused parameters, and why."""
    refused = canonical_hash(json.loads(error.values["parameters"] or "{}"))
    numbers = [int(t["trial_no"]) for t in trials if t["parameters_hash"] == refused]
    workspace.trials.invalidate(numbers, reason=str(error), run_id=workspace.run_id)
