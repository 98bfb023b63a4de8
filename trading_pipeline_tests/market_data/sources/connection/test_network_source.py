"""Tests of how providers are asked: repeated, in turn, and briefly in an outage."""

from __future__ import annotations

import pytest

from trading_pipeline.errors import PermanentFetchError, RetryableFetchError
from trading_pipeline.market_data.sources.connection.network_source import (
    ProviderConnection,
    connection_from,
)
from trading_pipeline.market_data.sources.connection.retry import RetryPolicy
from trading_pipeline.settings.environment import load_settings


class Asked:
    """A provider that fails as long as it is away, on a clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.calls = 0
        self.away = True
        policy = RetryPolicy(
            attempts=3, sleep=self.sleep, clock=lambda: self.now, uniform=lambda _, high: high
        )
        self.connection = ProviderConnection(retry=policy)

    def sleep(self, seconds):
        self.now += seconds

    def call(self):
        self.calls += 1
        if self.away:
            raise RetryableFetchError("away.")
        return "bars"

    def ask(self, provider="yahoo"):
        return self.connection.ask(provider, self.call, what="AAPL_1d")


def test_a_provider_that_is_away_is_tried_once_only_by_the_next_requests():
    asked = Asked()
    for calls in (3, 4, 5):
        with pytest.raises(RetryableFetchError):
            asked.ask()
        assert asked.calls == calls


def test_an_outage_of_one_provider_is_not_one_of_another():
    asked = Asked()
    for provider in ("yahoo", "ccxt-kraken"):
        with pytest.raises(RetryableFetchError):
            asked.ask(provider)
    assert asked.calls == 6


def test_after_a_minute_or_an_answer_all_attempts_are_made_again():
    asked = Asked()
    with pytest.raises(RetryableFetchError):
        asked.ask()
    asked.now += 60.0
    with pytest.raises(RetryableFetchError):
        asked.ask()
    assert asked.calls == 6
    asked.away = False
    assert asked.ask() == "bars"
    asked.away = True
    with pytest.raises(RetryableFetchError):
        asked.ask()
    assert asked.calls == 10


def test_a_permanent_error_is_no_outage():
    asked = Asked()

    def refuse():
        raise PermanentFetchError("no.")

    with pytest.raises(PermanentFetchError):
        asked.connection.ask("yahoo", refuse, what="NOPE_1d")
    with pytest.raises(RetryableFetchError):
        asked.ask()
    assert asked.calls == 3


def test_the_settings_of_the_environment_are_used(runtime, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_SOURCE_ATTEMPTS", "2")
    monkeypatch.setenv("TRADING_PIPELINE_SOURCE_RETRY_SECONDS", "7")
    monkeypatch.setenv("TRADING_PIPELINE_SOURCE_CONNECTIONS", "3")
    made = connection_from(load_settings())
    assert (made.retry.attempts, made.retry.total_seconds, made.connections) == (2, 7.0, 3)
    assert made.ask("yahoo", lambda: "bars", what="x", requests_per_minute=60.0) == "bars"
    assert [p.name for p in (runtime / "cache" / "provider_turns").iterdir()] == ["yahoo.0.lock"]
