"""Tests of sources by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trading_pipeline.errors import ConfigurationError, UnknownNameError
from trading_pipeline.market_data.sources.connection.network_source import NetworkSource
from trading_pipeline.market_data.sources.protocol import MarketDataSource
from trading_pipeline.market_data.sources.registry import (
    network_source,
    network_source_names,
    source,
    source_names,
)
from trading_pipeline.market_data.sources.synthetic.source import SyntheticSource
from trading_pipeline.settings.environment import load_settings


@pytest.mark.parametrize("name", source_names())
def test_every_source_has_the_name_it_is_found_by(name):
    found = source(name)
    assert isinstance(found, MarketDataSource)
    assert found.name == name


def test_settings_reach_the_source():
    found = source("synthetic", {"seed": 11, "missing_fraction": 0.25})
    assert isinstance(found, SyntheticSource)
    assert (found.settings.seed, found.settings.missing_fraction) == (11, 0.25)


def test_unknown_source_offers_close_names():
    with pytest.raises(UnknownNameError, match=r"no source 'bundle'\. Did you mean 'bundled'"):
        source("bundle")


@pytest.mark.parametrize(
    ("name", "setting", "offer"),
    [("synthetic", "sede", "'seed'"), ("bundled", "seed", "None is known")],
)
def test_unknown_setting_is_refused(name, setting, offer):
    with pytest.raises(ConfigurationError, match=f"takes no setting '{setting}'.*{offer}"):
        source(name, {setting: 1})


@pytest.mark.parametrize("name", network_source_names())
def test_a_network_source_is_made_once_for_the_same_environment(name, runtime, monkeypatch):
    first = source(name)
    assert isinstance(first, NetworkSource)
    assert source(name) is first
    monkeypatch.setenv("TRADING_PIPELINE_SOURCE_TIMEOUT_SECONDS", "3")
    assert source(name) is not first
    assert source(name).connection.timeout_seconds == 3.0
    assert source(name).connection.gate_folder == runtime / "cache" / "provider_turns"
    with pytest.raises(ConfigurationError, match="takes no setting"):
        source(name, {"key": "x"})


def test_keys_come_from_the_environment_and_are_not_shown(runtime, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_ALPACA_API_KEY", "PK1234567")
    monkeypatch.setenv("TRADING_PIPELINE_ALPACA_SECRET_KEY", "secret1234567")
    monkeypatch.setenv(
        "TRADING_PIPELINE_CCXT_KEYS", '{"kraken": {"key": "kk12345", "secret": "s"}}'
    )
    assert source("alpaca").key_state() == "has keys"
    assert source("ccxt").key_state() == "keys for kraken"
    shown = repr(source("alpaca")) + repr(source("ccxt"))
    assert "PK1234567" not in shown
    assert "secret1234567" not in shown
    assert "kk12345" not in shown


def test_an_unknown_network_source_offers_the_closest(runtime):
    with pytest.raises(UnknownNameError, match="Did you mean 'yahoo'"):
        network_source("yaho", load_settings())


def test_no_client_is_imported_before_it_is_used():
    code = (
        "import sys\nfrom trading_pipeline.market_data.sources.registry import source, "
        "source_names\nfor name in source_names(): source(name).capabilities()\n"
        "print([n for n in ('yfinance', 'ccxt', 'alpaca', 'curl_cffi', 'requests') if n in "
        "sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_key_in_the_place_of_an_exchange_is_counted_and_not_shown(monkeypatch):
    keys = '{"key": "k", "secret": "s"}'
    monkeypatch.setenv("TRADING_PIPELINE_CCXT_KEYS", f'{{"sk-MARKER": {keys}, "kraken": {keys}}}')
    assert source("ccxt").key_state() == "keys for kraken, 1 unknown exchange(s)"
