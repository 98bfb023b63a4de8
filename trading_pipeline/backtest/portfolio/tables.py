"""The prices of several instruments side by side, kept for runs on the same bars.

Tables are (bars of the account, instruments), NaN where an instrument has no bar. Validated bars
cannot be changed, so that what was made of them once holds for every later run on the same objects.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np

from trading_pipeline.backtest.arrays import FloatArray, frozen
from trading_pipeline.backtest.portfolio.clock import AccountClock, account_clock
from trading_pipeline.backtest.validated_bars import ValidatedBars

__all__ = ["PriceTables", "price_tables"]


_MOST = 4  # sets of bars whose tables are kept


@dataclass(frozen=True, eq=False)
class PriceTables:
    """The clock and the prices of a set of instruments; made when first asked for.

    `columns`: the arrays of `ValidatedBars` by field, then by instrument.
    """

    clock: AccountClock
    columns: Mapping[str, Mapping[str, FloatArray]]

    @cached_property
    def complete(self) -> bool:
        """True where every instrument has every bar of the clock."""
        return all(len(values) == len(self.clock) for values in self.columns["close"].values())

    @cached_property
    def open(self) -> FloatArray:
        """Opens."""
        return self.of("open")

    @cached_property
    def highest_open(self) -> FloatArray:
        """The highest open of each instrument."""
        return frozen(np.array([values.max() for values in self.columns["open"].values()]))

    @cached_property
    def close(self) -> FloatArray:
        """Closes."""
        return self.of("close")

    @cached_property
    def close_by_instrument(self) -> FloatArray:
        """Closes as (instruments, bars); only where `complete`."""
        return frozen(np.stack(list(self.columns["close"].values())))

    def of(self, field: str) -> FloatArray:
        """A table of one field, made anew."""
        columns = self.columns[field]
        if self.complete:
            return frozen(np.stack(list(columns.values()), axis=1))
        table = np.full((len(self.clock), len(columns)), np.nan)
        for k, (name, values) in enumerate(columns.items()):
            table[self.clock.rows[name], k] = values
        return frozen(table)


def price_tables(bars: Mapping[str, ValidatedBars]) -> PriceTables:
    """Tables of these bars in this order; the same object again for the same bars and names.

    The tables of the last few sets of bars are kept as long as all of those bars are in use.
    Raises what `account_clock` raises.
    """
    key = (*bars, *map(id, bars.values()))
    with _lock:
        known = _kept.get(key)
        if known is not None:
            return known[0]
    fields = ("open", "high", "low", "close", "volume")
    columns = {
        field: {name: getattr(each, field) for name, each in bars.items()} for field in fields
    }
    made = PriceTables(account_clock(bars), columns)

    def forget(_: weakref.ref[ValidatedBars]) -> None:
        _kept.pop(key, None)  # an id may stand for another object from now on

    watchers = [weakref.ref(each, forget) for each in bars.values()]
    with _lock:
        while len(_kept) >= _MOST:
            _kept.pop(next(iter(_kept)))
        _kept[key] = made, watchers
    return made


_kept: dict[tuple[object, ...], tuple[PriceTables, list[weakref.ref[ValidatedBars]]]] = {}
_lock = Lock()
