"""Rule plans: many strategies whose decisions are comparisons of lines.

Each distinct line (a price, an indicator) is stored once in `rows`; a combination says which rows
and numbers its conditions compare. Units are those of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from trading_pipeline.domain.signals import BoolArray, FloatArray, Level, Signals
from trading_pipeline.errors import StrategyError

__all__ = ["INTENTS", "Condition", "Levels", "Relation", "Rule", "RulePlan"]

IntArray: TypeAlias = npt.NDArray[np.int64]
Relation: TypeAlias = Literal[
    "above", "at_or_above", "below", "at_or_below", "crosses_above", "crosses_below"
]
INTENTS: Final = ("entry_long", "exit_long", "entry_short", "exit_short")
_LEVELS: Final = ("stop_loss", "take_profit", "trailing_stop")


@dataclass(frozen=True, eq=False)
class Condition:
    """`left` stands in a relation to a line, a number, or a line plus a number of times another.

    One value a combination in each array. `left`, `base`, `spread`: row numbers of the plan. The
    right side is `rows[base] + number * rows[spread]`, `rows[base]` where `spread` is None, and
    `number` where `base` is None too. A NaN on either side, at a cross also on the bar before, is
    never true.
    """

    left: IntArray
    relation: Relation
    base: IntArray | None = None
    number: FloatArray | None = None
    spread: IntArray | None = None

    def __post_init__(self) -> None:
        """Take lists as arrays, and refuse what is no comparison."""
        if self.relation not in get_args(Relation):
            raise StrategyError(
                f"A condition has a relation of {', '.join(get_args(Relation))}, not "
                f"{self.relation!r}.",
                relation=self.relation,
            )
        if (self.number is None) == (self.spread is not None or self.base is None):
            raise StrategyError(
                "A condition compares with a row (base), a number, or a row and a number of times "
                "another (base, number and spread); give one of the three.",
                relation=self.relation,
            )
        for name in ("left", "base", "number", "spread"):
            given = getattr(self, name)
            if given is not None:
                kind = np.float64 if name == "number" else np.int64
                object.__setattr__(self, name, np.ascontiguousarray(given, dtype=kind))

    def holds(self, rows: FloatArray, number: int) -> BoolArray:
        """Where the condition is true for one combination."""
        left, right = rows[self.left[number]], self._right(rows, number)
        upward = self.relation in ("above", "at_or_above", "crosses_above")
        beyond = (left > right) if upward else (left < right)
        found = np.zeros(left.shape[0], dtype=np.bool_)
        if self.relation.startswith("crosses"):
            found[1:] = beyond[1:] & ((left <= right) if upward else (left >= right))[:-1]
        else:
            found |= beyond
        if self.relation.startswith("at_or"):
            found |= left == right
        return found

    def take(self, numbers: IntArray) -> Condition:
        """The condition of some combinations."""
        arrays = {
            name: values[numbers]
            for name in ("left", "base", "number", "spread")
            if (values := getattr(self, name)) is not None
        }
        return replace(self, **arrays)

    def _right(self, rows: FloatArray, number: int) -> FloatArray:
        if self.base is None or self.spread is None or self.number is None:
            level = None if self.number is None else self.number[number]
            return np.full(
                rows.shape[1], rows[self.base[number]] if self.base is not None else level
            )
        return np.asarray(rows[self.base[number]] + self.number[number] * rows[self.spread[number]])


Rule: TypeAlias = Sequence[Sequence[Condition]]
"""Alternatives, each a list of conditions that hold together; no alternative is never true."""


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Levels of the positions of one side, as in `Signals`; one value, or one a column of rows."""

    stop_loss: Level | None = None
    take_profit: Level | None = None
    trailing_stop: Level | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class RulePlan:
    """Combinations that decide by conditions on shared rows.

    `rows`: float64, one line a row, one bar a column, NaN where unknown. `count`: combinations.
    `entry_long`, `exit_long`, `entry_short`, `exit_short`: when each is decided. `long`, `short`:
    levels of the positions of each side, of the same kind on both. `lead`: columns (0 or 1) before
    the first traded bar.

    Raises `StrategyError` for wrong shapes and for row numbers that do not exist.

    >>> rows = np.array([[25.0, 20.0, 55.0]])
    >>> first = np.zeros(2, dtype=np.int64)
    >>> plan = RulePlan(
    ...     rows=rows, count=2,
    ...     entry_long=[[Condition(first, "crosses_below", number=[22.0, 10.0])]],
    ...     exit_long=[[Condition(first, "at_or_above", number=[50.0, 50.0])]])
    >>> plan.signals(0).entry_long.tolist(), plan.signals(1).entry_long.any()
    ([False, True, False], np.False_)
    """

    rows: FloatArray
    count: int
    entry_long: Rule = ()
    exit_long: Rule = ()
    entry_short: Rule = ()
    exit_short: Rule = ()
    long: Levels = field(default_factory=Levels)
    short: Levels = field(default_factory=Levels)
    lead: int = 0

    def __post_init__(self) -> None:
        """Check shapes and numbers, and make the rows read-only."""
        rows = np.ascontiguousarray(self.rows, dtype=np.float64).view()
        if rows.ndim != 2 or self.lead not in (0, 1):
            raise StrategyError(
                f"A rule plan needs rows of shape (lines, bars) and a lead of 0 or 1; they are "
                f"{rows.shape} and {self.lead}.",
                rows=rows.shape,
                lead=self.lead,
            )
        rows.setflags(write=False)
        object.__setattr__(self, "rows", rows)
        for intent, _, condition in self.terms():
            self._check(intent, condition)
        for name in _LEVELS:
            self._check_level(name)

    def __len__(self) -> int:
        """Number of combinations."""
        return self.count

    @property
    def bars(self) -> int:
        """Number of traded bars."""
        return int(self.rows.shape[1]) - self.lead

    def terms(self) -> Iterator[tuple[int, bool, Condition]]:
        """(number of the intent, whether an alternative begins, condition), in order."""
        for intent, name in enumerate(INTENTS):
            for alternative in getattr(self, name):
                for at, condition in enumerate(alternative):
                    yield intent, at == 0, condition

    def cut(self, traded: slice) -> RulePlan:
        """The plan for a range of its bars; a cross on the range's first bar is kept."""
        first, last, _ = traded.indices(self.bars)
        first, last = first + self.lead, max(last, first) + self.lead
        lead = 1 if first > 0 else 0
        columns = slice(first - lead, last)
        long = self._cut_levels(self.long, columns)
        short = long if self.short is self.long else self._cut_levels(self.short, columns)
        return replace(self, rows=self.rows[:, columns], lead=lead, long=long, short=short)

    def take(self, numbers: IntArray) -> RulePlan:
        """The plan of some of its combinations."""
        rules: dict[str, Any] = {
            name: [[each.take(numbers) for each in alternative] for alternative in rule]
            for name in INTENTS
            if (rule := getattr(self, name))
        }
        return replace(self, count=len(numbers), **rules)

    def levels(self, name: str) -> tuple[Level | None, Level | None]:
        """The level of that name for long and for short positions, on the traded bars.

        A side that is not traded has that of the other one.
        """
        long, short = (getattr(getattr(self, side), name) for side in _SIDES)
        long = short if long is None or not self.entry_long else long
        short = long if short is None or not self.entry_short else short
        if long is short:
            found = _traded(long, self.lead, self.rows.shape[1])
            return found, found
        width = self.rows.shape[1]
        return _traded(long, self.lead, width), _traded(short, self.lead, width)

    def signals(self, number: int) -> Signals:
        """Signals of one combination, as a strategy would give them."""
        fields: dict[str, Any] = {
            name: self._decided(name, number)[self.lead :] for name in INTENTS
        }
        for name in _LEVELS:
            long, short = self.levels(name)
            if long is short or long is None or short is None:
                fields[name] = long
            else:
                values = np.where(fields["entry_short"], short.values, long.values)
                fields[name] = type(long)(values)
        return Signals(**fields)

    def _decided(self, name: str, number: int) -> BoolArray:
        found = np.zeros(self.rows.shape[1], dtype=np.bool_)
        for alternative in getattr(self, name):
            found |= np.logical_and.reduce([each.holds(self.rows, number) for each in alternative])
        return found

    def _check(self, intent: int, condition: Condition) -> None:
        arrays = (condition.left, condition.base, condition.spread, condition.number)
        for place, values in enumerate(arrays):
            if values is None:
                continue
            wrong = values.shape != (self.count,)
            if not wrong and place < 3 and self.count:
                wrong = bool(values.min() < 0 or values.max() >= self.rows.shape[0])
            if wrong:
                raise StrategyError(
                    f"A condition of {INTENTS[intent]} has the shape {values.shape} or a row "
                    f"number that does not exist; the plan has {self.count} combinations and rows "
                    f"0 to {self.rows.shape[0] - 1}.",
                    intent=INTENTS[intent],
                    rows=self.rows.shape[0],
                    count=self.count,
                )

    def _check_level(self, name: str) -> None:
        long, short = (getattr(getattr(self, side), name) for side in _SIDES)
        given = [each for each in (long, short) if each is not None]
        sides = 2 if self.entry_long and self.entry_short else 1
        lengths = sorted({len(each) for each in given})
        alike = len({type(each) for each in given}) < 2 and (not given or len(given) >= sides)
        if not alike or set(lengths) - {1, self.rows.shape[1]}:
            raise StrategyError(
                f"The {name} of a rule plan must be of one kind on all traded sides, with one "
                f"value or one for each of the {self.rows.shape[1]} columns; it is given for "
                f"{len(given)} of {sides} sides with the lengths {lengths}.",
                field=name,
            )

    def _cut_levels(self, levels: Levels, columns: slice) -> Levels:
        width = self.rows.shape[1]
        changed = {
            name: type(level)(level.values[columns])
            for name in _LEVELS
            if (level := getattr(levels, name)) is not None and len(level) == width != 1
        }
        return replace(levels, **changed)


_SIDES: Final = ("long", "short")


def _traded(level: Level | None, lead: int, width: int) -> Level | None:
    if level is None or lead == 0 or len(level) != width:
        return level
    return type(level)(level.values[lead:])
