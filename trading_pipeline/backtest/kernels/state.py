"""Named fields of what a loop over an account carries from bar to bar, and of its tables.

State is kept in structured arrays, so `w[k].rest_row` is a field of instrument k; the classes name
the fields. Money is in account currency, bars and rows are row numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeVar, cast

import numpy as np

from trading_pipeline.backtest.arrays import BoolArray, CodeArray, FloatArray, IntArray
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.vectors import LANES

__all__ = [
    "ACCOUNT", "HOLDING", "INSTRUMENT", "PLACE", "SPAN", "Account", "Actions", "Bar", "Calendar",
    "Decisions", "Holding", "Instrument", "Levels", "Logs", "Moment", "Place", "Prices",
    "Rebalances",
    "Results", "Rows", "Span", "Weights", "new_account", "new_holdings", "new_instruments",
    "new_results",
]  # fmt: skip

_Record_co = TypeVar("_Record_co", covariant=True)


class Rows(Protocol[_Record_co]):
    """A structured array as kernels see it: rows with named fields."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows."""

    def __getitem__(self, row: int, /) -> _Record_co:
        """One row, a view."""


class Instrument:
    """One instrument in the exact loop."""

    asset: int
    quantity: float  # signed units
    mark: float
    stop: float
    target: float
    trail: float
    stop_reason: int
    decided: int  # bar of the decision that opened the position
    lived: int  # bars that the position has lived through
    trade: int  # row of its round trip
    entries: int  # added to the first
    income: float  # dividends and financing of the position
    scale: float  # shares now that one share of the first entry has become
    exited: float  # units sold of the position so far
    proceeds: float  # what they brought
    used: float  # units traded in this bar
    left: int  # 1 where a level ended the position in this bar
    pending: int  # what the strategy decided last, 0 for nothing
    pending_row: int
    ratio: float  # splits since that decision
    goal: float  # weight to bring about, NaN for none
    target_weight: float
    rest: int  # kind of the resting order
    rest_side: float
    rest_limit: float
    rest_stop: float
    rest_left: float  # quantity of a kept remainder, NaN for an order that is sized when it fills
    rest_row: int
    rest_ratio: float
    rest_bars: int  # bars that it has waited
    rest_day: int  # day of its first bar, -1 before
    forced: int  # reason of an exit that goes on, 0 for none
    forced_row: int


class Account:
    """The account that instruments share."""

    cash: float
    fees: float
    interest: float
    equity: float  # what orders of the moment are sized on
    gross: float  # notional that positions and this moment's entries take up
    trades: int
    orders: int
    day: int
    day_start: float  # equity at the close of the day before
    halted: int  # reason of a daily limit that was reached, else 0


class Holding:
    """One instrument in a fast loop; the fields that every order reads come first."""

    units: float
    point: float  # account currency a point
    income: float
    scale: float
    trade: int  # row of its last round trip, -1 for none
    span: int  # row of its last span, -1 for none
    entries: int
    exited: float
    proceeds: float
    goal: float  # weight in force
    aim: float  # units that the weight comes to at this open
    fill: float  # price of a fill at this open


class Place:
    """Where the loop for weights stands."""

    trades: int
    orders: int
    rows: int  # of units
    bar: int
    decision: int
    action: int
    due: int  # 1 where the bar's open is to restore the weights
    holds: int  # 1 while there is a position
    bars_held: int


class Span:
    """Units of one instrument that do not change from the open of `begin` to the open of `end`."""

    units: float
    asset: int
    begin: int
    end: int
    earlier: int  # row of the instrument's span before, -1 for none


def _fields(record: type, whole: type[np.integer[Any]] = np.int64) -> np.dtype[np.void]:
    kinds = {"float": np.float64, "int": whole}
    return np.dtype([(name, kinds[kind]) for name, kind in record.__annotations__.items()])


INSTRUMENT, ACCOUNT, HOLDING, PLACE = map(_fields, (Instrument, Account, Holding, Place))
SPAN = _fields(Span, np.int32)


