"""How `doctor` asks the providers."""

from __future__ import annotations

import json
import time

import pytest

from trading_pipeline.cli.provider_check import examine_providers
from trading_pipeline.errors import PermanentFetchError, RetryableFetchError
from trading_pipeline.market_data.sources import registry as source_registry
from trading_pipeline.settings.environment import load_settings

KRAKEN = (
    "instruments:\n  - {symbol: BTC/USDT, timeframe: 1h, source: ccxt, exchange: kraken, "
    'calendar: "24/7", asset_class: crypto, currency: USDT}\n'
    "  - {symbol: ETH/USDT, timeframe: 1h, source: ccxt, exchange: binance, "
    'calendar: "24/7", asset_class: crypto, currency: USDT}\n'
)


class Provider:
    """A provider that answers, refuses or hangs."""

    def __init__(self, name, answers):
        self.name = name
        self._answers = answers

    def key_state(self):
        return "needs no key"

    def probe(self, exchange=None):
        answer = self._answers.get(exchange or self.name, "answers")
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            time.sleep(answer)
        return str(answer)


@pytest.fixture
def providers(monkeypatch):
    """`providers[name or exchange] = answer`; what the settings were is kept under "settings"."""
    answers: dict = {}

    def make(name, environment):
        answers["settings"] = environment
        return Provider(name, answers)

    monkeypatch.setattr(source_registry, "network_source", make)
    return answers


def found(settings, **options):
    return {each.check: each for each in examine_providers(settings, **options)}


def test_providers_that_answer_are_well_and_name_their_client(providers, fresh_world):
    findings = found(load_settings())
    assert list(findings) == ["source alpaca", "source ccxt", "source yahoo"]
    assert all(each.ok for each in findings.values())
    assert findings["source yahoo"].detail.startswith("yfinance 1.")
    assert "needs no key; answers" in findings["source yahoo"].detail


def test_a_provider_that_nobody_uses_may_be_away(providers, fresh_world):
    providers["yahoo"] = RetryableFetchError("yahoo could not be reached.")
    finding = found(load_settings())["source yahoo"]
    assert (finding.state, finding.ok, finding.needed) == ("unreachable", False, False)
    assert "could not be reached. (no instrument uses it)" in finding.detail


def test_a_provider_that_an_instrument_uses_must_answer(providers, fresh_world):
    fresh_world.write("universe.yaml", KRAKEN)
    providers["kraken"] = PermanentFetchError("kraken answered 451.")
    findings = found(load_settings())
    assert {name: each.ok for name, each in findings.items()} == {
        "source alpaca": True,
        "source ccxt binance": True,
        "source ccxt kraken": False,
        "source yahoo": True,
    }
    assert "kraken answered 451." in findings["source ccxt kraken"].detail


def test_a_provider_that_hangs_is_left_behind_at_the_deadline(providers, fresh_world):
    providers["yahoo"] = 30.0
    findings = found(load_settings(), deadline_seconds=0.3)
    assert "no answer within 0.3 s" in findings["source yahoo"].detail
    assert findings["source alpaca"].detail.endswith("answers")


def test_a_client_that_breaks_still_has_its_line(providers, fresh_world):
    providers["alpaca"] = RuntimeError("broken")
    assert "RuntimeError: broken" in found(load_settings())["source alpaca"].detail


def test_each_is_asked_once_and_briefly(providers, fresh_world):
    found(load_settings())
    assert providers["settings"].source_attempts == 1
    assert providers["settings"].source_timeout_seconds == 4.0


def test_offline_nothing_is_asked(providers, fresh_world):
    providers["yahoo"] = RuntimeError("was asked")
    findings = found(load_settings(), offline=True)
    assert all(each.ok and each.detail.endswith("not asked") for each in findings.values())


def test_a_wrong_catalog_does_not_stop_the_providers(providers, fresh_world):
    fresh_world.write("universe.yaml", "strat: 1\n")
    assert len(found(load_settings())) == 3


def test_the_program_ends_with_1_where_a_used_provider_is_away(call, providers, fresh_world):
    fresh_world.write("universe.yaml", KRAKEN)
    providers["binance"] = RetryableFetchError("binance could not be reached.")
    ended = call("doctor", "--json")
    assert ended.code == 1
    wrong = [each["check"] for each in json.loads(ended.out) if not each["ok"]]
    assert wrong == ["source ccxt binance"]


def test_the_program_ends_with_0_where_a_provider_that_nobody_uses_is_away(
    call, providers, fresh_world
):
    providers["yahoo"] = RetryableFetchError("yahoo could not be reached.")
    ended = call("doctor", "--json")
    assert ended.code == 0
    (told,) = [each for each in json.loads(ended.out) if not each["ok"]]
    assert (told["check"], told["state"], told["needed"]) == ("source yahoo", "unreachable", False)
    table = call("doctor")
    assert table.code == 0
    assert "unreachable" in table.out


def test_keys_are_told_to_be_there_and_never_shown(call, fresh_world, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_ALPACA_API_KEY", "PKABCDEF123456")
    monkeypatch.setenv("TRADING_PIPELINE_ALPACA_SECRET_KEY", "s3cr3ts3cr3ts3cr3t")
    keys = {"kraken": {"key": "krakenkey123", "secret": "krakensecret123"}}
    monkeypatch.setenv("TRADING_PIPELINE_CCXT_KEYS", json.dumps(keys))
    ended = call("doctor", "--json", "--offline")
    details = {each["check"]: each["detail"] for each in json.loads(ended.out)}
    assert "has keys" in details["source alpaca"]
    assert "keys for kraken" in details["source ccxt"]
    for secret in ("PKABCDEF123456", "s3cr3ts3cr3ts3cr3t", "krakenkey123", "krakensecret123"):
        assert secret not in ended.out
        assert secret not in repr(load_settings())
