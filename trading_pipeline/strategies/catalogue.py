"""Strategies by name: their parameters, their signals, and where their code is."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from trading_pipeline.code_identity import code_hash
from trading_pipeline.domain.crossing_plan import CrossingPlan
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.rule_plan import RulePlan
from trading_pipeline.domain.signals import Signals
from trading_pipeline.errors import ConfigurationError, StrategyError
from trading_pipeline.own_code import OwnCode, Registry, explained, load_own_code, only_class
from trading_pipeline.settings.external_input import (
    ExternalInputSpec,
    declared_in,
    external_inputs,
)
from trading_pipeline.settings.model_spec import ModelSpec
from trading_pipeline.settings.spec_model import explain_validation_error
from trading_pipeline.strategies.base import Strategy, StrategyBase, StrategyParams
from trading_pipeline.strategies.chart_lines import ChartLine, checked_lines
from trading_pipeline.strategies.checked_answers import (
    bar_count,
    model_names,
    primary_pair,
    sentences,
)
from trading_pipeline.strategies.fresh_strategies import FreshDecisions, FreshSignals
from trading_pipeline.strategies.market import Market
from trading_pipeline.strategies.portfolio.base import PortfolioStrategy, checked_weights
from trading_pipeline.strategies.portfolio.panel import Panel
from trading_pipeline.strategies.shipped import shipped_strategies

__all__ = [
    "SHIPPED",
    "StrategyCatalogue",
    "own_strategies",
    "strategy",
    "strategy_code_hash",
    "strategy_names",
    "validate_params",
]

_STRATEGIES = shipped_strategies()
_KIND = "strategy"
_PACKAGE = "trading_pipeline.strategies"
_FIX = (
    "Write one class, such as class Mine(Strategy): with a method signals(self, market, params), "
    "or class Mine(BarByBarStrategy): with a method on_bar(self, history), where both come from "
    "trading_pipeline.strategies; or, to weigh several instruments, class Mine(PortfolioStrategy): "
    "with a method weights(self, panel, params)."
)


class StrategyCatalogue(Registry[StrategyBase[Any]]):
    """The shipped strategies and those of a user's files.

    What a user's code does wrong is a `StrategyError` that names its file and line.

    >>> SHIPPED.warmup_bars("sma_crossover", {"slow": 50})
    50
    """

    def __init__(self, own: OwnCode[StrategyBase[Any]] | None = None) -> None:
        super().__init__(_KIND, _STRATEGIES, own, unknown=StrategyError)

    def with_strategy(self, given: object) -> tuple[StrategyCatalogue, str]:
        """These strategies and one more, a class or an instance, and its name.

        It comes before one of the same name. Raises `StrategyError` for anything else.
        """
        chosen = given() if isinstance(given, type) and issubclass(given, Strategy) else given
        if not isinstance(chosen, Strategy):
            raise StrategyError(
                f"A strategy is a {type(given).__name__}; give a class or an instance of Strategy, "
                "or the name of a shipped one, such as 'sma_crossover'.",
                found=type(given).__name__,
            )
        name = getattr(chosen, "name", type(chosen).__name__)
        found = StrategyCatalogue(self.own)
        found.shipped = {**self.shipped, name: chosen}
        return found, name

    def validate_params(self, name: str, params: Mapping[str, object]) -> StrategyParams:
        """Parameters of a strategy, defaults filled in; numpy numbers count as Python's.

        Raises `StrategyError` that names each unknown key with the closest known one, each wrong
        type or value, and what was expected.
        """
        wanted: type[StrategyParams] = self.get(name).params_type
        plain = {
            key: value.item() if isinstance(value, np.generic) else value
            for key, value in params.items()
        }
        try:
            with self._explained(name, "the check of the parameters", ValidationError):
                checked = wanted.model_validate(plain)
        except ValidationError as error:
            raise StrategyError(
                f"The parameters of the strategy '{name}' are wrong. "
                f"{explain_validation_error(error, wanted)}",
                name=name,
                params=plain,
            ) from error
        self.primary(name, checked)  # its parameters are checked too
        return checked

    def primary(self, name: str, params: StrategyParams) -> tuple[str, StrategyParams] | None:
        """The strategy whose signals this one works on, with its parameters; None for most."""
        chosen = self.get(name)
        if not isinstance(chosen, Strategy):
            return None
        with self._explained(name, "primary"):
            found = primary_pair(chosen.primary(params), name)
        return None if found is None else (found[0], self.validate_params(*found))

    def signals(self, name: str, market: Market, params: StrategyParams) -> Signals:
        """Signals of every bar of the market, checked for their type and length."""
        market = self._with_primary(name, market, params)
        return self._signals_of(self.of_one_market(name), name, market, params)

    def family(self, name: str) -> str:
        """The folder that a shipped strategy is in, `benchmark` for those in none; else `own`."""
        if name in self.own.files:
            return "own"
        parts = type(self.get(name)).__module__.removeprefix(f"{_PACKAGE}.").split(".")
        return parts[0] if len(parts) > 1 else "benchmark"

    def is_of_package(self, name: str, params: StrategyParams) -> bool:
        """Whether the strategy, and the one whose signals it works on, are those of the package.

        False for a user's file and for a class that was handed in.
        """
        if not type(self.get(name)).__module__.startswith(f"{_PACKAGE}."):
            return False
        primary = self.primary(name, params)
        return primary is None or self.is_of_package(*primary)

    def chart_lines(
        self, name: str, market: Market, params: StrategyParams
    ) -> tuple[ChartLine, ...]:
        """Lines that a chart of the strategy draws, those of its primary strategy first."""
        primary = self.primary(name, params)
        market = self._with_primary(name, market, params)
        with self._explained(name, "chart_lines"):
            found = self.of_one_market(name).chart_lines(market, params)
            own = checked_lines(found, name, len(market))
        if primary is None:
            return own
        return checked_lines(
            (*self.chart_lines(primary[0], market, primary[1]), *own), name, len(market)
        )

    def check_model(self, name: str, params: StrategyParams, model: ModelSpec) -> None:
        """Raise `ConfigurationError` for a model that the strategy cannot trade."""
        chosen = self.get(name)
        if isinstance(chosen, Strategy):
            with self._explained(name, "check_model"):
                chosen.check_model(params, model)

    def required_sizing(self, name: str, params: StrategyParams) -> str | None:
        """Type of sizing that the strategy's own sizes are counted in; None for any."""
        chosen = self.get(name)
        if not isinstance(chosen, Strategy):
            return None
        with self._explained(name, "required_sizing"):
            return chosen.required_sizing(params)

    def remarks(self, name: str, market: Market, params: StrategyParams) -> tuple[str, ...]:
        """Sentences of the strategy that its result shows as warnings."""
        market = self._with_primary(name, market, params)
        with self._explained(name, "remarks"):
            return sentences(self.of_one_market(name).remarks(market, params), name)

    def _with_primary(self, name: str, market: Market, params: StrategyParams) -> Market:
        primary = self.primary(name, params)
        if primary is None:
            return market
        return market.with_primary(self.signals(primary[0], market, primary[1]))

    def _signals_of(
        self, chosen: Strategy[Any], name: str, market: Market, params: StrategyParams
    ) -> Signals:
        with self._explained(name, "signals"):
            found: object = chosen.signals(market, params)
        if isinstance(found, Signals) and len(found) == len(market):
            return found
        gave = f"{len(found)} rows" if isinstance(found, Signals) else f"a {type(found).__name__}"
        file, line = self.code_place(name, "signals")
        raise StrategyError(
            f"{file}, line {line}: signals of '{name}' gave {gave}, and must give "
            f"Signals with one row for each of the {len(market)} bars, such as "
            "Signals.long_only(entry, leave).",
            name=name,
            path=str(file),
            line=line,
        )

    def of_one_market(self, name: str) -> Strategy[Any]:
        """The strategy that gives signals; `StrategyError` for one of portfolios."""
        chosen = self.get(name)
        if isinstance(chosen, Strategy):
            return chosen
        raise StrategyError(
            f"'{name}' is a strategy of portfolios: it sees several instruments at once and gives "
            f"weights. Write it under 'portfolio', such as portfolio: {{strategy: {{type: "
            f"{name}}}}}, in place of 'strategy'.",
            name=name,
        )

    def of_portfolio(self, name: str, instruments: Sequence[str]) -> PortfolioStrategy[Any]:
        """The strategy that gives weights of these instruments.

        Raises `StrategyError` for a strategy of one market, and for another number of instruments
        than it trades.
        """
        chosen = self.get(name)
        if not isinstance(chosen, PortfolioStrategy):
            known = [each for each in self.names() if isinstance(self.get(each), PortfolioStrategy)]
            raise StrategyError(
                f"'{name}' gives signals of one instrument and no weights. Write it under "
                "'strategy' in place of 'portfolio.strategy' to trade its signals on shared cash. "
                f"Strategies of portfolios: {', '.join(known)}.",
                name=name,
            )
        wanted = chosen.instrument_count
        if wanted is not None and len(instruments) != wanted:
            raise StrategyError(
                f"The strategy '{name}' trades {wanted} instruments, and 'instruments' lists "
                f"{len(instruments)}: {', '.join(instruments)}. List {wanted}.",
                name=name,
                instruments=tuple(instruments),
            )
        return chosen

    def weights(self, name: str, panel: Panel, params: StrategyParams) -> npt.NDArray[np.float64]:
        """Target weights (rows, instruments) of a portfolio strategy, NaN rows without a decision.

        Raises `StrategyError` for weights that cannot be used (`checked_weights`).
        """
        return self._weights_of(self.of_portfolio(name, panel.instruments), name, panel, params)

    def _weights_of(
        self, chosen: PortfolioStrategy[Any], name: str, panel: Panel, params: StrategyParams
    ) -> npt.NDArray[np.float64]:
        with self._explained(name, "weights"):
            given: object = chosen.weights(panel, params)
        who = f"weights of '{name}'"
        if name in self.own.files:
            file, line = self.code_place(name, "weights")
            who = f"{file}, line {line}: {who}"
        return checked_weights(panel, given, who=who)

    def fresh_weights(
        self, name: str, params: StrategyParams
    ) -> FreshDecisions[Panel, npt.NDArray[np.float64]]:
        """As `weights`, by code that remembers nothing of earlier calls."""
        return FreshDecisions(
            self.get(name),
            params,
            lambda chosen, panel, given: self._weights_of(chosen, name, panel, given),
        )

    def fresh_signals(self, name: str, params: StrategyParams) -> FreshSignals:
        """As `signals`, by code that remembers nothing of earlier calls.

        `notes` of the answer say what the strategy read from outside in the calls so far.
        """
        primary = self.primary(name, params)
        return FreshSignals(
            self.of_one_market(name),
            params,
            lambda chosen, market, given: self._signals_of(chosen, name, market, given),
            primary=None if primary is None else self.fresh_signals(*primary),
        )

    def external_inputs(
        self, name: str, params: StrategyParams | None = None
    ) -> tuple[ExternalInputSpec, ...]:
        """External inputs that the strategy declares; `market.inputs` must hold them.

        With `params` also those of the strategy whose signals it works on.
        """
        own = external_inputs(self.get(name).inputs, where=f"The strategy '{name}'")
        primary = None if params is None else self.primary(name, params)
        return own if primary is None else (*own, *self.external_inputs(*primary))

    def warmup_bars(self, name: str, params: Mapping[str, object]) -> int:
        """Bars before the first one that can have a signal."""
        checked = self.validate_params(name, params)
        with self._explained(name, "warmup_bars"):
            own = bar_count(self.get(name).warmup_bars(checked), name)
        primary = self.primary(name, checked)
        more = 0 if primary is None else self.warmup_bars(primary[0], primary[1].model_dump())
        return own + more

    def required_predictions(self, name: str, params: Mapping[str, object]) -> tuple[str, ...]:
        """Names of the models whose predictions the strategy trades."""
        checked = self.validate_params(name, params)
        with self._explained(name, "required_predictions"):
            own = model_names(self.get(name).required_predictions(checked), name)
        primary = self.primary(name, checked)
        if primary is None:
            return own
        return (*own, *self.required_predictions(primary[0], primary[1].model_dump()))

    def sweep_plan(
        self, name: str, market: Market, many: Sequence[StrategyParams]
    ) -> CrossingPlan | RulePlan | None:
        """Combinations for the fast sweep; None where the strategy has no such form."""
        with self._explained(name, "sweep_plan"):
            return self.of_one_market(name).sweep_plan(market, many)

    def code_hash(self, name: str, params: StrategyParams | None = None) -> str:
        """Hash of the strategy's class and of all code that it reaches.

        With `params` also of the strategy whose signals it works on.
        """
        own = code_hash(self.get(name))
        primary = None if params is None else self.primary(name, params)
        return own if primary is None else canonical_hash([own, self.code_hash(*primary)])

    def code_place(self, name: str, method: str | None = None) -> tuple[Path, int]:
        """File and line of a strategy's class, or of one of its methods."""
        found = type(self.get(name))
        target = found if method is None else getattr(found, method)
        return Path(inspect.getsourcefile(target) or ""), inspect.getsourcelines(target)[1]

    def _explained(
        self, name: str, doing: str, *passing: type[Exception]
    ) -> AbstractContextManager[None]:
        path = self.own.files.get(name)
        return explained(path, StrategyError, f"{doing} of '{name}'", *passing)


