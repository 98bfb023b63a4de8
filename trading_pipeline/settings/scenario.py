"""This file holds a scenario: one strategy, its capital, costs and dates; `scenarios/<name>.yaml`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from trading_pipeline.settings.spec_model import Name, SpecModel

__all__ = [
    "CapitalSpec",
    "CostSpec",
    "DateSpan",
    "ExecutionSpec",
    "RiskSpec",
    "ScenarioSpec",
    "SizingSpec",
    "StrategySpec",
]


class StrategySpec(SpecModel):
    """Strategy and its parameters; both are checked where strategies are known."""

    type: Name
    params: dict[str, Any] = Field(default_factory=dict)


class DateSpan(SpecModel):
    """Bars with `start <= date < end` are traded; None means as far as there are bars."""

    start: date | None = None
    end: date | None = None

    @model_validator(mode="after")
    def _ordered(self) -> DateSpan:
        if self.start and self.end and self.end <= self.start:
            raise ValueError(f"the end {self.end} is not after the start {self.start}")
        return self

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Aware UTC bounds, the end exclusive."""
        return _midnight(self.start), _midnight(self.end)


class CapitalSpec(SpecModel):
    """Account at the start, in the instrument's currency."""

    initial: float = Field(default=100_000.0, gt=0)


class CostSpec(SpecModel):
    """Costs of each fill, in basis points of its value."""

    commission_bps: float = Field(default=0.0, ge=0, lt=10_000)
    slippage_bps: float = Field(default=0.0, ge=0, lt=10_000)


class SizingSpec(SpecModel):
    """How large an entry is: a share of equity (1.0 is all of it), a quantity, or an amount of cash."""

    type: Literal["percent_of_equity", "fixed_quantity", "fixed_cash"] = "percent_of_equity"
    percent: float = Field(default=1.0, gt=0, le=1)
    quantity: float | None = Field(default=None, gt=0)
    cash: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _value_is_there(self) -> SizingSpec:
        needed = {"fixed_quantity": "quantity", "fixed_cash": "cash"}.get(self.type)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"the sizing {self.type} needs the key '{needed}'")
        return self


class RiskSpec(SpecModel):
    """Exits that stand beside the strategy's own, as fractions of the entry price; None is off."""

    stop_loss: float | None = Field(default=None, gt=0, lt=1)
    take_profit: float | None = Field(default=None, gt=0)
    trailing_stop: float | None = Field(default=None, gt=0, lt=1)


class ExecutionSpec(SpecModel):
    """When a decision fills. `same_close` looks ahead and says so in the result."""

    fill: Literal["next_open", "same_close"] = "next_open"
    intrabar: Literal["pessimistic", "optimistic", "ohlc_path"] = "pessimistic"
    allow_short: bool = True


class ScenarioSpec(SpecModel):
    """Everything that a backtest depends on beside its data.

    `model_window`: start of the window whose model predicts everything, instead of the walk-forward
    predictions; a model that was trained on what is traded is refused. `allow_overlap`: run all the
    same; the result says so.
    """

    name: Name
    strategy: StrategySpec
    instruments: tuple[str, ...] | None = None
    dates: DateSpan = DateSpan()
    capital: CapitalSpec = CapitalSpec()
    costs: CostSpec = CostSpec()
    sizing: SizingSpec = SizingSpec()
    risk: RiskSpec = RiskSpec()
    execution: ExecutionSpec = ExecutionSpec()
    benchmark: Literal["buy_and_hold"] = "buy_and_hold"
    model_window: date | None = None
    allow_overlap: bool = False

    @model_validator(mode="after")
    def _instruments_once(self) -> ScenarioSpec:
        listed = self.instruments
        if listed is not None and (len(set(listed)) != len(listed) or not listed):
            raise ValueError("'instruments' is empty or lists one twice; leave it out to mean all")
        return self

    def covers(self, instrument: str) -> bool:
        """True where the scenario lists the instrument, or lists none."""
        return self.instruments is None or instrument in self.instruments


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
