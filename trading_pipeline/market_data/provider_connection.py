"""This file holds what the sources on the network share: time-out, retries, gate, probe answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.market_data.provider_gate import ProviderGate
from trading_pipeline.market_data.retry import RetryPolicy, with_retries
from trading_pipeline.market_data.source import MarketDataSource
from trading_pipeline.settings.environment import PipelineSettings

__all__ = ["NetworkSource", "ProviderConnection", "connection_from"]

Answer = TypeVar("Answer")


@runtime_checkable
class NetworkSource(MarketDataSource, Protocol):
    """A source whose provider can be asked whether it is there."""

    def key_state(self) -> str:
        """Whether keys are needed and set, in words; never the keys."""
        ...

    def probe(self, exchange: str | None = None) -> str:
        """What the provider answered to one short request; a `DataFetchError` where it did not."""
        ...

    def check_instrument(self, instrument: Instrument) -> str:
        """What the provider has of an instrument; `PermanentFetchError` where it has none."""
        ...


@dataclass(frozen=True, kw_only=True)
class ProviderConnection:
    """How a provider is asked. `gate_folder` None: no limit over processes.

    `timeout_seconds` holds for each answer, `retry` for each request.
    """

    timeout_seconds: float = 20.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    gate_folder: Path | None = None
    connections: int = 1

    def ask(
        self,
        provider: str,
        call: Callable[[], Answer],
        *,
        what: str,
        requests_per_minute: float | None = None,
    ) -> Answer:
        """The answer of one request, made in turn, and repeated where its failure can pass."""
        if self.gate_folder is None:
            return with_retries(call, self.retry, what=f"{provider}: {what}")
        gate = ProviderGate(
            provider,
            self.gate_folder,
            connections=self.connections,
            requests_per_minute=requests_per_minute,
        )

        def in_turn() -> Answer:
            with gate.turn():
                return call()

        return with_retries(in_turn, self.retry, what=f"{provider}: {what}")


def connection_from(settings: PipelineSettings) -> ProviderConnection:
    """The connection that the environment's settings describe."""
    return ProviderConnection(
        timeout_seconds=settings.source_timeout_seconds,
        retry=RetryPolicy(
            attempts=settings.source_attempts, total_seconds=settings.source_retry_seconds
        ),
        gate_folder=settings.runtime / "cache" / "provider_turns",
        connections=settings.source_connections,
    )
