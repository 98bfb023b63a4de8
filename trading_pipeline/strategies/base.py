"""What a strategy is: a name, parameters, and signals from a market.

To ship one: a file of its own in this folder, and its class in `catalogue.py`. To use one of your
own: one class in a file of `runtime/config/strategies/` (docs/own-code.md). Parameters are strict:
an unknown key, a text for a number or a number with decimals for a whole one is an error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args

from pydantic import ConfigDict

from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.signals import Signals
from trading_pipeline.settings.spec_model import SpecModel
from trading_pipeline.strategies.market import Market

__all__ = ["Direction", "Strategy", "StrategyParams"]

Direction = Literal["long_only", "long_short"]


class StrategyParams(SpecModel):
    """Base of all strategies' parameters: frozen, strict, no unknown key.

    The docstring below a field is its meaning in `trading-pipeline strategies show`.
    """

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)


ParamsT = TypeVar("ParamsT", bound=StrategyParams)


class Strategy(ABC, Generic[ParamsT]):
    """A rule that turns what is known at each bar's close into signals.

    Row t of the signals may use bars and predictions up to t only; an audit takes later ones away
    and expects equal rows. A strategy keeps no state between calls. Its parameters are those of
    the class in brackets, `Strategy[MineParams]`; `Strategy` alone has none.
    """

    name: ClassVar[str]
    """Name in scenarios and tables, `[a-z0-9_]+`; a user's file may leave it to its own name."""

    params_type: type[ParamsT] = StrategyParams  # type: ignore[assignment]
    """Class of the parameters; all have defaults."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Take the class of the parameters from the brackets, where it is not given."""
        super().__init_subclass__(**options)
        for base in vars(cls).get("__orig_bases__", ()):
            for argument in get_args(base):
                if "params_type" not in vars(cls) and not isinstance(argument, TypeVar):
                    cls.params_type = argument

    @abstractmethod
    def signals(self, market: Market, params: ParamsT) -> Signals:
        """Signals of every bar of `market`; no bar gives signals of length 0."""

    def warmup_bars(self, params: ParamsT) -> int:
        """Bars that must come before the first one that can have a signal.

        By default the sum of the whole-number parameters: windows are whole numbers of bars, and
        an average of an average needs no more than the sum of both. It is shown to people and cuts
        nothing: a strategy is always given every stored bar before the dates it trades.
        """
        return sum(value for _, value in params if type(value) is int)

    def crossing_plan(
        self,
        market: Market,  # noqa: ARG002 - overridden
        many: Sequence[ParamsT],  # noqa: ARG002 - overridden
    ) -> CrossingPlan | None:
        """Combinations for the fast sweep, one a set of parameters; None without such a form.

        `plan.signals(row)` must equal `signals(market, many[row])`.
        """
        return None

    def required_predictions(self, params: ParamsT) -> tuple[str, ...]:  # noqa: ARG002 - overridden
        """Names of the models whose predictions the market must hold."""
        return ()
