"""Numbers and times as people read them. Fractions become percent here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Literal, SupportsFloat

__all__ = [
    "MISSING",
    "NumberKind",
    "ValueKind",
    "as_number",
    "format_interval",
    "format_number",
    "format_stamp",
    "format_value",
    "is_missing",
    "sign_class",
]

NumberKind = Literal["percent", "ratio", "money", "price", "quantity", "count", "bars", "years"]
ValueKind = NumberKind | Literal["text", "time"]
MISSING = "–"
_MINUS = "−"


def _whole(number: float) -> str:
    is_whole = number == round(number) or abs(number) >= 1_000.0
    return f"{number:,.0f}" if is_whole else f"{number:,.1f}"


_FORMATS: dict[NumberKind, Callable[[float], str]] = {
    "percent": lambda number: f"{100.0 * number:,.2f} %",
    "ratio": lambda number: f"{number:,.3f}",
    "money": lambda number: f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:,.2f}",
    "price": lambda number: f"{number:,.2f}" if abs(number) >= 1.0 else f"{number:.6g}",
    "quantity": lambda number: f"{number:,.4f}".rstrip("0").rstrip("."),
    "years": lambda number: f"{number:,.1f}",
    "count": _whole,
    "bars": _whole,
}


def is_missing(value: object) -> bool:
    """True for None, NaN and NaT: what was not measured or is not defined."""
    return value is None or value != value


def as_number(value: object) -> float | None:
    """A cell of a table as a float; None where it is missing or is not a number."""
    return float(value) if isinstance(value, SupportsFloat) and not is_missing(value) else None


def format_number(value: float | int | None, kind: NumberKind) -> str:
    """A number the way its kind is read; a dash where it is missing, a sign for infinity.

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
    text = _FORMATS[kind](number)
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("-")  # a loss that rounds to zero is shown without its sign
    return text.replace("-", _MINUS)


def format_interval(low: float | None, high: float | None, kind: ValueKind) -> str:
    """Both bounds of an interval, shorter than single numbers; empty where one is missing.

    Words and times have no interval.

    >>> format_interval(0.1049, 0.951, "ratio"), format_interval(-0.4213, None, "percent")
    ('0.10 to 0.95', '')
    """
    if is_missing(low) or is_missing(high) or kind == "text" or kind == "time":
        return ""
    bounds = (float(bound) for bound in (low, high) if bound is not None)
    if kind == "percent":
        texts = [f"{100.0 * bound:,.1f} %" for bound in bounds]
    elif kind == "ratio":
        texts = [f"{bound:,.2f}" for bound in bounds]
    else:
        texts = [format_number(bound, kind) for bound in bounds]
    return " to ".join(texts).replace("-", _MINUS)


def format_stamp(moment: datetime | None) -> str:
    """A time in UTC: the date alone at midnight, otherwise with hours and minutes.

    A stamp without a time zone is taken as UTC.

    >>> import pandas as pd
    >>> format_stamp(pd.Timestamp("2012-03-05", tz="UTC"))
    '2012-03-05'
    >>> format_stamp(pd.Timestamp("2012-03-05 09:30", tz="America/New_York"))
    '2012-03-05 14:30'
    """
    if moment is None or is_missing(moment):
        return MISSING
    utc = moment.astimezone(UTC) if moment.tzinfo is not None else moment
    return f"{utc:%Y-%m-%d}" if utc.time() == time() else f"{utc:%Y-%m-%d %H:%M}"


def format_value(value: object, kind: ValueKind) -> str:
    """A cell of a table as text; a dash where it is missing.

    >>> format_value("stop_loss", "text"), format_value(0.5, "percent"), format_value("", "text")
    ('stop loss', '50.00 %', '–')
    """
    if kind == "time":
        return format_stamp(value if isinstance(value, datetime) else None)
    if kind == "text":
        return MISSING if is_missing(value) else str(value).replace("_", " ") or MISSING
    return format_number(as_number(value), kind)


def sign_class(value: float | None) -> str:
    """CSS class of a gain or a loss; empty for 0 and for a missing value."""
    if value is None or is_missing(value) or value == 0:
        return ""
    return "up" if value > 0 else "down"
