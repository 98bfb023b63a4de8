"""Runs whose bars come over HTTP: real clients, replayed providers."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from trading_pipeline.defs.all_assets import build_definitions
from trading_pipeline.defs.automation.full_pass import FullPass
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.errors import TradingPipelineError
from trading_pipeline.market_data.sources.bundled.source import BundledSource
from trading_pipeline.market_data.sources.protocol import ActionRequest, BarRequest
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline_tests.conftest import random_bars
from trading_pipeline_tests.market_data.replay.exchange_routes import KLINES
from trading_pipeline_tests.market_data.replay.fixtures import replay
from trading_pipeline_tests.market_data.replay.market_data_resource import ReplayMarketData
from trading_pipeline_tests.market_data.replay.yahoo_routes import CHART

__all__ = ["replay"]

EVER = {"start": datetime(1990, 1, 1, tzinfo=UTC), "end": datetime(2014, 1, 1, tzinfo=UTC)}
UNIVERSE = """\
start: 2004-01-01
end: 2006-01-01
instruments:
  - {symbol: AAPL, source: yahoo}
  - {symbol: BTC/USDT, source: ccxt, exchange: binance, calendar: "24/7", asset_class: crypto, \
currency: USDT}
"""


@pytest.fixture
def providers(replay, fresh_world, monkeypatch):
    """AAPL at Yahoo and a coin at Binance; the world's universe names them."""
    bundled, apple = BundledSource(), Instrument(symbol="AAPL", timeframe="1d", source="bundled")
    bars = bundled.fetch_bars(BarRequest(instrument=apple, **EVER)).frame
    actions = bundled.fetch_actions(ActionRequest(instrument=apple, **EVER))
    replay.yahoo.put_daily("AAPL", bars, actions)
    replay.exchanges.put("BTC/USDT", "1d", random_bars(800, 7, "2004-01-01"))
    fresh_world.write("universe.yaml", UNIVERSE)
    monkeypatch.setattr(ReplayMarketData, "replay", replay)
    return replay, bars


def full_pass(world):
    catalog = load_catalog(load_settings().config)
    return FullPass(world.workspace, build_definitions(catalog, market_data=ReplayMarketData()))


def bring_bars(world, name):
    """Actions and bars of an instrument, as a run of its chain makes them."""
    made = full_pass(world)
    made.reference_data()
    made.runner.run("corporate_actions_job", partition=name)
    windows = made.workspace.windows()
    first, last = (f"{name}|{windows[at].key}" for at in (0, -1))
    made.runner.run("bars_to_predictions", partition=first, last_partition=last, assets=["bars"])
    return made.workspace.bars.read_span(name, None, None)


@pytest.mark.slow
def test_bars_from_yahoo_are_those_that_were_traded_across_the_split(providers, fresh_world):
    replay, bars = providers
    found = bring_bars(fresh_world, "AAPL_1d")
    pd.testing.assert_frame_equal(
        found, bars.loc["2004-01-01":"2005-12-31"], check_exact=True, check_freq=False
    )
    splits = fresh_world.rows("SELECT ex_date, value FROM corporate_actions WHERE kind = 'split'")
    assert [(str(day), value) for day, value in splits] == [("2005-02-28", 2.0)]
    errors = fresh_world.rows("SELECT * FROM quality_findings WHERE severity = 'ERROR'")
    assert errors == []
    versions = {v for (v,) in fresh_world.rows("SELECT client_version FROM fetch_log")}
    assert all(version.startswith("yfinance") for version in versions)
    before = replay.server.count(CHART)
    bring_bars(fresh_world, "AAPL_1d")
    assert (
        replay.server.count(CHART) == before + 1
    )  # the actions; settled windows are not asked for


def test_bars_of_an_exchange_come_in_and_an_outage_is_logged_as_one(providers, fresh_world):
    replay, _ = providers
    # three attempts for the first window, and one for the second while the outage is fresh
    replay.server.fail(KLINES, *["200 with HTML"] * 4)
    with pytest.raises(TradingPipelineError, match="no JSON"):
        bring_bars(fresh_world, "BTC-USDT_1d")
    statuses = fresh_world.rows("SELECT status, reason FROM fetch_log")
    assert {status for status, _ in statuses} == {"failed"}
    assert fresh_world.value("SELECT count(*) FROM bars") == 0
    found = bring_bars(fresh_world, "BTC-USDT_1d")
    assert len(found) == 731
    assert fresh_world.value("SELECT count(*) FROM fetch_log WHERE status = 'ok'") == 2
