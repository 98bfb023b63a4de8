"""A study: a search over a strategy's parameters; the file `studies/<name>.yaml`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator, model_validator

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.windows import Cadence
from trading_pipeline.settings.parameter_space import ParameterSpace
from trading_pipeline.settings.scenario_groups import DateSpan, key
from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = ["Method", "ParameterSpace", "StudySpec", "WalkForwardSpec"]

Method = Literal["grid", "random", "successive_halving", "tpe"]


class WalkForwardSpec(SpecModel):
    """Windows on which parameters are chosen, and on which they are then applied."""

    train_windows: int = key(3, "count", "windows on which parameters are chosen", ge=1, le=1000)
    test_windows: int = key(
        1, "count", "windows that follow, on which the chosen ones trade", ge=1, le=1000
    )
    window: Cadence = key("year", "word", "calendar span of one window: year, quarter or month")


class StudySpec(SpecModel):
    """A search; everything but the searched parameters comes from `scenario`."""

    name: Name = key(..., "word", "unique; names trials and files")
    strategy: Name = key(..., "word", "name of the strategy; the scenario trades it too")
    scenario: Name = key(..., "word", "scenario that gives dates, costs, sizing and all else")
    instruments: tuple[str, ...] | None = key(
        None, "list", "only these instruments of the scenario; null: all of them"
    )
    space: dict[str, ParameterSpace] = key(..., "mapping", "values of each searched parameter")
    constraints: tuple[str, ...] = key((), "list", "conditions that every combination must meet")
    metric: Name = key("sharpe", "word", "what is maximized")
    method: Method = key("grid", "word", "how combinations are chosen")
    budget: int | None = key(
        None,
        "count",
        "combinations to try; needed by every method but grid, which tries all",
        ge=1,
        le=100_000,
    )
    seed: int = key(7, "count", "seed of what is drawn; a grid draws nothing", ge=0, lt=2**31)
    walk_forward: WalkForwardSpec | None = key(
        None, "mapping", "choose on a span, trade the next one, and go on; null: off"
    )
    frozen: bool = key(
        False, "yes or no", "register the study before its first trial, and keep `test` unread"
    )
    test: DateSpan | None = key(
        None, "mapping", "dates of a frozen study that no trial reads; measured once"
    )
    ledger: Literal["all", "own"] = key(
        "all", "word", "own: deflate the best also by the study's own trials alone"
    )
    max_combinations: int = key(
        100_000,
        "count",
        "most combinations of a grid, counted before constraints; changes no result",
        ge=1,
        le=1_000_000,
        exclude=True,
    )

    @property
    def hash(self) -> str:
        """Hash of all values that the trials depend on; a later key counts where it is used."""
        values: dict[str, Any] = self.model_dump(mode="json", exclude=_CHANGES_NO_TRIAL)
        values["space"] = {
            name: each.model_dump(mode="json", exclude=_unused(each))
            for name, each in self.space.items()
        }
        defaults = {name: field.default for name, field in type(self).model_fields.items()}
        used = {
            name: value
            for name, value in values.items()
            if name not in _LATER_KEYS or getattr(self, name) != defaults[name]
        }
        return canonical_hash(used)

    def covers(self, instrument: str) -> bool:
        """True where the study lists the instrument, or lists none."""
        return self.instruments is None or instrument in self.instruments

    @field_validator("space")
    @classmethod
    def _not_empty(cls, space: dict[str, ParameterSpace]) -> dict[str, ParameterSpace]:
        if not space:
            raise ValueError("the search space names no parameter")
        return space

    @field_validator("instruments")
    @classmethod
    def _instruments_once(cls, listed: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if listed is not None and (len(set(listed)) != len(listed) or not listed):
            raise ValueError("'instruments' is empty or lists one twice; leave it out to mean all")
        return listed

    @model_validator(mode="after")
    def _method_fits(self) -> StudySpec:
        if self.method == "grid" and self.budget is not None:
            raise ValueError(
                "a grid tries every combination, so 'budget' has no meaning; leave it out, or take "
                "'method: random'"
            )
        if self.method != "grid" and self.budget is None:
            raise ValueError(
                f"'method: {self.method}' needs 'budget', the number of combinations to try"
            )
        if self.method == "tpe" and (self.budget or 0) > MOST_TPE_TRIALS:
            raise ValueError(
                f"'budget' is {self.budget:,}; 'tpe' looks back at all trials before each new one, "
                f"so it takes at most {MOST_TPE_TRIALS:,}. Take fewer, or 'method: random'"
            )
        if self.method == "grid":
            for name, each in self.space.items():
                if each.is_continuous:
                    kind, lacks = ("range", "step") if each.range else ("log", "number of points")
                    raise ValueError(
                        f"'space.{name}': a grid cannot list all values between two; give '{kind}' "
                        f"its third number, the {lacks}, or take 'method: random'"
                    )
        return self

    @model_validator(mode="after")
    def _frozen_has_a_test(self) -> StudySpec:
        if self.frozen and (self.test is None or self.test.start is None):
            raise ValueError(
                "a frozen study keeps dates unread for its test; give them, for example 'test: "
                "{start: 2011-01-01}'"
            )
        if self.test is not None and not self.frozen:
            raise ValueError("'test' is kept unread by frozen studies alone; add 'frozen: true'")
        return self


MOST_TPE_TRIALS = 2_000
"""Largest budget of `tpe`."""
_CHANGES_NO_TRIAL = {"ledger", "instruments"}
# Keys from after the first version: one at its default must not make the trials of older files
# stale.
_LATER_KEYS = ("budget", "seed", "frozen", "test")


def _unused(space: ParameterSpace) -> set[str]:
    return {name for name in ("choice", "log") if getattr(space, name) is None}
