"""A scenario of several instruments on shared cash: a scenario file with the key `portfolio`.

It trades target weights that the file gives, those of a portfolio strategy, or the signals of the
scenario's strategy on each instrument.
"""

from __future__ import annotations

import math
from collections import Counter
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR, Instrument
from trading_pipeline.errors import ConfigurationError, did_you_mean
from trading_pipeline.settings.rebalancing import Rebalancing, RebalancingCalendar
from trading_pipeline.settings.scenario import ScenarioSpec, StrategySpec
from trading_pipeline.settings.scenario_groups import SizingSpec, key
from trading_pipeline.settings.spec_model import SpecModel, no_truth_value

__all__ = [
    "PortfolioScenario",
    "PortfolioSpec",
    "RebalanceSpec",
    "parse_scenario",
    "require_one_account",
]

_ROUNDING = 1e-9


class RebalanceSpec(SpecModel):
    """When the weights are restored; with neither key they are bought once and held."""

    calendar: RebalancingCalendar | None = key(
        None,
        "word or bars",
        "restore the weights at the last bar of each day, week, month, quarter or year, or after "
        "every so many bars; null: at no date",
    )
    threshold: Annotated[float, BeforeValidator(no_truth_value)] | None = key(
        None,
        "fraction",
        "restore them also where the weight of any instrument is off by more than this; null: off",
        gt=0,
        lt=1,
    )

    @property
    def engine(self) -> Rebalancing:
        """The engine's settings."""
        return Rebalancing(calendar=self.calendar, threshold=self.threshold)


