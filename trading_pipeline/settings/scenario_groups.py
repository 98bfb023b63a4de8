"""The groups of keys of a scenario: costs, sizing, risk, execution, limits and the rest.

Each key says its unit. Fractions are never percent (0.05 is five percent), money is account
currency, rates are a year's. `null` is "off" or "the instrument's own", as the key's meaning says.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from trading_pipeline.domain.moments import midnight
from trading_pipeline.settings.backtest_settings import SessionClose, Sizing
from trading_pipeline.settings.spec_model import SpecModel, ZoneName

__all__ = [
    "CapitalSpec",
    "CostSpec",
    "DateSpan",
    "ExecutionSpec",
    "FinancingSpec",
    "LimitSpec",
    "RiskSpec",
    "SessionSpec",
    "SizingSpec",
    "key",
]


def key(default: Any, unit: str, meaning: str, *, in_files: str = "", **bounds: Any) -> Any:
    """Field of a group, with its unit and meaning for the table in docs/scenarios.md.

    `in_files`: what the table gives as default, where that of a file is another.
    """
    shown: dict[str, Any] = {"unit": unit} | ({"in_files": in_files} if in_files else {})
    return Field(default=default, description=meaning, json_schema_extra=shown, **bounds)


class DateSpan(SpecModel):
    """Bars with `start <= date < end` are traded; None means as far as there are bars."""

    start: date | None = key(None, "date", "first date that is traded; null: from the first bar")
    end: date | None = key(None, "date", "first date that is not; null: to the last bar")

    @model_validator(mode="after")
    def _ordered(self) -> DateSpan:
        if self.start and self.end and self.end <= self.start:
            raise ValueError(f"the end {self.end} is not after the start {self.start}")
        return self

    @property
    def written(self) -> str:
        """Both dates as the file gives them; `..` is an open end.

        >>> DateSpan(start="2004-01-01").written
        '2004-01-01/..'
        """
        return f"{self.start or '..'}/{self.end or '..'}"

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Aware UTC bounds, the end exclusive."""
        start, end = (None if day is None else midnight(day) for day in (self.start, self.end))
        return start, end


class CapitalSpec(SpecModel):
    """Account at the start, in the instrument's currency."""

    initial: float = key(100_000.0, "money", "cash at the start", gt=0)
    currency: str | None = key(
        None,
        "word",
        "currency of the account, refused where the instrument has another; null: its own",
        min_length=1,
    )


class CostSpec(SpecModel):
    """Costs of each fill; all of them add up, and 0 is free.

    What a scenario file leaves out is the environment's (`DefaultCosts`), what Python leaves out 0.
    """

    commission_bps: float = key(
        0.0,
        "basis points",
        "fee on the value of each fill (taker)",
        in_files="10.0 (settings)",
        ge=0,
        lt=10_000,
    )
    slippage_bps: float = key(
        0.0,
        "basis points",
        "market and stop fills are this much worse",
        in_files="0.0 (settings)",
        ge=0,
        lt=10_000,
    )
    maker_commission_bps: float | None = key(
        None, "basis points", "fee of limit fills; null: as commission_bps", ge=0, lt=10_000
    )
    commission_per_order: float = key(0.0, "money", "flat fee of each filled order", ge=0)
    commission_per_share: float = key(0.0, "money a unit", "fee on each share or contract", ge=0)
    commission_minimum: float = key(
        0.0, "money", "least that the bps and per-share parts cost an order", ge=0
    )
    commission_per_round_trip: float = key(0.0, "money", "flat, charged at the exit", ge=0)
    slippage_price: float = key(
        0.0, "price", "market and stop fills are this much worse, in points", ge=0
    )
    slippage_volume_share: float = key(
        0.0,
        "fraction",
        "the price moves by this times the square of the order's share of the bar's volume",
        ge=0,
    )

    @property
    def is_free(self) -> bool:
        """True where no fill costs anything."""
        return not any(self.model_dump().values())


_NUMBERS_OF_SIZING: dict[str, tuple[str, ...]] = {
    "percent_of_equity": ("percent",),
    "percent_at_risk": ("percent",),
    "fixed_quantity": ("quantity",),
    "fixed_cash": ("cash",),
    "target_weight": ("weight",),
    "volatility_target": ("annual_volatility", "lookback_bars", "maximum_weight"),
}
_FREE_KEYS = ("type", "pyramiding")
_ENGINE_SIZING: TypeAdapter[Sizing] = TypeAdapter(Sizing)


