"""Asks a source whether it has an instrument, before the instrument is added to the universe."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.market_data.sources.connection.network_source import NetworkSource
from trading_pipeline.market_data.sources.protocol import MarketDataSource, require_timeframe

__all__ = ["check_with_source", "first_day_kept"]


def check_with_source(source: MarketDataSource, instrument: Instrument) -> str:
    """What the source has of the instrument, in words.

    Raises `PermanentFetchError` for a symbol or timeframe that it does not have, and
    `RetryableFetchError` where its provider does not answer.
    """
    require_timeframe(source, instrument)
    if isinstance(source, NetworkSource):
        return source.check_instrument(instrument)
    listing = getattr(source, "listing", None)  # an optional part of a source
    if listing is not None:
        first, last = listing(instrument.symbol)
        return f"{instrument.symbol} has bars from {first} to {last}"
    return f"{source.name} has {instrument.timeframe.value} bars of any symbol"


def first_day_kept(source: MarketDataSource, instrument: Instrument, now: datetime) -> date | None:
    """First whole day of the timeframe that the source still has; None where it has no limit."""
    limit = source.capabilities().history_limits.get(instrument.timeframe)
    return None if limit is None else (now - limit + timedelta(days=1)).date()
