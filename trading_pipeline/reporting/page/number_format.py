"""This file holds how numbers and times are written for people. Only here do fractions become percent."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal

import pandas as pd

__all__ = ["MISSING", "NumberKind", "format_number", "format_stamp", "is_missing", "sign_class"]

NumberKind = Literal["percent", "ratio", "money", "price", "count", "bars", "years"]
MISSING = "–"
_MINUS = "−"


def is_missing(value: object) -> bool:
    """True for None, NaN and NaT: what was not measured or is not defined."""
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def format_number(value: float | int | None, kind: NumberKind) -> str:
    """A number as its kind is read; a dash where it is missing, an infinity sign where it is infinite.

    >>> format_number(-0.1234, "percent"), format_number(1234567.891, "money")
    ('−12.34 %', '1,234,568')
    >>> format_number(float("nan"), "ratio"), format_number(252.0, "count")
    ('–', '252')
    """
    if value is None or is_missing(value):
        return MISSING
    number = float(value)
    if math.isinf(number):
        return "∞" if number > 0 else f"{_MINUS}∞"
    if kind == "percent":
        text = f"{100.0 * number:,.2f} %"
    elif kind == "ratio":
        text = f"{number:,.3f}"
    elif kind == "money":
        text = f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:,.2f}"
    elif kind == "price":
        text = f"{number:,.2f}" if abs(number) >= 1.0 else f"{number:.6g}"
    elif kind == "years":
        text = f"{number:,.1f}"
    else:
        text = f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("-")  # a loss that rounds to nothing is no loss
    return text.replace("-", _MINUS)


def format_stamp(moment: datetime | pd.Timestamp | None) -> str:
    """A time in UTC: the date alone where it is midnight, else with hours and minutes.

    >>> format_stamp(pd.Timestamp("2012-03-05", tz="UTC"))
    '2012-03-05'
    >>> format_stamp(pd.Timestamp("2012-03-05 09:30", tz="America/New_York"))
    '2012-03-05 14:30'
    """
    if moment is None or is_missing(moment):
        return MISSING
    stamp = pd.Timestamp(moment)
    utc = stamp.tz_convert("UTC") if stamp.tzinfo is not None else stamp
    return f"{utc:%Y-%m-%d}" if utc == utc.normalize() else f"{utc:%Y-%m-%d %H:%M}"


def sign_class(value: float | None) -> str:
    """CSS class of a gain or loss; empty for nothing and for what is missing."""
    if value is None or is_missing(value) or value == 0:
        return ""
    return "up" if value > 0 else "down"
