"""How a portfolio scenario is run: settings, orders, result, benchmark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pandas as pd

from trading_pipeline.backtest.plausibility import SharpeLimits
from trading_pipeline.backtest.portfolio.result import PortfolioResult
from trading_pipeline.backtest.portfolio.run import PortfolioOrders, run_portfolio_backtest
from trading_pipeline.backtest.portfolio.strategy_weights import decided_weights
from trading_pipeline.backtest.scenario_runner import (
    ScenarioInputs,
    benchmark_settings,
    judged_by,
    of_calendar,
    scenario_settings,
    scenario_signals,
    traded_bars,
    traded_year,
)
from trading_pipeline.domain.audit_records import (
    LOOK_AHEAD_ALLOWED,
    NOT_AUDITED,
    PASSED,
    AuditLog,
    AuditOutcome,
)
from trading_pipeline.domain.bar_year import BarYear
from trading_pipeline.domain.membership import Membership
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.market_data.bar_years import calendar_year
from trading_pipeline.performance import headline_intervals
from trading_pipeline.performance.bar_returns import bar_returns
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.strategies import SHIPPED, StrategyCatalogue
from trading_pipeline.strategies.strategy_audit import strategy_outcome

__all__ = ["PortfolioRun", "run_portfolio_scenario"]

_NOTHING_TO_AUDIT = (
    "The weights are written in the scenario, so no rule decides from bars and nothing can look "
    "ahead."
)


@dataclass(frozen=True, kw_only=True)
class PortfolioRun:
    """A result, what equal weights bought once would have made, and all metrics of both together.

    `metrics`: by the names of `METRIC_NAMES` and `INTERVAL_NAMES`. `parameters`: of the strategy,
    or the weights and their rebalancing.
    """

    result: PortfolioResult
    benchmark: PortfolioResult
    metrics: dict[str, float]
    parameters: dict[str, Any]


def run_portfolio_scenario(
    scenario: PortfolioScenario,
    inputs: Mapping[str, ScenarioInputs],
    strategies: StrategyCatalogue = SHIPPED,
    *,
    audits: AuditLog | None = None,
    sharpe_limits: SharpeLimits | None = None,
    memberships: Mapping[str, Membership] | None = None,
) -> PortfolioRun:
    """Trade the portfolio, and beside it hold equal weights of its instruments, bought once.

    `inputs`: by instrument. Signals are computed on all bars and cut to the scenario's dates, as
    `run_scenario` does; so are a portfolio strategy's weights; fixed weights are decided at the
    close of the first bar. The benchmark is fully invested and pays the same costs. `memberships`:
    when instruments belonged to the universe; both hold them only then.

    The strategy is audited for look-ahead, one of signals on each instrument. Raises what
    `run_portfolio_backtest` raises, `InsufficientDataError` for an instrument without bars in the
    dates, and `LookaheadError` for a strategy that reads the future, unless `allow_lookahead` gives
    a reason.
    """
    cut = {name: traded_bars(scenario, inputs[name]) for name in scenario.members}
    bars = {name: each for name, (each, _) in cut.items()}
    years = {name: traded_year(inputs[name], bars[name]) for name in bars}
    own = {
        name: scenario_settings(scenario, inputs[name].instrument, years[name].bars)
        for name in bars
    }
    index = pd.DatetimeIndex(reduce(pd.Index.union, (each.index for each in bars.values())))
    year = _account_year(inputs, index)
    account = own[scenario.members[0]].model_copy(
        update={"periods_per_year": None if year is None else year.bars}
    )
    weights = scenario.target_weights
    rebalancing = None if weights is None else scenario.portfolio.rebalance.engine
    notes: tuple[str, ...] = ()
    orders: PortfolioOrders
    if scenario.portfolio.strategy is not None:
        decided = decided_weights(
            scenario, inputs, index, strategies, audits=audits, memberships=memberships
        )
        orders, rebalancing = decided.targets, decided.rebalancing
        parameters, outcome, notes = decided.parameters, decided.outcome, decided.notes
    elif weights is not None:
        orders = TargetWeights.fixed(weights, index[0])
        parameters = _plan(scenario, weights)
        outcome = AuditOutcome(audit=PASSED, note=_NOTHING_TO_AUDIT)
    else:
        name = scenario.strategy.type
        params = strategies.validate_params(name, scenario.strategy.params)
        parameters = params.model_dump(mode="json")
        outcomes, orders, remarks = {}, {}, {}
        for each, (_, rows) in cut.items():
            market = inputs[each].market.traded_from(rows.start)
            orders[each] = scenario_signals(name, params, market, rows, strategies)
            remarks[each] = strategies.remarks(name, market.head(rows.stop), params)
            outcomes[each] = strategy_outcome(
                strategies,
                name,
                params,
                market,
                instrument=each,
                log=audits,
                allow_lookahead=scenario.allow_lookahead,
            )
        outcome = _together(outcomes)
        notes = _with_names(remarks)
    given: dict[str, Any] = {
        "actions": {name: inputs[name].actions for name in bars},
        "members": {
            name: known.at(bars[name].index) for name, known in (memberships or {}).items()
        },
    }
    result = run_portfolio_backtest(
        bars,
        orders,
        account,
        rebalancing=rebalancing,
        instrument_settings=own,
        priorities=scenario.portfolio.priorities,
        **given,
    )
    if notes:
        result = result.with_warnings((*result.warnings, *notes))
    if year is not None:
        result = of_calendar(year, result)
    result = result.with_audit(outcome)
    if sharpe_limits is not None:
        result = judged_by(sharpe_limits, result)
    benchmark = run_portfolio_backtest(
        bars,
        TargetWeights.fixed(dict.fromkeys(bars, 1.0 / len(bars)), index[0]),
        benchmark_settings(account),
        instrument_settings={name: benchmark_settings(each) for name, each in own.items()},
        **given,
    )
    metrics = result.metrics_beside(benchmark)
    metrics["turnover_annual"] = _turnover(result, metrics["years"])
    metrics["sharpe"] = result.moments.sharpe  # summed as the leaderboard's other results are
    metrics |= headline_intervals(
        bar_returns(result.equity, initial_equity=account.initial_cash),
        periods_per_year=result.periods_per_year,
        years=metrics["years"],
    )
    return PortfolioRun(result=result, benchmark=benchmark, metrics=metrics, parameters=parameters)


def _account_year(inputs: Mapping[str, ScenarioInputs], index: pd.DatetimeIndex) -> BarYear | None:
    """Bars a year of the calendar that all instruments share; None where they have several."""
    first, *others = (each.instrument for each in inputs.values())
    if any(each.calendar != first.calendar for each in others):
        return None
    usual = next(iter(inputs.values())).periods_per_year
    return calendar_year(index, first.timeframe, first.calendar, usual)


def _plan(scenario: PortfolioScenario, weights: Mapping[str, float]) -> dict[str, Any]:
    """Weights and rebalancing as parameters of a trial; what is not set is left out."""
    rebalance = scenario.portfolio.rebalance.model_dump(mode="json", exclude_none=True)
    return {"weights": dict(weights), **rebalance}


def _turnover(result: PortfolioResult, years: float) -> float:
    """Value of all buys that open or enlarge a position (and such sales of shorts) over the mean
    equity, a year.

    Trades do not tell it: one trade may be enlarged and reduced at every rebalancing.
    """
    mean = float(result.equity.mean())
    if not mean > 0.0 or not years > 0.0:
        return math.nan
    orders = result.orders
    entries = orders[(orders["role"] == "entry") & (orders["filled"] > 0.0)]
    own = result.instrument_settings
    points = entries["instrument"].map({k: s.multiplier * s.delta for k, s in own.items()})
    value = float((entries["filled"] * entries["price"] * points.astype("float64")).sum())
    return value / mean / years


def _together(outcomes: Mapping[str, AuditOutcome]) -> AuditOutcome:
    """The audits of all instruments in one: the worst of them, each note and warning once."""
    found = {each.audit for each in outcomes.values()}
    worst = next((audit for audit in (LOOK_AHEAD_ALLOWED, NOT_AUDITED) if audit in found), PASSED)
    notes = _by_text({name: [each.note] for name, each in outcomes.items()})
    return AuditOutcome(
        audit=worst,
        note="; ".join(f"{', '.join(names)}: {text}" for text, names in notes.items()),
        warnings=_with_names({name: each.warnings for name, each in outcomes.items()}),
    )


def _with_names(said: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Each sentence once, followed by the instruments of which it was said."""
    return tuple(f"{text} ({', '.join(names)})" for text, names in _by_text(said).items())


def _by_text(texts: Mapping[str, Any]) -> dict[str, list[str]]:
    """Instruments by what is said of them."""
    found: dict[str, list[str]] = {}
    for name, said in texts.items():
        for text in said:
            found.setdefault(text, []).append(name)
    return found
