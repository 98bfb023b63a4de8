"""Named fields of what a loop over an account carries from bar to bar, and of its tables.

State is kept in structured arrays, so that `w[k].rest_row` is a field of instrument k. Money is in
account currency, quantities in units (signed where a position is meant), bars in row numbers.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "ACCOUNT", "HOLDING", "INSTRUMENT", "PROGRESS", "SPAN", "Actions", "Bar", "Calendar", "Decisions",
    "Levels", "Logs", "Moment", "Prices", "Rebalances", "Results", "State", "Table", "Weights", "new_account",
    "new_holdings", "new_instruments",
]  # fmt: skip

Table: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
State: TypeAlias = npt.NDArray[np.void]
"""A structured array of one of the types below."""

_NUMBER, _WHOLE = np.float64, np.int64

#: One instrument in the exact loop. `rest*`: its resting order; `pending*`: what the strategy decided
#: last; `goal`: weight to bring about; `forced*`: an exit that goes on; `used`: traded in this bar;
#: `left`: 1 where a level ended the position in this bar.
INSTRUMENT = np.dtype(
    [
        *((name, _NUMBER) for name in (
            "quantity", "mark", "stop", "target", "trail", "income", "scale", "exited", "proceeds",
            "ratio", "used", "goal", "target_weight", "rest_side", "rest_limit", "rest_stop",
            "rest_left", "rest_ratio",
        )),
        *((name, _WHOLE) for name in (
            "asset", "stop_reason", "decided", "lived", "trade", "entries", "pending",
            "pending_row", "rest", "rest_row", "rest_bars", "rest_day", "forced", "forced_row",
            "left",
        )),
    ]
)  # fmt: skip

#: The account. `gross`: notional that positions and this moment's entries take up; `equity`: what
#: orders of the moment are sized on; `halted`: reason of a daily limit that was reached, else 0.
ACCOUNT = np.dtype(
    [
        *((name, _NUMBER) for name in ("cash", "fees", "day_start", "gross", "equity", "interest")),
        *((name, _WHOLE) for name in ("trades", "orders", "day", "halted")),
    ]
)  # fmt: skip

#: One instrument in a fast loop. `goal`: weight in force; `aim`, `fill`: the units and the price that
#: the weight comes to at this open; `trade`, `span`: rows of its last ones, -1 for none.
HOLDING = np.dtype(
    [
        *((name, _NUMBER) for name in (
            "units", "point", "income", "scale", "exited", "proceeds", "goal", "aim", "fill",
        )),
        *((name, _WHOLE) for name in ("trade", "span", "entries")),
    ]
)  # fmt: skip

#: Where the loop for weights stands: rows of its logs and of its units, the bar, decision and action
#: that come next, 1 where the bar's open is to restore the weights, 1 while there is a position, bars
#: with one so far.
PROGRESS = np.dtype(
    [(name, _WHOLE) for name in (
        "trades", "orders", "rows", "bar", "decision", "action", "due", "holds", "bars_held",
    )]
)  # fmt: skip

#: Units of one instrument that do not change from the open of bar `begin` to the open of bar `end`;
#: `earlier`: row of the instrument's span before, -1 for none.
SPAN = np.dtype(
    [("units", _NUMBER), *((name, _WHOLE) for name in ("asset", "begin", "end", "earlier"))]
)


class Prices(NamedTuple):
    """Prices and volume, each (bars, instruments), NaN where an instrument has no bar."""

    open: Table
    high: Table
    low: Table
    close: Table
    volume: Table


class Decisions(NamedTuple):
    """Decisions from signals, by bar, then instrument.

    Those of bar i are `pointer[i]` to `pointer[i + 1]`; `code`: see `pack_code`.
    """

    pointer: Integers
    asset: Integers
    code: npt.NDArray[np.uint8]


class Levels(NamedTuple):
    """Amounts and levels, each (instruments, bars or 1), NaN for none; as fractions or as prices."""

    amounts: Table
    limits: Table
    triggers: Table
    stops: Table
    targets: Table
    trails: Table


class Actions(NamedTuple):
    """Corporate actions in the order in which they apply, each before the open of its bar.

    `effect`: split ratio (1 for none) and dividend a share (0 for none).
    """

    bar: Integers
    asset: Integers
    effect: Table


class Calendar(NamedTuple):
    """Day of each bar; True where a bar ends a session (bars or 0, instruments)."""

    day: Integers
    session_end: npt.NDArray[np.bool_]


class Weights(NamedTuple):
    """Target weights (bars or 0, instruments), NaN where a bar gives none.

    `rebalance`: 1 where the weights known by then are restored at the next open; `threshold`: so too
    where a weight is off by more (0: never).
    """

    values: Table
    rebalance: npt.NDArray[np.uint8]
    threshold: float


class Rebalances(NamedTuple):
    """Decisions by target weights, by bar.

    `bar`: bars at whose close weights are given or restored, rising; `row`: the row of `values` that
    each of them gives, -1 for none; `due`: 1 where the weights known by then are restored at the next
    open; `threshold`: so too where a weight is off by more (0: never).
    """

    bar: Integers
    row: Integers
    due: npt.NDArray[np.uint8]
    values: Table
    threshold: float


class Logs(NamedTuple):
    """Round trips (`T_*`) and orders (`O_*`). Rows beyond the end are counted and not written."""

    trades: Table
    orders: Table


class Results(NamedTuple):
    """What a run writes beside its logs: statistics (`S_*`), equity and cash by bar, units held."""

    stats: Table
    equity: Table
    cash: Table
    quantity: Table


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


def new_instruments(count: int) -> State:
    """State of instruments before the first bar."""
    state = np.zeros(count, dtype=INSTRUMENT)
    for name in ("stop", "target", "trail", "goal", "target_weight"):
        state[name] = np.nan
    state["ratio"], state["asset"] = 1.0, np.arange(count)
    return state


def new_holdings(points: Table) -> State:
    """State of a fast loop's instruments before the first bar; `points`: value of a point of each."""
    state = np.zeros(len(points), dtype=HOLDING)
    state["point"], state["goal"] = points, np.nan
    state["trade"] = state["span"] = -1
    return state


def new_account(initial_cash: float) -> State:
    """State of an account before the first bar, one row."""
    state = np.zeros(1, dtype=ACCOUNT)
    state["cash"], state["day"] = initial_cash, np.iinfo(np.int64).min
    return state
