"""Crossing plans: many strategies that trade the cross of one series over another.

Each distinct row (a moving average, an oscillator, a constant level) is computed once and stored
once in `rows`; a combination is a pair of row numbers. Units are those of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import StrategyError

__all__ = ["CrossingPlan", "CrossingStart", "TradedSides", "first_state"]

TradedSides: TypeAlias = Literal["long_only", "long_short"]
CrossingStart: TypeAlias = Literal["cross", "state"]
"""How trading begins: at the first cross, or on the side that already holds."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CrossingPlan:
    """Combinations (first, second): up where `first` crosses above `second`, down where below.

    `rows`: float64, one indicator a row, one bar a column, NaN where the value is unknown; a cross
    needs both rows at both bars. `pairs`: row numbers, one combination a line. `direction`: long
    after a cross up and flat after a cross down, or reversed at each cross. `lead`: number of
    columns (0 or 1) before the first traded bar, needed to see a cross on that bar. `start`: with
    `state`, the first traded bar at which both rows are known counts as a cross to the side that
    holds there; equal rows are no side.

    Raises `StrategyError` for a wrong shape and for row numbers that do not exist.

    >>> rows = np.array([[1.0, 3.0, 1.0], [2.0, 2.0, 2.0]])
    >>> plan = CrossingPlan(rows=rows, pairs=np.array([[0, 1]]))
    >>> plan.signals(0).entry_long.tolist()
    [False, True, False]
    """

    rows: npt.NDArray[np.float64]
    pairs: npt.NDArray[np.int64]
    direction: TradedSides = "long_only"
    lead: int = 0
    start: CrossingStart = "cross"

    def __post_init__(self) -> None:
        """Check shapes and numbers, and make the arrays read-only."""
        rows = np.ascontiguousarray(self.rows, dtype=np.float64).view()
        pairs = np.ascontiguousarray(self.pairs, dtype=np.int64).view()
        if rows.ndim != 2 or pairs.ndim != 2 or pairs.shape[1] != 2:
            raise StrategyError(
                f"A crossing plan needs rows of shape (indicators, bars) and pairs of shape "
                f"(combinations, 2); they are {rows.shape} and {pairs.shape}.",
                rows=rows.shape,
                pairs=pairs.shape,
            )
        if pairs.size and (pairs.min() < 0 or pairs.max() >= rows.shape[0]):
            at = int(np.argmax(((pairs < 0) | (pairs >= rows.shape[0])).any(axis=1)))
            raise StrategyError(
                f"Pair {at} of the crossing plan is ({pairs[at, 0]}, {pairs[at, 1]}), and there "
                f"are rows 0 to {rows.shape[0] - 1}.",
                pair=at,
            )
        if self.lead not in (0, 1):
            raise StrategyError(f"A crossing plan has a lead of 0 or 1, not {self.lead}.")
        if self.start not in get_args(CrossingStart):
            raise StrategyError(
                f"A crossing plan starts at a 'cross' or in the 'state', not at {self.start!r}.",
                start=self.start,
            )
        for name, values in (("rows", rows), ("pairs", pairs)):
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        """Number of combinations."""
        return int(self.pairs.shape[0])

    @property
    def bars(self) -> int:
        """Number of traded bars."""
        return int(self.rows.shape[1]) - self.lead

    def cut(self, traded: slice) -> CrossingPlan:
        """The plan for a range of its bars; a cross on the range's first bar is kept."""
        first, last, _ = traded.indices(self.bars)
        first, last = first + self.lead, max(last, first) + self.lead
        lead = 1 if first > 0 else 0
        return replace(self, rows=self.rows[:, first - lead : last], lead=lead)

    def take(self, numbers: npt.NDArray[np.int64]) -> CrossingPlan:
        """The plan of some of its combinations."""
        return replace(self, pairs=self.pairs[numbers])

    def signals(self, number: int) -> Signals:
        """Signals of one combination, as a strategy would give them."""
        first, second = self.rows[self.pairs[number, 0]], self.rows[self.pairs[number, 1]]
        up, down = _crosses(first, second)[self.lead :], _crosses(second, first)[self.lead :]
        if self.start == "state":
            higher, lower = first_state(first[self.lead :], second[self.lead :])
            up, down = up | higher, down | lower
        if self.direction == "long_only":
            return Signals.long_only(up, down)
        return Signals(entry_long=up, exit_long=down, entry_short=down, exit_short=up)


def first_state(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], begin: int = 0
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Where `first` is above and where it is below `second`, on one row only.

    That row is the first one from `begin` on at which both are known; all others are False.

    >>> above, below = first_state(np.array([np.nan, 3.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    >>> above.tolist(), below.tolist()
    ([False, True, False], [False, False, False])
    """
    above, below = (np.zeros(first.shape[0], dtype=np.bool_) for _ in range(2))
    known = np.flatnonzero(~(np.isnan(first[begin:]) | np.isnan(second[begin:])))
    if known.size:
        row = begin + known[0]
        above[row], below[row] = first[row] > second[row], first[row] < second[row]
    return above, below


def _crosses(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    crossed = np.zeros(first.shape[0], dtype=np.bool_)
    crossed[1:] = (first[1:] > second[1:]) & (first[:-1] <= second[:-1])
    return crossed
