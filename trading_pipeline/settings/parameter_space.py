"""The values that a study searches for one parameter."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, model_validator

from trading_pipeline.settings.file_limits import cut, shown
from trading_pipeline.settings.spec_model import SpecModel, no_truth_value

__all__ = ["MAX_RANGE_VALUES", "ParameterSpace"]

Bound = Annotated[float, BeforeValidator(no_truth_value)]
MAX_RANGE_VALUES = 1_000_000
"""Values of one parameter."""
_DIGITS = 12
_KINDS = "'range: [first, last, step]', 'values: [...]', 'choice: [...]' or 'log: [low, high]'"


class ParameterSpace(SpecModel):
    """Values of one parameter: exactly one of the four keys.

    `range: [first, last, step]`: evenly spaced, the last included where the steps reach it; without
    a step every value between both. `log: [low, high, points]`: so many values at equal ratios;
    without points every value, equal ratios equally likely. `values`: these, in their order.
    `choice`: these, without an order.
    """

    range: tuple[Bound, ...] | None = None
    values: tuple[Any, ...] | None = None
    choice: tuple[Any, ...] | None = None
    log: tuple[Bound, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _under_a_key(cls, data: Any) -> Any:
        if data is None:
            return {}
        if isinstance(data, (Mapping, ParameterSpace)):
            return data
        listed = list(data) if isinstance(data, (list, tuple)) else [data]
        raise ValueError(
            f"'values: {cut(json.dumps(listed, default=str))}' says that these are tried; there "
            "are 'range: [first, last, step]', 'choice: [...]' and 'log: [low, high]' as well"
        )

    @model_validator(mode="after")
    def _one_of_them(self) -> ParameterSpace:
        if sum(each is not None for each in (self.range, self.values, self.choice, self.log)) != 1:
            raise ValueError(f"give either {_KINDS}, and only one of them")
        if self.range is not None:
            _check_range(self.range)
        elif self.log is not None:
            _check_log(self.log)
        else:
            _check_listed("values" if self.choice is None else "choice", self.listed or ())
        return self

    @property
    def listed(self) -> tuple[Any, ...] | None:
        """What `values` or `choice` lists; None for `range` and `log`."""
        return self.values if self.choice is None else self.choice

    @property
    def is_continuous(self) -> bool:
        """True for a range without a step and a log without points: no grid can list it."""
        bounds = self.range or self.log
        return bounds is not None and len(bounds) == 2

    def count(self) -> int:
        """How many values there are; none of them is built. Not for a continuous space."""
        if self.listed is not None:
            return len(self.listed)
        if self.log is not None:
            return int(self.log[2])
        first, last, step = self.range or (0.0, 0.0, 1.0)
        return int(_steps(first, last, step)) + 1

    def grid(self, *, whole: bool = False) -> list[Any]:
        """All values in order; whole numbers are int. `whole` rounds those of `log` to them.

        >>> ParameterSpace(range=(5, 20, 5)).grid()
        [5, 10, 15, 20]
        >>> ParameterSpace(range=(0.1, 0.3, 0.1)).grid()
        [0.1, 0.2, 0.3]
        >>> ParameterSpace(log=(1, 100, 5)).grid(whole=True)
        [1, 3, 10, 32, 100]
        """
        if self.listed is not None:
            return list(self.listed)
        if self.log is not None:
            low, high, points = self.log
            spaced = np.geomspace(low, high, int(points)).tolist()
            return list(dict.fromkeys(_plain(value, whole) for value in spaced))
        first, _, step = self.range or (0.0, 0.0, 1.0)
        return [_plain(first + index * step) for index in range(self.count())]

    def between(self, share: float, *, whole: bool = False) -> Any:
        """The value at a share (0 to 1) of the way through a continuous space.

        >>> ParameterSpace(log=(1, 100)).between(0.5), ParameterSpace(range=(0, 9)).between(1.0)
        (10, 9)
        """
        low, high = self.range or self.log or (0.0, 0.0)
        if self.range is not None:
            return _plain(low + share * (high - low), whole)
        found = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        return _plain(min(max(found, low), high), whole)


def _plain(value: float, whole: bool = False) -> int | float:
    """The value without noise in its last digits; an int where it is whole or shall be."""
    exact = round(value, _DIGITS)
    if abs(value) < 1e-3:  # rounding to decimals would take digits away
        exact = float(f"{value:.{_DIGITS}g}")
    return round(exact) if whole or float(exact).is_integer() else exact


def _check_listed(key: str, values: tuple[Any, ...]) -> None:
    if not values:
        raise ValueError(f"'{key}' is empty")
    if any(isinstance(each, float) and not math.isfinite(each) for each in values):
        raise ValueError(f"'{key}' holds a number that is not finite")
    seen: set[str] = set()
    for each in values:
        told = json.dumps(each, sort_keys=True, default=str)
        if told in seen:
            raise ValueError(f"'{key}' holds {shown(each)} twice; list each value once")
        seen.add(told)


def _check_log(given: tuple[float, ...]) -> None:
    told = f"[{', '.join(f'{each:g}' for each in given)}]"
    if len(given) not in (2, 3):
        raise ValueError(
            f"'log' takes [low, high], or [low, high, points] for a grid; it holds {told}"
        )
    low, high = given[:2]
    if low <= 0.0:
        raise ValueError(
            f"the log range {told} starts at {low:g}; equal ratios need a value above 0. Start it "
            "above 0, or use 'range'"
        )
    if high <= low:
        raise ValueError(_no_rise("log range", given))
    if len(given) == 3 and not (given[2].is_integer() and 2 <= given[2] <= MAX_RANGE_VALUES):
        raise ValueError(
            f"the log range {told} has {given[2]:g} points; give a whole number from 2 to "
            f"{MAX_RANGE_VALUES:,}"
        )


def _steps(first: float, last: float, step: float) -> float:
    """Steps from the first value to the last; infinite where a float cannot hold their number."""
    return (last - first) / step + 1e-9


def _no_rise(kind: str, given: tuple[float, ...]) -> str:
    """What is wrong with bounds of which the second is not above the first."""
    low, high, *more = (f"{each:g}" for each in given)
    if low == high:
        return f"the {kind} [{low}, {high}] is empty; its end must be above its start"
    turned = ", ".join((high, low, *more))
    return f"the {kind} is reversed, from {low} down to {high}; write [{turned}]"


def _check_range(given: tuple[float, ...]) -> None:
    told = f"[{', '.join(f'{each:g}' for each in given)}]"
    if len(given) not in (2, 3):
        raise ValueError(
            "'range' takes [first, last, step], or [low, high] for all values between; it holds "
            f"{told}"
        )
    if len(given) == 2:
        if given[1] <= given[0]:
            raise ValueError(_no_rise("range", given))
        if not math.isfinite(given[1] - given[0]):
            raise ValueError(f"the range {told} is too wide")
        return
    first, last, step = given
    if last < first:
        raise ValueError(_no_rise("range", (first, last, abs(step))))
    if step <= 0:
        raise ValueError(f"the range {told} is empty; step must be above 0")
    steps = _steps(first, last, step)
    if steps >= MAX_RANGE_VALUES:
        raise ValueError(
            f"the range {told} has {steps + 1:,.0f} values, at most {MAX_RANGE_VALUES:,} are "
            "searched; take a larger step"
        )
    if steps >= 1 and max(abs(first), abs(last)) * 1e-12 + 1e-12 > step:
        raise ValueError(
            f"the step of the range {told} is too small to tell its values apart; take a larger one"
        )
