"""Which column of a user's file plays which role, by its name or by its values.

Roles: timestamp (one column, or a date and a time), open, high, low, close, volume, symbol.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

from trading_pipeline.datasets.columns.values import is_value
from trading_pipeline.domain.bars import PRICE_COLUMNS
from trading_pipeline.errors import DatasetFormatError, did_you_mean

__all__ = ["STAMP_NAMES", "answered_columns", "columns_by_name", "columns_by_value", "plain_name"]

Positions = dict[str, tuple[int, ...]]
Rows = Sequence[Sequence[str]]
IsTimestamp = Callable[[Sequence[str]], bool]
"""Says whether cells can be read as time stamps."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Best first; English, then German, French, Spanish as exports of brokers and banks write them.
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "open": _words(
        "open o openprice opening openingprice priceopen first eroffnung eroffn eroffnungskurs "
        "erster anfang ouverture ouv apertura"
    ),
    "high": _words(
        "high h highprice pricehigh max maximum highest hoch tageshoch hochst plushaut haut maximo"
    ),
    "low": _words(
        "low l lowprice pricelow min minimum lowest tief tagestief tiefst plusbas bas minimo"
    ),
    "close": _words(
        "close c closeprice closing closingprice priceclose closelast last lastprice ltp price "
        "settle schluss schlusskurs zuletzt cloture dernier cierre ultimo"
    ),
    "volume": _words(
        "volume vol v totalvolume basevolume volumen tradedvolume tottrdqty quantity qty shares "
        "tickvol tickvolume stuck"
    ),
    "symbol": _words(
        "symbol ticker tic instrument pair secid asset stock code stockcode isin name"
    ),
}
_TIMESTAMPS = _words(
    "unix unixtime unixtimestamp epoch timestamp datetime dateandtime datetimeutc timestamputc "
    "opentime openat ts dt time date day tradedate tradingdate gmttime localtime start starttime "
    "begin bartime datum zeit fecha index indexlevel0 unnamed0 t"
)
STAMP_NAMES = frozenset(_TIMESTAMPS)
"""Plain names of columns that hold time stamps."""
_DATES = ("date", "day", "datum", "fecha", "tradedate", "tradingdate", "dtyyyymmdd")
_TIMES = ("time", "uhrzeit", "zeit", "hora", "heure", "tradetime")
_TIME = re.compile(r"\s*(?:\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s*[AaPp][Mm])?|\d{1,6})\s*")
_SIDES = (
    ("up", "down"), ("upvolume", "downvolume"), ("upvol", "downvol"), ("volumeup", "volumedown"),
    ("volup", "voldown"), ("upticks", "downticks"), ("buyvolume", "sellvolume"),
    ("buyvol", "sellvol"), ("volumebuy", "volumesell"), ("volbuy", "volsell"), ("buy", "sell"),
    ("buyqty", "sellqty"), ("bidvolume", "askvolume"), ("bidvol", "askvol"),
    ("volumebid", "volumeask"), ("buyervolume", "sellervolume"),
    ("takerbuyvolume", "takersellvolume"),
)  # fmt: skip
"""Columns that are a volume together; programs write them instead of their sum."""
_QUOTES = ("usd", "usdt", "usdc", "busd", "eur", "gbp", "jpy", "quote")


def plain_name(name: str) -> str:
    """A column's name without case, accents, brackets, numbering and punctuation.

    >>> names = ("<DATE>", "1. open", "Close/Last", "Vol.", "Eröffn.", "AAPL.High")
    >>> [plain_name(name) for name in names]
    ['date', 'open', 'closelast', 'vol', 'eroffn', 'aaplhigh']
    """
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    text = re.sub(r"^\s*\d+[.)]\s*", "", text)
    return re.sub(r"[^a-z0-9]", "", text)


