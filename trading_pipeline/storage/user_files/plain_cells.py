"""SQL for cells in the plainest form, which DuckDB reads without searching them.

A stamp in the commonest form of its file needs no regular expression to show whether it carries an
offset. Stamps in any other form are read by `cell_sql`, with the same result.
Moments are int64 microseconds since 1970.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trading_pipeline.domain.dataset_shape import NumberFormat, TimestampFormat

__all__ = ["EPOCH_RANGES", "ISO_FORM", "PlainStamp", "is_plain_number", "plain_stamp"]

ISO_FORM = re.compile(r"%Y([-/])%m\1%d(?:[ T]%H:%M(:%S)?)?(%z)?")
EPOCH_RANGES = {
    "s": (1_000_000_000, 5_000_000_000, 1_000_000),
    "ms": (1_000_000_000_000, 5_000_000_000_000, 1_000),
    "us": (1_000_000_000_000_000, 5_000_000_000_000_000, 1),
}
"""Least number of an epoch that counts as plain, their end, and the microseconds of its unit."""


@dataclass(frozen=True)
class PlainStamp:
    """Expressions: `moment` of cells for which `condition` holds, NULL where it cannot be read.

    All of them carry an offset (`aware`) or none does, and no digit is lost.
    """

    condition: str
    moment: str
    aware: bool


def is_plain_number(form: NumberFormat) -> bool:
    """True where DuckDB's own reader can take the numbers: a point, no other marks."""
    return form.decimal == "." and form.thousands is None and not form.symbols


def plain_stamp(text: str, form: TimestampFormat) -> PlainStamp | None:
    """How to read a stamp in the commonest form of a file; None where that form is not a plain one.

    `text`: expression of the stamp. The condition holds for no cell that `cell_sql` reads
    differently: the fixed places of the colons leave no room for an offset but a final Z.
    """
    if form.kind == "epoch":
        return _epoch(text, form)
    found = ISO_FORM.fullmatch(form.formats[0]) if form.is_iso else None
    if found is None:
        return None
    pattern = form.formats[0].replace("%Y", "____").replace("%z", "")
    pattern = re.sub("%[mdHMS]", "__", pattern)
    if found[3]:
        return _with_offset(text, pattern) if found[2] else None
    condition = f"{text} LIKE '{pattern}'"
    if "%H" in form.formats[0]:
        condition += f" AND NOT suffix({text}, 'Z')"  # a small z DuckDB does not read
    return PlainStamp(condition, f"epoch_us(try_cast({text} AS TIMESTAMP))", aware=False)


def _with_offset(text: str, pattern: str) -> PlainStamp:
    """A moment is only read where digits stand behind the sign."""
    spellings = (f"{pattern}Z", f"{pattern}+__:__", f"{pattern}-__:__")
    return PlainStamp(
        "(" + " OR ".join(f"{text} LIKE '{each}'" for each in spellings) + ")",
        f"epoch_us(try_cast({text} AS TIMESTAMPTZ))",
        aware=True,
    )


def _epoch(text: str, form: TimestampFormat) -> PlainStamp | None:
    """Whole numbers from 2001 to 2128 in the unit of the head; others are judged one by one."""
    if form.formats or form.unit not in EPOCH_RANGES:
        return None
    lowest, end, factor = EPOCH_RANGES[form.unit]
    marks = " AND ".join(f"NOT contains({text}, '{mark}')" for mark in ".eE")
    marks += f" AND {text} >= '1'"  # no sign, no blank, no 0x
    whole = f"try_cast({text} AS BIGINT)"
    return PlainStamp(
        marks,
        f"CASE WHEN {whole} >= {lowest} AND {whole} < {end} THEN {whole} * {factor} END",
        aware=True,
    )
