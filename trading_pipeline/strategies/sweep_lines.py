"""Lines of many parameter sets for a sweep plan: each distinct one is computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trading_pipeline.domain.crossing_plan import CrossingPlan, CrossingStart
from trading_pipeline.domain.rule_plan import Levels, Rule, RulePlan
from trading_pipeline.domain.signals import FloatArray
from trading_pipeline.strategies.base import Direction
from trading_pipeline.strategies.parameter_sets import values_of, whole_numbers_of

__all__ = ["SweepLines", "values_of", "whole_numbers_of"]

IntArray: TypeAlias = npt.NDArray[np.int64]
_Key = TypeVar("_Key", bound=Hashable)
Keys: TypeAlias = Sequence[_Key] | IntArray
"""What a line is computed from, one for each set: windows, or several values as a tuple."""


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

    def each(self, keys: Keys[_Key], line: Callable[[_Key], FloatArray]) -> IntArray:
        """Row number for each key of `line(key)`, which is called once a distinct key."""
        return self.all_at_once(keys, lambda distinct: np.array([line(key) for key in distinct]))

    def pairs(
        self, keys: Keys[_Key], lines: Callable[[_Key], tuple[FloatArray, FloatArray]]
    ) -> tuple[IntArray, IntArray]:
        """As `each`, for an indicator of two lines."""
        return self.pairs_at_once(
            keys, lambda distinct: np.array([lines(key) for key in distinct]).swapaxes(0, 1)
        )

    def pairs_at_once(
        self, keys: Keys[_Key], lines: Callable[[list[_Key]], FloatArray]
    ) -> tuple[IntArray, IntArray]:
        """As `all_at_once`, for two lines a key: all first ones, then all second ones."""
        distinct, place = _distinct(keys)
        found = lines(distinct)
        first = self._add(found[0]) + place
        return first, self._add(found[1]) + place

    def all_at_once(self, keys: Keys[_Key], lines: Callable[[list[_Key]], FloatArray]) -> IntArray:
        """As `each`, of a function that computes the lines of all distinct keys together."""
        distinct, place = _distinct(keys)
        return self._add(lines(distinct)) + place

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


def _distinct(keys: Keys[_Key]) -> tuple[list[_Key], IntArray]:
    """The distinct keys, and the place of each key among them."""
    if isinstance(keys, np.ndarray):
        least = int(keys.min())
        is_there = np.zeros(int(keys.max()) - least + 1, dtype=np.bool_)
        is_there[keys - least] = True  # without a sort, which takes several times as long
        distinct: list[Any] = (np.flatnonzero(is_there) + least).tolist()
        return distinct, (np.cumsum(is_there) - 1)[keys - least]
    number = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return list(number), np.array([number[key] for key in keys], dtype=np.int64)
