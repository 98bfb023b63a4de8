"""A study: a search over a strategy's parameters; the file `studies/<name>.yaml`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = ["ParameterSpace", "StudySpec", "WalkForwardSpec"]


class ParameterSpace(SpecModel):
    """Values of one parameter: `range: [first, last, step]` (last included) or `values: [...]`."""

    range: tuple[float, float, float] | None = None
    values: tuple[Any, ...] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> ParameterSpace:
        if (self.range is None) == (self.values is None):
            raise ValueError("give either 'range: [first, last, step]' or 'values: [...]'")
        if self.range is not None:
            first, last, step = self.range
            if step <= 0 or last < first:
                raise ValueError(f"the range {list(self.range)} is empty; step must be above 0")
        elif not self.values:
            raise ValueError("'values' is empty")
        return self

    def grid(self) -> list[Any]:
        """All values in order; whole numbers are int.

        >>> ParameterSpace(range=(5, 20, 5)).grid()
        [5, 10, 15, 20]
        >>> ParameterSpace(range=(0.1, 0.3, 0.1)).grid()
        [0.1, 0.2, 0.3]
        """
        if self.values is not None:
            return list(self.values)
        first, last, step = self.range or (0.0, 0.0, 1.0)
        count = int((last - first) / step + 1e-9) + 1
        found = [round(first + index * step, 12) for index in range(count)]
        return [int(value) if float(value).is_integer() else value for value in found]


class WalkForwardSpec(SpecModel):
    """Windows on which parameters are chosen, and on which they are then applied."""

    train_windows: int = Field(default=3, ge=1)
    test_windows: int = Field(default=1, ge=1)


class StudySpec(SpecModel):
    """A search; everything but the searched parameters comes from `scenario`.

    `ledger`: with "own" the summary also deflates the best by the study's own trials alone, as a
    publication of one study does. Its trials are in the ledger of all trials in either case.
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
