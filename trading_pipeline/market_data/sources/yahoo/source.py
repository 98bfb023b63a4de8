"""The source of Yahoo Finance: bars as traded, splits and cash paid out. No key needed.

Every request reaches to now, so that its answer holds the splits by which its prices are divided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.currencies import same_unit
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import (
    PermanentFetchError,
    RangeUnavailableError,
)
from trading_pipeline.market_data.calendars import inside_sessions
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
from trading_pipeline.market_data.sources.request_span import actions_of_span, closed_bars
from trading_pipeline.market_data.sources.yahoo.chart import (
    YahooChart,
    bars_as_traded,
    cash_as_paid,
    parse_chart,
    yahoo_symbol,
)
from trading_pipeline.market_data.sources.yahoo.session import (
    YahooSession,
    new_http_session,
)

__all__ = ["YahooSource"]

_INTERVALS = {
    Timeframe.M1: "1m",
    Timeframe.M5: "5m",
    Timeframe.M15: "15m",
    Timeframe.M30: "30m",
    Timeframe.H1: "1h",
    Timeframe.D1: "1d",
    Timeframe.W1: "1wk",
}
_HISTORY = {
    Timeframe.M1: timedelta(days=30),
    Timeframe.M5: timedelta(days=60),
    Timeframe.M15: timedelta(days=60),
    Timeframe.M30: timedelta(days=60),
    Timeframe.H1: timedelta(days=730),
}
_PAGE = {Timeframe.M1: timedelta(days=7)}
"""Longest span of one request; Yahoo refuses more than eight days of minutes."""
_LOOK_BACK = {Timeframe.D1: timedelta(days=1), Timeframe.W1: timedelta(days=8)}
"""A session's open may lie on the UTC day before its date; a week's label is not its Monday."""
_SLACK = timedelta(days=8)
"""How far a row may lie beside the asked span; a week may begin seven days before it."""
_REQUESTS_PER_MINUTE = 60.0


@dataclass(frozen=True)
class YahooSource:
    """Yahoo's chart route through yfinance.

    `http_session` makes the HTTP session for a time-out in seconds; tests give one that talks to a
    replay server. `cache`: folder of yfinance's cookies.
    """

    connection: ProviderConnection = field(default_factory=ProviderConnection)
    cache: Path | None = None
    http_session: Callable[[float], Any] = new_http_session
    clock: Callable[[], datetime] = utc_now
    name: ClassVar[str] = "yahoo"

    def capabilities(self) -> SourceCapabilities:
        """Minutes to weeks, without 4h; minutes go back 30 days, up to half an hour 60, hours
        730."""
        return SourceCapabilities(
            timeframes=tuple(_INTERVALS), history_limits=_HISTORY, gives_actions=True
        )

    def key_state(self) -> str:
        """Yahoo takes no key."""
        return "needs no key"

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        """Closed bars of the span as traded.

        Raises `RangeUnavailableError` for a span that begins before what Yahoo keeps.
        """
        require_timeframe(self, request.instrument)
        instrument, timeframe = request.instrument, request.instrument.timeframe
        now = self.clock()
        self._require_range(request, now)
        frame = empty_bars()
        if request.start < now:
            charts = self._charts(instrument, request.start, now)
            splits = sorted({split for chart in charts for split in chart.splits})
            for chart in charts:
                _require_granularity(chart, instrument)
                _require_unit(chart, instrument)
            parts = [
                bars_as_traded(chart, splits, timeframe, instrument.calendar) for chart in charts
            ]
            frame = pd.concat([part for part in parts if len(part)] or [frame])
            frame = frame.loc[~frame.index.duplicated(keep="last")].sort_index()
            if timeframe.is_intraday:  # on early closes Yahoo adds rows of the time after
                frame = frame.loc[inside_sessions(frame.index, instrument.calendar)]
            frame = closed_bars(frame, request, now)
        return BarBatch(
            frame=frame,
            price_basis="as_traded",
            fetched_at=now,
            client_version=client_version("yfinance"),
        )

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:
        """Splits, and dividends and capital gains as they were paid, by ex-date."""
        now, instrument = self.clock(), request.instrument
        if request.start >= now:
            return []
        daily = Timeframe.D1
        chart = self._chart(instrument, daily, request.start - _LOOK_BACK[daily], now)
        found = actions_of_span(
            (
                *(("split", *each) for each in chart.splits),
                *cash_as_paid(chart),
            ),
            request,
            source=self.name,
            seen_at=now,
        )
        return sorted(found, key=lambda each: (each.ex_date, each.kind != "split"))

    def probe(self, exchange: str | None = None) -> str:  # noqa: ARG002 - of the protocol
        """Ask for the last days of AAPL."""
        apple = Instrument(symbol="AAPL", timeframe=Timeframe.D1, source=self.name)
        return f"answers; {self._described(apple)}"

    def check_instrument(self, instrument: Instrument) -> str:
        """What Yahoo says of the instrument; typed errors for an unknown symbol or timeframe."""
        require_timeframe(self, instrument)
        return self._described(instrument)

    def _described(self, instrument: Instrument) -> str:
        now = self.clock()
        chart = self._chart(instrument, Timeframe.D1, now - timedelta(days=7), now)
        _require_unit(chart, instrument)
        meta = chart.meta
        name = meta.get("longName") or meta.get("shortName") or meta.get("symbol")
        traded = meta.get("firstTradeDate")
        since = f", since {datetime.fromtimestamp(traded, UTC):%Y-%m-%d}" if traded else ""
        place, currency = meta.get("exchangeName"), meta.get("currency")
        return f"{instrument.symbol} is {name} ({place}, {currency}{since})"

    def _require_range(self, request: BarRequest, now: datetime) -> None:
        limit = _HISTORY.get(request.instrument.timeframe)
        if limit is not None and request.start < now - limit:
            first = (now - limit + timedelta(days=1)).date()
            raise RangeUnavailableError(
                f"yahoo keeps {request.instrument.timeframe.value} bars for {limit.days} days, but "
                f"{request.instrument.id} was asked for from {request.start:%Y-%m-%d}. Set "
                f"'listed_from: {first}' of the instrument in universe.yaml, take a longer "
                "timeframe, or bring the older bars as a file.",
                source=self.name,
                instrument=request.instrument.id,
                available_from=first,
            )

    def _charts(self, instrument: Instrument, start: datetime, now: datetime) -> list[YahooChart]:
        timeframe = instrument.timeframe
        start -= _LOOK_BACK.get(timeframe, timedelta(0))
        length = _PAGE.get(timeframe, now - start)
        charts = []
        while start < now:
            end = min(start + length, now)
            charts.append(self._chart(instrument, timeframe, start, end))
            start = end
        return charts

    def _chart(
        self, instrument: Instrument, timeframe: Timeframe, start: datetime, end: datetime
    ) -> YahooChart:
        what = f"{instrument.id} from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
        params: Mapping[str, Any] = {
            "period1": int(start.timestamp()),
            "period2": int(end.timestamp()) + 1,
            "interval": _INTERVALS[timeframe],
            "includePrePost": "false",
            "events": "div,splits,capitalGains",
        }
        session = YahooSession(self.connection.timeout_seconds, self.http_session, self.cache)
        symbol = yahoo_symbol(instrument.symbol, instrument.asset_class)

        def once() -> YahooChart:
            result = session.chart(symbol, params, what=what)
            try:
                chart = parse_chart(result)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                raise shape_error(self.name, what, "a chart", error) from error
            _require_asked(chart, instrument, symbol, start, end)
            return chart

        return self.connection.ask(
            self.name, once, what=what, requests_per_minute=_REQUESTS_PER_MINUTE
        )


def _require_asked(
    chart: YahooChart, instrument: Instrument, symbol: str, start: datetime, end: datetime
) -> None:
    """Refuse a chart of another symbol, or of another span than asked for.

    One row beside the span is Yahoo's running price; rows of a day or a week may begin before it.
    """
    given = chart.meta.get("symbol")
    if isinstance(given, str) and given and _plain(given) != _plain(symbol):
        raise PermanentFetchError(
            f"yahoo was asked for {symbol} ({instrument.id}) and answered with {given}. If it is "
            "the same instrument under a new name, set 'symbol' of it in universe.yaml to that.",
            source="yahoo",
            instrument=instrument.id,
            symbol=given,
        )
    index = pd.DatetimeIndex(chart.bars.index)
    beside = (index < pd.Timestamp(start) - _SLACK) | (index > pd.Timestamp(end) + _SLACK)
    if beside.sum() > 1:
        raise RangeUnavailableError(
            f"yahoo was asked for {instrument.id} from {start:%Y-%m-%d %H:%M} to "
            f"{end:%Y-%m-%d %H:%M} and sent bars from {index[0]:%Y-%m-%d %H:%M} to "
            f"{index[-1]:%Y-%m-%d %H:%M}. Fetch again; if that does not help, set 'listed_from' or "
            "'listed_to' of it in universe.yaml to what there is, or bring the bars as a file.",
            source="yahoo",
            instrument=instrument.id,
        )


def _plain(symbol: str) -> str:
    """A spelling by which Yahoo's own names of one symbol are equal (`USDJPY=X` is `JPY=X`)."""
    upper = symbol.upper()
    return upper.removeprefix("USD") if upper.endswith("=X") else upper


def _require_granularity(chart: YahooChart, instrument: Instrument) -> None:
    """Refuse bars of another length: Yahoo is known to answer 30m with bars of an hour."""
    asked = _INTERVALS[instrument.timeframe]
    given = str(chart.meta.get("dataGranularity") or asked)
    if len(chart.bars) and given.replace("60m", "1h") != asked:
        raise PermanentFetchError(
            f"yahoo answered with {given} bars where {asked} was asked for ({instrument.id}). Take "
            "another timeframe, and resample it where you need this one.",
            source="yahoo",
            instrument=instrument.id,
        )


def _require_unit(chart: YahooChart, instrument: Instrument) -> None:
    """Refuse prices in another unit than the instrument's, such as pence for pounds."""
    given = chart.meta.get("currency")
    if not isinstance(given, str) or not given or instrument.currency == "XXX":
        return
    if not same_unit(given, instrument.currency):
        raise PermanentFetchError(
            f"yahoo gives the prices of {instrument.symbol} in {given}, but {instrument.id} is in "
            f"{instrument.currency}. Set 'currency: {given}' of it in universe.yaml (--currency "
            f"{given} of 'universe add'); nothing is converted.",
            source="yahoo",
            instrument=instrument.id,
            currency=given,
        )
