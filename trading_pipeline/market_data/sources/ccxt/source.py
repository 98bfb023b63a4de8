"""The source of crypto exchanges, through ccxt: any exchange, no key for bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars import BAR_COLUMNS, TS_DTYPE, empty_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import (
    ConfigurationError,
    PermanentFetchError,
    RangeUnavailableError,
    RetryableFetchError,
)
from trading_pipeline.market_data.calendars import on_grid
from trading_pipeline.market_data.sources.ccxt.exchange import MARKETS, CcxtExchange, exchange_names
from trading_pipeline.market_data.sources.ccxt.pages import (
    require_asked_page,
    require_nothing_newer,
)
from trading_pipeline.market_data.sources.connection.network_source import (
    ProviderConnection,
    client_version,
)
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarBatch,
    BarRequest,
    SourceCapabilities,
    utc_now,
)
from trading_pipeline.market_data.sources.request_span import bars_of_span, closed_bars
from trading_pipeline.settings.environment import ExchangeKeys

__all__ = ["CcxtSource"]

_PROBED = "kraken"


@dataclass(frozen=True)
class CcxtSource:
    """Bars of an instrument from the exchange that its line in the universe names.

    `keys`: by exchange, and sent to that one alone. `prepare` gets each client of ccxt before its
    first request; tests point it at a replay server.
    """

    connection: ProviderConnection = field(default_factory=ProviderConnection)
    keys: Mapping[str, ExchangeKeys] = field(default_factory=dict)
    prepare: Callable[[Any], None] | None = None
    clock: Callable[[], datetime] = utc_now
    name: ClassVar[str] = "ccxt"
    _exchanges: dict[tuple[str, bool], CcxtExchange] = field(
        default_factory=dict, repr=False, compare=False
    )

    def capabilities(self) -> SourceCapabilities:
        """All timeframes; an exchange that lacks one says so when it is asked."""
        return SourceCapabilities(timeframes=tuple(Timeframe))

    def key_state(self) -> str:
        """For which exchanges there are keys; a name that is no exchange could be a key itself."""
        known = sorted(set(self.keys) & set(exchange_names()))
        unknown = len(self.keys) - len(known)
        named = [*known, *([f"{unknown} unknown exchange(s)"] if unknown else [])]
        return f"keys for {', '.join(named)}" if named else "needs no key for bars, and has none"

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        """Closed bars of the span, page by page.

        Intervals without a trade have no bar on several exchanges. Raises `RangeUnavailableError`
        where the exchange gives only newer bars than those asked for.
        """
        exchange, instrument = self._exchange_of(request.instrument), request.instrument
        now = self.clock()
        frame = empty_bars()
        if request.start < now:
            exchange.require_market(instrument)
            rows = self._pages(exchange, request, now)
            frame = bars_of_span(_frame(rows, exchange, instrument), request)
            self._require_grid(exchange, instrument, frame)
            frame = closed_bars(frame, request, now)
        return BarBatch(
            frame=frame,
            price_basis="as_traded",
            fetched_at=now,
            client_version=client_version("ccxt"),
        )

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:  # noqa: ARG002
        """None: coins have neither splits nor dividends."""
        return []

    def probe(self, exchange: str | None = None) -> str:
        """Ask an exchange (Kraken where none is named) for its list of markets."""
        asked = self._exchange(exchange or _PROBED)
        asked.ask(lambda: asked.client.load_markets(True), what=MARKETS)
        return f"{asked.name} answers with {len(asked.client.markets)} markets"

    def check_instrument(self, instrument: Instrument) -> str:
        """What the exchange has of the instrument; typed errors for an unknown one."""
        exchange = self._exchange_of(instrument)
        market = exchange.require_market(instrument)
        kind = market.get("type") or "market"
        state = "" if market.get("active", True) is not False else ", no longer traded"
        return f"{instrument.symbol} is a {kind} market of {exchange.name}{state}"

    def _exchange_of(self, instrument: Instrument) -> CcxtExchange:
        if not instrument.exchange:
            raise ConfigurationError(
                f"The instrument {instrument.id} of the source 'ccxt' names no exchange. Add "
                "'exchange: kraken' (or another one) to its line in universe.yaml.",
                instrument=instrument.id,
            )
        return self._exchange(instrument.exchange, derivatives=":" in instrument.symbol)

    def _exchange(self, name: str, *, derivatives: bool = False) -> CcxtExchange:
        wanted = (name, derivatives)
        if wanted not in self._exchanges:
            self._exchanges[wanted] = CcxtExchange(
                name,
                self.connection,
                self.keys.get(name),
                derivatives=derivatives,
                prepare=self.prepare,
            )
        return self._exchanges[wanted]

    def _pages(self, exchange: CcxtExchange, request: BarRequest, now: datetime) -> list[list[Any]]:
        """Rows from the start until the end, an empty page, or one that brings nothing new."""
        instrument = request.instrument
        length = _milliseconds(instrument.timeframe.length)
        since, end = _epoch(request.start), _epoch(min(request.end, now))
        limit = exchange.page_rows(instrument.symbol)
        rows: list[list[Any]] = []
        last = since - 1
        while since < end:
            page = exchange.bars(instrument, since, limit)
            fresh = [row for row in page.rows if row and row[0] is not None and row[0] > last]
            if not fresh:
                require_nothing_newer(page, exchange, instrument, since, _epoch(now))
                break
            if not rows:
                self._require_reached(exchange, request, fresh, limit, now)
            require_asked_page(fresh, exchange, instrument, since, limit)
            rows.extend(fresh)
            last = int(fresh[-1][0])
            since = last + length
        return rows

    def _require_reached(
        self,
        exchange: CcxtExchange,
        request: BarRequest,
        page: list[list[Any]],
        limit: int,
        now: datetime,
    ) -> None:
        """Refuse the newest bars where older ones were asked for.

        A first page that begins late is the listing of the market, unless it is full and ends now:
        then the exchange gives its newest bars whatever is asked, as Kraken does with 720.
        """
        instrument, length = request.instrument, request.instrument.timeframe.length
        first, last = _moment(page[0][0]), _moment(page[-1][0])
        capped = len(page) >= limit and last >= now - 2 * length and first >= request.start + length
        if not capped and first < request.end:
            return
        why = (
            f"it gives only its newest {limit}" if capped else "the market has none before that day"
        )
        begin = first + timedelta(days=1) if capped else first
        raise RangeUnavailableError(
            f"{exchange.name} has {instrument.timeframe.value} bars of {instrument.symbol} only "
            f"from {first:%Y-%m-%d %H:%M} on ({why}), but they were asked for from "
            f"{request.start:%Y-%m-%d}. Set 'listed_from: {begin:%Y-%m-%d}' of {instrument.id} in "
            "universe.yaml, take another exchange or a longer timeframe, or bring the older bars "
            "as a file.",
            source=self.name,
            exchange=exchange.name,
            instrument=instrument.id,
            available_from=first,
        )

    def _require_grid(
        self, exchange: CcxtExchange, instrument: Instrument, frame: pd.DataFrame
    ) -> None:
        grid = on_grid(pd.DatetimeIndex(frame.index), instrument.timeframe, instrument.calendar)
        if instrument.timeframe is Timeframe.W1 and not grid.all():
            raise PermanentFetchError(
                f"The weeks of {exchange.name} do not begin on Monday, as those of this project do "
                f"({instrument.id}). Take 1d bars, and resample them where you need weeks.",
                source=self.name,
                exchange=exchange.name,
                instrument=instrument.id,
            )


def _frame(rows: list[list[Any]], exchange: CcxtExchange, instrument: Instrument) -> pd.DataFrame:
    if not rows:
        return empty_bars()
    try:
        values = np.array([row[1:6] for row in rows], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise RetryableFetchError(
            f"{exchange.provider} answered {instrument.id} with rows that are not numbers: "
            f"{error}.",
            source="ccxt",
            exchange=exchange.name,
        ) from error
    if np.isnan(values).all(axis=1).any():
        raise RetryableFetchError(
            f"{exchange.provider} answered {instrument.id} with rows without prices.",
            source="ccxt",
            exchange=exchange.name,
        )
    stamps = pd.to_datetime([int(row[0]) for row in rows], unit="ms", utc=True)
    index = pd.DatetimeIndex(stamps).astype(TS_DTYPE).rename("ts")
    return pd.DataFrame(values, index=index, columns=list(BAR_COLUMNS)).sort_index()


def _milliseconds(length: timedelta) -> int:
    return int(length.total_seconds() * 1000)


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
