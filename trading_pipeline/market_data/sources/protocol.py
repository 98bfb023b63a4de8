"""The protocol that every source of bars follows, with its requests and answers.

Spans are aware UTC and half-open, `start <= ts < end`. Every batch of prices states its basis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol, runtime_checkable

import pandas as pd

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, PermanentFetchError

__all__ = [
    "ActionRequest",
    "BarBatch",
    "BarRequest",
    "MarketDataSource",
    "PriceBasis",
    "SourceCapabilities",
    "require_timeframe",
    "utc_now",
]

PriceBasis = Literal["as_traded", "split_adjusted"]


def utc_now() -> datetime:
    """The current time, aware UTC; tests give sources another clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class SourceCapabilities:
    """What a source can be asked for.

    `history_limits`: how far back from now each timeframe reaches; a timeframe not listed has no
    limit. `page_rows`: most bars in one answer of the provider, None if it does not page.
    """

    timeframes: tuple[Timeframe, ...]
    history_limits: Mapping[Timeframe, timedelta] = field(default_factory=dict)
    page_rows: int | None = None
    price_basis: PriceBasis = "as_traded"
    gives_actions: bool = False
    needs_network: bool = True


@dataclass(frozen=True, kw_only=True)
class _SpanRequest:
    instrument: Instrument
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment.tzinfo is None:
                raise ConfigurationError(
                    f"The {name} {moment} of a request for {self.instrument.id} has no time zone. "
                    "Give an aware UTC stamp.",
                    instrument=self.instrument.id,
                )
        if self.end <= self.start:
            raise ConfigurationError(
                f"A request for {self.instrument.id} ends at {self.end}, which is not after its "
                f"start {self.start}. The end is exclusive.",
                instrument=self.instrument.id,
                start=self.start,
                end=self.end,
            )


@dataclass(frozen=True, kw_only=True)
class BarRequest(_SpanRequest):
    """Bars of one instrument with `start <= ts < end`."""


@dataclass(frozen=True, kw_only=True)
class ActionRequest(_SpanRequest):
    """Splits and cash of one instrument whose ex-date lies in `start <= ex-date < end`."""


@dataclass(frozen=True, kw_only=True)
class BarBatch:
    """Answer to a `BarRequest`: bars as in `domain.bars`, in time order, possibly none.

    `fetched_at`: when the answer came, aware UTC. `client_version`: name and version of what
    produced it, for the fetch log.
    """

    frame: pd.DataFrame
    price_basis: PriceBasis
    fetched_at: datetime
    client_version: str


@runtime_checkable
class MarketDataSource(Protocol):
    """Where bars and corporate actions come from.

    Failures raise a `DataFetchError`; a source never returns an empty answer to hide a failure.
    """

    @property
    def name(self) -> str:
        """The name that universe.yaml and the fetch log use."""

    def capabilities(self) -> SourceCapabilities:
        """What the source can be asked for; needs no network."""

    def fetch_bars(self, request: BarRequest) -> BarBatch:
        """Bars of the requested span."""

    def fetch_actions(self, request: ActionRequest) -> list[CorporateAction]:
        """Corporate actions of the requested span, by ex-date; empty if there are none."""


def require_timeframe(source: MarketDataSource, instrument: Instrument) -> None:
    """Raise `PermanentFetchError` if the source does not offer the instrument's timeframe."""
    offered = source.capabilities().timeframes
    if instrument.timeframe not in offered:
        raise PermanentFetchError(
            f"The source {source.name!r} has no {instrument.timeframe.value} bars (asked for "
            f"{instrument.id}); it has {', '.join(t.value for t in offered)}. Change the timeframe "
            "or the source in universe.yaml.",
            source=source.name,
            instrument=instrument.id,
        )
