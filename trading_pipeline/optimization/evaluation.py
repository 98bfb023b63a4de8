"""Evaluates parameter sets of a study on a part of its bars; every trial goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from pydantic import JsonValue

from trading_pipeline.backtest.annual_bars import told_year
from trading_pipeline.backtest.arrays import FloatArray
from trading_pipeline.backtest.engine import run_backtest
from trading_pipeline.backtest.kernels import codes
from trading_pipeline.backtest.result import BacktestResult
from trading_pipeline.backtest.scenario_runner import (
    ScenarioInputs,
    scenario_settings,
    scenario_signals,
    traded_bars,
    traded_year,
)
from trading_pipeline.backtest.sweep import SWEEP_COLUMNS, run_signal_sweep
from trading_pipeline.backtest.sweeps.run import run_sweep
from trading_pipeline.backtest.validated_bars import ValidatedBars, validate_bars
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import (
    DataQualityError,
    InsufficientDataError,
    LookaheadError,
    StrategyError,
    TradingPipelineError,
)
from trading_pipeline.optimization.evaluated_trials import EvaluatedTrials, statuses_of
from trading_pipeline.optimization.study_metrics import metric_values
from trading_pipeline.performance.summary import years_between
from trading_pipeline.settings.backtest_settings import BacktestSettings
from trading_pipeline.settings.scenario import ScenarioSpec
from trading_pipeline.settings.study import StudySpec
from trading_pipeline.strategies import Market, Strategy, StrategyCatalogue, StrategyParams
from trading_pipeline.strategies.parameter_sets import ParameterSets

__all__ = ["NOT_OF_A_SET", "Evaluator", "Part"]

Parameters = dict[str, JsonValue]
NOT_OF_A_SET = (DataQualityError, InsufficientDataError, LookaheadError, MemoryError)
"""Errors of the bars, the audit or the machine; any other one is of the set that raised it."""
_LONGEST_REASON = 500


@dataclass(frozen=True, eq=False)
class Part:
    """Consecutive bars that are traded on their own, from cash, with all earlier bars as warm-up.

    `rows`: their place among all bars. Everything that comes after them is unknown in `market`.
    """

    rows: slice
    bars: ValidatedBars
    market: Market
    settings: BacktestSettings

    @property
    def bars_a_year(self) -> float:
        """Bars in a year, by which ratios are annualized."""
        return float(self.settings.periods_per_year or 0.0)

    @cached_property
    def years(self) -> float:
        """Elapsed time from the first bar to the last, in years."""
        return years_between(self.bars.index, len(self.bars))


class Evaluator:
    """Evaluates parameter sets on the traded bars of a scenario, or on parts of them."""

    def __init__(
        self,
        study: StudySpec,
        scenario: ScenarioSpec,
        inputs: ScenarioInputs,
        strategies: StrategyCatalogue,
    ) -> None:
        self.study, self.scenario, self.inputs = study, scenario, inputs
        self.strategies = strategies
        self._bars, self._rows = traded_bars(scenario, inputs)
        self._market = inputs.market.traded_from(self._rows.start)

    @cached_property
    def whole(self) -> Part:
        """All bars that the study searches."""
        return Part(self._rows, self._bars, self._market, self._settings(self._bars))

    @property
    def index(self) -> pd.DatetimeIndex:
        """Stamps of all bars that the study searches."""
        return self._bars.index

    def part(self, first: int, last: int) -> Part:
        """The bars from `first` up to, without, `last`, counted from the first traded bar."""
        if (first, last) == (0, len(self._bars)):
            return self.whole
        rows = slice(self._rows.start + first, self._rows.start + last)
        if self._bars.price_rounding:  # how many of the part is not known
            bars = validate_bars(self.inputs.raw.iloc[rows])
        else:
            bars = self._bars.part(first, last)
        market = self._market.head(rows.stop).traded_from(rows.start)
        return Part(rows, bars, market, self._settings(bars))

    def written(self, first: int, last: int) -> str:
        """First and last stamp of a part, for the ledger."""
        stamps = self.index[first], self.index[last - 1]
        return "/".join(f"{each:%Y-%m-%dT%H:%M}" for each in stamps)

    def validated(self, sets: Sequence[Parameters]) -> list[StrategyParams]:
        """Checked parameters; those that are not searched are the scenario's."""
        name = self.study.strategy
        return [self.strategies.validate_params(name, self._whole_set(each)) for each in sets]

    def checked(self, sets: Sequence[Parameters]) -> ParameterSets[Any] | None:
        """As `validated`, of many sets together; None where one is wrong."""
        chosen = self.strategies.get(self.study.strategy)
        kind: type[StrategyParams] = chosen.params_type
        if getattr(type(chosen), "primary", None) is Strategy.primary:  # it works on no other one
            return ParameterSets.checked(kind, [self._whole_set(each) for each in sets])
        try:
            return ParameterSets.of(kind, self.validated(sets))
        except StrategyError:  # what is wrong is said by the check of each set
            return None

    def _whole_set(self, searched: Parameters) -> Parameters:
        return dict(self.scenario.strategy.params) | searched

    def trials(
        self, many: Sequence[StrategyParams], part: Part, hashes: Sequence[str] | None = None
    ) -> EvaluatedTrials:
        """The sets on the part, in their order; `hashes` are those of the sets, if known.

        Every number equals the one of a single run, bit for bit. A set for which the strategy
        raises has status `failed` and no numbers.
        """
        statistics, reasons = self._statistics(many, part)
        columns = {name: statistics[:, at] for name, at in SWEEP_COLUMNS.items()}
        initial = part.settings.initial_cash
        value = metric_values(columns, self.study.metric, initial=initial, years=part.years)
        if hashes is None:
            hashes = [canonical_hash(each.model_dump(mode="json")) for each in many]
        return EvaluatedTrials(
            statistics=statistics,
            value=value,
            bars=np.full(len(many), len(part.bars), dtype=np.int64),
            parameters_hash=list(hashes),
            status=statuses_of(value, reasons),
            reason=reasons,
        )

    def run(self, params: StrategyParams, part: Part, *, close_at_end: bool) -> BacktestResult:
        """The full result of one set; `close_at_end` sells by the last bar, at its open."""
        signals = self._signals(params, part)
        if close_at_end:
            signals = _closed_at_end(signals, part.settings.fill == "same_close")
        return run_backtest(part.bars, signals, part.settings, actions=self.inputs.actions)

    def with_cash(self, part: Part, cash: float) -> Part:
        """The same part, begun with another amount of cash."""
        settings = part.settings.model_copy(update={"initial_cash": cash})
        return Part(part.rows, part.bars, part.market, settings)

    @cached_property
    def _scenario_settings(self) -> BacktestSettings:
        year = traded_year(self.inputs, self._bars)
        return scenario_settings(self.scenario, self.inputs.instrument, year.bars)

    def _settings(self, bars: ValidatedBars) -> BacktestSettings:
        year = traded_year(self.inputs, bars)
        return told_year(self._scenario_settings, year.bars)

    def _signals(self, params: StrategyParams, part: Part) -> Signals:
        name = self.study.strategy
        return scenario_signals(name, params, part.market, part.rows, self.strategies)

    def _statistics(
        self, many: Sequence[StrategyParams], part: Part
    ) -> tuple[FloatArray, list[str | None]]:
        """The sweep's statistics, one row a set, and why a set failed."""
        reasons: list[str | None] = [None] * len(many)
        try:
            found = run_sweep(
                part.bars,
                self.study.strategy,
                many,  # type: ignore[arg-type] # checked sets are taken as they are
                part.settings,
                actions=self.inputs.actions,
                market=part.market,
                strategies=self.strategies,
            )
        except NOT_OF_A_SET:
            raise
        except Exception:  # whatever a strategy raises; each set says it alone
            alone = [self._alone(each, part) for each in many]
            return np.stack([row for row, _ in alone]), [reason for _, reason in alone]
        for number in sorted(found.errors):  # alone it raises what is not of the set
            reasons[number] = self._alone(many[number], part)[1]
        return found.stats, reasons

    def _alone(self, params: StrategyParams, part: Part) -> tuple[FloatArray, str | None]:
        statistics = np.full(codes.S_COUNT, np.nan)
        try:
            signals = [self._signals(params, part)]
            found = run_signal_sweep(part.bars, signals, part.settings, actions=self.inputs.actions)
        except NOT_OF_A_SET:
            raise
        except Exception as error:
            kind = "" if isinstance(error, TradingPipelineError) else f"{type(error).__name__}: "
            return statistics, _one_line(f"{kind}{error}")
        for name, at in SWEEP_COLUMNS.items():
            statistics[at] = found[name].iloc[0]
        return statistics, None


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]} ..."


def _closed_at_end(signals: Signals, fills_at_close: bool) -> Signals:
    """The signals with no position left at the end, and none opened in the last two bars."""
    decided = max(len(signals) - (1 if fills_at_close else 2), 0)
    leaving = np.zeros(len(signals), dtype=np.bool_)
    leaving[decided] = True
    entering = np.arange(len(signals)) < decided
    return replace(
        signals,
        entry_long=signals.entry_long & entering,
        exit_long=signals.exit_long | leaving,
        entry_short=signals.entry_short & entering,
        exit_short=signals.exit_short | leaving,
    )