class SizingSpec(SpecModel):
    """How large an entry is. Each type has its own numbers; those of another type are refused."""

    type: Literal[
        "percent_of_equity",
        "fixed_quantity",
        "fixed_cash",
        "percent_at_risk",
        "target_weight",
        "volatility_target",
    ] = key("percent_of_equity", "word", "what the size is counted in")
    percent: float = key(
        1.0,
        "fraction",
        "percent_of_equity: share of the equity to stake, above 1 with limits.leverage; "
        "percent_at_risk: share of the equity that is lost if the stop is hit",
        gt=0,
    )
    quantity: float | None = key(None, "units", "fixed_quantity: units of each entry", gt=0)
    cash: float | None = key(None, "money", "fixed_cash: cost of each entry, fees included", gt=0)
    weight: float | None = key(
        None, "fraction", "target_weight: share of the equity to bring the position to", gt=0
    )
    annual_volatility: float | None = key(
        None, "fraction", "volatility_target: standard deviation a year that is aimed at", gt=0
    )
    lookback_bars: int = key(
        20, "bars", "volatility_target: bars from which volatility is measured", ge=2
    )
    maximum_weight: float = key(
        1.0, "fraction", "volatility_target: largest share of the equity", gt=0
    )
    pyramiding: int = key(1, "count", "most entries in one position", ge=1)

    @model_validator(mode="after")
    def _numbers_of_the_type(self) -> SizingSpec:
        uses = _NUMBERS_OF_SIZING[self.type]
        missing = next((name for name in uses if getattr(self, name) is None), None)
        if missing is not None:
            raise ValueError(f"the sizing {self.type} needs the key '{missing}'")
        if self.type == "percent_at_risk" and self.percent >= 1.0:
            raise ValueError(
                "the sizing percent_at_risk needs the key 'percent', a fraction below 1 (0.01 "
                f"risks one percent of the equity), was {self.percent:g}"
            )
        for name, field in type(self).model_fields.items():
            if name not in (*uses, *_FREE_KEYS) and getattr(self, name) != field.default:
                raise ValueError(
                    f"the sizing {self.type} does not use the key '{name}', only "
                    f"{', '.join(repr(each) for each in uses)}"
                )
        return self

    @property
    def engine(self) -> Sizing:
        """The engine's sizing."""
        numbers = {name: getattr(self, name) for name in _NUMBERS_OF_SIZING[self.type]}
        return _ENGINE_SIZING.validate_python({"type": self.type, **numbers})

    @property
    def described(self) -> str:
        """The type and its numbers, for reports: `fixed_cash 500`."""
        numbers = (getattr(self, name) for name in _NUMBERS_OF_SIZING[self.type])
        return " ".join([self.type, *(f"{number:g}" for number in numbers)])


class RiskSpec(SpecModel):
    """Exits that stand beside the strategy's own; levels that a strategy gives itself win."""

    stop_loss: float | None = key(
        None, "fraction", "distance of the stop from the fill price; null: off", gt=0, lt=1
    )
    take_profit: float | None = key(
        None, "fraction", "distance of the target from the fill price; null: off", gt=0
    )
    trailing_stop: float | None = key(
        None, "fraction", "distance kept from the best price; null: off", gt=0, lt=1
    )
    max_holding_bars: int | None = key(
        None, "bars", "bars a position may live through, its entry's bar included; null: off", ge=1
    )
    daily_profit_target: float | None = key(
        None, "money", "gain of the day that closes everything until the next; null: off", gt=0
    )
    daily_loss_limit: float | None = key(
        None, "money", "loss of the day that closes everything until the next; null: off", gt=0
    )


class ExecutionSpec(SpecModel):
    """When and how a decision fills. `same_close` looks ahead and says so in the result."""

    fill: Literal["next_open", "same_close"] = key(
        "next_open", "word", "a decision at a close fills at the next open, or (look-ahead) at it"
    )
    intrabar: Literal["pessimistic", "optimistic", "ohlc_path"] = key(
        "pessimistic", "word", "which of stop and target comes first inside one bar"
    )
    allow_short: bool = key(True, "yes or no", "false refuses short entries, and logs it")
    limit_fill: Literal["through", "touch"] = key(
        "through", "word", "a limit or target fills beyond its price, or already at it"
    )
    time_in_force: Literal["gtc", "day"] | Annotated[int, Field(ge=1)] = key(
        "gtc",
        "word or bars",
        "how long limit and stop entries and kept remainders work: until replaced, to the end of "
        "their first day, or this many bars",
    )
    maximum_participation: float | None = key(
        None, "fraction", "largest share of a bar's volume that a fill takes; null: all", gt=0, le=1
    )
    unfilled: Literal["cancel", "keep"] = key(
        "cancel", "word", "what becomes of the part that participation does not fill"
    )


class SessionSpec(SpecModel):
    """Local time at which every position is closed: at the last bar that opens before it."""

    close: str | None = key(
        None,
        "time",
        'local time as "16:00", in quotes; null: positions are held over night (as they are, with '
        "a warning, where no bar can end a session, such as daily bars)",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
    )
    zone: ZoneName | None = key(
        None, "time zone", "IANA name of the zone, such as America/New_York"
    )

    @model_validator(mode="after")
    def _both(self) -> SessionSpec:
        if (self.close is None) != (self.zone is None):
            missing = "zone" if self.zone is None else "close"
            raise ValueError(f"'close' and 'zone' go together; the key '{missing}' is missing")
        return self

    @property
    def engine(self) -> SessionClose | None:
        """The engine's rule; None where there is none."""
        if self.close is None or self.zone is None:
            return None
        return SessionClose(time=self.close, zone=self.zone)


class FinancingSpec(SpecModel):
    """What holding costs from bar to bar: a year's rate times the years between their stamps."""

    borrow_rate: float = key(0.0, "fraction a year", "paid on the value of short positions", ge=0)
    funding_rate: float = key(
        0.0, "fraction a year", "paid by longs and earned by shorts of perpetuals; may be negative"
    )
    cash_rate: float = key(0.0, "fraction a year", "interest on negative cash", ge=0)


class LimitSpec(SpecModel):
    """What account, broker and contract allow."""

    leverage: float = key(1.0, "ratio", "largest notional over equity at an entry", ge=1)
    maintenance_margin: float | None = key(
        None,
        "fraction",
        "equity over notional below which all is closed at the next open; null: off",
        gt=0,
        lt=1,
    )
    min_notional: float = key(0.0, "money", "entries of less value are refused, and logged", ge=0)
    lot_size: float | None = key(
        None, "units", "step of quantities; null: the instrument's own", gt=0
    )
    tick_size: float | None = key(None, "price", "step of prices; null: the instrument's own", gt=0)
    multiplier: float | None = key(
        None, "money a point", "of one contract; null: the instrument's own", gt=0
    )
    delta: float = key(
        1.0, "fraction", "share of the underlying's move that a contract (an option) makes", gt=0
    )
