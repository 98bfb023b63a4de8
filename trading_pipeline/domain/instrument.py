"""An instrument: one series of bars, symbol and timeframe together."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import date

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, did_you_mean

__all__ = ["INSTRUMENT_SEPARATOR", "Instrument", "instrument_id"]

INSTRUMENT_SEPARATOR = ", "
"""Stands between ids where one text names all instruments of a portfolio."""

_ALLOWED = re.compile(r"[A-Za-z0-9.-]+")


def instrument_id(symbol: str, timeframe: Timeframe | str) -> str:
    """Id of a series; `/` and `:` of the symbol become `-`.

    Raises `ConfigurationError` for a symbol with any other character outside `[A-Za-z0-9.-]`, and
    for an unknown timeframe.

    >>> instrument_id("BTC/USDT", "1h")
    'BTC-USDT_1h'
    """
    safe = symbol.replace("/", "-").replace(":", "-")
    if not _ALLOWED.fullmatch(safe):
        raise ConfigurationError(
            f"The symbol {symbol!r} has characters that an instrument id cannot hold. Use letters, "
            "digits, '.', '-', '/' and ':' only.",
            symbol=symbol,
        )
    known = [known_timeframe.value for known_timeframe in Timeframe]
    if timeframe not in known:
        raise ConfigurationError(
            f"There is no timeframe {timeframe!r}. {did_you_mean(str(timeframe), known)}",
            timeframe=timeframe,
        )
    return f"{safe}_{Timeframe(timeframe).value}"


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """One series of bars and what is needed to fetch, check and trade it.

    `multiplier`: account currency per point and contract. `lot_size` and `tick_size`: smallest
    steps of quantity and price; None if any value is allowed. `listed_from`, `listed_to`: first and
    last day on which bars can exist; None if unknown. `resample_from`: the finer timeframe that is
    fetched and resampled to `timeframe`; None if the source offers `timeframe` itself.

    >>> Instrument(symbol="AAPL", timeframe=Timeframe.D1, source="bundled").id
    'AAPL_1d'
    """

    symbol: str
    timeframe: Timeframe
    source: str
    calendar: str = "XNYS"
    asset_class: str = "equity"
    currency: str = "USD"
    exchange: str | None = None
    multiplier: float = 1.0
    tick_size: float | None = None
    lot_size: float | None = None
    listed_from: date | None = None
    listed_to: date | None = None
    resample_from: Timeframe | None = None

    @property
    def id(self) -> str:
        """Instrument id, `{symbol}_{timeframe}`."""
        return instrument_id(self.symbol, self.timeframe)

    def as_dict(self) -> dict[str, object]:
        """All fields as plain values, for hashing and storing; `resample_from` only where set."""
        values = asdict(self) | {"timeframe": self.timeframe.value}
        if self.resample_from is None:
            del values["resample_from"]
            return values
        return values | {"resample_from": self.resample_from.value}
