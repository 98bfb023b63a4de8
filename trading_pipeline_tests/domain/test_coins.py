"""Coins are known by their pairs and get the market of coins, whatever their source."""

import pytest

from trading_pipeline.domain.coins import coin_quote
from trading_pipeline.settings.universe import InstrumentSpec


@pytest.mark.parametrize(
    ("symbol", "quote"),
    [
        ("BTC/USDT", "USDT"), ("btc/usd", "USD"), ("ETH-EUR", "EUR"), ("BTCUSDT", "USDT"),
        ("SOL/BTC", "BTC"), ("NEWCOIN/USDT", "USDT"), ("BTC/USDT:USDT", "USDT"), ("XBTUSD", "USD"),
        ("EUR/USD", None), ("EURUSD", None), ("XAU/USD", None), ("BTC", None), ("SOL", None),
        ("BRK-B", None), ("AAPL", None), ("LINK", None),
    ],
)  # fmt: skip
def test_a_pair_of_coins_is_known_by_its_symbol(symbol, quote):
    assert coin_quote(symbol) == quote


@pytest.mark.parametrize("source", ["synthetic", "yahoo", "alpaca", "ccxt", "my_own"])
@pytest.mark.parametrize("symbol", ["BTC/USDT", "ETH-USD"])
def test_coins_of_any_source_trade_around_the_clock(source, symbol):
    spec = InstrumentSpec(symbol=symbol, source=source)
    assert (spec.calendar, spec.asset_class) == ("24/7", "crypto")
    assert spec.currency == coin_quote(symbol)


def test_what_is_written_stays():
    spec = InstrumentSpec(symbol="BTC/USD", source="x", calendar="XNYS", asset_class="future")
    assert (spec.calendar, spec.asset_class, spec.currency) == ("XNYS", "future", "USD")
    assert InstrumentSpec(symbol="SOL", source="x").calendar == "XNYS"
