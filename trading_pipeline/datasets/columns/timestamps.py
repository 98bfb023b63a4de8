"""How time stamps are written in a user's file: epoch and unit, date order, format.

All rules see text cells of the head of the file. Formats are directives of strptime.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from statistics import median
from typing import Literal

from trading_pipeline.datasets.columns.zone_names import split_zone
from trading_pipeline.domain.dataset_shape import TimestampFormat, is_aware_format

__all__ = [
    "DateOrder",
    "candidate_formats",
    "commonest",
    "date_key",
    "is_timestamp_column",
    "surviving_orders",
]

DateOrder = Literal["dmy", "mdy", "ymd"]
_UNITS = ((1e8, 5e9, "s"), (1e11, 5e12, "ms"), (1e14, 5e15, "us"), (1e17, 5e18, "ns"))
"""Magnitudes of an epoch between 1973 and 2128."""
_SEPARATED = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(.*)", re.DOTALL)
_MONTH_NAME = re.compile(
    r"(?:(?P<d1>\d{1,2})(?P<s1>[- /])(?P<m1>[A-Za-z]{3,9})(?P<s2>,? |[-/])(?P<y1>\d{4}|\d{2})"
    r"|(?P<m2>[A-Za-z]{3,9})(?P<dot>\.?) (?P<d2>\d{1,2})(?P<comma>,?) (?P<y2>\d{4}))(?P<rest>.*)",
    re.DOTALL,
)
_CLOCK = re.compile(
    r"(?P<gap>,? |T)(?P<h>\d{1,2}):\d{2}(?P<s>:\d{2})?(?P<f>[.]\d+)?"
    r"(?P<ampm> ?[AaPp][Mm])?(?P<zone>.*)",
    re.DOTALL,
)
_COMPACT = re.compile(
    r"\d{8}(?P<gap> {1,2}|[T-])(?:(?P<digits>\d{4}(?:\d\d)?)|\d{1,2}:\d{2}(?P<s>:\d{2})?)"
    r"(?P<f>[.]\d+)?(?P<zone> ?(?:Z|UTC|GMT))?"
)
"""Date and time in digits, as Interactive Brokers and ISO 8601's basic form write them."""
_ZONE = re.compile(r" ?(Z|z|UTC|GMT|[+-]\d{2}(:?\d{2})?)")
_UTC_SUFFIX = re.compile(r" ?(Z|z|UTC|GMT)")
_NAMED_OFFSET = re.compile(r"( ?(?:UTC|GMT))[+-]\d{2}:?\d{2}")
_ZONE_AT_END = re.compile(_ZONE.pattern + r"$")
_DIGITS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_LOOKED_AT = 200
_ENOUGH = 0.8
"""A column holds time stamps where this share of its cells reads as one; the rest are faults."""