SHIPPED = StrategyCatalogue()
"""The strategies of the package alone; a workspace has those of the user's files too."""


def own_strategies(folder: Path | None) -> StrategyCatalogue:
    """The shipped strategies, and one for each Python file of a folder."""
    return StrategyCatalogue(load_own_code(folder, _KIND, _strategy_of, _STRATEGIES))


def _strategy_of(module: ModuleType) -> tuple[str, StrategyBase[Any]]:
    found = only_class(module, _KIND, lambda each: issubclass(each, StrategyBase), _FIX)
    params = found.params_type
    if not (isinstance(params, type) and issubclass(params, StrategyParams)):
        raise ConfigurationError(
            f"The parameters of {found.__name__} are {getattr(params, '__name__', params)!r}, "
            "which is no class of StrategyParams. Write class MineParams(StrategyParams): with a "
            "default for each parameter, and class Mine(Strategy[MineParams]).",
            line=inspect.getsourcelines(found)[1],
        )
    if not found.inputs:
        found.inputs = declared_in(vars(module), where="The file")
    found.inputs = external_inputs(found.inputs, where="The file")
    return found.name, found()


def strategy_names() -> tuple[str, ...]:
    """Names of the shipped strategies that give signals of one market, sorted.

    >>> "sma_crossover" in strategy_names(), "minimum_variance" in strategy_names()
    (True, False)
    """
    return tuple(name for name in SHIPPED.names() if isinstance(SHIPPED.get(name), Strategy))


def strategy(name: str) -> Strategy[Any]:
    """The shipped strategy of that name; `StrategyError` offers the closest names.

    >>> strategy("sma_crossover").warmup_bars(validate_params("sma_crossover", {"slow": 50}))
    50
    """
    return SHIPPED.of_one_market(name)


def validate_params(name: str, params: Mapping[str, object]) -> StrategyParams:
    """Parameters of a shipped strategy, defaults filled in.

    >>> validate_params("sma_crossover", {"fast": 5})
    SmaCrossoverParams(fast=5, slow=30, direction='long_only', start='cross')
    """
    return SHIPPED.validate_params(name, params)


def strategy_code_hash(name: str) -> str:
    """Hash of a shipped strategy's class and of all code that it reaches."""
    return SHIPPED.code_hash(name)
