"""How prices are written in a user's file: decimal mark, thousands, currency symbols, suffixes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from trading_pipeline.domain.dataset_shape import NumberFormat

__all__ = ["find_number_format"]

_SYMBOLS = re.compile(r"[\s\u00a0\u202f$€£¥₹'\u2019]")


def find_number_format(
    prices: Iterable[str],
    volumes: Iterable[str] = (),
    *,
    delimiter: str | None = None,
    decimal: Literal[".", ","] | None = None,
) -> NumberFormat:
    """Number format of the OHLC cells `prices` and of `volumes`; `decimal` overrides what is found.

    A comma is the decimal mark where the digits after it are not three, or where it follows a dot;
    commas before three digits alone are thousands, unless semicolons split the fields.

    >>> find_number_format(["1.234,50", "987,00"], delimiter=";").decimal
    ','
    >>> find_number_format(["$1,234.50"]).thousands
    ','
    """
    prices = [cell.strip() for cell in prices if cell.strip()]
    volumes = [cell.strip() for cell in volumes if cell.strip()]
    plain = [_SYMBOLS.sub("", cell) for cell in prices]
    mark = decimal or _decimal_mark(plain, delimiter)
    thousands: Literal[".", ","] = "." if mark == "," else ","
    grouped = any(thousands in each for each in [*plain, *(_SYMBOLS.sub("", v) for v in volumes)])
    return NumberFormat(
        decimal=mark,
        thousands=thousands if grouped else _space_between_digits([*prices, *volumes]),
        symbols=any(_SYMBOLS.search(cell) for cell in [*prices, *volumes]),
        magnitudes=any(re.fullmatch(r".*\d\s*[KMBTkmbt]", cell) for cell in volumes),
    )


def _decimal_mark(cells: list[str], delimiter: str | None) -> Literal[".", ","]:
    comma = dot = 0
    for cell in cells:
        last_comma, last_dot = cell.rfind(","), cell.rfind(".")
        if last_comma >= 0 and last_dot >= 0:
            comma += last_comma > last_dot
            dot += last_dot > last_comma
        elif last_comma >= 0 and cell.count(",") == 1:
            behind = len(cell) - last_comma - 1
            comma += behind != 3 or cell.lstrip("-+").startswith("0,")
        elif cell.count(".") > 1:
            comma += 1
        elif last_dot >= 0:
            behind = len(cell) - last_dot - 1
            dot += behind != 3
    if comma or dot:
        return "," if comma > dot else "."
    only_commas = any("," in cell for cell in cells) and not any("." in cell for cell in cells)
    return "," if only_commas and delimiter == ";" else "."


def _space_between_digits(cells: list[str]) -> str | None:
    found = (re.search(r"\d([ \u00a0\u202f'\u2019])\d{3}", cell) for cell in cells)
    return next((each.group(1) for each in found if each), None)
