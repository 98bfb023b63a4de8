"""How the exact loop over an account is run: room for its logs, and what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from trading_pipeline.backtest.account_inputs import AccountInputs
from trading_pipeline.backtest.arrays import FloatArray, IntArray, frozen
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.run_control import Cancelled, Progress, run_watched

__all__ = ["AccountRun", "UnitSpans", "UnitsHeld", "run_account", "units_by_bar", "used_rows"]

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, eq=False)
class UnitsHeld:
    """Signed units of a portfolio that change at few of its bars.

    `units`: a row (of instruments) for each change, held from the open of the bar in `first_bar`
    on, which rise; none before the first.
    """

    first_bar: IntArray
    units: FloatArray

    def by_bar(self, bars: int) -> FloatArray:
        """Units held at each close, (bars, instruments).

        >>> UnitsHeld(np.array([1, 3]), np.array([[2.0], [5.0]])).by_bar(4).ravel().tolist()
        [0.0, 2.0, 2.0, 5.0]
        """
        rows = np.concatenate((np.zeros((1, self.units.shape[1])), self.units))
        lengths = np.diff(np.concatenate(([0], self.first_bar, [bars])))
        return frozen(np.repeat(rows, lengths, axis=0))

    def setflags(self, *, write: bool) -> None:
        """Let the arrays be written or not, as `numpy.ndarray.setflags` does."""
        self.first_bar.setflags(write=write)
        self.units.setflags(write=write)


@dataclass(frozen=True, eq=False)
class UnitSpans:
    """Signed units of a portfolio, instrument by instrument: rows of `kernels.state.Span`."""

    rows: npt.NDArray[np.void]
    instruments: int

    def by_bar(self, bars: int) -> FloatArray:
        """Units held at each close, (bars, instruments)."""
        units = np.zeros((self.instruments, bars))
        for value, asset, begin, end, _ in self.rows.tolist():
            units[asset, begin:end] = value
        return frozen(np.ascontiguousarray(units.T))

    def setflags(self, *, write: bool) -> None:
        """Let the rows be written or not, as `numpy.ndarray.setflags` does."""
        self.rows.setflags(write=write)


@dataclass(frozen=True, eq=False, kw_only=True)
class AccountRun:
    """What a loop wrote: equity and cash by bar, units held, tables, statistics.

    `quantity`: units as the loop wrote them, by bar, by change or by span.
    """

    equity: FloatArray
    cash: FloatArray
    quantity: FloatArray | UnitsHeld | UnitSpans
    trade_rows: FloatArray
    order_rows: FloatArray
    stats: FloatArray

    @property
    def units_by_bar(self) -> FloatArray:
        """Units held at each close, (bars, instruments)."""
        return units_by_bar(self.quantity, len(self.equity))

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for values in vars(self).values():
            values.setflags(write=False)


def units_by_bar(held: FloatArray | UnitsHeld | UnitSpans, bars: int) -> FloatArray:
    """Units held at each close, (bars, instruments), from any form of `AccountRun.quantity`."""
    return held if isinstance(held, np.ndarray) else held.by_bar(bars)


def run_account(
    inputs: AccountInputs,
    actions: tuple[IntArray, IntArray, FloatArray],
    entries: int,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> AccountRun:
    """Run the exact loop; `entries` is a guess of how many rows its logs need.

    Where the guess was too small the loop runs once more with as many rows as it counted. Raises
    `RunCancelledError` when stopped.
    """
    bars, instruments = inputs.prices[0].shape
    stats, equity, cash = np.zeros(codes.S_COUNT), np.empty(bars), np.empty(bars)
    quantity = np.empty((bars, instruments))
    trade_rows, order_rows = entries, 2 * entries + 2
    while True:
        trades = np.zeros((trade_rows, codes.T_COUNT))
        orders = np.zeros((order_rows, codes.O_COUNT))
        work = partial(inputs.run, actions, stats, equity, cash, quantity, trades, orders)
        run_watched(work, bars, progress, cancelled)
        used_trades, used_orders = int(stats[codes.S_TRADES]), int(stats[codes.S_ORDERS])
        if used_trades <= trade_rows and used_orders <= order_rows:
            break
        trade_rows, order_rows = used_trades, used_orders
    return AccountRun(
        equity=equity,
        cash=cash,
        quantity=quantity,
        trade_rows=trades[:used_trades].copy(),
        order_rows=orders[:used_orders].copy(),
        stats=stats,
    )


def used_rows(table: npt.NDArray[_Number], rows: int) -> npt.NDArray[_Number]:
    """The rows that were written; copied where the rest would keep much memory from being freed."""
    return table[:rows] if 10 * rows >= 9 * len(table) else table[:rows].copy()
