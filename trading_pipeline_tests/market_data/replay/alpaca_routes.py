"""Alpaca's routes in replay: raw bars in pages with tokens, newest bars, actions.

Days are stamped with midnight in New York, minutes come from before and after the session too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline_tests.market_data.replay.server import Answer, Asked, ReplayServer

HOST = "data.alpaca.markets"
BARS, LATEST = f"{HOST}/v2/stocks/bars", f"{HOST}/v2/stocks/bars/latest"
CORPORATE = f"{HOST}/v1/corporate-actions"
COIN_BARS, COIN_LATEST = f"{HOST}/v1beta3/crypto/us/bars", f"{HOST}/v1beta3/crypto/us/latest/bars"
KEYS = ("key-of-the-test", "secret-of-the-test")


class AlpacaReplay:
    """Symbols by name and Alpaca's timeframe (1Day, 5Min); stocks want the right keys."""

    def __init__(self, server: ReplayServer, now: datetime) -> None:
        self.now = now
        self.url = f"{server.url}/{HOST}"
        self.page_rows = 10_000
        self.bars: dict[tuple[str, str], pd.DataFrame] = {}
        self.actions: dict[str, Sequence[CorporateAction]] = {}
        server.add(BARS, self._bars)
        server.add(COIN_BARS, self._bars)
        server.add(LATEST, self._latest)
        server.add(COIN_LATEST, self._latest)
        server.add(CORPORATE, self._corporate)

    def put(self, symbol: str, timeframe: str, bars: pd.DataFrame) -> None:
        """Let a symbol have these bars, stamped as Alpaca stamps them."""
        self.bars[symbol, timeframe] = bars

    def put_daily(
        self, symbol: str, bars: pd.DataFrame, actions: Sequence[CorporateAction] = ()
    ) -> None:
        """A stock from daily bars labelled by their date at 00:00 UTC."""
        dates = pd.DatetimeIndex(bars.index).tz_localize(None)
        index = dates.tz_localize("America/New_York").tz_convert("UTC")
        self.put(symbol, "1Day", bars.set_axis(index, axis=0))
        self.actions[symbol] = actions

    def _bars(self, asked: Asked) -> Answer:
        if _is_stock(asked) and not _has_keys(asked):
            return Answer({"message": "forbidden."}, 403)
        symbol = asked.params["symbols"]
        if _is_stock(asked) and asked.params.get("adjustment") != "raw":
            return Answer({"message": "the replay knows raw bars only"}, 400)
        start, end = (_moment(asked.params[name]) for name in ("start", "end"))
        rows: list[dict[str, Any]] = []
        bars = self.bars.get((symbol, asked.params["timeframe"]))
        if bars is not None:
            index = pd.DatetimeIndex(bars.index)
            inside = (index >= start) & (index <= min(end, pd.Timestamp(self.now)))
            rows = _rows(bars.loc[inside])
        first = int(asked.params.get("page_token") or 0)
        last = first + min(int(asked.params.get("limit", 1000)), self.page_rows)
        token = str(last) if last < len(rows) else None
        page = {symbol: rows[first:last]} if rows else {}
        return Answer({"bars": page, "next_page_token": token})

    def _latest(self, asked: Asked) -> Answer:
        if _is_stock(asked) and not _has_keys(asked):
            return Answer({"message": "forbidden."}, 403)
        symbol = asked.params["symbols"]
        known = [bars for (name, _), bars in self.bars.items() if name == symbol and len(bars)]
        return Answer({"bars": {symbol: _rows(known[0])[-1]} if known else {}})

    def _corporate(self, asked: Asked) -> Answer:
        if not _has_keys(asked):
            return Answer({"message": "forbidden."}, 403)
        symbol, found = asked.params["symbols"], {}
        for each in self.actions.get(symbol, ()):
            if not asked.params["start"] <= str(each.ex_date) <= asked.params["end"]:
                continue
            entry = {"symbol": symbol, "ex_date": str(each.ex_date)}
            if each.kind == "split":
                kind = "forward_splits" if each.value > 1 else "reverse_splits"
                entry |= {"new_rate": each.value, "old_rate": 1}
            else:
                kind, entry = "cash_dividends", entry | {"rate": each.value, "special": False}
            found.setdefault(kind, []).append(entry)
        return Answer({"corporate_actions": found, "next_page_token": None})


def _is_stock(asked: Asked) -> bool:
    return "/stocks/" in asked.path


def _has_keys(asked: Asked) -> bool:
    given = {name.lower(): value for name, value in asked.headers.items()}
    return (given.get("apca-api-key-id"), given.get("apca-api-secret-key")) == KEYS


def _rows(bars: pd.DataFrame) -> list[dict[str, Any]]:
    columns = dict(zip(("open", "high", "low", "close", "volume"), "ohlcv", strict=True))
    values = bars.rename(columns=columns)[list("ohlcv")].to_dict("records")
    stamps = [stamp.strftime("%Y-%m-%dT%H:%M:%SZ") for stamp in bars.index]
    return [{"t": t, **row, "n": 10, "vw": row["c"]} for t, row in zip(stamps, values, strict=True)]


def _moment(text: str) -> pd.Timestamp:
    stamp = pd.Timestamp(text)
    return stamp if stamp.tzinfo else stamp.tz_localize("UTC")
