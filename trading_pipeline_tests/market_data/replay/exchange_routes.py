"""The public routes of Kraken and Binance in replay: markets and bars.

Kraken gives its newest 720 bars whatever is asked; Binance at most 1000 from the start on. Both
hold the bar that still forms at `now`, and none for an interval without a trade.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from trading_pipeline_tests.market_data.replay.server import Answer, Asked, ReplayServer

KRAKEN, BINANCE = "api.kraken.com/0/public/", "api.binance.com/api/v3/"
OHLC, KLINES = f"{KRAKEN}OHLC", f"{BINANCE}klines"
_LENGTHS = {
    **{"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14_400},
    **{"1d": 86_400, "1w": 604_800},
}


class ExchangeReplay:
    """BTC/USDT and ETH/USDT on both; `bars[pair, timeframe]` with an aware UTC index of opens."""

    def __init__(self, server: ReplayServer, now: datetime) -> None:
        self.now = now
        self.bars: dict[tuple[str, str], pd.DataFrame] = {}
        self.page_rows = 1000
        self.kraken_rows = 720
        server.add(f"{KRAKEN}AssetPairs", lambda _: Answer(_kraken_pairs()))
        server.add(f"{KRAKEN}Assets", lambda _: Answer(_kraken_assets()))
        server.add(OHLC, self._ohlc)
        server.add(f"{BINANCE}exchangeInfo", lambda _: Answer(_binance_info()))
        server.add(KLINES, self._klines)
        for host in ("fapi.binance.com/fapi/v1", "dapi.binance.com/dapi/v1"):
            server.add(f"{host}/exchangeInfo", lambda _: Answer({"symbols": []}))

    def put(self, symbol: str, timeframe: str, bars: pd.DataFrame) -> None:
        """Let a pair such as BTC/USDT have these bars on both exchanges."""
        self.bars[symbol.replace("/", ""), timeframe] = bars

    def _visible(self, pair: str, timeframe: str) -> pd.DataFrame:
        bars = self.bars.get((pair, timeframe))
        if bars is None:
            return pd.DataFrame(columns=["open", "high", "low", "close", "volume"])
        return bars.loc[bars.index <= pd.Timestamp(self.now)]

    def _ohlc(self, asked: Asked) -> Answer:
        pair, seconds = asked.params["pair"], int(asked.params["interval"]) * 60
        pair = pair.replace("XBT", "BTC")
        timeframe = next(name for name, length in _LENGTHS.items() if length == seconds)
        bars = self._visible(pair, timeframe).tail(self.kraken_rows)
        since = int(asked.params.get("since", 0))
        rows = [
            [stamp, *map(str, values[:4]), "0", str(values[4]), 7]
            for stamp, values in _numbers(bars)
            if stamp > since
        ]
        return Answer({"error": [], "result": {asked.params["pair"]: rows, "last": 0}})

    def _klines(self, asked: Asked) -> Answer:
        length = timedelta(seconds=_LENGTHS[asked.params["interval"]])
        start = int(asked.params.get("startTime", 0)) // 1000
        limit = min(int(asked.params.get("limit", 500)), self.page_rows)
        rows: list[list[Any]] = []
        for stamp, values in _numbers(
            self._visible(asked.params["symbol"], asked.params["interval"])
        ):
            if stamp >= start and len(rows) < limit:
                end = stamp * 1000 + int(length.total_seconds() * 1000) - 1
                rows.append([stamp * 1000, *map(str, values), end, "0", 7, "0", "0", "0"])
        return Answer(rows)


def _numbers(bars: pd.DataFrame) -> list[tuple[int, list[float]]]:
    stamps = [int(stamp.timestamp()) for stamp in bars.index]
    return list(zip(stamps, bars.to_numpy().tolist(), strict=True))


def _kraken_pairs() -> dict[str, Any]:
    def pair(base: str, name: str) -> dict[str, Any]:
        return {
            "altname": f"{base}USDT",
            "wsname": f"{base}/USDT",
            "aclass_base": "currency",
            "base": name,
            "aclass_quote": "currency",
            "quote": "USDT",
            "pair_decimals": 1,
            "cost_decimals": 5,
            "lot_decimals": 8,
            "lot_multiplier": 1,
            "leverage_buy": [],
            "leverage_sell": [],
            "fees": [[0, 0.4]],
            "fees_maker": [[0, 0.25]],
            "fee_volume_currency": "ZUSD",
            "margin_call": 80,
            "margin_stop": 40,
            "ordermin": "0.0001",
            "costmin": "0.5",
            "tick_size": "0.1",
            "status": "online",
        }

    return {
        "error": [],
        "result": {"XBTUSDT": pair("XBT", "XXBT"), "ETHUSDT": pair("ETH", "XETH")},
    }


def _kraken_assets() -> dict[str, Any]:
    def asset(name: str) -> dict[str, Any]:
        return {
            "aclass": "currency",
            "altname": name,
            "decimals": 8,
            "display_decimals": 5,
            "status": "enabled",
        }

    names = {"XXBT": "XBT", "XETH": "ETH", "USDT": "USDT"}
    return {"error": [], "result": {key: asset(name) for key, name in names.items()}}


def _binance_info() -> dict[str, Any]:
    def market(base: str) -> dict[str, Any]:
        return {
            "symbol": f"{base}USDT",
            "status": "TRADING",
            "baseAsset": base,
            "baseAssetPrecision": 8,
            "quoteAsset": "USDT",
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": "0.01",
                    "maxPrice": "1000000",
                    "tickSize": "0.01",
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": "0.00001",
                    "maxQty": "9000",
                    "stepSize": "0.00001",
                },
            ],
            "permissions": ["SPOT"],
            "permissionSets": [["SPOT"]],
        }

    return {"timezone": "UTC", "serverTime": 0, "symbols": [market("BTC"), market("ETH")]}
