"""The source of Alpaca: US stocks (with keys) and coins, bars as traded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import pandas as pd
from pydantic import SecretStr

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import PermanentFetchError, RangeUnavailableError
from trading_pipeline.market_data.calendars import on_grid
from trading_pipeline.market_data.sources.alpaca.answers import (
    action_values,
    bars_from_rows,
    labelled_bars,
)
from trading_pipeline.market_data.sources.alpaca.client import (
    AlpacaClients,
    load_client,
)
from trading_pipeline.market_data.sources.connection.errors import shape_error
from trading_pipeline.market_data.sources.connection.network_source import (
    ProviderConnection,
    client_version,
)
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarBatch,
    BarRequest,
    SourceCapabilities,
    require_timeframe,
    utc_now,
)
from trading_pipeline.market_data.sources.request_span import (
    actions_of_span,
    bars_of_span,
    closed_bars,
)

__all__ = ["AlpacaSource"]

Answer = TypeVar("Answer")
_UNITS = {
    Timeframe.M1: (1, "Min"),
    Timeframe.M5: (5, "Min"),
    Timeframe.M15: (15, "Min"),
    Timeframe.M30: (30, "Min"),
    Timeframe.H1: (1, "Hour"),
    Timeframe.H4: (4, "Hour"),
    Timeframe.D1: (1, "Day"),
    Timeframe.W1: (1, "Week"),
}
_CLOCK_HOURS = (Timeframe.H1, Timeframe.H4)
"""Alpaca cuts them at full hours, which the open at 9:30 is not: not for stocks."""
_PAGE_ROWS = 10_000
_REQUESTS_PER_MINUTE = 200.0
_ACTIONS = ("forward_split", "reverse_split", "stock_dividend", "cash_dividend")


@dataclass(frozen=True)
class AlpacaSource:
    """Bars and corporate actions through alpaca-py.

    `feed`: iex or sip; None lets Alpaca take the best of the account. `url_override`: another host,
    for tests.
    """

    connection: ProviderConnection = field(default_factory=ProviderConnection)
    api_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    feed: str | None = None
    url_override: str | None = None
    clock: Callable[[], datetime] = utc_now
    name: ClassVar[str] = "alpaca"

    def capabilities(self) -> SourceCapabilities:
        """All timeframes; 1h and 4h for coins only."""
        return SourceCapabilities(
            timeframes=tuple(_UNITS), page_rows=_PAGE_ROWS, gives_actions=True
        )

    def key_state(self) -> str:
        """Whether both keys are set."""
        return "has keys" if self._clients.has_keys else "has no keys, which stocks need"

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        """Closed bars of the span; of stocks those inside the trading hours.

        Raises `PermanentFetchError` for a symbol that Alpaca does not have: an unknown one looks
        like an empty window, so an empty answer is looked into.
        """
        instrument, now = request.instrument, self.clock()
        self._require_timeframe(instrument)
        frame = empty_bars()
        if request.start < now:
            frame = self._pages(instrument, request.start, min(request.end, now))
            if frame.empty:
                self._newest(instrument)  # which refuses an unknown symbol
            frame = labelled_bars(frame, instrument.timeframe, instrument.calendar)
            frame = bars_of_span(frame, request)
            index = pd.DatetimeIndex(frame.index)
            if _is_coin(instrument) and not on_grid(index, instrument.timeframe, "24/7").all():
                raise PermanentFetchError(
                    f"Alpaca's {instrument.timeframe.value} bars of {instrument.symbol} do not "
                    "begin at 00:00 UTC. Take 1h bars, and resample them where you need longer "
                    "ones.",
                    source=self.name,
                    instrument=instrument.id,
                )
            frame = closed_bars(frame, request, now)
        return BarBatch(
            frame=frame,
            price_basis="as_traded",
            fetched_at=now,
            client_version=client_version("alpaca-py"),
        )

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:
        """Splits, and dividends as they were paid, by ex-date; none for coins."""
        instrument, now = request.instrument, self.clock()
        if _is_coin(instrument):
            return []
        load_client()
        from alpaca.data.enums import CorporateActionsType
        from alpaca.data.requests import CorporateActionsRequest

        asked = CorporateActionsRequest(
            symbols=[instrument.symbol],
            types=[CorporateActionsType(kind) for kind in _ACTIONS],
            start=request.start.astimezone(UTC).date(),
            end=(request.end - timedelta(microseconds=1)).astimezone(UTC).date(),
            limit=None,
        )
        found = self._ask(
            lambda: action_values(
                self._clients.client("actions").get_corporate_actions(asked), instrument.symbol
            ),
            what=f"the corporate actions of {instrument.id}",
        )
        return actions_of_span(found, request, source=self.name, seen_at=now)

    def probe(self, exchange: str | None = None) -> str:  # noqa: ARG002 - of the protocol
        """Ask for the newest bar of AAPL, or of BTC/USD where there are no keys."""
        stock = Instrument(symbol="AAPL", timeframe=Timeframe.D1, source=self.name)
        coin = Instrument(
            symbol="BTC/USD", timeframe=Timeframe.H1, source=self.name, asset_class="crypto"
        )
        return f"answers; {self._newest(stock if self._clients.has_keys else coin)}"

    def check_instrument(self, instrument: Instrument) -> str:
        """When the instrument traded last; typed errors for an unknown symbol or timeframe."""
        self._require_timeframe(instrument)
        return self._newest(instrument)

    @cached_property
    def _clients(self) -> AlpacaClients:
        return AlpacaClients(
            self.api_key.get_secret_value() if self.api_key else None,
            self.secret_key.get_secret_value() if self.secret_key else None,
            self.connection.timeout_seconds,
            self.url_override,
        )

    def _ask(self, call: Callable[[], Answer], *, what: str) -> Answer:
        return self.connection.ask(
            self.name,
            lambda: self._clients.once(call, what=what),
            what=what,
            requests_per_minute=_REQUESTS_PER_MINUTE,
        )

    def _require_timeframe(self, instrument: Instrument) -> None:
        require_timeframe(self, instrument)
        if instrument.timeframe in _CLOCK_HOURS and not _is_coin(instrument):
            offered = ", ".join(each.value for each in _UNITS if each not in _CLOCK_HOURS)
            raise PermanentFetchError(
                f"The source 'alpaca' has {instrument.timeframe.value} bars of stocks only by the "
                f"full hour, not from the open ({instrument.id}); of stocks it has {offered}. Take "
                "30m bars, and resample them where you need longer ones.",
                source=self.name,
                instrument=instrument.id,
            )

    def _pages(self, instrument: Instrument, start: datetime, end: datetime) -> pd.DataFrame:
        """Bars page by page, from the stamp after the last one on."""
        if not instrument.timeframe.is_intraday:
            # midnight in New York lies up to five hours after the label, a week's stamp up to days
            end += timedelta(hours=6)
            start -= timedelta(days=7 if instrument.timeframe is Timeframe.W1 else 0)
        parts: list[pd.DataFrame] = []
        while start < end:
            page = self._page(instrument, start, end)
            if page.empty:
                break
            self._require_asked(page, instrument, start, end)
            parts.append(page)
            if len(page) < _PAGE_ROWS:
                break
            start = page.index[-1].to_pydatetime() + timedelta(seconds=1)
        return pd.concat(parts) if parts else empty_bars()

    def _require_asked(
        self, page: pd.DataFrame, instrument: Instrument, start: datetime, end: datetime
    ) -> None:
        """Refuse a page with bars beside its span: one that repeats, or one from elsewhere."""
        first = pd.Timestamp(start) - instrument.timeframe.length  # the bar that holds the start
        late = page.index[0] < first or page.index[-1] < pd.Timestamp(start)
        if late or page.index[-1] > pd.Timestamp(end):
            raise RangeUnavailableError(
                f"alpaca was asked for {instrument.id} from {start:%Y-%m-%d %H:%M} on and sent "
                f"bars from {page.index[0]:%Y-%m-%d %H:%M} to {page.index[-1]:%Y-%m-%d %H:%M}. "
                "Fetch again; if that does not help, set 'listed_from' or 'listed_to' of it in "
                "universe.yaml to what there is, or bring the bars as a file.",
                source=self.name,
                instrument=instrument.id,
            )

    def _page(self, instrument: Instrument, start: datetime, end: datetime) -> pd.DataFrame:
        load_client()
        from alpaca.data.enums import Adjustment, DataFeed
        from alpaca.data.requests import CryptoBarsRequest, StockBarsRequest
        from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

        amount, unit = _UNITS[instrument.timeframe]
        options: dict[str, Any] = {
            "symbol_or_symbols": instrument.symbol,
            "timeframe": TimeFrame(amount, TimeFrameUnit(unit)),
            "start": start,
            "end": end - timedelta(seconds=1),  # Alpaca's end is inclusive
            "limit": _PAGE_ROWS,
        }
        what = f"{instrument.id} from {start:%Y-%m-%d} to {end:%Y-%m-%d}"

        def call() -> pd.DataFrame:
            if _is_coin(instrument):
                answer = self._clients.client("coins").get_crypto_bars(CryptoBarsRequest(**options))
            else:
                feed = DataFeed(self.feed) if self.feed else None
                asked = StockBarsRequest(**options, adjustment=Adjustment.RAW, feed=feed)
                answer = self._clients.client("stocks").get_stock_bars(asked)
            try:
                if answer and instrument.symbol not in answer:
                    raise KeyError(f"bars of {', '.join(map(str, answer))}")
                return bars_from_rows((answer or {}).get(instrument.symbol) or [])
            except (KeyError, TypeError, ValueError) as error:
                raise shape_error(self.name, what, "bars", error) from error

        return self._ask(call, what=what)

    def _newest(self, instrument: Instrument) -> str:
        """When the newest bar of the symbol is from, in words; `PermanentFetchError` where none
        is."""
        load_client()
        from alpaca.data.enums import DataFeed
        from alpaca.data.requests import CryptoLatestBarRequest, StockLatestBarRequest

        def call() -> Any:
            symbol = instrument.symbol
            if _is_coin(instrument):
                coin = CryptoLatestBarRequest(symbol_or_symbols=symbol)
                return self._clients.client("coins").get_crypto_latest_bar(coin)
            feed = DataFeed(self.feed) if self.feed else None
            stock = StockLatestBarRequest(symbol_or_symbols=symbol, feed=feed)
            return self._clients.client("stocks").get_stock_latest_bar(stock)

        answer = self._ask(call, what=f"the newest bar of {instrument.symbol}") or {}
        bar = answer.get("bars", answer).get(instrument.symbol)
        if not bar:
            raise PermanentFetchError(
                f"alpaca has no symbol {instrument.symbol!r} ({instrument.id}). Correct it in "
                "universe.yaml; coins are spelled like BTC/USD and need 'asset_class: crypto'.",
                source=self.name,
                symbol=instrument.symbol,
            )
        return f"{instrument.symbol} traded last at {bar['t']}"


def _is_coin(instrument: Instrument) -> bool:
    return instrument.asset_class == "crypto"
