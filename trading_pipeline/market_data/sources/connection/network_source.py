"""What the sources on the network share: time-out, retries, gate and the answers of a probe."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.errors import RetryableFetchError
from trading_pipeline.market_data.sources.connection.gate import ProviderGate
from trading_pipeline.market_data.sources.connection.retry import RetryPolicy, with_retries
from trading_pipeline.market_data.sources.protocol import MarketDataSource
from trading_pipeline.settings.environment import PipelineSettings

__all__ = ["NetworkSource", "ProviderConnection", "client_version", "connection_from"]

Answer = TypeVar("Answer")
_OUTAGE_SECONDS = 60.0


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
    _failed_at: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def ask(
        self,
        provider: str,
        call: Callable[[], Answer],
        *,
        what: str,
        requests_per_minute: float | None = None,
    ) -> Answer:
        """The answer of one request, made in turn, and repeated where its failure can pass.

        A provider that was given up on within the last minute gets one attempt, so that an outage
        does not hold up every window of a run for the whole time of its retries.
        """
        turn: Callable[[], AbstractContextManager[None]] = nullcontext
        if self.gate_folder is not None:
            gate = ProviderGate(
                provider,
                self.gate_folder,
                connections=self.connections,
                requests_per_minute=requests_per_minute,
            )
            turn = gate.turn

        def in_turn() -> Answer:
            with turn():
                return call()

        policy = self.retry
        if policy.clock() - self._failed_at.get(provider, -_OUTAGE_SECONDS) < _OUTAGE_SECONDS:
            policy = replace(policy, attempts=1)
        try:
            answer = with_retries(in_turn, policy, what=f"{provider}: {what}")
        except RetryableFetchError:
            self._failed_at[provider] = self.retry.clock()
            raise
        self._failed_at.pop(provider, None)
        return answer


def client_version(package: str) -> str:
    """Name and version of a provider's client, for the fetch log."""
    return f"{package} {metadata.version(package)}"


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
