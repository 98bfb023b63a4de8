"""Portfolios of members: an instrument is held only while it belongs to the universe.

A bar is judged by the flag of the instrument's own bar: on a bar without membership nothing is
entered, and what is held is closed at the next open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.backtest.arrays import BoolArray, IntArray
from trading_pipeline.backtest.portfolio.clock import AccountClock
from trading_pipeline.backtest.portfolio.settings import refuse_unknown
from trading_pipeline.backtest.validated_bars import ValidatedBars
from trading_pipeline.domain.signals import Signals
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.errors import StrategyError

__all__ = ["MemberFlags", "member_flags", "signals_of_members", "weights_of_members"]

MemberFlags = Mapping[str, BoolArray]
"""By instrument, one flag a bar of its own; only instruments that are no member on some bar."""


def member_flags(
    bars: Mapping[str, ValidatedBars], given: Mapping[str, npt.ArrayLike] | None
) -> MemberFlags:
    """The flags as arrays; instruments that are not given, or always belong, are left out.

    Raises `UnknownNameError` for an instrument without bars, and `StrategyError` for flags that are
    not true or false or are not one a bar.
    """
    refuse_unknown("members", given or {}, bars)
    found = {}
    for name, values in (given or {}).items():
        flags = np.asarray(values)
        if flags.dtype != np.bool_ or flags.shape != (len(bars[name]),):
            raise StrategyError(
                f"{name}: 'members' has the shape {flags.shape} of {flags.dtype}; give one true or "
                f"false for each of the {len(bars[name])} bars.",
                instrument=name,
            )
        if not flags.all():
            found[name] = flags
    return found


def signals_of_members(orders: Mapping[str, Signals], flags: MemberFlags) -> dict[str, Signals]:
    """Signals without entries on bars of no membership, with exits there."""
    found = dict(orders)
    for name, member in flags.items():
        if name in found:
            given = found[name]
            found[name] = replace(
                given,
                entry_long=given.entry_long & member,
                entry_short=given.entry_short & member,
                exit_long=given.exit_long | ~member,
                exit_short=given.exit_short | ~member,
            )
    return found


def weights_of_members(
    targets: TargetWeights, clock: AccountClock, flags: MemberFlags
) -> tuple[TargetWeights, IntArray]:
    """Weights that are 0 while an instrument does not belong, and the account's bars that change.

    A weight stays in force: it is 0 from the first bar without membership on and counts again, as
    last given, from the first bar with it. Both make a row of their own where none is given.
    """
    none = np.empty(0, dtype=np.int64)
    concerned = [name for name in targets.instruments if name in flags]
    if not concerned:
        return targets, none
    stamps = clock.index.union(targets.index).as_unit("us")
    every = targets.frame.reindex(stamps)
    in_force, changes = every[concerned].ffill(), []
    for name in concerned:
        weight = in_force[name] * _as_of(stamps, clock, clock.rows[name], flags[name])
        before = weight.shift(1)
        changes.append(weight.ne(before) & before.notna())
        in_force[name] = weight
    changed = np.logical_or.reduce([each.to_numpy() for each in changes])
    kept = changed | stamps.isin(targets.index)
    frame = every.assign(**in_force)[kept][list(targets.instruments)]
    rows: IntArray = np.asarray(np.searchsorted(clock.ts, stamps.asi8[changed]), dtype=np.int64)
    return TargetWeights(frame), rows


def _as_of(
    stamps: pd.DatetimeIndex, clock: AccountClock, own_rows: IntArray, member: BoolArray
) -> npt.NDArray[np.float64]:
    """1 or 0 at each stamp: the flag of the newest own bar, before the first that of the first."""
    newest = np.searchsorted(clock.ts[own_rows], stamps.asi8, side="right") - 1
    return member[np.maximum(newest, 0)].astype(np.float64)
