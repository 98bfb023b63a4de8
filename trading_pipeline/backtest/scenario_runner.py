"""How a scenario is run on one instrument: settings, signals, result, benchmark."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from trading_pipeline.backtest.annual_bars import CONTRADICTED
from trading_pipeline.backtest.engine import run_backtest
from trading_pipeline.backtest.plausibility import (
    IMPLAUSIBLE,
    SharpeLimits,
    implausible_sharpe,
)
from trading_pipeline.backtest.result import BacktestResult
from trading_pipeline.backtest.run_statistics import RunStatistics
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_bars
from trading_pipeline.domain.audit_records import AuditLog
from trading_pipeline.domain.bar_year import BarYear
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import InsufficientDataError
from trading_pipeline.market_data.bar_years import calendar_year
from trading_pipeline.performance import headline_intervals, summarize
from trading_pipeline.performance.bar_returns import bar_returns
from trading_pipeline.settings.backtest_settings import BacktestSettings, PercentOfEquity
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.strategies import SHIPPED, Market, StrategyCatalogue, StrategyParams
from trading_pipeline.strategies.strategy_audit import strategy_outcome

__all__ = [
    "ScenarioInputs",
    "ScenarioRun",
    "benchmark_settings",
    "judged_by",
    "of_calendar",
    "run_scenario",
    "scenario_settings",
    "scenario_signals",
    "traded_bars",
    "traded_year",
]

Run = TypeVar("Run", bound=RunStatistics)


@dataclass(frozen=True, kw_only=True)
class ScenarioInputs:
    """One instrument's data, all of it up to the scenario's end.

    `raw`: bars as traded. `factors`: columns `total` and `split`, one row a bar. `known_at`: one
    stamp a bar. `predictions` by model name and `external` inputs by name, as `strategies.Market`
    takes them. `periods_per_year`: a usual year's of the instrument's calendar and timeframe.
    """

    instrument: Instrument
    raw: pd.DataFrame
    factors: pd.DataFrame
    known_at: pd.DatetimeIndex
    actions: Sequence[CorporateAction]
    periods_per_year: float
    predictions: Mapping[str, pd.DataFrame]
    external: Mapping[str, pd.DataFrame] = dataclasses.field(default_factory=dict)

    @property
    def market(self) -> Market:
        """What a strategy may look at."""
        return Market(
            self.raw,
            self.factors["total"].to_numpy(),
            self.known_at,
            self.predictions,
            split_factor=self.factors["split"].to_numpy(),
            inputs=self.external,
            timeframe=self.instrument.timeframe,
            calendar=self.instrument.calendar,
        )


@dataclass(frozen=True, kw_only=True)
class ScenarioRun:
    """A result, what buying and holding would have made, and all metrics of both together.

    `metrics`: by the names of `METRIC_NAMES` and `INTERVAL_NAMES`.
    """

    result: BacktestResult
    benchmark: BacktestResult
    metrics: dict[str, float]
    parameters: dict[str, Any]


def scenario_settings(
    scenario: ScenarioSpec, instrument: Instrument, periods_per_year: float
) -> BacktestSettings:
    """The engine's settings of a scenario for an instrument.

    Lots, ticks and the multiplier are the instrument's own where the scenario names none;
    `periods_per_year`: see `traded_year`.
    """
    limits = scenario.limits
    costs, risk, execution, financing = (
        getattr(scenario, group).model_dump()
        for group in ("costs", "risk", "execution", "financing")
    )
    return BacktestSettings(
        **costs,
        **risk,
        **execution,
        **financing,
        initial_cash=scenario.capital.initial,
        sizing=scenario.sizing.engine,
        pyramiding=scenario.sizing.pyramiding,
        session_close=scenario.session.engine,
        leverage=limits.leverage,
        maintenance_margin=limits.maintenance_margin,
        min_notional=limits.min_notional,
        lot_size=instrument.lot_size if limits.lot_size is None else limits.lot_size,
        tick_size=instrument.tick_size if limits.tick_size is None else limits.tick_size,
        multiplier=instrument.multiplier if limits.multiplier is None else limits.multiplier,
        delta=limits.delta,
        periods_per_year=periods_per_year,
    )


def benchmark_settings(settings: BacktestSettings) -> BacktestSettings:
    """Buying and holding beside a scenario: all of the cash, the same costs, nothing that sells."""
    always = dict.fromkeys(_THINGS_THAT_SELL)
    return settings.model_copy(
        update={**always, "sizing": PercentOfEquity(), "maximum_participation": None}
    )


_THINGS_THAT_SELL = (
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "max_holding_bars",
    "daily_profit_target",
    "daily_loss_limit",
    "session_close",
    "maintenance_margin",
)


def run_scenario(
    scenario: ScenarioSpec,
    inputs: ScenarioInputs,
    strategies: StrategyCatalogue = SHIPPED,
    *,
    audits: AuditLog | None = None,
    sharpe_limits: SharpeLimits | None = None,
) -> ScenarioRun:
    """Trade the scenario, and buy and hold beside it, fully invested, with the same costs.

    Signals are computed on all bars, so that a strategy is warm at the scenario's start; only bars
    within its dates are traded.

    The strategy is audited for look-ahead first, a shipped one too; the result's `audit` and
    `audit_note` say what that came to. `audits` keeps outcomes, such as an `AuditMemory`: equal
    code, parameters and bars are then audited once. `sharpe_limits`: annual Sharpe ratios above
    which the result has a warning.

    Raises `InsufficientDataError` where no bar lies in the dates, and `LookaheadError` for a
    strategy that reads the future, unless the scenario's `allow_lookahead` gives a reason.
    """
    bars, rows = traded_bars(scenario, inputs)
    year = traded_year(inputs, bars)
    settings = scenario_settings(scenario, inputs.instrument, year.bars)
    name = scenario.strategy.type
    parameters = strategies.validate_params(name, scenario.strategy.params)
    market = inputs.market.traded_from(rows.start)
    signals = scenario_signals(name, parameters, market, rows, strategies)
    outcome = strategy_outcome(
        strategies,
        name,
        parameters,
        market,
        instrument=inputs.instrument.id,
        log=audits,
        allow_lookahead=scenario.allow_lookahead,
    )
    result = run_backtest(bars, signals, settings, actions=inputs.actions)
    result = of_calendar(year, result).with_audit(outcome)
    remarks = strategies.remarks(name, market.head(rows.stop), parameters)
    result = result.with_warnings((*result.warnings, *remarks))
    if sharpe_limits is not None:
        result = judged_by(sharpe_limits, result)
    held = benchmark_settings(settings)
    hold = strategies.validate_params(scenario.benchmark, {})
    # its own market and start: the benchmark buys on the first traded bar
    entry = strategies.signals(scenario.benchmark, Market(bars.frame), hold)
    benchmark = run_backtest(bars, entry, held, actions=inputs.actions)
    metrics = summarize(
        result.equity,
        periods_per_year=year.bars,
        stamps=result.index,
        trades=result.trades,
        exposure=result.exposure.to_numpy(),
        benchmark_returns=benchmark.returns.to_numpy(),
        initial_equity=settings.initial_cash,
        multiplier=settings.multiplier,
    )
    metrics["sharpe"] = result.moments.sharpe  # summed as a sweep sums: equal to the last bit
    metrics |= headline_intervals(
        bar_returns(result.equity, initial_equity=settings.initial_cash),
        periods_per_year=year.bars,
        years=metrics["years"],
    )
    return ScenarioRun(
        result=result,
        benchmark=benchmark,
        metrics=metrics,
        parameters=parameters.model_dump(mode="json"),
    )


def of_calendar(year: BarYear, result: Run) -> Run:
    """The result with what the calendar says of its bars; it knows more than their stamps do."""
    others = tuple(text for text in result.warnings if not text.startswith(CONTRADICTED))
    return result.with_warnings((*year.warnings, *others))


def judged_by(limits: SharpeLimits, result: Run) -> Run:
    """The result with the warning of these limits in place of that of the usual ones."""
    others = tuple(text for text in result.warnings if not text.startswith(IMPLAUSIBLE))
    found = implausible_sharpe(result.moments.sharpe, result.index, limits)
    return result.with_warnings((*others, *found))


def traded_bars(scenario: ScenarioSpec, inputs: ScenarioInputs) -> tuple[ValidatedBars, slice]:
    """Bars within the scenario's dates, checked, and their rows in `inputs.raw`."""
    start, end = scenario.dates.bounds
    index = inputs.raw.index
    first = 0 if start is None else int(index.searchsorted(pd.Timestamp(start)))
    last = len(index) if end is None else int(index.searchsorted(pd.Timestamp(end)))
    if last - first < 2:
        there = f"from {index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}" if len(index) else "none"
        raise InsufficientDataError(
            f"The scenario '{scenario.name}' trades {inputs.instrument.id} from "
            f"{scenario.dates.start or 'the first bar'} to {scenario.dates.end or 'the last'}, "
            f"where there are {max(last - first, 0)} bars; at least 2 are needed. Stored bars: "
            f"{there}. Change 'dates'.",
            scenario=scenario.name,
            instrument=inputs.instrument.id,
        )
    rows = slice(first, last)
    return validate_bars(inputs.raw.iloc[rows]), rows


def traded_year(inputs: ScenarioInputs, bars: ValidatedBars) -> BarYear:
    """Bars a year of those that are traded: the calendar's where 95 % of its bars are there."""
    instrument = inputs.instrument
    return calendar_year(
        bars.index, instrument.timeframe, instrument.calendar, inputs.periods_per_year
    )


def scenario_signals(
    name: str,
    parameters: StrategyParams,
    market: Market,
    rows: slice,
    strategies: StrategyCatalogue = SHIPPED,
) -> Signals:
    """Signals of a strategy on the market, cut to the traded rows.

    The strategy is told where they begin (`Market.first_traded`).
    """
    seen = market.traded_from(rows.indices(len(market))[0])
    return _cut(strategies.signals(name, seen, parameters), rows, len(market))


def _cut(signals: Signals, rows: slice, length: int) -> Signals:
    if rows == slice(0, length):
        return signals
    cut: dict[str, Any] = {}
    for field, value in vars(signals).items():
        if isinstance(value, np.ndarray):
            cut[field] = value[rows]
        elif value is not None and len(value) == length:
            cut[field] = type(value)(value.values[rows])
        else:
            cut[field] = value
    return Signals(**cut)
