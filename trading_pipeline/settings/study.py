"""A study: a search over a strategy's parameters; the file `studies/<name>.yaml`."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.settings.spec_model import Name, SpecModel, no_truth_value

__all__ = ["ParameterSpace", "StudySpec", "WalkForwardSpec"]

Bound = Annotated[float, BeforeValidator(no_truth_value)]


MAX_RANGE_VALUES = 1_000_000
"""Values of one range."""


class ParameterSpace(SpecModel):
    """Values of one parameter: `range: [first, last, step]` (last included) or `values: [...]`."""

    range: tuple[Bound, Bound, Bound] | None = None
    values: tuple[Any, ...] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> ParameterSpace:
        if (self.range is None) == (self.values is None):
            raise ValueError("give either 'range: [first, last, step]' or 'values: [...]'")
        if self.range is not None:
            _check_range(*self.range)
        elif not self.values:
            raise ValueError("'values' is empty")
        elif any(isinstance(each, float) and not math.isfinite(each) for each in self.values or ()):
            raise ValueError("'values' holds a number that is not finite")
        return self

    def count(self) -> int:
        """How many values there are; none of them is built."""
        if self.values is not None:
            return len(self.values)
        return int(_steps(*(self.range or (0.0, 0.0, 1.0)))) + 1

    def grid(self) -> list[Any]:
        """All values in order; whole numbers are int.

        >>> ParameterSpace(range=(5, 20, 5)).grid()
        [5, 10, 15, 20]
        >>> ParameterSpace(range=(0.1, 0.3, 0.1)).grid()
        [0.1, 0.2, 0.3]
        """
        if self.values is not None:
            return list(self.values)
        first, _, step = self.range or (0.0, 0.0, 1.0)
        found = [round(first + index * step, 12) for index in range(self.count())]
        return [int(value) if float(value).is_integer() else value for value in found]


def _steps(first: float, last: float, step: float) -> float:
    """Steps from the first value to the last; infinite where a float cannot hold their number."""
    return (last - first) / step + 1e-9


def _check_range(first: float, last: float, step: float) -> None:
    shown = f"[{first:g}, {last:g}, {step:g}]"
    if step <= 0 or last < first:
        raise ValueError(f"the range {shown} is empty; step must be above 0")
    steps = _steps(first, last, step)
    if steps >= MAX_RANGE_VALUES:
        raise ValueError(
            f"the range {shown} has {steps + 1:,.0f} values, at most {MAX_RANGE_VALUES:,} are "
            "searched; take a larger step"
        )
    if steps >= 1 and max(abs(first), abs(last)) * 1e-12 + 1e-12 > step:
        raise ValueError(
            f"the step of the range {shown} is too small to tell its values apart; take a larger "
            "one"
        )


class WalkForwardSpec(SpecModel):
    """Windows on which parameters are chosen, and on which they are then applied."""

    train_windows: int = Field(default=3, ge=1)
    test_windows: int = Field(default=1, ge=1)


class StudySpec(SpecModel):
    """A search; everything but the searched parameters comes from `scenario`.

    `ledger`: with "own" the summary also deflates the best by the study's own trials alone, as a
    publication of one study does. Its trials are in the ledger of all trials in either case.

    `max_combinations`: how many combinations may be searched, counted before constraints. It
    changes no result, so it is no part of the study's hash.
    """

    name: Name
    strategy: Name
    scenario: Name
    space: dict[str, ParameterSpace]
    constraints: tuple[str, ...] = ()
    metric: Name = "sharpe"
    method: Literal["grid"] = "grid"
    walk_forward: WalkForwardSpec | None = None
    ledger: Literal["all", "own"] = "all"
    max_combinations: int = Field(default=100_000, ge=1, le=1_000_000, exclude=True)

    @property
    def hash(self) -> str:
        """Hash of all values that the trials depend on; `ledger` changes the summary alone."""
        return canonical_hash(self.model_dump(mode="json", exclude={"ledger"}))

    @field_validator("space")
    @classmethod
    def _not_empty(cls, space: dict[str, ParameterSpace]) -> dict[str, ParameterSpace]:
        if not space:
            raise ValueError("the search space names no parameter")
        return space
