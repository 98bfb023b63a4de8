"""This file holds how the account's loop is run: room for its logs, progress, and stopping it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trading_pipeline.backtest.account_inputs import AccountInputs
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.run_control import Cancelled, Progress, stopped_at

__all__ = ["AccountRun", "UnitsHeld", "run_account"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_POLL_SECONDS = 0.05


@dataclass(frozen=True, eq=False)
class UnitsHeld:
    """Signed units of a portfolio that change at few of its bars.

    `units`: a row (of instruments) for each change, held from the open of the bar in `first_bar` on,
    which rise; none before the first.
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
        table = np.repeat(rows, lengths, axis=0)
        table.setflags(write=False)
        return table

    def setflags(self, *, write: bool) -> None:
        """Let the arrays be written or not, as `numpy.ndarray.setflags` does."""
        self.first_bar.setflags(write=write)
        self.units.setflags(write=write)


@dataclass(frozen=True, eq=False, kw_only=True)
class AccountRun:
    """What the loop wrote: equity and cash by bar, units by bar and instrument, tables, statistics.

    `quantity`: units as the loop wrote them, by bar or by change. None where the trades tell all of it:
    whole positions, held from open to open.
    """

    equity: FloatArray
    cash: FloatArray
    quantity: FloatArray | UnitsHeld | None
    trade_rows: FloatArray
    order_rows: FloatArray
    stats: FloatArray

    def freeze(self) -> None:
        """Let nobody write into the arrays any more."""
        for values in vars(self).values():
            if values is not None:
                values.setflags(write=False)


def run_account(
    inputs: AccountInputs,
    actions: tuple[IntArray, IntArray, FloatArray],
    entries: int,
    bars: int,
    instruments: int,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> AccountRun:
    """Run the loop over `bars` bars; `entries` is a guess of how many rows its logs need.

    Where the guess was too small the loop runs once more with as many rows as it counted. With
    `progress` or `cancelled` it works in a thread of its own, since it holds no lock; both are called
    from the caller's thread. Raises `RunCancelledError` when stopped.
    """
    stats = np.zeros(codes.S_COUNT)
    equity, cash = np.empty(bars), np.empty(bars)
    quantity = np.empty((bars, instruments))
    trade_rows, order_rows = entries, 2 * entries + 2
    while True:
        trades = np.zeros((trade_rows, codes.T_COUNT))
        orders = np.zeros((order_rows, codes.O_COUNT))
        control = np.zeros(2, dtype=np.int64)
        places = (stats, equity, cash, quantity, trades, orders, control)
        if progress is None and cancelled is None:
            inputs.run(actions, *places)
        else:
            _run_watched(inputs, actions, places, bars, progress, cancelled)
        used_trades, used_orders = int(stats[codes.S_TRADES]), int(stats[codes.S_ORDERS])
        if used_trades <= trade_rows and used_orders <= order_rows:
            break
        trade_rows, order_rows = used_trades, used_orders
    run = AccountRun(
        equity=equity,
        cash=cash,
        quantity=quantity,
        trade_rows=trades[:used_trades].copy(),
        order_rows=orders[:used_orders].copy(),
        stats=stats,
    )
    run.freeze()
    return run


def _run_watched(
    inputs: AccountInputs,
    actions: tuple[IntArray, IntArray, FloatArray],
    places: tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, IntArray],
    bars: int,
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> None:
    control, failure = places[-1], []

    def work() -> None:
        try:
            inputs.run(actions, *places)
        except BaseException as error:  # handed on to the caller's thread
            failure.append(error)

    thread = threading.Thread(target=work, name="account")
    thread.start()
    stopped = False
    try:
        while True:
            stopped = cancelled is not None and cancelled()
            if stopped:
                break
            thread.join(_POLL_SECONDS)
            if not thread.is_alive():
                break
            if progress is not None:
                progress(int(control[0]), bars)
    finally:
        control[1] = int(thread.is_alive())
        thread.join()
    if failure:
        raise failure[0]
    if stopped:
        raise stopped_at(int(control[0]), bars)
    if progress is not None:
        progress(bars, bars)
