"""The older form of scenario files: its keys, and what each may hold.

All of its rates are fractions: a fee of 0.001 is 10 basis points.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from trading_pipeline.domain.instrument import instrument_id
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.file_limits import shown
from trading_pipeline.settings.spec_model import SpecModel

__all__ = [
    "OlderBreakoutParams",
    "OlderCapital",
    "OlderFees",
    "OlderMarket",
    "OlderMlParams",
    "OlderRisk",
    "OlderScenario",
    "OlderStrategy",
    "is_older",
    "model_name",
    "scenario_name",
]

_LONGEST_NAME = 64
_Type = Literal["MLPredictiveStrategy", "BreakoutScalpingStrategy"]


def scenario_name(text: str) -> str:
    """The text as a name of a to z, 0 to 9 and _; empty where it has none of them.

    >>> scenario_name("BTC Momentum (1h)")
    'btc_momentum_1h'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def model_name(path: str) -> str:
    """Name of the model spec that takes the place of a fitted file.

    >>> model_name("models/lstm-btc.h5")
    'lstm_btc'
    """
    return scenario_name(PurePosixPath(path.replace("\\", "/")).stem)


def _fraction(value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError("a fraction from 0 to below 1 is needed here (0.001 is 10 basis points)")
    return value


def _positive_fraction(value: float) -> float:
    if value == 0:
        raise ValueError("a fraction above 0 is needed here; leave the key out for none")
    return _fraction(value)


def _with_a_name(text: str) -> str:
    _require_name(scenario_name(text), "a scenario")
    return text


def _with_a_model(path: str) -> str:
    _require_name(model_name(path), "a model")
    return path


def _require_name(name: str, what: str) -> None:
    if not name or len(name) > _LONGEST_NAME:
        raise ValueError(
            f"the name of {what} is made of it, with 1 to {_LONGEST_NAME} characters of a to z, "
            f"0 to 9 and _, and it gives {shown(name)}"
        )


Rate = Annotated[float, AfterValidator(_fraction)]
PositiveRate = Annotated[float, AfterValidator(_positive_fraction)]


class OlderMlParams(SpecModel):
    """Parameters of MLPredictiveStrategy; `prediction_window` is counted in bars."""

    model_path: Annotated[str, AfterValidator(_with_a_model)]
    min_predicted_return: Rate | None = None
    confidence_threshold: Rate | None = None
    prediction_window: int | None = Field(default=None, ge=1, le=1000)
    risk_per_trade: PositiveRate | None = None


class OlderBreakoutParams(SpecModel):
    """Parameters of BreakoutScalpingStrategy; `lookback` is counted in bars."""

    lookback: int | None = Field(default=None, ge=1)
    risk_reward: float | None = Field(default=None, gt=0)
    risk_per_trade: PositiveRate | None = None


class OlderStrategy(SpecModel):
    """The strategy; its parameters are checked by its type."""

    type: _Type
    params: dict[str, Any] = Field(default_factory=dict)


class OlderMarket(SpecModel):
    """One series of bars, and the days that are traded, the end exclusive."""

    symbol: str = Field(min_length=1)
    timeframe: str
    start_date: date | None = None
    end_date: date | None = None

    @model_validator(mode="after")
    def _possible(self) -> OlderMarket:
        try:
            instrument_id(self.symbol, self.timeframe)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        if self.start_date and self.end_date and self.end_date <= self.start_date:
            raise ValueError(
                f"'end_date' {self.end_date} is not after 'start_date' {self.start_date}"
            )
        return self


class OlderCapital(SpecModel):
    """Money at the start."""

    initial: float | None = Field(default=None, gt=0)
    currency: str | None = Field(default=None, min_length=1)


class OlderFees(SpecModel):
    """Fees as fractions of each fill's value."""

    maker: Rate | None = None
    taker: Rate | None = None


class OlderRisk(SpecModel):
    """Sizes and exits as fractions, of the equity and of the entry's price."""

    max_position_size: float | None = Field(default=None, gt=0, le=1)
    stop_loss: PositiveRate | None = None
    take_profit: float | None = Field(default=None, gt=0)


class OlderScenario(SpecModel):
    """A scenario file of the older form; a key beside these is an error."""

    name: Annotated[str, AfterValidator(_with_a_name)]
    description: str = ""
    strategy: OlderStrategy
    market: OlderMarket
    capital: OlderCapital = OlderCapital()
    fees: OlderFees = OlderFees()
    risk_management: OlderRisk = OlderRisk()


def is_older(data: object) -> bool:
    """True for values of a file with a market or a strategy of the older form.

    >>> is_older({"name": "a", "market": {}}), is_older({"name": "a", "strategy": {"type": "rsi"}})
    (True, False)
    """
    if not isinstance(data, Mapping):
        return False
    strategy = data.get("strategy")
    kind = strategy.get("type") if isinstance(strategy, Mapping) else None
    return "market" in data or kind in get_args(_Type)
