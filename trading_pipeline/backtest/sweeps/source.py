"""What is swept: a source of combinations, and the one that is a plan from the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

from trading_pipeline.backtest.arrays import IntArray
from trading_pipeline.backtest.sweeps.plan_trading import Plan
from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.rule_plan import Condition, Levels
from trading_pipeline.domain.signals import Fraction, Price, Signals
from trading_pipeline.errors import StrategyError

__all__ = ["PlanSource", "Source"]


class Source(Protocol):
    """Combinations by number, from 0 on."""

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """What a combination is, in columns of the table."""

    def __len__(self) -> int:
        """Number of combinations."""

    def batches(
        self, numbers: IntArray, memory_bytes: float
    ) -> Iterator[tuple[IntArray, Plan | None]]:
        """The given combinations in parts, each with its plan; None where there are but signals."""

    def signals(self, number: int) -> Signals:
        """Signals of one combination on the traded bars."""

    def identity(self) -> dict[str, str]:
        """Hashes of what the combinations are made of, by name."""


class PlanSource:
    """The combinations of a plan that the caller made."""

    def __init__(self, plan: Plan, bars: int) -> None:
        if plan.bars != bars:
            raise StrategyError(
                f"The {_kind(plan)} covers {plan.bars} bars and there are {bars}; cut both to the "
                "same dates.",
                rows=plan.bars,
                expected=bars,
            )
        self.plan = plan

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The rows of a crossing plan's pairs."""
        if not isinstance(self.plan, CrossingPlan):
            return {}
        return dict(zip(("first_row", "second_row"), self.plan.pairs.T, strict=True))

    def __len__(self) -> int:
        """Number of combinations."""
        return len(self.plan)

    def batches(
        self,
        numbers: IntArray,
        memory_bytes: float,  # noqa: ARG002 - the rows are there already
    ) -> Iterator[tuple[IntArray, Plan | None]]:
        """All in one part."""
        if len(numbers):
            whole = len(numbers) == len(self.plan)
            yield numbers, self.plan if whole else self.plan.take(numbers)

    def signals(self, number: int) -> Signals:
        """Signals of one combination."""
        return self.plan.signals(number)

    def identity(self) -> dict[str, str]:
        """A hash of the plan."""
        return {"plan": canonical_hash(_plain(vars(self.plan)))}


def _kind(plan: Plan) -> str:
    return "crossing plan" if isinstance(plan, CrossingPlan) else "rule plan"


def _plain(value: object) -> object:
    """Conditions and levels as mappings, for a hash."""
    if isinstance(value, (Condition, Levels)):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, (Fraction, Price)):
        return [value.kind, value.values]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
