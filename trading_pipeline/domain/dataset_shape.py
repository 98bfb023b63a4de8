"""The layout of a user's table: columns, number formats, time stamps.

Positions count from 0. `skip_rows` are the lines before the header; `header_rows` follow them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

__all__ = ["NumberFormat", "TableShape", "TimestampFormat", "TimestampKind", "is_aware_format"]

TimestampKind = Literal["date", "datetime", "epoch", "date+time"]
_AWARE = re.compile(r"%z|^%Y%m%d-%H:|(?<![%A-Za-z])(?:Z|z|UTC|GMT)$|%[SfMp](?:Z|z|UTC|GMT)$")


def is_aware_format(directives: str) -> bool:
    """True where stamps of that form say what they are in UTC.

    Interactive Brokers writes `20240102-14:30:00` for UTC, and other marks for other clocks.

    >>> [is_aware_format(each) for each in ("%d.%m.%Y %H:%M UTC", "%Y%m%d-%H:%M:%S", "%d.%m.%Y")]
    [True, True, False]
    """
    return _AWARE.search(directives) is not None


@dataclass(frozen=True, kw_only=True)
class NumberFormat:
    """How numbers are written.

    `symbols`: cells contain currency symbols, spaces or apostrophes. `magnitudes`: volumes end in
    K, M, B or T, such as `12.34M`.
    """

    decimal: Literal[".", ","] = "."
    thousands: str | None = None
    symbols: bool = False
    magnitudes: bool = False


@dataclass(frozen=True, kw_only=True)
class TimestampFormat:
    """How time stamps are written.

    `unit`: s, ms, us or ns of an epoch, else None. `format`: strptime directives, None for an
    epoch; for `date+time` they cover both cells, joined by a space. `formats`: all formats that
    occur, the most common first. `is_iso`: year first with dashes or slashes, possibly with an
    offset; `shows_offset`: a cell in the head of the file has one. `zone`: IANA zone that the
    cells (`names_zone`) or their header name, whose wall clock the stamps show.
    """

    kind: TimestampKind
    unit: str | None = None
    format: str | None = None
    formats: tuple[str, ...] = ()
    is_iso: bool = False
    shows_offset: bool = False
    zone: str | None = None
    names_zone: bool = False

    @property
    def is_wall(self) -> bool:
        """True where the stamps are those of a wall clock, so that a zone must be known."""
        return self.kind != "epoch" and not self.shows_offset


@dataclass(frozen=True, kw_only=True)
class TableShape:
    """Layout of a table.

    `delimiter`: None for Parquet, whose columns are named by `names`. `width`: cells of a full row.
    `positions`: role -> positions (two for a date and a time, or for a volume that is their sum).
    `quoted`: the file contains quotation marks.
    """

    encoding: str
    delimiter: str | None
    header: bool | Literal["multi"]
    skip_rows: int
    header_rows: int
    width: int
    names: tuple[str, ...]
    positions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    numbers: NumberFormat = NumberFormat()
    timestamp: TimestampFormat | None = None
    quoted: bool = False

    @property
    def column_names(self) -> dict[str, JsonValue]:
        """Role -> name, or position if there is no header; `timestamp` is a list, and so is a
        volume that is the sum of two columns."""
        named: dict[str, JsonValue] = {}
        for role, positions in self.positions.items():
            shown: list[JsonValue] = [self.names[p] if self.header else p for p in positions]
            named[role] = shown if role == "timestamp" or len(shown) > 1 else shown[0]
        return named