class PortfolioSpec(SpecModel):
    """What a portfolio holds, and who is served first where the cash is short."""

    weights: Literal["equal"] | dict[str, float] | None = Field(
        default=None,
        description="share of the equity by instrument, negative for shorts, or `equal`; null: "
        "those of `portfolio.strategy`, or else the signals of `strategy`",
        json_schema_extra={"unit": "mapping or word"},
    )
    strategy: StrategySpec | None = Field(
        default=None,
        description="a strategy that weighs all instruments at once, as `type` and `params`; in "
        "place of `portfolio.weights`",
        json_schema_extra={"unit": "mapping"},
    )
    rebalance: RebalanceSpec = RebalanceSpec()
    cash: float = key(
        0.0, "fraction", "share of the equity that the weights leave in cash", ge=0, lt=1
    )
    priorities: dict[str, Annotated[float, BeforeValidator(no_truth_value)]] = Field(
        default_factory=dict,
        description="buys of one moment are served from the highest number down, 0 where none is "
        "given, equal ones by name",
        json_schema_extra={"unit": "mapping"},
    )

    @model_serializer(mode="wrap")
    def _without_later_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a null `strategy`, which came later: hashes from before stay as they are."""
        values: dict[str, Any] = dump(self)
        if self.strategy is None:
            values.pop("strategy", None)
        return values

    @field_validator("weights", mode="before")
    @classmethod
    def _equal_or_each(cls, given: Any) -> Any:
        if isinstance(given, dict):
            for name, weight in given.items():
                is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
                if not is_number or not math.isfinite(weight):
                    raise ValueError(f"the weight of {name} is {weight!r}; give a finite number")
            return given
        if given is None or given == "equal":
            return given
        raise ValueError(
            "write 'equal', or give each instrument a weight, such as {AAPL_1d: 0.4, IBM_1d: 0.6}; "
            f"was {given!r}"
        )


class PortfolioScenario(ScenarioSpec):
    """A scenario whose instruments share one account.

    Its target weights are written (`portfolio.weights`) or those of `portfolio.strategy`, which is
    then its `strategy` too. With neither, each instrument is traded by the signals of `strategy` on
    the shared cash. Keys without effect are refused.
    """

    strategy: StrategySpec = StrategySpec(type="buy_and_hold")
    portfolio: PortfolioSpec

    @property
    def members(self) -> tuple[str, ...]:
        """The instruments, sorted."""
        return tuple(sorted(self.instruments or ()))

    @property
    def instruments_text(self) -> str:
        """All instruments in one text, as results and trials name them."""
        return INSTRUMENT_SEPARATOR.join(self.members)

    @property
    def target_weights(self) -> dict[str, float] | None:
        """Written weight of each instrument; None where a strategy decides."""
        weights = self.portfolio.weights
        if weights is None:
            return None
        if weights == "equal":
            share = (1.0 - self.portfolio.cash) / len(self.members)
            return dict.fromkeys(self.members, share)
        return {name: float(weights[name]) for name in self.members}

    @property
    def holds_weights(self) -> bool:
        """True where target weights decide, written ones or those of a strategy."""
        return self.portfolio.weights is not None or self.portfolio.strategy is not None

    @property
    def traded_by(self) -> str:
        """Name of what decides: the strategy, or `target_weights`."""
        return "target_weights" if self.portfolio.weights is not None else self.strategy.type

    def _result_settings(self) -> dict[str, Any]:
        """As for a scenario. Weights and rebalancing are parameters of the trial instead."""
        values = super()._result_settings()
        plan = self.portfolio
        values["portfolio"] = {k: v for k, v in plan.priorities.items() if v != 0.0}
        if plan.strategy is not None and plan.cash:
            values["portfolio"]["cash"] = plan.cash
        return values

    @model_validator(mode="after")
    def _instruments_once(self) -> PortfolioScenario:
        twice = [name for name, count in Counter(self.instruments or ()).items() if count > 1]
        if twice:
            raise ValueError(f"'instruments' lists {', '.join(twice)} twice; list each once")
        if len(self.instruments or ()) < 2:
            raise ValueError(
                "a portfolio needs two instruments or more under 'instruments', each named; it has "
                f"{len(self.instruments or ())}. A scenario of one instrument has no 'portfolio'"
            )
        self._refuse_others("portfolio.priorities", self.portfolio.priorities)
        return self

    @model_validator(mode="after")
    def _weights_or_signals(self) -> PortfolioScenario:
        plan = self.portfolio
        if plan.strategy is not None:
            self._decided_by_strategy(plan.strategy)
            return self
        if plan.weights is None:
            if "strategy" not in self.model_fields_set:
                raise ValueError(
                    "a portfolio needs 'portfolio.weights', 'portfolio.strategy' or, to trade "
                    "signals on shared cash, 'strategy'"
                )
            for name, used in (
                ("rebalance", plan.rebalance != RebalanceSpec()),
                ("cash", plan.cash),
            ):
                if used:
                    raise ValueError(
                        f"'portfolio.{name}' belongs to target weights, and this portfolio trades "
                        f"the signals of '{self.strategy.type}'. Give 'portfolio.weights' or "
                        "'portfolio.strategy' in place of 'strategy', or leave the key out"
                    )
            return self
        self._refuse_beside(
            "'portfolio.weights', which decide what is held",
            {
                "strategy": "strategy" in self.model_fields_set,
                "sizing": self.sizing != SizingSpec(),
                "model_window": self.model_window is not None,
                "allow_overlap": self.allow_overlap,
                "allow_lookahead": self.allow_lookahead is not None,
            },
        )
        self._check_weights()
        return self

    def _decided_by_strategy(self, decides: StrategySpec) -> None:
        """Make the portfolio's strategy the scenario's, whose models and inputs are read."""
        self._refuse_beside(
            "'portfolio.strategy', whose weights decide what is held",
            {
                "portfolio.weights": self.portfolio.weights is not None,
                "strategy": "strategy" in self.model_fields_set and self.strategy != decides,
                "sizing": self.sizing != SizingSpec(),
            },
        )
        object.__setattr__(self, "strategy", decides)  # frozen for everyone else

    @staticmethod
    def _refuse_beside(what: str, given: dict[str, bool]) -> None:
        for name in (name for name, is_given in given.items() if is_given):
            raise ValueError(
                f"'{name}' has no effect beside {what}; leave the one or the other out"
            )

    def _check_weights(self) -> None:
        given = self.portfolio.weights
        if isinstance(given, dict):
            self._refuse_others("portfolio.weights", given)
            missing = [name for name in self.members if name not in given]
            if missing:
                raise ValueError(
                    f"'portfolio.weights' has no weight for {', '.join(missing)}; give each of "
                    "'instruments' one (0 holds nothing of it), or write 'equal'"
                )
        total = sum(abs(weight) for weight in (self.target_weights or {}).values())
        if total + self.portfolio.cash > self.limits.leverage * (1.0 + _ROUNDING):
            beside = (
                f" and 'portfolio.cash' to {self.portfolio.cash:g}" if self.portfolio.cash else ""
            )
            raise ValueError(
                f"'portfolio.weights' add up to {total:.6g} without their signs{beside}, more than "
                f"'limits.leverage' {self.limits.leverage:g} allows; give smaller weights or a "
                "higher leverage"
            )

    def _refuse_others(self, where: str, names: dict[str, float]) -> None:
        for name in names:
            if name not in self.members:
                raise ValueError(
                    f"'{where}' names {name!r}. {did_you_mean(name, list(self.members))} Only what "
                    "stands under 'instruments' is held"
                )


def parse_scenario(data: object, *, where: str) -> ScenarioSpec:
    """The scenario of a file's values; a `PortfolioScenario` where they have the key `portfolio`.

    Raises `ConfigurationError` as `SpecModel.parse` does.
    """
    keys = [str(name) for name in data] if isinstance(data, dict) else []
    is_portfolio = bool(get_close_matches("portfolio", keys, n=1, cutoff=0.8))  # misspelt ones too
    kind: type[ScenarioSpec] = PortfolioScenario if is_portfolio else ScenarioSpec
    return kind.parse(data, where=where)


def require_one_account(scenario: PortfolioScenario, instruments: dict[str, Instrument]) -> None:
    """Refuse instruments that one account cannot hold; those not in `instruments` are left out.

    Raises `ConfigurationError` for different currencies or timeframes, and names each.
    """
    known = [instruments[name] for name in scenario.members if name in instruments]
    for noun, plural, values in (
        ("currency", "currencies", {each.id: each.currency for each in known}),
        ("timeframe", "timeframes", {each.id: each.timeframe.value for each in known}),
    ):
        if len(set(values.values())) > 1:
            told = ", ".join(f"{name} {value}" for name, value in values.items())
            raise ConfigurationError(
                f"The portfolio '{scenario.name}' lists instruments of different {plural} under "
                f"'instruments': {told}. One account has one {noun}; make a scenario for each.",
                scenario=scenario.name,
                **{plural: values},
            )
