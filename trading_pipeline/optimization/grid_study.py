"""Grid studies: every combination is evaluated by the engine's sweep, one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from pydantic import JsonValue

from trading_pipeline.backtest.crossing_sweep import run_sweep
from trading_pipeline.backtest.plausibility import implausible_sharpe
from trading_pipeline.backtest.scenario_runner import (
    ScenarioInputs,
    scenario_settings,
    scenario_signals,
    traded_bars,
    traded_year,
)
from trading_pipeline.backtest.sweep import SWEEP_COLUMNS, run_signal_sweep
from trading_pipeline.domain.audit_records import AuditLog, AuditMemory, AuditOutcome
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.errors import OptimizationError, StrategyError, did_you_mean
from trading_pipeline.optimization.search_space import parameter_combinations
from trading_pipeline.optimization.study_audit import audit_space
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.strategies import SHIPPED, StrategyCatalogue
from trading_pipeline.strategies.strategy_audit import outcome_of, strategy_outcome

__all__ = ["STUDY_METRICS", "StudyResult", "check_study", "run_grid_study"]

STUDY_METRICS = ("sharpe", "final_equity", "max_drawdown")
"""Metrics that a study can maximize; the drawdown is negative, so its maximum is the shallowest."""
_EXAMPLE = 'constraints: ["fast < slow"]'


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """All trials of a study on an instrument.

    `parameters`: one dict a trial, defaults filled in; `table`: the sweep's columns and `value`,
    the metric that is maximized, in the same order; `bars`: traded bars. `outcome`: what the audit
    of the space and of the best trial came to, and whether the best one's Sharpe ratio is
    plausible.
    """

    parameters: list[dict[str, JsonValue]]
    table: pd.DataFrame
    bars: int
    outcome: AuditOutcome = field(default_factory=AuditOutcome)

    @property
    def best(self) -> int:
        """Row of the best value, the first among equals; -1 if every value is undefined."""
        values = self.table["value"].to_numpy(dtype="float64")
        return -1 if np.isnan(values).all() else int(np.nanargmax(values))


def check_study(
    study: StudySpec, scenario: ScenarioSpec, strategies: StrategyCatalogue = SHIPPED
) -> list[dict[str, JsonValue]]:
    """Validated parameters of every combination, checked before anything runs.

    Raises `OptimizationError` for an unknown metric or a wrong constraint, and `StrategyError` for
    parameters that the strategy rejects.
    """
    if study.metric not in STUDY_METRICS:
        raise OptimizationError(
            f"The study '{study.name}' maximizes '{study.metric}', which is not computed in a "
            f"sweep. {did_you_mean(study.metric, STUDY_METRICS)}",
            study=study.name,
            metric=study.metric,
        )
    if study.walk_forward is not None:
        raise OptimizationError(
            f"The study '{study.name}' asks for 'walk_forward', which this version does not run "
            "yet. Leave the key out to search over the scenario's dates.",
            study=study.name,
        )
    base = dict(scenario.strategy.params)
    found = []
    for each in parameter_combinations(study):
        try:
            checked = strategies.validate_params(study.strategy, base | each)
            found.append(checked.model_dump(mode="json"))
        except StrategyError as error:
            shown = ", ".join(f"{name}: {value}" for name, value in each.items())
            raise StrategyError(
                f"The study '{study.name}' reaches {{{shown}}}, which its strategy refuses: "
                f"{error} Leave such combinations out, for example with {_EXAMPLE} in the file of "
                "the study.",
                **error.values | {"study": study.name},
            ) from error
    return found


def run_grid_study(
    study: StudySpec,
    scenario: ScenarioSpec,
    inputs: ScenarioInputs,
    strategies: StrategyCatalogue = SHIPPED,
    *,
    audits: AuditLog | None = None,
    evaluated: Callable[[StudyResult], None] | None = None,
) -> StudyResult:
    """Evaluate every combination on the scenario's dates, costs and sizing.

    Each row equals the single run of the same parameters, bit for bit. The corners of the space and
    20 drawn sets are audited for look-ahead before the sweep, and the best trial after it. `audits`
    keeps outcomes. `evaluated` is called with the trials before the best one is audited: they were
    made, and count, whatever the audit finds.

    Raises `LookaheadError`, whose `parameters` say for which set, unless the scenario's
    `allow_lookahead` gives a reason.
    """
    parameters = check_study(study, scenario, strategies)
    bars, rows = traded_bars(scenario, inputs)
    settings = scenario_settings(scenario, inputs.instrument, traded_year(inputs, bars).bars)
    market = inputs.market.traded_from(rows.start)
    name, instrument = study.strategy, inputs.instrument.id
    many = [strategies.validate_params(name, each) for each in parameters]
    log = AuditMemory() if audits is None else audits
    space = audit_space(strategies, name, many, market, instrument=instrument, log=log)
    if space is not None:
        outcome_of(space, instrument, scenario.allow_lookahead)
    plan = strategies.crossing_plan(name, market, many)
    if plan is not None:
        table = run_sweep(bars, plan.cut(rows), settings, actions=inputs.actions).table
    else:
        signals = [scenario_signals(name, each, market, rows, strategies) for each in many]
        table = run_signal_sweep(bars, signals, settings, actions=inputs.actions)
    table = table[list(SWEEP_COLUMNS)].assign(
        value=table[study.metric],
        parameters_hash=[canonical_hash(each) for each in parameters],
    )
    found = StudyResult(parameters=parameters, table=table, bars=len(bars))
    if evaluated is not None:
        evaluated(found)
    if found.best < 0:
        return found
    outcome = strategy_outcome(
        strategies,
        name,
        many[found.best],
        market,
        instrument=instrument,
        log=log,
        allow_lookahead=scenario.allow_lookahead,
    )
    sharpe = float(table["sharpe"].iloc[found.best])
    unlikely = implausible_sharpe(sharpe, bars.index)
    return replace(found, outcome=replace(outcome, warnings=(*outcome.warnings, *unlikely)))
