"""Which symbols are coins: pairs such as BTC/USDT, BTC-USD and BTCUSDT."""

from __future__ import annotations

import re

from trading_pipeline.domain.currencies import ISO_CURRENCIES

__all__ = ["coin_quote"]

_STABLE = ("USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI")
_NAMES = """
BTC XBT ETH BNB XRP SOL ADA DOGE TRX AVAX DOT LINK MATIC POL TON SHIB LTC BCH XLM ATOM XMR ETC UNI
FIL APT NEAR ARB OP ICP HBAR VET ALGO AAVE MKR SUI INJ PEPE EOS XTZ DASH ZEC USDT USDC DAI
"""
_COINS = frozenset(_NAMES.split())
_QUOTES = frozenset({*_STABLE, "BTC", "ETH", "BNB"})


def coin_quote(symbol: str) -> str | None:
    """What a pair of coins is quoted in; None where the symbol is no such pair.

    A pair has a coin before the mark, or a coin behind it. A bare name such as BTC is none: shares
    and funds carry such names too.

    >>> [coin_quote(each) for each in ("BTC/USDT", "ETH-EUR", "SOLUSDT", "EUR/USD", "BTC", "BRK-B")]
    ['USDT', 'EUR', 'USDT', None, None, None]
    """
    name = symbol.upper().partition(":")[0]
    marked = re.fullmatch(r"([A-Z0-9]+)[/_-]([A-Z]+)", name)
    if marked is not None:
        base, quote = marked.groups()
        is_coin = quote in _QUOTES or (base in _COINS and quote in ISO_CURRENCIES)
        return quote if is_coin else None
    for quote in (*_STABLE, "USD", "EUR", "GBP"):
        base = name.removesuffix(quote)
        if base != name and base in _COINS:
            return quote
    return None
