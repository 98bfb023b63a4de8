"""Reads time stamps whose digits are in fixed places, a block of rows at once.

Cells that fit a template are read by the SQL of `cell_sql` with the same result. Cells come as
arrays of bytes, a row each; moments are int64 microseconds since 1970.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trading_pipeline.domain.dataset_shape import TableShape
from trading_pipeline.domain.moments import Moments
from trading_pipeline.storage.user_files.cell_sql import EARLIEST, LATEST
from trading_pipeline.storage.user_files.plain_cells import EPOCH_RANGES, ISO_FORM

__all__ = ["PlainStamps", "plain_stamps"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Whole: TypeAlias = npt.NDArray[np.signedinteger]
_PART = re.compile(r"%(.)|([^%])", re.DOTALL)
_LENGTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_DATE, _CLOCK = "Ymd", "HMS"
_ZERO = ord("0")
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_WORD = 8
"""Bytes that are compared at once; a date has one to two such words."""


@dataclass(frozen=True)
class PlainStamps:
    """How the stamps of a file are written. `widths`: bytes of each of their cells (one or two).

    `places`: directive -> place in its cell; `literals`: (cell, place, byte). `epoch`: digits,
    least number, end and microseconds of the unit, for epochs. `offset`: bytes of the offset at the
    end.
    """

    widths: tuple[int, ...]
    places: dict[str, int]
    literals: tuple[tuple[int, int, int], ...]
    is_aware: bool
    offset: int = 0
    epoch: tuple[int, int, int] | None = None

    def moments(self, cells: list[Bytes]) -> Moments | None:
        """Moments of all rows; None where one of them is written differently or is no moment.

        `cells`: for each cell of a stamp an array of shape (rows, width).
        """
        if not len(cells[0]):
            return np.empty(0, dtype=np.int64)
        if self.epoch is not None:
            return _epochs(cells[0], self.epoch)
        days = self._days(cells[0])
        seconds = self._seconds(cells[-1])
        if days is None or seconds is None or not self._has_literals(cells):
            return None
        moments = (days * 86_400 + seconds) * 1_000_000
        if int(moments.min()) < EARLIEST or int(moments.max()) > LATEST:
            return None
        return np.asarray(moments)

    def _days(self, cell: Bytes) -> Moments | None:
        """Days since 1970; a date that occurs in several rows in a row is only read once."""
        begin, end = self.date_span
        starts = _changes(cell, begin, end)
        literals = [(at, byte) for of, at, byte in self.literals if of == 0 and begin <= at < end]
        dates = cell[starts]
        year, rest, month, day = (
            _two_digits(dates, self.places[name] + shift)
            for name, shift in (("Y", 0), ("Y", 2), ("m", 0), ("d", 0))
        )
        if year is None or rest is None or month is None or day is None:
            return None
        if any((dates[:, at] != byte).any() for at, byte in literals):
            return None
        found = _civil_days(year.astype(np.int64) * 100 + rest, month, day)
        return None if found is None else np.repeat(found, np.diff(starts, append=len(cell)))

    @property
    def date_span(self) -> tuple[int, int]:
        """Where year, month and day stand in the first cell."""
        begin = min(self.places[each] for each in _DATE)
        return begin, max(self.places[each] + _LENGTHS[each] for each in _DATE)

    def _has_literals(self, cells: list[Bytes]) -> bool:
        """Whether the marks outside the date are right; `_days` looks at those inside."""
        begin, end = self.date_span
        outside = [each for each in self.literals if each[0] or not begin <= each[1] < end]
        return all((cells[of][:, at] == byte).all() for of, at, byte in outside)

    def _seconds(self, cell: Bytes) -> Whole | None:
        """Seconds of the clock, less the offset; None where a field is wrong."""
        seconds: Whole = np.zeros(1, dtype=np.int32)
        for name, highest, factor in zip(_CLOCK, (23, 59, 59), (3600, 60, 1), strict=True):
            if name in self.places:
                field = _two_digits(cell, self.places[name], highest)
                if field is None:
                    return None
                seconds = seconds + field * np.int32(factor)
        if not self.offset:
            return seconds
        ahead = _offsets(cell[:, self.widths[-1] - self.offset :])
        return None if ahead is None else seconds - ahead


def plain_stamps(shape: TableShape, first: tuple[bytes, ...]) -> PlainStamps | None:
    """How stamps are written in a file whose first row has the stamp cells `first`; None if not
    plain.

    In a plain form all fields have fixed places: no names of months, AM and PM, single digits,
    fractions of a second or forced units of epochs. Offsets are `Z` or `+05:30`, as in the first
    row.
    """
    stamp = shape.timestamp
    if stamp is None or not first:
        return None
    if stamp.kind == "epoch":
        if stamp.formats or stamp.unit not in EPOCH_RANGES:
            return None
        lowest, end, factor = EPOCH_RANGES[stamp.unit]
        return PlainStamps((len(str(lowest)),), {}, (), True, epoch=(lowest, end, factor))
    written, offset = stamp.formats[0], 0
    iso = ISO_FORM.fullmatch(written) if stamp.is_iso else None
    if stamp.is_iso and iso is None:
        return None
    if "%z" in written:
        if iso is None or not iso[2] or len(first) > 1:  # DuckDB wants seconds before an offset
            return None
        written = written.removesuffix("%z")
        offset = len(first[0]) - _width(written)
        if offset not in (1, 6):
            return None
    cells = [written] if len(first) == 1 else written.split(" ")
    if len(cells) != len(first):
        return None
    return _template(cells, offset)


def _width(written: str) -> int:
    return sum(_LENGTHS.get(name, 0) or len(mark) for name, mark in _PART.findall(written))


def _template(cells: list[str], offset: int) -> PlainStamps | None:
    places: dict[str, int] = {}
    literals, widths = [], []
    for cell, text in enumerate(cells):
        at = 0
        for name, mark in _PART.findall(text):
            wanted = 0 if name in _DATE else len(cells) - 1
            if mark and 32 <= ord(mark) < 127:
                literals.append((cell, at, ord(mark)))
            elif name in _LENGTHS and name not in places and cell == wanted:
                places[name] = at
            else:
                return None
            at += _LENGTHS.get(name, 1)
        widths.append(at)
    if any(name not in places for name in _DATE):
        return None
    widths[-1] += offset
    found = PlainStamps(tuple(widths), places, tuple(literals), offset > 0, offset)
    begin, end = found.date_span
    return found if end - begin <= 2 * _WORD else None


def _changes(cell: Bytes, begin: int, end: int) -> npt.NDArray[np.int64]:
    """First rows of the runs of rows with equal bytes in `begin:end`."""
    same = np.ones(len(cell) - 1, dtype=np.bool_)
    for at in {begin, end - _WORD}:
        words = np.ascontiguousarray(cell[:, at : at + _WORD]).view(np.uint64)[:, 0]
        same &= words[1:] == words[:-1]
    return np.asarray(np.r_[0, np.flatnonzero(~same) + 1])


def _two_digits(cells: Bytes, at: int, highest: int = 99) -> npt.NDArray[np.uint8] | None:
    """Numbers in two places; None where one has other bytes or is higher than allowed."""
    tens, ones = cells[:, at] - np.uint8(_ZERO), cells[:, at + 1] - np.uint8(_ZERO)
    if tens.max() > 9 or ones.max() > 9:
        return None
    found = np.asarray(tens * np.uint8(10) + ones)
    return found if found.max() <= highest else None


def _civil_days(years: Moments, months: Bytes, days: Bytes) -> Moments | None:
    """Days since 1970 of dates from 1900 to 2099; None where one is no such date."""
    if int(years.min()) < 1900 or int(years.max()) > 2099:
        return None
    if int(months.min()) < 1 or int(months.max()) > 12 or int(days.min()) < 1:
        return None
    leap = (years % 4 == 0) & (years != 1900)
    if (days > _MONTH_DAYS[months] + ((months == 2) & leap)).any():
        return None
    # with years that begin in March, the leap day is the last one
    shifted = years - (months <= 2)
    of_march = (months.astype(np.int64) + 9) % 12
    leaps = shifted // 4 - shifted // 100 + shifted // 400
    found = 365 * shifted + leaps + (153 * of_march + 2) // 5 + days - 719_469
    return np.asarray(found)


def _offsets(cell: Bytes) -> Whole | None:
    """Seconds ahead of UTC of `Z` or `+05:30` (up to 13 hours); None where one is neither."""
    if cell.shape[1] == 1:
        return np.zeros(1, dtype=np.int32) if (cell == ord("Z")).all() else None
    hours, minutes = _two_digits(cell, 1, 13), _two_digits(cell, 4, 59)
    minus = cell[:, 0] == ord("-")
    if hours is None or minutes is None or not (minus | (cell[:, 0] == ord("+"))).all():
        return None
    if (cell[:, 3] != ord(":")).any():
        return None
    ahead = hours * np.int32(3600) + minutes * np.int32(60)
    return np.where(minus, -ahead, ahead)


def _epochs(cell: Bytes, epoch: tuple[int, int, int]) -> Moments | None:
    lowest, end, factor = epoch
    count = np.zeros(len(cell), dtype=np.int64)
    for at in range(cell.shape[1]):
        digits = cell[:, at] - np.uint8(_ZERO)
        if digits.max() > 9:
            return None
        count = count * 10 + digits
    if int(count.min()) < lowest or int(count.max()) >= end:
        return None
    moments = count * factor
    return moments if int(moments.max()) <= LATEST else None