class Prices(NamedTuple):
    """Prices and volume, each (bars, instruments), NaN where an instrument has no bar."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


class Decisions(NamedTuple):
    """Decisions from signals, by bar, then instrument.

    Those of bar i are `pointer[i]` to `pointer[i + 1]`; `code`: see `pack_code`.
    """

    pointer: IntArray
    asset: IntArray
    code: CodeArray


class Levels(NamedTuple):
    """Amounts and levels, each (instruments, bars or 1), NaN for none; as fractions or prices."""

    amounts: FloatArray
    limits: FloatArray
    triggers: FloatArray
    stops: FloatArray
    targets: FloatArray
    trails: FloatArray


class Actions(NamedTuple):
    """Corporate actions in the order in which they apply, each before the open of its bar.

    `effect`: split ratio (1 for none) and dividend a share (0 for none).
    """

    bar: IntArray
    asset: IntArray
    effect: FloatArray


class Calendar(NamedTuple):
    """Day of each bar; True where a bar ends a session (bars or 0, instruments).

    `elapsed`: years since the bar before (bars, or 0 where nothing is financed).
    """

    day: IntArray
    session_end: BoolArray
    elapsed: FloatArray


class Weights(NamedTuple):
    """Target weights (bars or 0, instruments), NaN where a bar gives none.

    `rebalance`: 1 where the weights known by then are restored at the next open; `threshold`: so
    too where a weight is off by more (0: never).
    """

    values: FloatArray
    rebalance: CodeArray
    threshold: float


class Rebalances(NamedTuple):
    """Decisions by target weights, by bar.

    `bar`: bars at whose close weights are given or restored, rising; `row`: the row of `values`
    that each of them gives, -1 for none; `due`: 1 where the weights known by then are restored at
    the next open; `threshold`: so too where a weight is off by more (0: never).
    """

    bar: IntArray
    row: IntArray
    due: CodeArray
    values: FloatArray
    threshold: float


class Logs(NamedTuple):
    """Round trips (`T_*`) and orders (`O_*`). Rows beyond the end are counted and not written."""

    trades: FloatArray
    orders: FloatArray


class Results(NamedTuple):
    """What a run writes beside its logs: statistics (`S_*`), equity and cash by bar, units held.

    `sums`: zeros to add the powers of returns up in.
    """

    stats: FloatArray
    sums: FloatArray
    equity: FloatArray
    cash: FloatArray
    quantity: FloatArray


class Moment(NamedTuple):
    """When and at what market price something happens to an instrument; `at`: `AT_*`."""

    bar: int
    at: int
    price: float
    volume: float


class Bar(NamedTuple):
    """Prices of one bar of one instrument."""

    open: float
    high: float
    low: float
    close: float


def new_results(
    stats: FloatArray, equity: FloatArray, cash: FloatArray, quantity: FloatArray
) -> Results:
    """Places for the results of a run, with sums of their own."""
    return Results(stats, np.zeros(4 * LANES), equity, cash, quantity)


def new_instruments(count: int) -> Rows[Instrument]:
    """State of instruments before the first bar."""
    state = np.zeros(count, dtype=INSTRUMENT)
    for name in ("stop", "target", "trail", "goal", "target_weight"):
        state[name] = np.nan
    state["ratio"], state["asset"] = 1.0, np.arange(count)
    return cast("Rows[Instrument]", state)


def new_holdings(points: FloatArray) -> Rows[Holding]:
    """State of a fast loop's instruments before the first bar; `points`: value of a point each."""
    state = np.zeros(len(points), dtype=HOLDING)
    state["point"], state["goal"] = points, np.nan
    state["trade"] = state["span"] = -1
    return cast("Rows[Holding]", state)


def new_account(main: FloatArray) -> Rows[Account]:
    """State of an account before the first bar, one row; `main`: its settings vector."""
    state = np.zeros(1, dtype=ACCOUNT)
    state["cash"], state["day"] = main[codes.P_INITIAL_CASH], np.iinfo(np.int64).min
    return cast("Rows[Account]", state)
