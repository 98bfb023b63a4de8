"""What stages of scenarios and studies ask before and after they run a strategy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from trading_pipeline.backtest.plausibility import SharpeLimits
from trading_pipeline.backtest.portfolio.strategy_weights import rebalancing_of
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import LookaheadError, UnknownNameError
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.strategies.portfolio.audit import portfolio_subject
from trading_pipeline.strategies.strategy_audit import (
    known_finding,
    refusal,
    strategy_subject,
)

__all__ = [
    "call_results_invalid",
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
    if isinstance(scenario, PortfolioScenario) and scenario.portfolio.strategy is not None:
        dates = rebalancing_of(scenario, strategies)
        subject = portfolio_subject(strategies, name, params, dates)
    else:
        subject = strategy_subject(strategies, name, params)
    found = known_finding(subject, workspace.audits)
    if found is not None:
        raise refusal(found, instrument_id)


def call_results_invalid(
    workspace: Workspace, strategy: str, code_hash: str, error: LookaheadError
) -> None:
    """Say in the ledger that backtests by the refused code and parameters are invalid.

    They were stored on other instruments, or on other bars, before the finding.
    """
    with suppress(UnknownNameError):  # no trial of the strategy
        rows = workspace.trials.listed(strategy=strategy)
        made = [row for row in rows if row["result_id"] and row["code_hash"] == code_hash]
        call_trials_invalid(workspace, made, error)


def call_trials_invalid(
    workspace: Workspace, trials: Sequence[Mapping[str, Any]], error: LookaheadError
) -> None:
    """Say in the ledger which of these trials have the refused parameters, and why."""
    refused = canonical_hash(json.loads(error.values["parameters"] or "{}"))
    numbers = [int(t["trial_no"]) for t in trials if t["parameters_hash"] == refused]
    if numbers:
        workspace.trials.invalidate(numbers, reason=str(error), run_id=workspace.run_id)
