"""Trading signals: what a strategy decides at the close of each bar.

Row t of every array is decided at the close of bar t from what is known then; the engine decides
when and at what price it fills. Absolute levels are raw prices of bar t (as traded). Levels given
as `Fraction` are fractions of a price (0.05 is five percent) and need no conversion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.errors import StrategyError

__all__ = ["BoolArray", "FloatArray", "Fraction", "Level", "Price", "Signals"]

BoolArray: TypeAlias = npt.NDArray[np.bool_]
FloatArray: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _LevelValues:
    """Values of a level: one number for all bars, or one a bar (NaN: no level at that bar)."""

    values: FloatArray
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        _refuse_truth_values(f"A {self.kind} level", self.values)
        given = np.array(self.values, dtype=np.float64)  # a copy: the caller may reuse its array
        if given.ndim > 1:
            raise StrategyError(
                f"A {self.kind} level has {given.ndim} dimensions; give one number, or an array "
                "with one number a bar.",
                dimensions=given.ndim,
            )
        given = given.reshape(-1)
        given.setflags(write=False)
        object.__setattr__(self, "values", given)

    def __len__(self) -> int:
        return int(self.values.shape[0])


class Price(_LevelValues):
    """Level in raw price units of the bar it is decided at.

    For a trailing stop it is the distance kept from the best price, not a level.

    >>> Price([101.5, float("nan")]).values.tolist()
    [101.5, nan]
    """

    kind: ClassVar[str] = "price"


class Fraction(_LevelValues):
    """Level as a fraction: of the entry's fill price, for a trailing stop of the best price.

    A long position's `Fraction(0.05)` stop lies at 0.95 of the fill, its target at 1.05.

    >>> len(Fraction(0.05))
    1
    """

    kind: ClassVar[str] = "fraction"


Level: TypeAlias = Price | Fraction

_INTENTS = ("entry_long", "exit_long", "entry_short", "exit_short")
_NUMBERS = ("size", "confidence")
_LEVELS = ("limit_price", "stop_price", "stop_loss", "take_profit", "trailing_stop")
# A stop or a trail of 100 % could never be reached by a long position.
_BELOW_ONE = ("stop_loss", "trailing_stop", "limit_price")


@dataclass(frozen=True, eq=False, kw_only=True)
class Signals:
    """Decisions of a strategy, one row a bar.

    `entry_long`, `exit_long`, `entry_short`, `exit_short`: bool arrays. An entry against an open
    position of the other side reverses it. Contradictory signals on one bar are read cautiously: an
    exit cancels the entry of its own side, and entries of both sides cancel each other (the exits
    stay).

    `size`: overrides the size in the settings at that bar, in the unit of that sizing; NaN keeps
    the setting. `limit_price`, `stop_price`: turn the entry into a limit, stop or stop-limit order;
    as `Fraction` they are measured from the close of the deciding bar (a buy limit below, a buy
    stop above). `stop_loss`, `take_profit`, `trailing_stop`: levels of the position that the entry
    opens, read only at the bar on which the entry is decided. `confidence` (0 to 1) and `reason`
    (one text a bar) appear in the reports and change no fill. `index`: stamps of the bars that the
    rows belong to, taken from any array that is a Series with stamps; the engine compares it with
    its bars.

    Raises `StrategyError` naming the field for a wrong type, length or value.

    >>> yes = np.array([True, False, False])
    >>> signals = Signals.long_only(yes, ~yes, stop_loss=Fraction(0.05))
    >>> len(signals), signals.entry_short.any()
    (3, np.False_)
    """

    entry_long: BoolArray
    exit_long: BoolArray
    entry_short: BoolArray
    exit_short: BoolArray
    size: FloatArray | None = None
    limit_price: Level | None = None
    stop_price: Level | None = None
    stop_loss: Level | None = None
    take_profit: Level | None = None
    trailing_stop: Level | None = None
    confidence: FloatArray | None = None
    reason: npt.NDArray[np.object_] | None = None
    index: pd.DatetimeIndex | None = None

    def __post_init__(self) -> None:
        """Check types, lengths and values, and make the arrays read-only."""
        self._take_index()
        for name in _INTENTS:
            object.__setattr__(self, name, _flags(name, getattr(self, name)))
        rows = len(self)
        for name in _NUMBERS:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _numbers(name, getattr(self, name)))
        if self.reason is not None:
            object.__setattr__(self, "reason", np.asarray(self.reason, dtype=object))
        for name in _LEVELS:
            _check_level(name, getattr(self, name))
        for name, length in self._lengths():
            if length != rows:
                raise StrategyError(
                    f"The signals' {name} has {length} rows and entry_long has {rows}; every array "
                    "needs one row a bar.",
                    field=name,
                    rows=length,
                    expected=rows,
                )

    def __len__(self) -> int:
        """Number of bars."""
        return int(self.entry_long.shape[0])

    @classmethod
    def long_only(cls, entry: BoolArray, exit_: BoolArray, **others: Any) -> Signals:
        """Signals that never go short; `others` are the optional fields."""
        never = np.zeros(len(entry), dtype=np.bool_)
        return cls(entry_long=entry, exit_long=exit_, entry_short=never, exit_short=never, **others)

    def head(self, rows: int) -> Signals:
        """The first `rows` rows; single-valued levels stay as they are."""
        cut: dict[str, Any] = {name: getattr(self, name)[:rows] for name in _INTENTS}
        for name in (*_NUMBERS, "reason", "index"):
            value = getattr(self, name)
            cut[name] = None if value is None else value[:rows]
        for name in _LEVELS:
            level = getattr(self, name)
            if level is not None and len(level) == len(self):
                cut[name] = type(level)(level.values[:rows])
        return replace(self, **cut)

    def to_frame(self, index: pd.DatetimeIndex) -> pd.DataFrame:
        """All fields that are set, as columns under the bars' index."""
        columns: dict[str, npt.NDArray[np.generic]] = {
            name: getattr(self, name) for name in _INTENTS
        }
        for name in _LEVELS:
            level = getattr(self, name)
            if level is not None:
                columns[f"{name}_{level.kind}"] = np.broadcast_to(level.values, len(self))
        for name in (*_NUMBERS, "reason"):
            if getattr(self, name) is not None:
                columns[name] = getattr(self, name)
        return pd.DataFrame(columns, index=index)

    def _take_index(self) -> None:
        """Keep the stamps of fields given as Series; all must have the same ones."""
        first = "index"
        for name in (*_INTENTS, *_NUMBERS):
            value = getattr(self, name)
            if not (isinstance(value, pd.Series) and isinstance(value.index, pd.DatetimeIndex)):
                continue
            if self.index is None:
                object.__setattr__(self, "index", value.index)
                first = name
            elif not value.index.equals(self.index):
                raise StrategyError(
                    f"The signals' {name} has {len(value)} stamps from {value.index.min()} on, and "
                    f"{first} {len(self.index)} from {self.index.min()} on. Give all of them on "
                    "the bars' index.",
                    field=name,
                )

    def _lengths(self) -> Iterator[tuple[str, int]]:
        for name in (*_INTENTS, *_NUMBERS, "reason", "index"):
            value = getattr(self, name)
            if value is not None:
                yield name, len(value)
        for name in _LEVELS:
            level = getattr(self, name)
            if level is not None and len(level) != 1:
                yield name, len(level)


