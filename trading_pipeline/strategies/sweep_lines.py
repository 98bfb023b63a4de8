"""Lines of many parameter sets for a sweep plan: each distinct one is computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trading_pipeline.domain.crossing_plan import CrossingPlan, CrossingStart
from trading_pipeline.domain.rule_plan import Levels, Rule, RulePlan
from trading_pipeline.domain.signals import FloatArray
from trading_pipeline.strategies.base import Direction

__all__ = ["SweepLines", "values_of"]

IntArray: TypeAlias = npt.NDArray[np.int64]
Key = TypeVar("Key", bound=Hashable)


def values_of(many: Sequence[object], name: str) -> FloatArray:
    """A parameter of each set, as numbers."""
    return np.array([getattr(each, name) for each in many], dtype=np.float64)


class SweepLines:
    """Rows of a plan for `many` parameter sets, which agree in all that is no number.

    `direction`: that of the sets.

    >>> lines = SweepLines(3, "long_only")
    >>> lines.each([2, 5, 2], lambda window: np.full(4, float(window))).tolist()
    [0, 1, 0]
    """

    def __init__(self, count: int, direction: Direction) -> None:
        self.count, self.direction = count, direction
        self._rows: list[FloatArray] = []

    def one(self, line: FloatArray) -> IntArray:
        """A line that all sets share: its row number for each set."""
        self._rows.append(line)
        return np.full(self.count, len(self._rows) - 1, dtype=np.int64)

    def each(self, keys: Sequence[Key], line: Callable[[Key], FloatArray]) -> IntArray:
        """Row number for each set of `line(key)`, which is called once a distinct key."""
        return self.all_at_once(keys, lambda distinct: [line(key) for key in distinct])

    def pairs(
        self, keys: Sequence[Key], lines: Callable[[Key], tuple[FloatArray, FloatArray]]
    ) -> tuple[IntArray, IntArray]:
        """As `each`, for an indicator of two lines."""
        start = len(self._rows)
        first = self.all_at_once(keys, lambda distinct: [x for key in distinct for x in lines(key)])
        first = start + 2 * (first - start)
        return first, first + 1

    def all_at_once(
        self, keys: Sequence[Key], lines: Callable[[list[Key]], Sequence[FloatArray] | FloatArray]
    ) -> IntArray:
        """As `each`, of a function that computes the lines of all distinct keys together."""
        place = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        start = len(self._rows)
        self._rows.extend(lines(list(place)))
        return start + np.array([place[key] for key in keys], dtype=np.int64)

    def crossing(
        self, first: IntArray, second: IntArray, start: CrossingStart = "cross"
    ) -> CrossingPlan:
        """The plan of rules that trade the cross of one line over another."""
        pairs = np.column_stack((first, second))
        return CrossingPlan(
            rows=np.array(self._rows), pairs=pairs, direction=self.direction, start=start
        )

    def rules(
        self,
        *,
        up: Rule,
        down: Rule,
        exit_long: Rule,
        exit_short: Rule,
        long: Levels | None = None,
        short: Levels | None = None,
    ) -> RulePlan:
        """The plan of rules that enter long at `up` and, with `long_short`, short at `down`."""
        both = self.direction == "long_short"
        long = Levels() if long is None else long
        return RulePlan(
            rows=np.array(self._rows),
            count=self.count,
            long=long,
            short=long if short is None else short,
            entry_long=up,
            exit_long=exit_long,
            entry_short=down if both else (),
            exit_short=exit_short if both else (),
        )
