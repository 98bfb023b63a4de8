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
_Key = TypeVar("_Key", bound=Hashable)


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
        self._blocks: list[FloatArray] = []
        self._height = 0

    def one(self, line: FloatArray) -> IntArray:
        """A line that all sets share: its row number for each set."""
        return np.full(self.count, self._add(line[np.newaxis]), dtype=np.int64)

    def each(self, keys: Sequence[_Key], line: Callable[[_Key], FloatArray]) -> IntArray:
        """Row number for each key of `line(key)`, which is called once a distinct key."""
        return self.all_at_once(keys, lambda distinct: np.array([line(key) for key in distinct]))

    def pairs(
        self, keys: Sequence[_Key], lines: Callable[[_Key], tuple[FloatArray, FloatArray]]
    ) -> tuple[IntArray, IntArray]:
        """As `each`, for an indicator of two lines."""
        place, start = _distinct(keys), self._height
        self._add(np.array([line for key in place for line in lines(key)]))
        first = start + 2 * np.array([place[key] for key in keys], dtype=np.int64)
        return first, first + 1

    def all_at_once(
        self, keys: Sequence[_Key], lines: Callable[[list[_Key]], FloatArray]
    ) -> IntArray:
        """As `each`, of a function that computes the lines of all distinct keys together."""
        place = _distinct(keys)
        start = self._add(lines(list(place)))
        return start + np.array([place[key] for key in keys], dtype=np.int64)

    def _add(self, block: FloatArray) -> int:
        """Keep the rows; returns the number of the first."""
        self._blocks.append(block)
        self._height += len(block)
        return self._height - len(block)

    @property
    def _rows(self) -> FloatArray:
        return self._blocks[0] if len(self._blocks) == 1 else np.concatenate(self._blocks)

    def crossing(
        self, first: IntArray, second: IntArray, start: CrossingStart = "cross"
    ) -> CrossingPlan:
        """The plan of rules that trade the cross of one line over another."""
        pairs = np.column_stack((first, second))
        return CrossingPlan(rows=self._rows, pairs=pairs, direction=self.direction, start=start)

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
            rows=self._rows,
            count=self.count,
            long=long,
            short=long if short is None else short,
            entry_long=up,
            exit_long=exit_long,
            entry_short=down if both else (),
            exit_short=exit_short if both else (),
        )


def _distinct(keys: Sequence[_Key]) -> dict[_Key, int]:
    return {key: number for number, key in enumerate(dict.fromkeys(keys))}
