"""The decision of one bar: what to do, how large, with which exit levels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from numbers import Real
from types import MappingProxyType
from typing import TypeAlias

from trading_pipeline.domain.signals import Fraction
from trading_pipeline.errors import StrategyError

__all__ = ["BarLevel", "Signal", "SignalType", "level_number"]

BarLevel: TypeAlias = "float | Fraction"
"""A price in the unit of `History`, or `Fraction(0.05)` for a fraction of the entry's price."""
_LEVELS = ("stop_loss", "take_profit", "trailing_stop")
_BELOW_ONE = ("stop_loss", "trailing_stop")
_NOTHING: Mapping[str, object] = MappingProxyType({})


class SignalType(StrEnum):
    """What is to be done at the next open.

    `BUY` opens a long position and closes a short one first. `SELL` opens a short position and
    closes a long one first; with the direction `long_only` it only closes the long one.
    `CLOSE_LONG` and `CLOSE_SHORT` close that side and open nothing. `HOLD` does nothing.
    """

    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"
    CLOSE_LONG = "close_long"
    CLOSE_SHORT = "close_short"


_OPENING = (SignalType.BUY, SignalType.SELL)


@dataclass(frozen=True, slots=True)
class Signal:
    """What a strategy decides at the close of one bar.

    Parameters
    ----------
    type
        What to do at the next open.
    confidence
        0 to 1; shown in reports, changes no fill.
    size
        Overrides the size in the settings, in the unit of the scenario's `sizing`.
    stop_loss, take_profit, trailing_stop
        Levels of the position that this signal opens: prices as `History` shows them, or
        `Fraction(0.05)` for 5 % of the entry's price. A trailing stop's price is the distance that
        it keeps. Only with BUY and SELL; a strategy gives each level in one of the two forms.
    metadata
        Values by name that explain the decision; the column `reason` of `Signals.to_frame`.

    Raises `StrategyError` for a value that cannot be.

    >>> Signal(SignalType.BUY, stop_loss=Fraction(0.05)).type
    <SignalType.BUY: 'buy'>
    """

    type: SignalType
    confidence: float | None = None
    size: float | None = None
    stop_loss: BarLevel | None = None
    take_profit: BarLevel | None = None
    trailing_stop: BarLevel | None = None
    metadata: Mapping[str, object] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        """Check every value that is given."""
        if type(self.type) is not SignalType:
            raise StrategyError(
                f"The type of a Signal is {self.type!r}; give one of "
                f"{', '.join(f'SignalType.{each.name}' for each in SignalType)}.",
                field="type",
            )
        if self.confidence is not None and not 0.0 <= _number(self, "confidence") <= 1.0:
            raise _wrong("confidence", repr(self.confidence), "a number from 0 to 1")
        if self.size is not None and not 0.0 < _number(self, "size") < math.inf:
            raise _wrong("size", repr(self.size), "a number above 0")
        for name in _LEVELS:
            if getattr(self, name) is not None:
                self._check_level(name)
        if not isinstance(self.metadata, Mapping):
            raise _wrong("metadata", repr(self.metadata), "a dict of values by name")

    def _check_level(self, name: str) -> None:
        if self.type not in _OPENING:
            raise StrategyError(
                f"A Signal of the type {self.type.name} has a {name}, which belongs to the "
                "position that a signal opens. Give it with SignalType.BUY or SignalType.SELL.",
                field=name,
            )
        given = getattr(self, name)
        if isinstance(given, Fraction):
            most = 1.0 if name in _BELOW_ONE else math.inf
            if len(given) != 1 or not 0.0 < level_number(given) < most:
                limit = " and below 1" if name in _BELOW_ONE else ""
                shown = f"Fraction({given.values.tolist()})"
                raise _wrong(name, shown, f"one fraction above 0{limit}")
        elif not 0.0 < _number(self, name) < math.inf:
            raise _wrong(name, repr(given), "a price above 0, or Fraction(0.05) for 5 %")

    @property
    def reason(self) -> str:
        """The metadata as text, such as `rsi=28.5, rule=dip`; empty without any."""
        return ", ".join(f"{name}={value}" for name, value in self.metadata.items())


def level_number(level: BarLevel) -> float:
    """The price or the fraction as a number."""
    return float(level.values[0]) if isinstance(level, Fraction) else float(level)


def _number(signal: Signal, name: str) -> float:
    given = getattr(signal, name)
    if isinstance(given, bool) or not isinstance(given, Real):
        raise _wrong(name, repr(given), "a number, or None for none")
    return float(given)


def _wrong(name: str, shown: str, expected: str) -> StrategyError:
    return StrategyError(f"The {name} of a Signal is {shown}; give {expected}.", field=name)