def is_timestamp_column(cells: Sequence[str]) -> bool:
    """True where the cells (of the head of a file) can be read as time stamps."""
    return bool(candidate_formats(cells[:: max(len(cells) // _LOOKED_AT, 1)]))


def candidate_formats(
    cells: Sequence[str], clocks: Sequence[str] = (), *, order: DateOrder | None = None
) -> dict[DateOrder, TimestampFormat]:
    """Formats that the cells can have, by date order; more than one where days and months are
    unclear.

    `clocks`: cells of a column of times beside dates. `order`: only that one; dates that begin with
    the year or name their month have no other. Digits are read as YYYYMMDD first, then as an epoch
    in the unit of the median's magnitude. No format is found where fewer than four cells of five
    can be read.
    """
    shown = [cell.strip() for cell in cells if cell.strip()]
    if not shown:
        return {}
    digits = [cell for cell in shown if re.fullmatch(r"-?\d+(\.\d*)?([eE]\+?\d+)?", cell)]
    if len(digits) >= _ENOUGH * len(shown):
        found = _digit_format(digits)
        return {} if found is None else {"ymd": _with_clock(found, clocks)}
    orders: tuple[DateOrder, ...] = ("ymd", "dmy", "mdy")
    found_in = {
        o: _format_in_order(shown, o) for o in orders if order is None or o in (order, "ymd")
    }
    return {o: _with_clock(each, clocks) for o, each in found_in.items() if each is not None}


def surviving_orders(
    cells: Sequence[str], formats: dict[DateOrder, TimestampFormat]
) -> list[DateOrder]:
    """Date orders that remain after a look at the steps between days and at weekends.

    One order beats another whose commonest step is more than twice as long, or whose share of
    weekend days is larger by 0.1, and which is better in neither. Fewer than three days decide
    nothing.
    """
    if len(formats) < 2:
        return list(formats)
    scores = {order: _score(cells, each) for order, each in formats.items()}
    return [
        order
        for order in formats
        if not any(_beats(scores[other], scores[order]) for other in formats if other != order)
    ]


def commonest(counts: Counter[int]) -> int:
    """The number that occurs most often, of several the smallest.

    >>> commonest(Counter([1, 3, 3, 1, 7]))
    1
    """
    return min(counts, key=lambda each: (-counts[each], each))


def date_key(cell: str, formats: Sequence[str]) -> date | None:
    """Date of a cell in the first format that fits; None where none does."""
    text = _ZONE_AT_END.sub("", cell.strip()) if "%z" in "".join(formats) else cell.strip()
    for each in formats:
        try:
            return datetime.strptime(_cut_fraction(text), each.replace("%z", "")).date()
        except ValueError:
            continue
    return None


def _cut_fraction(text: str) -> str:
    return re.sub(r"(\.\d{6})\d+", r"\1", text)


def _digit_format(digits: list[str]) -> TimestampFormat | None:
    lengths = Counter(len(cell) for cell in digits)
    length = lengths.most_common(1)[0][0]
    directive = _DIGITS.get(length)
    if directive is not None:
        of_length = [cell for cell in digits if len(cell) == length]
        valid = sum(_is_day(cell, directive) for cell in of_length)
        if valid >= _ENOUGH * len(digits):
            kind: Literal["date", "datetime"] = "date" if length == 8 else "datetime"
            return TimestampFormat(kind=kind, format=directive, formats=(directive,))
    middle = median(abs(float(cell)) for cell in digits)
    units = (unit for lowest, highest, unit in _UNITS if lowest <= middle < highest)
    return next((TimestampFormat(kind="epoch", unit=unit) for unit in units), None)


def _is_day(cell: str, directive: str) -> bool:
    try:
        moment = datetime.strptime(cell, directive)
    except ValueError:
        return False
    return 1900 <= moment.year <= 2100


def _format_in_order(cells: Sequence[str], order: DateOrder) -> TimestampFormat | None:
    """Format of the cells under one date order; None where too few of them are dates under it."""
    counts: Counter[str] = Counter()
    zones = set[str]()
    iso = offset = 0
    for cell in cells:
        stamp, zone = split_zone(cell)
        directive = _directive(stamp, order)
        if directive is None:
            continue
        if date_key(stamp, (directive,)) is not None:
            counts[directive if zone is None else f"{directive} {zone}"] += 1
            zones |= set() if zone is None else {zone}
            year_first = order == "ymd" and bool(re.match(r"\d{4}[-/]", cell))
            iso += year_first and zone is None and not _NAMED_OFFSET.search(cell)
            offset += zone is None and is_aware_format(directive)
    good = sum(counts.values())
    if good < _ENOUGH * len(cells):
        return None
    formats = tuple(each for each, _ in counts.most_common())
    if len(zones) > 1:  # no single clock to read them by
        return None
    has_clock = any("%H" in each or "%I" in each for each in formats)
    return TimestampFormat(
        kind="datetime" if has_clock else "date",
        format=formats[0],
        formats=formats,
        is_iso=iso == good,
        shows_offset=offset > 0,
        zone=next(iter(zones), None),
        names_zone=bool(zones),
    )


def _directive(cell: str, order: DateOrder) -> str | None:
    """Directives of one cell, such as '%d/%m/%Y %H:%M'; None where it is not a date in that
    order."""
    compact = _COMPACT.fullmatch(cell)
    if compact:
        return _compact(compact) if order == "ymd" else None
    separated = _SEPARATED.fullmatch(cell)
    if separated:
        first, mark, _, last, rest = separated.groups()
        day = _separated_day(order, len(first), mark, len(last))
    else:
        day, rest = _named_month(cell, order)
    is_iso = day is not None and re.match("%Y[-/]", day) is not None
    clock = _clock(rest, is_iso=is_iso) if day is not None else None
    return None if day is None or clock is None else day + clock


def _compact(found: re.Match[str]) -> str:
    digits = found["digits"]
    if digits is not None:
        clock = "%H%M" if len(digits) == 4 else "%H%M%S"
    else:
        clock = "%H:%M:%S" if found["s"] else "%H:%M"
    fraction = ".%f" if found["f"] else ""
    return f"%Y%m%d{found['gap']}{clock}{fraction}{found['zone'] or ''}"


def _separated_day(order: DateOrder, first: int, mark: str, last: int) -> str | None:
    """Directives of a date with so many digits in its first and last part."""
    if first == 4:
        return f"%Y{mark}%m{mark}%d" if order == "ymd" and last <= 2 else None
    if first > 2 or last not in (2, 4) or order == "ymd":
        return None
    if order == "mdy" and mark == ".":  # dates with dots are always day, month, year
        return None
    year = "%Y" if last == 4 else "%y"
    return f"%d{mark}%m{mark}{year}" if order == "dmy" else f"%m{mark}%d{mark}{year}"


def _named_month(cell: str, order: DateOrder) -> tuple[str | None, str]:
    """A date with a named month has one order; it counts as `ymd`, since it is never ambiguous."""
    found = _MONTH_NAME.fullmatch(cell)
    if found is None or order != "ymd":
        return None, ""
    part = found.groupdict()
    word = part["m1"] or part["m2"]
    month = "%b" if len(word) == 3 else "%B"
    if part["m1"]:
        year = "%Y" if len(part["y1"]) == 4 else "%y"
        return f"%d{part['s1']}{month}{part['s2']}{year}", part["rest"]
    return f"{month}{part['dot']} %d{part['comma']} %Y", part["rest"]


def _clock(rest: str, *, is_iso: bool = True) -> str | None:
    """Directives of what follows a date; DuckDB reads the letters of UTC in ISO stamps only, so
    elsewhere they are part of the format."""
    if rest == "":
        return ""
    found = _CLOCK.fullmatch(rest)
    if found is None:
        return None
    hour = "%I" if found["ampm"] else "%H"
    text = f"{found['gap']}{hour}:%M" + (":%S" if found["s"] else "")
    text += ".%f" if found["f"] else ""
    if found["ampm"]:
        text += " %p" if found["ampm"].startswith(" ") else "%p"
    zone = found["zone"]
    named = _NAMED_OFFSET.fullmatch(zone)
    if named is not None:
        return f"{text}{named[1]}%z"
    if not is_iso and _UTC_SUFFIX.fullmatch(zone):
        return text + zone
    if zone:
        return text + "%z" if _ZONE.fullmatch(zone) else None
    return text


def _with_clock(found: TimestampFormat, clocks: Sequence[str]) -> TimestampFormat:
    """The format of a date joined with that of a column of times; epochs and datetimes stay."""
    cells = [cell.strip() for cell in clocks if cell.strip()]
    if not cells or found.kind != "date":
        return found
    spellings: Counter[str] = Counter()
    digits = " %H%M" if max(map(len, cells)) <= 4 else " %H%M%S"
    for cell in cells:
        spellings[(_clock(f" {cell}") or "") if ":" in cell else digits] += 1
    times = [each for each, _ in spellings.most_common() if each]
    if not times:
        return found
    formats = tuple(day + clock for day in found.formats for clock in times)
    is_iso = found.is_iso and all(":" in cell for cell in cells)
    return TimestampFormat(kind="date+time", format=formats[0], formats=formats, is_iso=is_iso)


def _score(cells: Sequence[str], found: TimestampFormat) -> tuple[int, float] | None:
    """Commonest step between days, in days, and share of weekend days; None for too few days."""
    formats = found.formats
    if found.kind == "date+time":
        formats = tuple(each.split(" ")[0] for each in formats)
    days = [date_key(cell, formats) for cell in cells]
    known = sorted({day for day in days if day is not None})
    if len(known) < 3:
        return None
    step = commonest(Counter((b - a).days for a, b in pairwise(known)))
    return step, sum(day.weekday() >= 5 for day in known) / len(known)


def _beats(one: tuple[int, float] | None, other: tuple[int, float] | None) -> bool:
    if one is None or other is None:
        return False
    shorter, calmer = 2 * one[0] < other[0], one[1] + 0.1 <= other[1]
    longer, busier = one[0] > 2 * other[0], one[1] > other[1] + 0.1
    return (shorter or calmer) and not (longer or busier)
