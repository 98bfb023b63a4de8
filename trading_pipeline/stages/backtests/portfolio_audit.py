"""Audit a strategy of portfolios on the stored bars of several instruments together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pandas as pd

from trading_pipeline.backtest.portfolio.strategy_weights import rebalancing_of, scenario_panel
from trading_pipeline.domain.audit_records import found_no_difference
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.features.audits.comparison import AuditTally
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario, require_one_account
from trading_pipeline.stages.backtests.scenario_inputs import load_inputs
from trading_pipeline.stages.features.audit import AuditOfStored, audit_stored, is_of_portfolios
from trading_pipeline.stages.workspace import Workspace
from trading_pipeline.strategies.portfolio.audit import audit_weights

__all__ = ["audit_stored_on"]


def audit_stored_on(workspace: Workspace, instruments: Sequence[str], name: str) -> AuditOfStored:
    """Audit `name` on the stored bars: a strategy of portfolios on all instruments together.

    Everything else is audited on one instrument, see `audit_stored`. A strategy of portfolios is
    audited with its default parameters and its own dates, on the bars that a portfolio of these
    instruments would trade. Raises what `audit_stored` and a portfolio of a file raise, and
    `ConfigurationError` for several instruments where one is asked for.
    """
    if is_of_portfolios(workspace, name) and len(instruments) > 1:
        return _audit_weights_of(workspace, instruments, name)
    if len(instruments) != 1:
        raise ConfigurationError(
            f"'{name}' is audited on one instrument at a time, and {len(instruments)} were given: "
            f"{', '.join(instruments)}. Give --instrument once; only strategies of portfolios "
            "take several.",
            name=name,
            instruments=tuple(instruments),
        )
    return audit_stored(workspace, instruments[0], name)


def _audit_weights_of(workspace: Workspace, instruments: Sequence[str], name: str) -> AuditOfStored:
    strategies = workspace.registries.strategies
    for each in instruments:
        workspace.catalog.instrument(each)
    scenario = PortfolioScenario.parse(
        {
            "name": "audit",
            "instruments": list(instruments),
            "portfolio": {"strategy": {"type": name}},
        },
        where=f"The audit of '{name}'",
    )
    require_one_account(scenario, workspace.catalog.instruments)
    rebalancing = rebalancing_of(scenario, strategies)
    params = strategies.validate_params(name, {})
    inputs = {each: load_inputs(workspace, each, scenario).inputs for each in scenario.members}
    index = pd.DatetimeIndex(reduce(pd.Index.union, (each.raw.index for each in inputs.values())))
    known = workspace.catalog.universe.members
    memberships = {each: flags for each in inputs if (flags := known[each]) is not None}
    panel = scenario_panel(scenario, inputs, index, rebalancing, memberships)
    fresh, tally = strategies.fresh_weights(name, params), AuditTally()
    findings = audit_weights(
        lambda seen: strategies.weights(name, seen, params),
        panel,
        memory=strategies.warmup_bars(name, {}),
        tally=tally,
        fresh=fresh,
    )
    return AuditOfStored(
        name=name,
        kind="strategy",
        instrument=scenario.instruments_text,
        bars=len(panel),
        first_ts=panel.index[0],
        last_ts=panel.index[-1],
        findings=findings,
        tried=found_no_difference(tally.cuts, tally.slices),
        outside=fresh.notes,
    )
