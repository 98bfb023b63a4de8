"""This file holds what a strategy is: a name, parameters, and signals from a market.

To add one: a file of its own in this folder, and its class in `catalogue.py`. Parameters are strict:
an unknown key, a text for a number or a number with decimals for a whole one is an error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import ConfigDict

from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.signals import Signals
from trading_pipeline.settings.spec_model import SpecModel
from trading_pipeline.strategies.market import Market

__all__ = ["Direction", "Strategy", "StrategyParams"]

Direction = Literal["long_only", "long_short"]


class StrategyParams(SpecModel):
    """Base of all strategies' parameters: frozen, strict, no unknown key."""

    model_config = ConfigDict(strict=True)


ParamsT = TypeVar("ParamsT", bound=StrategyParams)


class Strategy(ABC, Generic[ParamsT]):
    """A rule that turns what is known at each bar's close into signals.

    Row t of the signals may use bars and predictions up to t only; an audit takes later ones away
    and expects equal rows. A strategy keeps no state between calls.
    """

    name: ClassVar[str]
    """Name in scenarios and tables, `[a-z0-9_]+`."""

    params_type: type[ParamsT]
    """Class of the parameters; all have defaults."""

    @abstractmethod
    def signals(self, market: Market, params: ParamsT) -> Signals:
        """Signals of every bar of `market`; no bar gives signals of length 0."""

    @abstractmethod
    def warmup_bars(self, params: ParamsT) -> int:
        """Bars that must come before the first one that can have a signal."""

    def crossing_plan(
        self,
        market: Market,  # noqa: ARG002 - overridden
        many: Sequence[ParamsT],  # noqa: ARG002 - overridden
    ) -> CrossingPlan | None:
        """Combinations for the fast sweep, one a set of parameters; None where the strategy has no such form.

        `plan.signals(row)` must equal `signals(market, many[row])`.
        """
        return None

    def required_predictions(self, params: ParamsT) -> tuple[str, ...]:  # noqa: ARG002 - overridden
        """Names of the models whose predictions the market must hold."""
        return ()
