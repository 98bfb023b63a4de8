"""This file holds how target weights are laid on an account's bars, and at which of them they rebalance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.backtest.portfolio_clock import AccountClock, period_ends
from trading_pipeline.backtest.portfolio_settings import refuse_unknown
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.errors import StrategyError
from trading_pipeline.settings.backtest_settings import BacktestSettings
from trading_pipeline.settings.rebalancing import Rebalancing

__all__ = ["WeightPlan", "weight_plan"]

FloatArray: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WeightPlan:
    """Weights (bars of the account, instruments), bars that rebalance (1), threshold (0: none)."""

    weights: FloatArray
    rebalance: npt.NDArray[np.uint8]
    threshold: float


def weight_plan(
    names: Sequence[str],
    clock: AccountClock,
    targets: TargetWeights,
    rebalancing: Rebalancing,
    account: BacktestSettings,
) -> WeightPlan:
    """Lay the weights on the account's bars and mark those that rebalance, as `Rebalancing` says.

    Raises `UnknownNameError` for an instrument without bars, and `StrategyError` for a row whose
    stamp is no bar of any instrument, and for a bar at which the weights known by then add up, without
    their signs, to more than the account's leverage.
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
    weights = np.full((len(clock), len(names)), np.nan)
    places = {name: place for place, name in enumerate(names)}
    columns = np.array([places[name] for name in targets.instruments], dtype=np.int64)
    weights[np.ix_(rows, columns)] = targets.values
    _refuse_beyond_leverage(weights, clock, account)
    return WeightPlan(
        weights,
        _rebalancing_bars(weights, clock, rebalancing, account),
        rebalancing.threshold or 0.0,
    )


def _rebalancing_bars(
    weights: FloatArray, clock: AccountClock, rebalancing: Rebalancing, account: BacktestSettings
) -> npt.NDArray[np.uint8]:
    given = ~np.isnan(weights).all(axis=1)
    if rebalancing.calendar is None and rebalancing.threshold is None:
        return np.asarray(given, dtype=np.uint8)
    known = np.logical_or.accumulate(given)
    due = known & ~np.concatenate(([False], known[:-1]))  # the first row that gives a weight
    if rebalancing.calendar is not None:
        rule = account.session_close
        days = clock.days if rule is None else clock.local_days(rule.zone)
        due |= known & period_ends(days, rebalancing.calendar)
    return np.asarray(due, dtype=np.uint8)


def _refuse_beyond_leverage(
    weights: FloatArray, clock: AccountClock, account: BacktestSettings
) -> None:
    given = np.flatnonzero(~np.isnan(weights).all(axis=1))  # what is known changes at no other bar
    known = pd.DataFrame(weights[given]).ffill().fillna(0.0).to_numpy()
    total = np.abs(known).sum(axis=1)
    wrong = total > account.leverage * (1.0 + 1e-9)
    if wrong.any():
        place = int(np.argmax(wrong))
        row = int(given[place])
        raise StrategyError(
            f"The target weights known at {clock.index[row]} add up to {float(total[place]):.6g} without "
            f"their signs, and the account's leverage is {account.leverage:g}. Give smaller weights "
            "(a NaN leaves an earlier weight in force; close a position with 0), or set a higher "
            "leverage.",
            row=row,
            ts=clock.index[row],
            value=float(total[place]),
            leverage=account.leverage,
        )
