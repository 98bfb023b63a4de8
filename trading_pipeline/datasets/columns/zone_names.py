"""Time zones that a file names itself: in its stamps, or in the header of their column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from zoneinfo import available_timezones

__all__ = ["header_zone", "split_zone"]

_AT_END = re.compile(r"(?P<stamp>.*\d(?: ?[AaPp][Mm])?) (?P<zone>[A-Za-z][A-Za-z0-9_+/-]*)")
# Besides names with a slash; EST, CST or IST mean different clocks to different programs.
_WITHOUT_SLASH = ("GB", "Japan", "Hongkong", "Singapore", "Israel", "Turkey", "ROK", "MET", "CET")
_UTC_WORD = re.compile(r"(?:^|[^a-z])(?:utc|gmt)(?:[^a-z]|$)")
_UTC_JOINED = re.compile(r"(?:utc|gmt)(?:date|time|stamp)+|(?:open|date|time|stamp)+(?:utc|gmt)")
_SHIFTED = re.compile(r"(?:utc|gmt)\s*[+-]\s*(\d{1,2})(?::?(\d{2}))?")


def split_zone(cell: str) -> tuple[str, str | None]:
    """A stamp and the IANA zone behind it; None where no zone is named.

    >>> split_zone("20240102 09:30:00 US/Eastern")
    ('20240102 09:30:00', 'US/Eastern')
    >>> split_zone("2024-01-02 09:30:00 EST")
    ('2024-01-02 09:30:00 EST', None)
    """
    found = _AT_END.fullmatch(cell)
    if found is None:
        return cell, None
    word = found["zone"]
    known = word in _WITHOUT_SLASH or ("/" in word and word.casefold() in _zones())
    return (found["stamp"], word) if known else (cell, None)


def header_zone(names: Sequence[str]) -> str | None:
    """IANA zone that the names of the time columns state; None where they state none.

    An offset other than zero is no answer: it does not say whether the clock follows summer time.

    >>> [header_zone([name]) for name in ("Gmt time", "timestamp_utc", "Date (America/New_York)")]
    ['UTC', 'UTC', 'America/New_York']
    >>> header_zone(["Time (GMT+2)"]) is None
    True
    """
    for name in names:
        words = re.findall(r"[A-Za-z]+(?:/[A-Za-z0-9_+-]+)+", name)
        zone = next((_zones()[w.casefold()] for w in words if w.casefold() in _zones()), None)
        if zone is not None:
            return zone
        lower = name.casefold()
        shift = _SHIFTED.search(lower)
        if shift is not None and (int(shift[1]) or int(shift[2] or 0)):
            continue
        letters = re.sub(r"[^a-z]", "", lower)
        if _UTC_WORD.search(lower) or _UTC_JOINED.fullmatch(letters):
            return "UTC"
    return None


@cache
def _zones() -> dict[str, str]:
    """Names of zones by their small letters."""
    return {name.casefold(): name for name in available_timezones()}
