"""The settings of a backtest: cash, fills, sizing, costs, risk, financing.

Fractions inside, never percent; costs in basis points where the name says so; money in account
currency. `None` means "off". All settings are frozen, so that equal settings hash equally.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from trading_pipeline.settings.spec_model import FrozenSettings, ZoneName, no_truth_value

__all__ = [
    "BacktestSettings",
    "FixedCash",
    "FixedQuantity",
    "PercentAtRisk",
    "PercentOfEquity",
    "SessionClose",
    "Sizing",
    "TargetWeight",
    "VolatilityTarget",
]

_NUMBER = BeforeValidator(no_truth_value)
Positive: TypeAlias = Annotated[float, _NUMBER, Field(gt=0.0, allow_inf_nan=False)]
NotNegative: TypeAlias = Annotated[float, _NUMBER, Field(ge=0.0, allow_inf_nan=False)]
BelowOne: TypeAlias = Annotated[float, _NUMBER, Field(gt=0.0, lt=1.0)]
BasisPoints: TypeAlias = Annotated[float, _NUMBER, Field(ge=0.0, lt=10_000.0)]
Count: TypeAlias = Annotated[int, _NUMBER, Field(ge=1)]


class PercentOfEquity(FrozenSettings):
    """Stake a share of the equity: quantity = cash after exits * percent / (fill * (1 + fee)).

    `percent` is a fraction: 1.0 stakes everything, above 1 needs `leverage`.
    """

    type: Literal["percent_of_equity"] = "percent_of_equity"
    percent: Positive = 1.0


class PercentAtRisk(FrozenSettings):
    """Lose this fraction of the equity if the stop is hit; an entry without a stop is not
    filled."""

    type: Literal["percent_at_risk"] = "percent_at_risk"
    percent: BelowOne


class FixedQuantity(FrozenSettings):
    """The same number of units (shares, contracts) each time."""

    type: Literal["fixed_quantity"] = "fixed_quantity"
    quantity: Positive


class FixedCash(FrozenSettings):
    """The same amount of account currency each time, costs included."""

    type: Literal["fixed_cash"] = "fixed_cash"
    cash: Positive


class TargetWeight(FrozenSettings):
    """Bring the position to this share of the equity at each entry signal."""

    type: Literal["target_weight"] = "target_weight"
    weight: Positive


class VolatilityTarget(FrozenSettings):
    """Stake so that the position's volatility a year is `annual_volatility` of the equity.

    Volatility is the standard deviation of the last `lookback_bars` log returns of the close.
    """

    type: Literal["volatility_target"] = "volatility_target"
    annual_volatility: Positive
    lookback_bars: Annotated[int, _NUMBER, Field(ge=2)] = 20
    maximum_weight: Positive = 1.0


Sizing: TypeAlias = Annotated[
    PercentOfEquity | PercentAtRisk | FixedQuantity | FixedCash | TargetWeight | VolatilityTarget,
    Field(discriminator="type"),
]


class SessionClose(FrozenSettings):
    """Local time and zone at which every position is closed: the last bar that opens before it."""

    time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    zone: ZoneName


class BacktestSettings(FrozenSettings):
    """Everything but bars and signals that a backtest's result depends on.

    >>> BacktestSettings(commission_bps=10).sizing
    PercentOfEquity(type='percent_of_equity', percent=1.0)
    """

    initial_cash: Positive = Field(default=100_000.0, description="account currency at the start")
    fill: Literal["next_open", "same_close"] = Field(
        default="next_open",
        description="a decision at a bar's close fills at the next open, or (look-ahead) at it",
    )
    intrabar: Literal["pessimistic", "optimistic", "ohlc_path"] = Field(
        default="pessimistic", description="which of stop and target comes first inside one bar"
    )
    limit_fill: Literal["through", "touch"] = Field(
        default="through", description="a limit or target fills beyond its price, or already at it"
    )
    time_in_force: Literal["gtc", "day"] | Count = Field(
        default="gtc",
        description="how long limit and stop entries and kept remainders work: until they are "
        "replaced, to the end of their first day, or this many bars",
    )
    sizing: Sizing = Field(default_factory=PercentOfEquity)
    pyramiding: Count = Field(default=1, description="most entries in one position")

    commission_bps: BasisPoints = Field(
        default=0.0, description="taker fee on the notional of each fill"
    )
    maker_commission_bps: BasisPoints | None = Field(
        default=None, description="fee of limit fills; None: as the taker's"
    )
    commission_per_order: NotNegative = 0.0
    commission_per_share: NotNegative = 0.0
    commission_minimum: NotNegative = Field(
        default=0.0, description="least commission an order, without the flat parts"
    )
    commission_per_round_trip: NotNegative = Field(
        default=0.0, description="flat, charged at the exit"
    )
    slippage_bps: BasisPoints = Field(
        default=0.0, description="against the order, on market and stop fills"
    )
    slippage_price: NotNegative = Field(
        default=0.0, description="against the order, in price units"
    )
    slippage_volume_share: NotNegative = Field(
        default=0.0, description="price moves by this times (quantity / bar volume) squared"
    )
    maximum_participation: Annotated[float, _NUMBER, Field(gt=0.0, le=1.0)] | None = Field(
        default=None, description="largest share of a bar's volume that a fill may take"
    )
    unfilled: Literal["cancel", "keep"] = Field(
        default="cancel", description="what becomes of the part that participation does not fill"
    )

    allow_short: bool = True
    leverage: Annotated[float, _NUMBER, Field(ge=1.0, allow_inf_nan=False)] = Field(
        default=1.0, description="largest notional over equity at an entry"
    )
    maintenance_margin: Annotated[float, _NUMBER, Field(ge=0.0, lt=1.0)] | None = Field(
        default=None, description="equity over notional below which the position is liquidated"
    )
    lot_size: Positive | None = None
    tick_size: Positive | None = None
    min_notional: NotNegative = 0.0
    multiplier: Positive = Field(default=1.0, description="account currency a point and contract")
    delta: Positive = Field(
        default=1.0, description="share of the underlying's move that a contract makes"
    )

    stop_loss: BelowOne | None = Field(
        default=None, description="fraction of the fill price; the signals' own level wins"
    )
    take_profit: Positive | None = Field(
        default=None, description="fraction of the fill price; the signals' own level wins"
    )
    trailing_stop: BelowOne | None = Field(
        default=None, description="fraction of the best price; the signals' own level wins"
    )
    session_close: SessionClose | None = None
    daily_profit_target: Positive | None = Field(
        default=None, description="account currency; then flat until the next day"
    )
    daily_loss_limit: Positive | None = Field(
        default=None, description="account currency; then flat until the next day"
    )
    max_holding_bars: Count | None = Field(
        default=None, description="bars a position may live through, the entry's bar is the first"
    )

    borrow_rate: NotNegative = Field(default=0.0, description="a year, on the value of shorts")
    funding_rate: Annotated[float, _NUMBER, Field(allow_inf_nan=False)] = Field(
        default=0.0, description="a year, paid by longs and earned by shorts of perpetuals"
    )
    cash_rate: NotNegative = Field(default=0.0, description="a year, charged on negative cash")
    periods_per_year: Positive | None = Field(
        default=None,
        description="bars a year, from calendar and timeframe; None: told from the stamps",
    )
