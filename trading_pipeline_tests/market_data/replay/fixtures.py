"""The fixture `replay`: all providers on one server, and the real sources led to it.

Import the fixture into a conftest to use it elsewhere. Leaving it fails the test where a request
went to a route that no provider has.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from trading_pipeline.market_data.sources.alpaca.source import AlpacaSource
from trading_pipeline.market_data.sources.ccxt.source import CcxtSource
from trading_pipeline.market_data.sources.connection.network_source import ProviderConnection
from trading_pipeline.market_data.sources.connection.retry import RetryPolicy
from trading_pipeline.market_data.sources.protocol import MarketDataSource
from trading_pipeline.market_data.sources.yahoo.source import YahooSource
from trading_pipeline.settings.environment import ExchangeKeys
from trading_pipeline_tests.market_data.replay.alpaca_routes import KEYS, AlpacaReplay
from trading_pipeline_tests.market_data.replay.exchange_routes import ExchangeReplay
from trading_pipeline_tests.market_data.replay.routed_sessions import (
    ToReplay,
    curl_session,
    requests_session,
)
from trading_pipeline_tests.market_data.replay.server import ReplayServer
from trading_pipeline_tests.market_data.replay.yahoo_routes import YahooReplay

TIMEOUT_SECONDS = 0.2
NOW = datetime(2013, 3, 5, 12, tzinfo=UTC)


class Replay:
    """The providers and the sources; `waits` are the seconds that a retry would have slept."""

    def __init__(self, now: datetime = NOW) -> None:
        self.server = ReplayServer()
        self.yahoo = YahooReplay(self.server, now)
        self.exchanges = ExchangeReplay(self.server, now)
        self.alpaca = AlpacaReplay(self.server, now)
        self.waits: list[float] = []
        self.attempts = 3
        self._curl = curl_session(self.server)(5.0)
        self.http_session: Any = lambda _: self._curl
        self.timeout_seconds = 5.0
        self._made: dict[str, MarketDataSource] = {}

    @property
    def now(self) -> datetime:
        """The moment at which every provider answers and every source asks."""
        return self.yahoo.now

    @now.setter
    def now(self, moment: datetime) -> None:
        self.yahoo.now = self.exchanges.now = self.alpaca.now = moment

    def hurry(self) -> None:
        """Give up on an answer after 0.2 s from now on."""
        self.timeout_seconds = TIMEOUT_SECONDS
        self._curl = curl_session(self.server)(TIMEOUT_SECONDS)
        self._made.clear()

    def with_requests(self) -> None:
        """Let yfinance use a session of `requests` in place of curl_cffi's."""
        session = requests_session(self.server)(self.timeout_seconds)
        self.http_session = lambda _: session

    def client(self, name: str) -> MarketDataSource:
        """The source of that name; one for the whole test, as in the pipeline."""
        makers = {"yahoo": self._yahoo, "ccxt": self._ccxt, "alpaca": self._alpaca}
        if name not in self._made:
            self._made[name] = makers[name]()
        return self._made[name]

    def close(self) -> None:
        """Stop the server."""
        self.server.close()
        self._curl.close()

    @property
    def _connection(self) -> ProviderConnection:
        policy = RetryPolicy(
            attempts=self.attempts,
            sleep=self.waits.append,
            clock=lambda: sum(self.waits),
            uniform=lambda _, longest: longest,
        )
        return ProviderConnection(timeout_seconds=self.timeout_seconds, retry=policy)

    def _yahoo(self) -> YahooSource:
        return YahooSource(
            connection=self._connection,
            http_session=lambda seconds: self.http_session(seconds),
            clock=lambda: self.now,
        )

    def _ccxt(self) -> CcxtSource:
        def lead(exchange: Any) -> None:
            exchange.session.mount("https://", ToReplay(self.server))
            exchange.session.trust_env = False
            exchange.enableRateLimit = False

        key = ExchangeKeys(
            key=SecretStr("kraken-key-1234"), secret=SecretStr("a2V5LW9mLWtyYWtlbg==")
        )
        return CcxtSource(
            connection=self._connection,
            keys={"kraken": key},
            prepare=lead,
            clock=lambda: self.now,
        )

    def _alpaca(self) -> AlpacaSource:
        return AlpacaSource(
            connection=self._connection,
            api_key=SecretStr(KEYS[0]),
            secret_key=SecretStr(KEYS[1]),
            url_override=self.alpaca.url,
            clock=lambda: self.now,
        )


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Replay]:
    """Every provider on 127.0.0.1; yfinance keeps its files in the test's own folder."""
    from yfinance.cache import set_cache_location

    set_cache_location(str(tmp_path / "yfinance"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    found = Replay()
    yield found
    found.close()
    assert found.server.unknown == []
