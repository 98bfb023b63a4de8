"""Currency codes: ISO 4217 codes in use, and the coins that prices are quoted in."""

from __future__ import annotations

from collections.abc import Mapping

from trading_pipeline.errors import UnknownNameError, did_you_mean

__all__ = [
    "COINS",
    "ISO_CURRENCIES",
    "MINOR_UNITS",
    "MINOR_UNITS_A_CURRENCY",
    "major_currency",
    "require_currency",
    "same_unit",
]

_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN
BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD
FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY
KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP
MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR
RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XAG XAU XCD XOF XPD XPF
XPT XXX YER ZAR ZMW ZWG
"""
ISO_CURRENCIES = frozenset(_CODES.split())
"""Alphabetic codes of ISO 4217; `XXX` means no currency."""
COINS = frozenset({"BTC", "ETH", "BNB", "USDT", "USDC", "DAI"})
"""Coins in which crypto exchanges quote prices, besides currencies."""


MINOR_UNITS: Mapping[str, str] = {
    "GBp": "GBP",
    "GBX": "GBP",
    "ZAc": "ZAR",
    "ZAC": "ZAR",
    "ILA": "ILS",
    "USX": "USD",
}
"""Units of which 100 make a currency, as exchanges and vendors name them: pence of London (GBp and
GBX are the same), cents of Johannesburg, agorot of Tel Aviv, cents of US futures. They are units of
their own: an instrument may trade in them, and a file's prices may be divided into the currency."""
MINOR_UNITS_A_CURRENCY = 100.0


def major_currency(code: str) -> str:
    """The currency of a minor unit; other codes stay.

    >>> major_currency("GBX"), major_currency("USD")
    ('GBP', 'USD')
    """
    return MINOR_UNITS.get(code, code)


def same_unit(one: str, other: str) -> bool:
    """True for two names of one unit; a minor unit is never the same as its currency.

    >>> same_unit("GBp", "GBX"), same_unit("GBp", "GBP")
    (True, False)
    """
    both_minor = one in MINOR_UNITS and other in MINOR_UNITS
    return one == other or (both_minor and MINOR_UNITS[one] == MINOR_UNITS[other])


def require_currency(code: str) -> str:
    """The code itself if it is a currency, a minor unit or a coin; `UnknownNameError` offers close
    ones if not.

    >>> require_currency("INR")
    'INR'
    """
    known = ISO_CURRENCIES | COINS | set(MINOR_UNITS)
    if code not in known:
        raise UnknownNameError(
            f"There is no currency {code!r}. {did_you_mean(code, sorted(known))} Give a code of "
            "ISO 4217, such as USD, or a unit of prices such as GBp (pence).",
            name=code,
            kind="currency",
        )
    return code