def columns_by_name(names: Sequence[str], rows: Rows, is_timestamp: IsTimestamp) -> Positions:
    """Positions of the roles that the names and the values below them show; others are left out.

    A time stamp is taken only where its cells can be read as one; an epoch is preferred to a naive
    text, as it needs no time zone.
    """
    plain = [plain_name(name) for name in names]
    found: Positions = {}
    for role, synonyms in _SYNONYMS.items():
        position = _first(plain, synonyms, taken=set())
        if position is None and role in PRICE_COLUMNS:
            position = _by_last_word(names, synonyms)
        if position is not None:
            found[role] = (position,)
    volume = _volume(plain, rows, found.get("volume", (None,))[0])
    if volume:
        found["volume"] = volume
    stamp = _timestamp(plain, rows, is_timestamp, {p for each in found.values() for p in each})
    return ({"timestamp": stamp} if stamp else {}) | found


def columns_by_value(rows: Rows, is_timestamp: IsTimestamp) -> Positions:
    """Positions of the roles in a table without a header, counted from 0.

    The first column of time stamps (with the column of times after it, where it holds dates), then
    the first four numeric columns in which high and low enclose open and close in nine rows of ten,
    then the volume, then a symbol before the time stamps.
    """
    if not rows:
        return {}
    columns = [list(column) for column in zip(*rows, strict=True)]
    found: Positions = {}
    start = next((i for i, column in enumerate(columns[:4]) if is_timestamp(column)), None)
    if start is not None:
        stamp: tuple[int, ...] = (start,)
        clock = start + 1 < len(columns) and all(":" in cell for cell in columns[start + 1])
        clock = clock or _is_digit_clock(columns, start)
        if clock and all(_TIME.fullmatch(cell) for cell in columns[start + 1]):
            stamp = (start, start + 1)
        found["timestamp"] = stamp
        words = [i for i in range(start) if not any(is_value(cell) for cell in columns[i])]
        if words:
            found["symbol"] = (words[0],)
    begin = found["timestamp"][-1] + 1 if "timestamp" in found else 0
    for first in range(begin, len(columns) - 3):
        if _encloses(columns[first : first + 4]):
            found |= {role: (first + i,) for i, role in enumerate(PRICE_COLUMNS)}
            if first + 4 < len(columns) and any(is_value(cell) for cell in columns[first + 4]):
                found["volume"] = (first + 4,)
            break
    return found


def answered_columns(columns: Mapping[str, str | int], names: Sequence[str]) -> Positions:
    """Positions of the columns that the user named, by name or by position from 0.

    A volume may be the sum of columns: `Up+Down`, or `6+7`. Raises `DatasetFormatError` for a
    column that the file does not have.
    """
    sums = _summed(columns.get("volume"), names)
    chosen = {
        role: _position(role, column, names)
        for role, column in columns.items()
        if not (role == "volume" and sums)
    }
    found: Positions = {
        role: (position,) for role, position in chosen.items() if role not in ("date", "time")
    }
    if sums:
        found["volume"] = tuple(_position("volume", each, names) for each in sums)
    if "date" in chosen:
        clock = (chosen["time"],) if "time" in chosen else ()
        found["timestamp"] = (chosen["date"], *clock)
    elif "time" in chosen:
        found["timestamp"] = (chosen["time"],)
    return found


def _summed(column: str | int | None, names: Sequence[str]) -> list[str]:
    """The parts of a sum of columns; none for a single column, whose name may hold a plus."""
    if not isinstance(column, str) or "+" not in column or column in names:
        return []
    return [part.strip() for part in column.split("+")]


def _position(role: str, column: str | int, names: Sequence[str]) -> int:
    folded = [name.casefold() for name in names]
    if isinstance(column, str) and column.casefold() in folded:
        return folded.index(column.casefold())
    if str(column).isdigit() and int(column) < len(names):
        return int(column)
    raise DatasetFormatError(
        f"The column {column!r} named for {role} is not in the file. "
        f"{did_you_mean(str(column), [name for name in names if name])} A position counts from 0.",
        role=role,
        column=column,
        names=list(names),
    )


