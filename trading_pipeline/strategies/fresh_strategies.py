"""Strategies made anew for audits: nothing of what they remember between calls is there."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import ModuleType
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from trading_pipeline.domain.signals import Signals
from trading_pipeline.own_code import FreshCopies
from trading_pipeline.strategies.base import Strategy, StrategyBase, StrategyParams
from trading_pipeline.strategies.market import Market

__all__ = ["FreshDecisions", "FreshSignals", "fresh_signals"]

ParamsT = TypeVar("ParamsT", bound=StrategyParams)
_Seen = TypeVar("_Seen")
_Decided = TypeVar("_Decided")
Signalling = Callable[[Strategy[Any], Market, StrategyParams], Signals]


class FreshDecisions(Generic[_Seen, _Decided]):
    """Decisions of a strategy by a copy of its file, or of the object where it is no user's file.

    `decide` takes the strategy, what it sees and its parameters. `notes` says what the strategy
    read from outside so far (`own_code.outside_data`).
    """

    def __init__(
        self,
        strategy: StrategyBase[Any],
        params: StrategyParams,
        decide: Callable[[Any, _Seen, StrategyParams], _Decided],
    ) -> None:
        kind = type(strategy)
        self._decide = decide
        self._params = params
        self._original = _copied(strategy)
        self._copies: FreshCopies[Callable[[], StrategyBase[Any]]] = FreshCopies(
            kind.__module__,
            lambda imported: _made_anew(imported, kind),
            lambda: _copied(self._original),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the strategy read from outside so far."""
        return self._copies.notes

    @property
    def reused(self) -> bool:
        """True once a copy was used that remembered an earlier call."""
        return self._copies.reused

    def take_anew(self) -> None:
        """From now on make a copy for each call."""
        self._copies.take_anew()

    def __call__(self, seen: _Seen) -> _Decided:
        """Decisions on every bar of what the strategy sees."""

        def decided(make: Callable[[], StrategyBase[Any]]) -> _Decided:
            strategy = make()
            params = _params_of(strategy.params_type, self._params)
            return self._decide(strategy, seen, params)

        return self._copies.run(decided)


class FreshSignals(FreshDecisions[Market, Signals]):
    """Signals of a strategy of one market.

    `primary`: the same of the strategy whose signals this one works on.
    """

    def __init__(
        self,
        strategy: Strategy[Any],
        params: StrategyParams,
        signals: Signalling | None = None,
        *,
        primary: FreshSignals | None = None,
    ) -> None:
        super().__init__(strategy, params, signals or _plain_signals)
        self._primary = primary

    @property
    def notes(self) -> tuple[str, ...]:
        """What the strategy read from outside so far."""
        own = super().notes
        return own if self._primary is None else tuple(dict.fromkeys((*own, *self._primary.notes)))

    @property
    def reused(self) -> bool:
        """True once a copy was used that remembered an earlier call."""
        return super().reused or (self._primary is not None and self._primary.reused)

    def take_anew(self) -> None:
        """From now on make a copy for each call."""
        super().take_anew()
        if self._primary is not None:
            self._primary.take_anew()

    def __call__(self, market: Market) -> Signals:
        """Signals of every bar of the market."""
        if self._primary is not None:
            market = market.with_primary(self._primary(market))
        return super().__call__(market)


def fresh_signals(strategy: Strategy[Any], params: StrategyParams) -> FreshSignals:
    """Signals of the strategy by code that remembers nothing of earlier calls."""
    return FreshSignals(strategy, params)


def _plain_signals(strategy: Strategy[Any], market: Market, params: StrategyParams) -> Signals:
    return strategy.signals(market, params)


def _made_anew(
    imported: Callable[[str], ModuleType], kind: type[StrategyBase[Any]]
) -> type[StrategyBase[Any]]:
    config = StrategyParams.model_config
    # nobody reads the meaning of a copy's parameters, and pydantic parses the file for them: 6 ms
    reads = config.get("use_attribute_docstrings", False)
    config["use_attribute_docstrings"] = False
    try:
        module = imported(kind.__module__)
    finally:
        config["use_attribute_docstrings"] = reads
    found: type[StrategyBase[Any]] = getattr(module, kind.__qualname__)
    if "name" not in vars(found):
        found.name = kind.name
    return found


def _copied(strategy: StrategyBase[Any]) -> StrategyBase[Any]:
    try:
        return copy.deepcopy(strategy)
    except Exception:  # an object that holds what cannot be copied, such as an open file
        return strategy


def _params_of(wanted: type[ParamsT], params: StrategyParams) -> StrategyParams:
    """The parameters as values of the copy's own class."""
    if wanted is type(params):
        return params
    try:
        return wanted.model_validate_json(params.model_dump_json(round_trip=True))
    except (ValidationError, ValueError, TypeError):
        return wanted.model_construct(**dict(params))
