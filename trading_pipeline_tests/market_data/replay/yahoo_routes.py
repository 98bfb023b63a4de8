"""Yahoo's chart route in replay: traded bars in, split-adjusted 32-bit answers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline_tests.market_data.replay.server import Answer, Asked, ReplayServer

CHART = "query2.finance.yahoo.com/v8/finance/chart/"
_DAYS = {"1m": 30, "5m": 60, "15m": 60, "30m": 60, "1h": 730}


@dataclass
class YahooSeries:
    """What Yahoo has of a symbol: bars as traded by their stamp (daily: the open), and its
    events."""

    bars: pd.DataFrame
    actions: Sequence[CorporateAction] = ()
    interval: str = "1d"
    zone: str = "America/New_York"
    meta: dict[str, Any] = field(default_factory=dict)
    extra_rows: list[tuple[pd.Timestamp, dict[str, float | None]]] = field(default_factory=list)


class YahooReplay:
    """Symbols by name; `now` is the moment of every answer."""

    def __init__(self, server: ReplayServer, now: datetime) -> None:
        self.now = now
        self.series: dict[tuple[str, str], YahooSeries] = {}
        server.add(CHART, self._chart)
        server.add("fc.yahoo.com/", lambda _: Answer("", 404))
        for host in ("query1", "query2"):
            server.add(f"{host}.finance.yahoo.com/v1/test/getcrumb", lambda _: Answer("crumb-8f3"))
        server.add("guce.yahoo.com/consent", lambda _: Answer("<html>no form today</html>"))

    def put(self, symbol: str, series: YahooSeries) -> None:
        """Let the symbol have that series, in place of an earlier one of its interval."""
        self.series[symbol, series.interval] = series

    def put_daily(
        self, symbol: str, bars: pd.DataFrame, actions: Sequence[CorporateAction] = ()
    ) -> None:
        """A New York stock from daily bars labelled by their date at 00:00 UTC."""
        opens = pd.DatetimeIndex(bars.index).tz_localize(None) + timedelta(hours=9, minutes=30)
        index = opens.tz_localize("America/New_York").tz_convert("UTC")
        self.put(symbol, YahooSeries(bars.set_axis(index, axis=0), actions))

    def _chart(self, asked: Asked) -> Answer:
        symbol, interval = asked.path.rsplit("/", 1)[-1], asked.params["interval"]
        if symbol not in {name for name, _ in self.series}:
            return _error(404, "Not Found", "No data found, symbol may be delisted")
        start, end = int(asked.params["period1"]), int(asked.params["period2"])
        days = _DAYS.get(interval)
        if days is not None and start < (self.now - timedelta(days=days)).timestamp():
            return _error(
                422,
                "Unprocessable Entity",
                f"{interval} data not available for startTime={start} and endTime={end}. The "
                f"requested range must be within the last {days} days.",
            )
        if interval == "1m" and end - start > 8 * 86_400:
            return _error(422, "Unprocessable Entity", "Only 8 days worth of 1m data are allowed.")
        series = self.series.get((symbol, interval)) or self.series[symbol, "1d"]
        result = _result(symbol, series, start, end, self.now, asked.params["events"])
        return Answer({"chart": {"result": [result], "error": None}})


def _result(
    symbol: str, series: YahooSeries, start: int, end: int, now: datetime, asked_events: str
) -> dict[str, Any]:
    zone = ZoneInfo(series.zone)
    end = min(end, int(now.timestamp()))
    stamps = (pd.DatetimeIndex(series.bars.index).as_unit("s").asi8).astype(np.int64)
    chosen = (stamps >= start) & (stamps < end)
    bars = series.bars.loc[chosen]
    dates = pd.DatetimeIndex(bars.index).tz_convert(series.zone).date
    past = [each for each in series.actions if each.ex_date <= now.date()]
    splits = [each for each in past if each.kind == "split"]
    factor = np.array([np.prod([s.value for s in splits if s.ex_date > day]) for day in dates])
    quote: dict[str, list[float | None]] = {
        name: _as_float32(bars[name].to_numpy() / factor)
        for name in ("open", "high", "low", "close")
    }
    quote["volume"] = [int(each) for each in np.round(bars["volume"].to_numpy() * factor)]
    times = [int(each) for each in stamps[chosen]]
    for stamp, values in series.extra_rows:
        if start <= stamp.timestamp() < end:
            times.append(int(stamp.timestamp()))
            for name, column in quote.items():
                column.append(values.get(name))
    result: dict[str, Any] = {
        "meta": {
            "symbol": symbol,
            "currency": "USD",
            "exchangeName": "NMS",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": series.zone,
            "dataGranularity": series.interval,
            "firstTradeDate": int(pd.Timestamp(series.bars.index[0]).timestamp()),
            "longName": f"{symbol} Inc.",
            **series.meta,
        },
        "indicators": {"quote": [quote if times else {}]},
    }
    if times:
        result["timestamp"] = times
    events: dict[str, dict[str, Any]] = {}
    wanted = {"splits": "splits", "dividends": "div", "capitalGains": "capitalGains"}
    for each in past:
        at = datetime(each.ex_date.year, each.ex_date.month, each.ex_date.day, 9, 30, tzinfo=zone)
        seconds = int(at.timestamp())
        if not start <= seconds < end:
            continue
        if each.kind == "split":
            entry = {"date": seconds, "numerator": each.value, "denominator": 1}
            events.setdefault("splits", {})[str(seconds)] = entry
        else:
            later = float(np.prod([s.value for s in splits if s.ex_date > each.ex_date]))
            amount = float(np.float32(each.value / later))
            group = "dividends" if each.kind == "dividend" else "capitalGains"
            events.setdefault(group, {})[str(seconds)] = {"date": seconds, "amount": amount}
    events = {name: each for name, each in events.items() if wanted[name] in asked_events}
    return result | ({"events": events} if events else {})


def _as_float32(values: Any) -> list[float | None]:
    return [None if np.isnan(each) else float(each) for each in values.astype(np.float32)]


def _error(status: int, code: str, description: str) -> Answer:
    error = {"code": code, "description": description}
    return Answer({"chart": {"result": None, "error": error}}, status)
