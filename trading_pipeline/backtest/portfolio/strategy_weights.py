"""How a portfolio strategy becomes target weights: its panel, its dates, its weights, its audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.backtest.arrays import BoolArray, FloatArray
from trading_pipeline.backtest.kernels import margins
from trading_pipeline.backtest.portfolio.clock import AccountClock, period_ends
from trading_pipeline.backtest.scenario_runner import ScenarioInputs
from trading_pipeline.domain.audit_records import AuditLog, AuditOutcome
from trading_pipeline.domain.membership import Membership
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.errors import InsufficientDataError, StrategyError
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline.strategies import Panel, StrategyCatalogue
from trading_pipeline.strategies.portfolio.audit import portfolio_outcome, portfolio_parameters

__all__ = ["DecidedWeights", "decided_weights", "rebalancing_of", "scenario_panel"]


@dataclass(frozen=True, kw_only=True)
class DecidedWeights:
    """Target weights within a scenario's dates, when they are acted on, and what is said of them.

    `parameters`: of the trial. `notes`: what the strategy says beside the result.
    """

    targets: TargetWeights
    rebalancing: Rebalancing
    parameters: dict[str, Any]
    outcome: AuditOutcome
    notes: tuple[str, ...]


def decided_weights(
    scenario: PortfolioScenario,
    inputs: Mapping[str, ScenarioInputs],
    traded: pd.DatetimeIndex,
    strategies: StrategyCatalogue,
    *,
    audits: AuditLog | None = None,
    memberships: Mapping[str, Membership] | None = None,
) -> DecidedWeights:
    """Weights of the scenario's portfolio strategy on the traded stamps, audited for look-ahead.

    Computed on all bars, so that the strategy is warm at the start. Raises `StrategyError` for a
    strategy that gives no weights, for weights that cannot be used or are beyond the leverage, and
    `InsufficientDataError` where no row of the dates has weights.
    """
    name = scenario.strategy.type
    rebalancing = rebalancing_of(scenario, strategies)
    params = strategies.validate_params(name, scenario.strategy.params)
    panel = scenario_panel(scenario, inputs, traded, rebalancing, memberships or {})
    weights = strategies.weights(name, panel, params) * (1.0 - scenario.portfolio.cash)
    kept = panel.index.isin(traded) & ~np.isnan(weights).any(axis=1)
    _require_some(scenario, panel, kept, strategies)
    _refuse_beyond_leverage(scenario, panel, np.where(kept[:, None], weights, 0.0))
    outcome = portfolio_outcome(
        strategies,
        name,
        params,
        panel,
        rebalancing,
        log=audits,
        allow_lookahead=scenario.allow_lookahead,
    )
    frame = pd.DataFrame(weights[kept], panel.index[kept], list(panel.instruments))
    return DecidedWeights(
        targets=TargetWeights(frame),
        rebalancing=rebalancing,
        parameters=portfolio_parameters(params, rebalancing),
        outcome=outcome,
        notes=tuple(dict.fromkeys(panel.notes)),
    )


def rebalancing_of(scenario: PortfolioScenario, strategies: StrategyCatalogue) -> Rebalancing:
    """When the weights are acted on: as the scenario says, or else the strategy's own dates.

    Raises `StrategyError` for a strategy that is none of portfolios, or needs other instruments.
    """
    chosen = strategies.of_portfolio(scenario.strategy.type, scenario.members)
    written = scenario.portfolio.rebalance.engine
    return chosen.rebalancing if written == Rebalancing() else written


def scenario_panel(
    scenario: PortfolioScenario,
    inputs: Mapping[str, ScenarioInputs],
    traded: pd.DatetimeIndex,
    rebalancing: Rebalancing,
    memberships: Mapping[str, Membership],
) -> Panel:
    """What the strategy sees: all bars up to the scenario's end.

    A row is due where the engine may act on its weights: in the dates and, with a calendar alone,
    on the first row and at the end of each period. Rows of a year are those of the calendar; of
    several calendars, those of the one with most.
    """
    first = traded[0]
    markets = {}
    for name in scenario.members:
        each = inputs[name]
        start = int(pd.DatetimeIndex(each.raw.index).searchsorted(first))
        markets[name] = each.market.traded_from(start)
    flags = {
        name: known.at(pd.DatetimeIndex(inputs[name].raw.index))
        for name, known in memberships.items()
    }
    year = max(each.periods_per_year for each in inputs.values())
    panel = Panel(markets, members=flags, periods_per_year=year)
    panel.due = _due(scenario, panel.index, traded, rebalancing)
    return panel


def _due(
    scenario: PortfolioScenario,
    index: pd.DatetimeIndex,
    traded: pd.DatetimeIndex,
    rebalancing: Rebalancing,
) -> BoolArray:
    due: BoolArray = np.asarray(index.isin(traded), dtype=np.bool_)
    if rebalancing.calendar is None:
        return due
    stamps = pd.DatetimeIndex(traded).as_unit("us")
    clock = AccountClock(stamps.asi8, {})
    rule = scenario.session.engine
    days = clock.days if rule is None else clock.local_days(rule.zone)
    ends = period_ends(days, rebalancing.calendar)
    ends[0] = True  # the engine acts on the first row that has weights
    due[due] = ends
    return due


def _require_some(
    scenario: PortfolioScenario, panel: Panel, kept: BoolArray, strategies: StrategyCatalogue
) -> None:
    if kept.any():
        return
    name = scenario.strategy.type
    needed = strategies.warmup_bars(name, scenario.strategy.params)
    raise InsufficientDataError(
        f"The portfolio '{scenario.name}' holds nothing: its strategy '{name}' gave no weights on "
        f"any of {int(panel.due.sum())} rows of 'dates' at which they could be acted on, with "
        f"{len(panel)} rows in all. It needs about {needed} rows before it decides. Use longer "
        "'dates', an earlier 'start' in universe.yaml, or a shorter look back under "
        "'portfolio.strategy.params'.",
        scenario=scenario.name,
        rows=len(panel),
        needed=needed,
    )


def _refuse_beyond_leverage(scenario: PortfolioScenario, panel: Panel, weights: FloatArray) -> None:
    total, leverage = np.abs(weights).sum(axis=1), scenario.limits.leverage
    if not (total > leverage * (1.0 + margins.LEVERAGE)).any():
        return
    row = int(np.argmax(total))
    raise StrategyError(
        f"The strategy '{scenario.strategy.type}' of the portfolio '{scenario.name}' gives weights "
        f"that add up to {float(total[row]):.6g} without their signs on {panel.index[row]}, and "
        f"'limits.leverage' is {leverage:g}. Raise 'limits.leverage', or set smaller weights under "
        "'portfolio.strategy.params'.",
        scenario=scenario.name,
        ts=panel.index[row],
        value=float(total[row]),
        leverage=leverage,
    )
