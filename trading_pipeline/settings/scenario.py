"""A scenario: one strategy, its capital, costs and dates; the file `scenarios/<name>.yaml`."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.errors import ScenarioError
from trading_pipeline.settings.scenario_groups import (
    CapitalSpec,
    CostSpec,
    DateSpan,
    ExecutionSpec,
    FinancingSpec,
    LimitSpec,
    RiskSpec,
    SessionSpec,
    SizingSpec,
    key,
)
from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = [
    "CapitalSpec",
    "CostSpec",
    "DateSpan",
    "ExecutionSpec",
    "FinancingSpec",
    "LimitSpec",
    "RiskSpec",
    "ScenarioSpec",
    "SessionSpec",
    "SizingSpec",
    "StrategySpec",
    "require_currency",
]


class StrategySpec(SpecModel):
    """Strategy and its parameters; both are checked where strategies are known."""

    type: Name = key(..., "word", "name of the strategy")
    params: dict[str, Any] = Field(
        default_factory=dict,
        description="the strategy's parameters, checked against it",
        json_schema_extra={"unit": "mapping"},
    )


class ScenarioSpec(SpecModel):
    """Everything that a backtest depends on beside its data.

    `model_window`: start of the window whose model predicts everything, instead of the walk-forward
    predictions; a model that was trained on what is traded is refused. `allow_overlap`: run it
    anyway; the result says so. `allow_lookahead`: the reason for keeping a result that the audit of
    its strategy would refuse; the result says so too.
    """

    name: Name = key(..., "word", "unique; names results and files")
    strategy: StrategySpec
    instruments: tuple[str, ...] | None = key(None, "list", "instrument ids; null: all")
    dates: DateSpan = DateSpan()
    capital: CapitalSpec = CapitalSpec()
    costs: CostSpec = CostSpec()
    sizing: SizingSpec = SizingSpec()
    risk: RiskSpec = RiskSpec()
    execution: ExecutionSpec = ExecutionSpec()
    session: SessionSpec = SessionSpec()
    financing: FinancingSpec = FinancingSpec()
    limits: LimitSpec = LimitSpec()
    benchmark: Literal["buy_and_hold"] = key(
        "buy_and_hold", "word", "what the result is compared with, fully invested at the same costs"
    )
    model_window: date | None = key(
        None, "date", "start of the window whose model predicts everything; null: walk forward"
    )
    allow_overlap: bool = key(
        False, "yes or no", "run although the model was trained on what is traded"
    )
    allow_lookahead: str | None = key(
        None,
        "text",
        "why the result is kept although its strategy looks ahead, or an audit says so wrongly; "
        "the result says it in red",
    )
    _default_costs: tuple[str, ...] = PrivateAttr(())

    @property
    def default_costs(self) -> dict[str, float]:
        """Keys of `costs` that the environment gave, with their values; its file left them out."""
        return {name: getattr(self.costs, name) for name in self._default_costs}

    def with_default_costs(self, names: tuple[str, ...]) -> Self:
        """The scenario, whose keys `names` of `costs` are known to be the environment's."""
        if not names:
            return self
        copy = self.model_copy()
        copy._default_costs = names
        return copy

    @property
    def hash(self) -> str:
        """Hash of all values; keys outside the first set count only where they are changed.

        Which costs are the environment's counts too, because the result says so.
        """
        values: dict[str, Any] = self.model_dump(mode="json")
        for group in _GROUPS:
            mine, first = getattr(self, group), _FIRST_KEYS.get(group, ())
            defaults = {name: field.default for name, field in type(mine).model_fields.items()}
            values[group] = {
                name: value
                for name, value in values[group].items()
                if name in first or getattr(mine, name) != defaults[name]
            }
            if group not in _FIRST_KEYS and not values[group]:
                del values[group]
        if self.allow_lookahead is None:
            del values["allow_lookahead"]
        if self._default_costs:
            values["default_costs"] = list(self._default_costs)
        return canonical_hash(values)

    @property
    def settings_hash(self) -> str:
        """Hash of the settings that change what the strategy earns; part of what a trial is.

        The name, the list of instruments, the benchmark, the words of a permission and the
        account's currency change no result; strategy and dates are parts of a trial of their own. A
        key at its default counts like one that is left out.

        >>> plain = {"name": "a", "strategy": {"type": "sma_crossover"}}
        >>> costly = plain | {"costs": {"commission_bps": 10}}
        >>> first, second, third = (
        ...     ScenarioSpec.parse(given, where="here")
        ...     for given in (plain, plain | {"name": "b", "capital": {"initial": 1e5}}, costly)
        ... )
        >>> first.settings_hash == second.settings_hash, first.settings_hash == third.settings_hash
        (True, False)
        """
        return canonical_hash(self._result_settings())

    def _result_settings(self) -> dict[str, Any]:
        values = self.model_dump(mode="json", exclude_defaults=True)
        values.get("capital", {}).pop("currency", None)
        return {k: v for k, v in values.items() if k not in _NO_SETTINGS and v != {}}

    def changed_keys(self) -> dict[str, str]:
        """`group.key: value` of the engine's keys that are not at their default, for reports."""
        return {
            f"{group}.{name}": str(value)
            for group in _GROUPS
            for name, value in getattr(self, group).model_dump(mode="json").items()
            if value != type(getattr(self, group)).model_fields[name].default
        }

    @model_validator(mode="after")
    def _stake_within_leverage(self) -> ScenarioSpec:
        stake = {
            "percent_of_equity": ("percent", self.sizing.percent),
            "target_weight": ("weight", self.sizing.weight or 0.0),
        }.get(self.sizing.type)
        if stake is not None and stake[1] > self.limits.leverage:
            raise ValueError(
                f"'sizing.{stake[0]}' is {stake[1]:g}, more than 'limits.leverage' "
                f"{self.limits.leverage:g} lets an entry stake; raise the one or lower the other"
            )
        return self

    @field_validator("allow_lookahead")
    @classmethod
    def _with_a_reason(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("give the reason in words, or leave 'allow_lookahead' out")
        return None if value is None else " ".join(value.split())

    @model_validator(mode="after")
    def _instruments_once(self) -> ScenarioSpec:
        listed = self.instruments
        if listed is not None and (len(set(listed)) != len(listed) or not listed):
            raise ValueError("'instruments' is empty or lists one twice; leave it out to mean all")
        return self

    def covers(self, instrument: str) -> bool:
        """True where the scenario lists the instrument, or lists none."""
        return self.instruments is None or instrument in self.instruments


def require_currency(scenario: ScenarioSpec, instrument: Instrument) -> None:
    """Refuse an instrument in another currency than the scenario's account."""
    currency = scenario.capital.currency
    if currency not in (None, instrument.currency):
        raise ScenarioError(
            f"The scenario '{scenario.name}' has an account in {currency!r} ('capital.currency'), "
            f"and {instrument.id} trades in {instrument.currency!r}. Write {instrument.currency}, "
            "or leave the key out for the instrument's own.",
            scenario=scenario.name,
            instrument=instrument.id,
        )


_NO_SETTINGS = ("name", "strategy", "instruments", "dates", "benchmark", "allow_lookahead")

# Groups that reach the engine, and the keys that their hash had first: a key that was added later
# must not change the hash, and with it the result, of a scenario that does not use it.
_GROUPS = (
    "capital", "costs", "sizing", "risk", "execution", "session", "financing", "limits",
)  # fmt: skip
_FIRST_KEYS: dict[str, tuple[str, ...]] = {
    "capital": ("initial",),
    "costs": ("commission_bps", "slippage_bps"),
    "sizing": ("type", "percent", "quantity", "cash"),
    "risk": ("stop_loss", "take_profit", "trailing_stop"),
    "execution": ("fill", "intrabar", "allow_short"),
}
