"""How target weights are laid on an account's bars, and at which of them they rebalance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trading_pipeline.backtest.arrays import BoolArray, CodeArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels import margins
from trading_pipeline.backtest.portfolio.clock import AccountClock, period_ends
from trading_pipeline.backtest.portfolio.settings import refuse_unknown
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.errors import StrategyError
from trading_pipeline.settings.backtest_settings import BacktestSettings
from trading_pipeline.settings.rebalancing import Rebalancing

__all__ = ["WeightPlan", "weight_plan"]


@dataclass(frozen=True, eq=False)
class WeightPlan:
    """Weights as they are given, bars that rebalance (1, all others 0), threshold (0: none).

    `rows`: the account's bars, rising, at whose close the rows of `values` (rows, instruments) are
    known; NaN leaves an instrument's weight as it is.
    """

    rows: IntArray
    values: FloatArray
    rebalance: CodeArray
    threshold: float

    @cached_property
    def weights(self) -> FloatArray:
        """The weights as a table (bars of the account, instruments), NaN where none is given."""
        table = np.full((len(self.rebalance), self.values.shape[1]), np.nan)
        table[self.rows] = self.values
        return table


def weight_plan(
    names: Sequence[str],
    clock: AccountClock,
    targets: TargetWeights,
    rebalancing: Rebalancing,
    account: BacktestSettings,
    *,
    changes: IntArray | None = None,
) -> WeightPlan:
    """Lay the weights on the account's bars and mark those that rebalance, as `Rebalancing` says.

    `changes`: bars at which a membership begins or ends; they rebalance in any case.

    Raises `UnknownNameError` for an instrument without bars, and `StrategyError` for a row whose
    stamp is no bar of any instrument, and for a bar at which the weights known by then add up,
    without their signs, to more than the account's leverage.
    """
    refuse_unknown("weights", targets.instruments, names)
    stamps = targets.index.asi8
    rows = np.searchsorted(clock.ts, stamps)
    missing = clock.ts[np.minimum(rows, len(clock) - 1)] != stamps
    if missing.any():
        row = int(np.argmax(missing))
        before = int(rows[row]) - 1
        nearest = (
            f"the last one before it is {clock.index[before]}" if before >= 0 else "all are later"
        )
        raise StrategyError(
            f"Row {row} of the target weights ({targets.index[row]}) is no bar of any instrument; "
            f"{nearest}. A weight is decided at the close of a bar: give it that bar's stamp.",
            row=row,
            ts=targets.index[row],
        )
    values = _by_priority(targets, names)
    given = ~np.isnan(values)
    some = given.any(axis=1)  # a row that gives no weight changes nothing
    if not some.all():
        rows, values, given = rows[some], values[some], given[some]
    _refuse_beyond_leverage(rows, values, given, clock, account)
    due = _rebalancing_bars(rows, clock, rebalancing, account)
    if changes is not None:
        due[changes] = 1
    return WeightPlan(rows, values, due, rebalancing.threshold or 0.0)


def _by_priority(targets: TargetWeights, names: Sequence[str]) -> FloatArray:
    """Weights (rows, instruments) in the order of `names`, NaN for one that has no column."""
    instruments = targets.instruments
    if instruments == tuple(names):
        return targets.values
    places = {name: place for place, name in enumerate(names)}
    values = np.full((len(targets), len(names)), np.nan)
    values[:, [places[name] for name in instruments]] = targets.values
    return values


def _rebalancing_bars(
    rows: IntArray, clock: AccountClock, rebalancing: Rebalancing, account: BacktestSettings
) -> CodeArray:
    """1 at each bar that rebalances; `rows`: the bars that give a weight."""
    due = np.zeros(len(clock), dtype=np.bool_)
    if rebalancing.calendar is None and rebalancing.threshold is None:
        due[rows] = True
    elif len(rows):
        due[rows[0]] = True
        if rebalancing.calendar is not None:
            rule = account.session_close
            days = clock.days if rule is None else clock.local_days(rule.zone)
            due[rows[0] :] |= period_ends(days, rebalancing.calendar)[rows[0] :]
    return due.view(np.uint8)


def _refuse_beyond_leverage(
    rows: IntArray,
    values: FloatArray,
    given: BoolArray,
    clock: AccountClock,
    account: BacktestSettings,
) -> None:
    known = values
    if not given.all():  # the last weight before stays in force, 0 where there is none
        last = np.maximum.accumulate(np.where(given, np.arange(len(rows))[:, None], 0), axis=0)
        known = np.nan_to_num(np.take_along_axis(values, last, axis=0), nan=0.0)
    total = np.abs(known).sum(axis=1)
    wrong = total > account.leverage * (1.0 + margins.LEVERAGE)
    if wrong.any():
        place = int(np.argmax(wrong))
        row = int(rows[place])
        raise StrategyError(
            f"The target weights known at {clock.index[row]} add up to {float(total[place]):.6g} "
            f"without their signs, and the account's leverage is {account.leverage:g}. Give "
            "smaller weights (a NaN leaves an earlier weight in force; close a position with 0), "
            "or set a higher leverage.",
            row=row,
            ts=clock.index[row],
            value=float(total[place]),
            leverage=account.leverage,
        )
