"""Combinations of a sweep plan, traded by the fast loops; or by the exact one, with the same bits.

Memory is the plan's rows, a few bytes a bar and thread, and one line of statistics a combination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from trading_pipeline.backtest.arrays import BoolArray, FloatArray, IntArray, frozen
from trading_pipeline.backtest.engine import run_backtest
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.eligibility import may_run
from trading_pipeline.backtest.kernels.fast import rule_events
from trading_pipeline.backtest.kernels.fast.sweep import sweep_crossings
from trading_pipeline.backtest.kernels.fast.sweep_rules import sweep_rules
from trading_pipeline.backtest.settings_vector import (
    LevelArrays,
    level_arrays,
    rules_of,
    settings_vector,
)
from trading_pipeline.backtest.validated_bars import ActionRows, ValidatedBars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.rule_plan import INTENTS, Relation, RulePlan
from trading_pipeline.domain.signals import Level, Price, Signals
from trading_pipeline.errors import StrategyError
from trading_pipeline.settings.backtest_settings import BacktestSettings

__all__ = ["Plan", "PlanTrading", "SharedInputs", "trading_of"]

Plan: TypeAlias = CrossingPlan | RulePlan

_RELATIONS: dict[Relation, int] = {
    "above": rule_events.ABOVE,
    "at_or_above": rule_events.AT_OR_ABOVE,
    "below": rule_events.BELOW,
    "at_or_below": rule_events.AT_OR_BELOW,
    "crosses_above": rule_events.CROSSES_ABOVE,
    "crosses_below": rule_events.CROSSES_BELOW,
}
_LEVELS = ("stop_loss", "take_profit", "trailing_stop")


@dataclass(frozen=True, eq=False, kw_only=True)
class SharedInputs:
    """What all combinations of a sweep are traded on."""

    bars: ValidatedBars
    settings: BacktestSettings
    actions: Sequence[CorporateAction] | None

    @cached_property
    def effects(self) -> ActionRows:
        """Bars and effects of the corporate actions."""
        return self.bars.action_rows(self.actions)

    @property
    def applied(self) -> IntArray | None:
        """Bars of the corporate actions; None without any."""
        bar, _ = self.effects
        return bar if len(bar) else None


class PlanTrading:
    """A plan by the loop of the single run, combination by combination: any settings."""

    def __init__(self, shared: SharedInputs, plan: Plan) -> None:
        self.shared, self.plan = shared, plan

    def trade(self, first: int, last: int, stats: FloatArray, equity: FloatArray) -> BoolArray:
        """Write the statistics of the combinations from `first` to `last`, one a row.

        `equity` gets one row a combination, unless it has none. Returns which were refused because
        of a level on the wrong side of its price. Holds no lock of Python while kernels run.
        """
        shared, refused = self.shared, np.zeros(last - first, dtype=np.bool_)
        for row, number in enumerate(range(first, last)):
            signals = self.plan.signals(number)
            try:
                run = run_backtest(shared.bars, signals, shared.settings, actions=shared.actions)
            except StrategyError:
                refused[row] = True
                continue
            stats[row] = run.stats
            if len(equity):
                equity[row] = run.equity
        return refused


class _CrossingTrading(PlanTrading):
    """A crossing plan by its compiled loop."""

    plan: CrossingPlan

    def trade(self, first: int, last: int, stats: FloatArray, equity: FloatArray) -> BoolArray:
        bars, plan, settings = self.shared.bars, self.plan, self.shared.settings
        rules = rules_of(settings)
        up, down = codes.ENTER_LONG, codes.EXIT_LONG
        if plan.direction == "long_short":
            up, down = codes.ENTER_LONG | codes.EXIT_SHORT, codes.ENTER_SHORT | codes.EXIT_LONG
        sweep_crossings(
            bars.open, bars.high, bars.low, bars.close, plan.rows, plan.pairs[first:last],
            plan.lead, up, down, rules.levels, self.shared.applied, self.shared.effects[1],
            rules.vector, stats, equity, plan.start == "state",
        )  # fmt: skip
        return np.zeros(last - first, dtype=np.bool_)


class _RuleTrading(PlanTrading):
    """A rule plan by its compiled loop."""

    plan: RulePlan

    def __init__(self, shared: SharedInputs, plan: RulePlan) -> None:
        super().__init__(shared, plan)
        terms = list(plan.terms())
        self._terms = np.array(
            [(intent, begins, _RELATIONS[each.relation]) for intent, begins, each in terms],
            dtype=np.int64,
        ).reshape(-1, rule_events.TERM_FIELDS)
        self._places = np.full((len(plan), len(terms), 3), -1, dtype=np.int64)
        self._numbers = np.zeros((len(plan), len(terms)))
        for at, (_, _, each) in enumerate(terms):
            for place, values in enumerate((each.left, each.base, each.spread)):
                if values is not None:
                    self._places[:, at, place] = values
            if each.number is not None:
                self._numbers[:, at] = each.number
        sample = _sample(plan)
        self._p = settings_vector(shared.settings, sample)
        self._levels = level_arrays(shared.settings, sample)
        self._is_sided, self._sided = self._levels_by_side()
        self._refused = self._wrong_sides()

    def trade(self, first: int, last: int, stats: FloatArray, equity: FloatArray) -> BoolArray:
        bars, plan = self.shared.bars, self.plan
        refused = np.zeros(last - first, dtype=np.bool_)
        levels, placed = self._own_levels()
        sweep_rules(
            bars.open, bars.high, bars.low, bars.close, plan.rows, self._terms,
            self._places[first:last], self._numbers[first:last], plan.lead, levels, placed,
            self._sided, self._is_sided, self._refused, self.shared.applied,
            self.shared.effects[1], self._p, stats, equity, refused,
        )  # fmt: skip
        return refused

    def _own_levels(self) -> tuple[LevelArrays | None, FloatArray]:
        """The level arrays, and the place of those that a thread writes for each combination."""
        placed = np.full((3, self._sided.shape[2]), np.nan)
        if self._levels is None:
            return None, placed
        stop, target, trail = (
            frozen(row.view()) if is_sided else given
            for given, row, is_sided in zip(self._levels, placed, self._is_sided, strict=True)
        )
        return (stop, target, trail), placed

    def _levels_by_side(self) -> tuple[BoolArray, FloatArray]:
        """Which levels depend on the side, and their values: (level, side, bar)."""
        pairs = [self.plan.levels(name) for name in _LEVELS]
        is_sided = np.array([_differ(long, short) for long, short in pairs])
        values = np.empty((3, 2, len(self.shared.bars) if is_sided.any() else 0))
        for at in np.flatnonzero(is_sided):
            for side, level in enumerate(pairs[at]):
                values[at, side] = np.nan if level is None else level.values
        return is_sided, values

    def _wrong_sides(self) -> BoolArray:
        """(side, bar): entries there would have a price level that `check_levels` refuses."""
        close = self.shared.bars.close
        wrong = np.zeros((2, len(close)), dtype=np.bool_)
        for name, sign in (("stop_loss", -1), ("take_profit", 1)):
            for side, level in enumerate(self.plan.levels(name)):
                if isinstance(level, Price):
                    wrong[side] |= (1 - 2 * side) * sign * (level.values - close) <= 0
        trail, _ = self.plan.levels("trailing_stop")
        if isinstance(trail, Price):
            wrong[0] |= trail.values >= close
        return wrong if wrong.any() else wrong[:, :0].copy()


def trading_of(shared: SharedInputs, plan: Plan) -> PlanTrading:
    """The fastest way to trade the plan under the settings."""
    if not may_run("crossings", [rules_of(shared.settings).demands]):
        return PlanTrading(shared, plan)
    if isinstance(plan, CrossingPlan):
        return _CrossingTrading(shared, plan)
    return _RuleTrading(shared, plan)


def _differ(long: Level | None, short: Level | None) -> bool:
    if long is None or short is None or long is short:
        return False
    return not np.array_equal(long.values, short.values, equal_nan=True)


def _sample(plan: RulePlan) -> Signals:
    """Signals without a decision that have the plan's levels."""
    fields: dict[str, Any] = dict.fromkeys(INTENTS, np.zeros(plan.bars, dtype=np.bool_))
    return Signals(**fields | {name: plan.levels(name)[0] for name in _LEVELS})
