"""Distances of stops and targets: points, percent, or multiples of the average true range.

A distance is written as a number and its unit: `10 points`, `1.5 percent` (or `1.5%`), `2 atr`.
Percent is measured from the price at which the entry fills. Points and ATR are measured from the
close of the bar that decides, because a strategy does not know the fill. Points are prices as
traded; the ATR is Wilder's of 14 bars.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator

from trading_pipeline.domain.rule_plan import Levels
from trading_pipeline.domain.signals import BoolArray, FloatArray, Fraction, Level, Price
from trading_pipeline.strategies.lines import average_true_range
from trading_pipeline.strategies.market import Market

__all__ = [
    "ATR_BARS",
    "Distance",
    "can_be_placed",
    "distance_warmup",
    "price_level",
    "sided_stops",
    "stop_loss",
    "take_profit",
    "trailing_stop",
]

Unit = Literal["points", "percent", "atr"]
ATR_BARS = 14
_UNITS: dict[str, Unit] = {
    "points": "points",
    "point": "points",
    "percent": "percent",
    "%": "percent",
    "atr": "atr",
}


def _parts(text: str) -> tuple[float, Unit]:
    number, _, word = text.replace("%", " %").partition(" ")
    unit = _UNITS.get(word.strip().lower())
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if unit is None or not (math.isfinite(value) and value > 0.0):
        raise ValueError(
            f"{text!r} is no distance; write a number above 0 and its unit, such as '10 points', "
            "'1.5 percent' or '2 atr'"
        )
    if unit == "percent" and value >= 100.0:
        raise ValueError(f"a distance of {text!r} reaches a price of 0; give less than 100 percent")
    return value, unit


def _canonical(text: str) -> str:
    value, unit = _parts(text.strip())
    return f"{repr(value).removesuffix('.0')} {unit}"


Distance = Annotated[str, AfterValidator(_canonical)]
"""Type of a parameter that is a distance; kept in one spelling, such as `2 atr`."""


def stop_loss(market: Market, distance: Distance | None, short: BoolArray) -> Level | None:
    """The stop of entries at each bar: below a long one, above a short one (where `short`)."""
    return _level(market, distance, np.where(short, 1.0, -1.0))


def sided_stops(market: Market, distance: Distance | None) -> dict[str, Levels]:
    """Stops of both sides for a sweep plan, by side: `long` and `short`."""
    below, above = (stop_loss(market, distance, np.array(short)) for short in (False, True))
    return {"long": Levels(stop_loss=below), "short": Levels(stop_loss=above)}


def take_profit(market: Market, distance: Distance | None, short: BoolArray) -> Level | None:
    """The target of entries at each bar: above a long one, below a short one (where `short`)."""
    return _level(market, distance, np.where(short, -1.0, 1.0))


def trailing_stop(market: Market, distance: Distance | None) -> Level | None:
    """How far a trailing stop stays behind the best price; its size is fixed by the entry's bar."""
    if distance is None:
        return None
    value, unit = _parts(distance)
    if unit == "percent":
        return Fraction(np.array(value / 100.0))
    return Price(_in_price(market, value, unit))


def can_be_placed(market: Market, *distances: Distance | None) -> BoolArray:
    """True where every distance is known: False while an ATR warms up."""
    known = np.ones(len(market), dtype=np.bool_)
    if distance_warmup(*distances):
        known &= np.isfinite(average_true_range(market.bars, ATR_BARS))
    return known


def distance_warmup(*distances: Distance | None) -> int:
    """Bars until all of the distances are known: 14 if one is in ATRs, else 0."""
    return ATR_BARS if any(_parts(each)[1] == "atr" for each in distances if each) else 0


def price_level(market: Market, adjusted: FloatArray) -> Price:
    """Adjusted prices as a level in raw ones; no level where a price is not above 0."""
    raw = market.to_raw(adjusted)
    return Price(np.where(raw > 0.0, raw, np.nan))


def _level(market: Market, distance: Distance | None, sign: FloatArray) -> Level | None:
    if distance is None:
        return None
    value, unit = _parts(distance)
    if unit == "percent":
        return Fraction(np.array(value / 100.0))
    close = market.raw["close"].to_numpy(dtype=np.float64)
    price = close + sign * _in_price(market, value, unit)
    return Price(np.where(price > 0.0, price, np.nan))


def _in_price(market: Market, value: float, unit: Unit) -> FloatArray:
    if unit == "points":
        return np.full(len(market), value)
    return market.to_raw(value * average_true_range(market.bars, ATR_BARS))
