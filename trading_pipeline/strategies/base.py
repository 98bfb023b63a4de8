"""What a strategy is: a name, parameters, and signals from a market.

To ship a strategy, add a file to this folder and its class to `shipped.py`. To use your own, put
one class in a file of `runtime/config/strategies/` (docs/own-code.md). Parameters are strict: an
unknown key, a text where a number is expected, or decimals in a whole number are errors.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, get_args

from pydantic import (
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.rule_plan import RulePlan
from trading_pipeline.domain.signals import Signals
from trading_pipeline.settings.external_input import ExternalInputSpec
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.spec_model import LARGEST_WHOLE, SpecModel
from trading_pipeline.strategies.chart_lines import ChartLine
from trading_pipeline.strategies.market import Market

__all__ = [
    "ROWS_A_COMBINATION",
    "Ascending",
    "Direction",
    "Strategy",
    "StrategyBase",
    "StrategyParams",
]

Direction = Literal["long_only", "long_short"]

_PLAIN = frozenset({float, str, type(None)})
_SMALLEST_WHOLE = -LARGEST_WHOLE

ROWS_A_COMBINATION = 4
"""Most rows that a sweep plan needs for one more combination; a sweep sizes its memory by it."""


@dataclass(frozen=True)
class Ascending:
    """Parameters of which each must be below the next one, or equal to it where `or_equal`.

    `otherwise`: the error, in which `{name}` stands for a value.

    >>> Ascending(("fast", "slow"), "{fast} is not below {slow}").holds([5, 5])
    False
    """

    names: tuple[str, ...]
    otherwise: str
    or_equal: bool = False

    def holds(self, values: Sequence[Any]) -> bool:
        """True if the values of `names` ascend; of arrays, those of every set."""
        below = operator.le if self.or_equal else operator.lt
        found = [below(first, second) for first, second in pairwise(values)]
        return all(each if isinstance(each, bool) else each.all() for each in found)


class StrategyParams(SpecModel):
    """Base of all strategies' parameters: frozen, strict, no unknown keys.

    `trading-pipeline strategies show` prints the docstring below a field as its meaning.
    """

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)

    added_later: ClassVar[frozenset[str]] = frozenset()
    """Parameters that came after results were stored. At their default they are left out of what is
    stored and counted, so a trial from before stays the same trial."""

    ascending: ClassVar[tuple[Ascending, ...]] = ()
    """Parameters that must be in order. A sweep checks this for all its sets at once."""

    @model_validator(mode="before")
    @classmethod
    def _only_plain_numbers(cls, data: Any) -> Any:
        """As `SpecModel`, in less time for plain values: a sweep checks thousands of sets."""
        if type(data) is dict:
            for each in data.values():
                kind = type(each)
                if kind is int:
                    if not _SMALLEST_WHOLE <= each <= LARGEST_WHOLE:
                        break
                elif kind not in _PLAIN:
                    break
            else:
                return data
        return super()._only_plain_numbers(data)  # type: ignore[operator]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for each in self.ascending:
            if not each.holds([getattr(self, name) for name in each.names]):
                raise ValueError(each.otherwise.format(**vars(self)))
        return self

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        values: dict[str, object] = dump(self)
        for name in self.added_later:
            if getattr(self, name) == type(self).model_fields[name].default:
                values.pop(name, None)
        return values


ParamsT = TypeVar("ParamsT", bound=StrategyParams)


class StrategyBase(ABC, Generic[ParamsT]):
    """What every kind of strategy has: a name, parameters, declared inputs and a warm-up.

    A strategy keeps no state between calls. The class in brackets, `Strategy[MineParams]`, holds
    its parameters; a class without brackets has none.
    """

    name: ClassVar[str]
    """Name in scenarios and tables, `[a-z0-9_]+`; in a user's file it defaults to the file name."""

    params_type: type[ParamsT] = StrategyParams  # type: ignore[assignment]
    """Class of the parameters; every parameter has a default."""

    inputs: ClassVar[Sequence[Mapping[str, object] | ExternalInputSpec]] = ()
    """External inputs that `market.inputs` must hold, as in `inputs:` (docs/own-code.md); in a
    user's file the module may have them too."""

    def __init_subclass__(cls, **options: object) -> None:
        """Take the class of the parameters from the brackets, unless the class sets it itself."""
        super().__init_subclass__(**options)
        for base in vars(cls).get("__orig_bases__", ()):
            for argument in get_args(base):
                if "params_type" not in vars(cls) and not isinstance(argument, TypeVar):
                    cls.params_type = argument

    def warmup_bars(self, params: ParamsT) -> int:
        """Bars that must come before the first one that can have a decision.

        By default the sum of the whole-number parameters: windows are whole numbers of bars, and
        an average of an average needs at most the sum of both. The number is only displayed; a
        strategy always receives every stored bar before the dates it trades.
        """
        return sum(value for _, value in params if type(value) is int)

    def required_predictions(self, params: ParamsT) -> tuple[str, ...]:  # noqa: ARG002 - overridden
        """Names of the models whose predictions the market must hold."""
        return ()


class Strategy(StrategyBase[ParamsT]):
    """A rule that turns what is known at each bar's close into signals.

    Row t of the signals may use only bars and predictions up to t; an audit removes later ones and
    expects the same rows.
    """

    @abstractmethod
    def signals(self, market: Market, params: ParamsT) -> Signals:
        """Signals of every bar of `market`; an empty market gives signals of length 0."""

    def sweep_plan(
        self,
        market: Market,  # noqa: ARG002 - overridden
        many: Sequence[ParamsT],  # noqa: ARG002 - overridden
    ) -> CrossingPlan | RulePlan | None:
        """One combination for each set of parameters, for the fast sweep; None if unsupported.

        `plan.signals(row)` must trade as `signals(market, many[row])` does. The sets are at least
        one and agree in every parameter that is no number. A plan has at most
        `ROWS_A_COMBINATION` rows a set, and as many again that all share.
        """
        return None

    def primary(
        self,
        params: ParamsT,  # noqa: ARG002 - overridden
    ) -> tuple[str, Mapping[str, object]] | None:
        """Name and parameters of another strategy whose signals `market.primary` must hold."""
        return None

    def check_model(self, params: ParamsT, model: ModelSpec) -> None:
        """Raise `ConfigurationError` for a required model that cannot be traded; by default none.

        Called for each of `required_predictions` before anything is loaded.
        """

    def required_sizing(self, params: ParamsT) -> str | None:  # noqa: ARG002 - overridden
        """Type of the scenario's `sizing` that the strategy's own sizes are counted in; None where
        it gives none, or they fit any."""
        return None

    def chart_lines(
        self,
        market: Market,  # noqa: ARG002 - overridden
        params: ParamsT,  # noqa: ARG002 - overridden
    ) -> Sequence[ChartLine]:
        """Indicator lines and levels that a chart of the trades draws; none by default.

        Give the lines that the signals are decided by: row t may use bars up to t only.
        """
        return ()

    def remarks(
        self,
        market: Market,  # noqa: ARG002 - overridden
        params: ParamsT,  # noqa: ARG002 - overridden
    ) -> Sequence[str]:
        """Sentences that a result must show as warnings; none by default.

        `market` ends with the last traded bar and is traded from `market.first_traded` on.
        """
        return ()