def _first(plain: Sequence[str], synonyms: Sequence[str], taken: set[int]) -> int | None:
    return next(_matches(plain, synonyms, taken), None)


def _matches(plain: Sequence[str], synonyms: Sequence[str], taken: set[int]) -> Iterator[int]:
    """Free positions whose name is a synonym, the best synonym first."""
    for synonym in synonyms:
        yield from (i for i, name in enumerate(plain) if name == synonym and i not in taken)


def _by_last_word(names: Sequence[str], synonyms: Sequence[str]) -> int | None:
    """A name such as `AAPL.Open`, `open_price_usd` or `Open (USD)`, by one of its words."""
    for position, name in enumerate(names):
        words = [plain_name(word) for word in re.split(r"[^A-Za-z]+", name) if word]
        if {"adj", "adjusted", "interest"} & set(words):
            continue
        if any(word in synonyms[:1] for word in words):
            return position
    return None


def _volume(plain: Sequence[str], rows: Rows, named: int | None) -> tuple[int, ...]:
    """The volume in units of the base; a tick volume where the real one is zero throughout, and
    the two sides of the trades where no column holds their sum."""
    if named is None:
        sides = _sides(plain, rows)
        several = [i for i, name in enumerate(plain) if name.startswith(("volume", "vol"))]
        base = [i for i in several if not plain[i].endswith(_QUOTES)]
        return sides or tuple([*base, *several][:1])
    tick = next((i for i, name in enumerate(plain) if name in ("tickvol", "tickvolume")), None)
    cells = [row[named].strip() for row in rows]
    if tick is not None and cells and all(cell in ("", "0", "0.0") for cell in cells):
        return (tick,)
    return (named,)


def _sides(plain: Sequence[str], rows: Rows) -> tuple[int, ...]:
    for one, other in _SIDES:
        if one in plain and other in plain:
            places = plain.index(one), plain.index(other)
            cells = [row[place].strip() for row in rows for place in places]
            if all(is_value(cell) for cell in cells if cell):
                return places
    return ()


def _timestamp(
    plain: Sequence[str], rows: Rows, is_timestamp: IsTimestamp, taken: set[int]
) -> tuple[int, ...] | None:
    date, time = _first(plain, _DATES, taken), _first(plain, _TIMES, taken)
    if date is not None and time is not None and rows:
        days, clocks = [row[date] for row in rows], [row[time] for row in rows]
        if is_timestamp(days) and all(_TIME.fullmatch(cell) for cell in clocks):
            return date, time
    for position in _matches(plain, _TIMESTAMPS, taken):
        if not rows or is_timestamp([row[position] for row in rows]):
            return (position,)
    free = [i for i in range(len(plain)) if rows and i not in taken]
    return next(((i,) for i in free if is_timestamp([row[i] for row in rows])), None)


def _is_digit_clock(columns: list[list[str]], start: int) -> bool:
    """True for times written as 093000 after a date of eight digits."""
    days = all(re.fullmatch(r"\s*\d{8}\s*", cell) for cell in columns[start])
    behind = columns[start + 1] if start + 1 < len(columns) else []
    return days and bool(behind) and all(re.fullmatch(r"\s*\d{4}(\d\d)?\s*", c) for c in behind)


def _encloses(columns: list[list[str]]) -> bool:
    good = numeric = 0
    for cells in zip(*columns, strict=True):
        try:
            opened, high, low, close = (_number(cell) for cell in cells)
        except ValueError:
            continue
        numeric += 1
        good += high >= max(opened, close) and low <= min(opened, close)
    return numeric >= 0.5 * len(columns[0]) and good >= 0.9 * numeric > 0


def _number(cell: str) -> float:
    text = re.sub(r"[\s$€£¥₹']", "", cell)
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    return float(text.replace(",", ""))
