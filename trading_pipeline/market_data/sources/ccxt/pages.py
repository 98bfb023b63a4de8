"""Whether a page of an exchange is the one that was asked for.

ccxt leaves out rows before the asked stamp, so a page from elsewhere looks like a short one, and
one that repeats like the end. What the exchange sent tells them apart.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import PermanentFetchError, RangeUnavailableError
from trading_pipeline.market_data.sources.ccxt.exchange import BarPage, CcxtExchange

__all__ = ["require_asked_page", "require_nothing_newer"]

_LATE_BARS = 6
"""A page that begins later than this after the asked stamp is looked into."""
_PROBED_ROW = 3
_SURE_ROWS = 20
"""Steps that must all be those of another timeframe before a page counts as one of it."""
_DAY = 86_400_000


def require_asked_page(
    rows: list[list[Any]], exchange: CcxtExchange, instrument: Instrument, since: int, limit: int
) -> None:
    """Refuse a page of another place or timeframe.

    `rows` are the page's from `since` (milliseconds) on. A page that begins late may be the listing
    or a halt: then the exchange begins where it is asked for one of the rows, and gives the same
    first row when it is asked again. Raises `RangeUnavailableError` where it does not, and
    `PermanentFetchError` for bars of another length.
    """
    length = _milliseconds(instrument)
    stamps = np.array([int(row[0]) for row in rows], dtype=np.int64)
    _require_length(stamps, exchange, instrument, length)
    if stamps[0] - since <= _LATE_BARS * length:
        return
    if len(stamps) > 2:
        asked = int(stamps[min(_PROBED_ROW, len(stamps) - 1)])
        page = exchange.bars(instrument, asked, limit)
        begins = min((int(row[0]) for row in page.rows), default=None)
        if begins != asked or (page.first is not None and page.first < asked - length):
            raise _elsewhere(exchange, instrument, since, int(stamps[0]))
    again = exchange.bars(instrument, since, limit)
    if any(since <= int(row[0]) < stamps[0] for row in again.rows):
        raise _elsewhere(exchange, instrument, since, int(stamps[0]))


def require_nothing_newer(
    page: BarPage, exchange: CcxtExchange, instrument: Instrument, since: int, now: int
) -> None:
    """Refuse a page of old bars only, unless they are the newest that there can be."""
    if page.last is None or page.first is None:
        return
    if page.last < now - max(2 * _milliseconds(instrument), _DAY):
        raise _elsewhere(exchange, instrument, since, page.first)


def _require_length(
    stamps: Any, exchange: CcxtExchange, instrument: Instrument, length: int
) -> None:
    steps = np.diff(stamps)
    if not len(steps):
        return
    shortest = int(steps.min())
    known = {int(each.length.total_seconds() * 1000) for each in Timeframe}
    longer = len(steps) >= _SURE_ROWS and shortest > length and bool((steps == shortest).all())
    if shortest < length or (longer and shortest in known):
        raise PermanentFetchError(
            f"{exchange.name} answered with bars {shortest / 60_000:g} minutes apart where "
            f"{instrument.timeframe.value} was asked for ({instrument.id}). Take another timeframe "
            "or exchange, and resample where you need this one.",
            source="ccxt",
            exchange=exchange.name,
            instrument=instrument.id,
        )


def _elsewhere(
    exchange: CcxtExchange, instrument: Instrument, since: int, first: int
) -> RangeUnavailableError:
    asked, given = (datetime.fromtimestamp(each / 1000, UTC) for each in (since, first))
    return RangeUnavailableError(
        f"{exchange.name} was asked for {instrument.timeframe.value} bars of {instrument.symbol} "
        f"from {asked:%Y-%m-%d %H:%M} on and sent a page from {given:%Y-%m-%d %H:%M} on: it does "
        "not give bars from where they are asked for. Fetch again; if that does not help, set "
        f"'listed_from' or 'listed_to' of {instrument.id} in universe.yaml to what it has, take "
        "another exchange, or bring the bars as a file.",
        source="ccxt",
        exchange=exchange.name,
        instrument=instrument.id,
        asked_from=asked,
        given_from=given,
    )


def _milliseconds(instrument: Instrument) -> int:
    return int(instrument.timeframe.length.total_seconds() * 1000)