def _flags(name: str, value: npt.ArrayLike) -> BoolArray:
    given = np.asarray(value)
    if given.dtype != np.bool_ or given.ndim != 1:
        raise StrategyError(
            f"The signals' {name} is a {given.ndim}-dimensional array of {given.dtype}; it must be "
            "a one-dimensional array of bool. Say what a missing value means before, for example "
            "with a comparison, which is False on NaN.",
            field=name,
            dtype=str(given.dtype),
        )
    return _frozen(given)


def _refuse_truth_values(what: str, value: npt.ArrayLike) -> None:
    """Raise `StrategyError` for True and False, which would count as 1 and 0."""
    if isinstance(value, bool) or getattr(value, "dtype", None) == np.bool_:
        raise StrategyError(
            f"{what} is made of True and False; give numbers, and NaN where there is none.",
        )


def _numbers(name: str, value: npt.ArrayLike) -> FloatArray:
    _refuse_truth_values(f"The signals' {name}", value)
    given = np.asarray(value, dtype=np.float64)
    wrong = np.isinf(given) | (given < 0.0)
    if given.ndim != 1 or wrong.any():
        row = int(np.argmax(wrong)) if given.ndim == 1 else 0
        raise StrategyError(
            f"The signals' {name} must be a one-dimensional array of finite numbers of 0 or more, "
            f"or NaN for none; row {row} is {given.reshape(-1)[row] if given.size else None}.",
            field=name,
            row=row,
        )
    return _frozen(given)


def _check_level(name: str, level: Level | None) -> None:
    if level is None:
        return
    if not isinstance(level, (Price, Fraction)):
        raise StrategyError(
            f"The signals' {name} is a {type(level).__name__}. Say its unit: Price(values) for raw "
            "prices of the bar, Fraction(values) for fractions of the entry's price.",
            field=name,
        )
    values = level.values
    wrong = np.isinf(values) | (values <= 0.0)
    limit = ""
    if isinstance(level, Fraction) and name in _BELOW_ONE:
        wrong |= values >= 1.0
        limit = " and below 1"
    if wrong.any():
        row = int(np.argmax(wrong))
        raise StrategyError(
            f"The signals' {name} must be above 0{limit}, or NaN for no level; row {row} is "
            f"{values[row]}.",
            field=name,
            row=row,
            value=float(values[row]),
        )


def _frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    kept = np.ascontiguousarray(values).view()
    kept.setflags(write=False)
    return kept
