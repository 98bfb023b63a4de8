"""`universe add|list|remove`, against the replay server where one asks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from trading_pipeline.defs.instance import open_instance
from trading_pipeline.market_data.sources import registry as source_registry
from trading_pipeline.settings.catalog import load_catalog
from trading_pipeline.settings.environment import load_settings
from trading_pipeline_tests.conftest import random_bars
from trading_pipeline_tests.market_data.replay.fixtures import replay

__all__ = ["replay"]


def keys():
    with open_instance(load_settings()) as instance:
        return set(instance.get_dynamic_partitions("instruments"))


def active(world):
    rows = world.rows("SELECT instrument FROM instruments WHERE active")
    return {name for (name,) in rows}


@pytest.fixture
def led(replay, monkeypatch):
    """The network sources of the program, led to the replay server."""
    for name in ("yahoo", "ccxt", "alpaca"):
        factory = lambda _settings, name=name: replay.client(name)  # noqa: E731
        monkeypatch.setitem(source_registry._FACTORIES, name, factory)
    replay.yahoo.put_daily("TSLA", random_bars(30, 3, "2013-01-14"))
    return replay


@pytest.mark.slow
def test_an_instrument_comes_goes_and_comes_back(call, world, led):
    before = world.counts()
    added = call("universe", "add", "TSLA", "--source", "yahoo", "--start", "2003-06-02", "--json")
    assert added.code == 0, added.err
    told = json.loads(added.out)
    assert (told["instrument"], told["changed"], told["active"]) == ("TSLA_1d", True, True)
    assert told["source_says"].startswith("TSLA is TSLA Inc.")
    assert "ends at 2004-01-01" in told["note"]
    assert "TSLA_1d" in keys()
    assert "TSLA_1d" in active(world)
    assert (
        str(load_catalog(load_settings().config).instrument("TSLA_1d").listed_from) == "2003-06-02"
    )

    removed = call("universe", "remove", "AAPL_1d", "--json")
    assert removed.code == 0, removed.err
    assert json.loads(removed.out)["active"] is False
    assert "AAPL_1d" not in keys()
    assert "AAPL_1d" not in active(world)
    after = world.counts()
    for table in ("bars", "backtest_results", "trades", "models", "fetch_log"):
        assert after[table] == before[table]
    assert "is archived" in call("run", "AAPL_1d").error

    back = call("universe", "add", "AAPL")
    assert back.code == 0, back.err
    assert "AAPL_1d was brought back" in back.out
    assert "AAPL_1d" in keys()
    assert "AAPL_1d" in active(world)
    assert world.counts()["bars"] == before["bars"]


def test_a_coin_gets_the_calendar_and_currency_of_coins(call, fresh_world, led):
    ended = call(
        *("universe", "add", "BTC/USDT", "--source", "ccxt"),
        *("--exchange", "binance", "--timeframe", "1h"),
    )
    assert ended.code == 0, ended.err
    assert "BTC/USDT is a spot market of binance" in ended.out
    assert "Next: trading-pipeline run BTC-USDT_1h" in ended.out
    found = load_catalog(load_settings().config).instrument("BTC-USDT_1h")
    assert (found.calendar, found.asset_class, found.currency) == ("24/7", "crypto", "USDT")


def test_the_list_shows_archived_ones_last(call, fresh_world):
    fresh_world.write("universe.yaml", "archived: [IBM_1d]\n")
    rows = json.loads(call("universe", "list", "--json").out)
    assert [row["instrument"] for row in rows][-1] == "IBM_1d"
    assert [row["active"] for row in rows] == [True] * 4 + [False]
    table = call("universe", "list")
    assert table.code == 0
    assert "archived" in table.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "NOPE", "--source", "yahoo"], "yahoo has no symbol 'NOPE'"),
        (["add", "TSLA", "--source", "yahoo", "--timeframe", "4h"], "has no 4h bars"),
        (["add", "TSLA", "--source", "yaho"], "Did you mean 'yahoo'?"),
        (["add", "TSLA", "--source", "yahoo", "--calendar", "XNYX"], "Did you mean 'XNYS'"),
        (["add", "TSLA", "--source", "yahoo", "--timeframe", "2h"], "There is no timeframe '2h'"),
        (["add", "TSLA", "--source", "yahoo", "--start", "soon"], "'listed_from'"),
        (["add", "BTC/USDT", "--source", "ccxt"], "names no exchange"),
        (["add", "BTC/USDT", "--source", "ccxt", "--exchange", "krakn"], "Did you mean 'kraken'"),
        (["add", "AAPL", "--source", "yahoo", "--no-check"], "source: bundled, not yahoo"),
        (["add", "GOGO", "--source", "bundled"], "Did you mean 'GOOG'?"),
        (["remove", "AAPL_1D"], "Did you mean 'AAPL_1d'?"),
    ],
)
def test_what_cannot_be_is_told_and_leaves_the_file_alone(call, fresh_world, led, arguments, said):
    before = (fresh_world.runtime / "config" / "universe.yaml").read_bytes()
    ended = call("universe", *arguments)
    assert ended.code == 1
    assert said in ended.error
    assert "Traceback" not in ended.err
    assert (fresh_world.runtime / "config" / "universe.yaml").read_bytes() == before
    assert not (fresh_world.runtime / "warehouse.duckdb").exists()


def test_a_new_symbol_without_a_source_is_wrong_usage(call, fresh_world):
    ended = call("universe", "add", "TSLA")
    assert ended.code == 2
    assert "--source" in ended.err


def test_a_provider_that_is_away_leaves_the_way_of_not_asking(call, fresh_world, led):
    led.server.fail("query2.finance.yahoo.com/v8", *["200 with HTML"] * 3)
    ended = call("universe", "add", "TSLA", "--source", "yahoo")
    assert ended.code == 1
    assert "give --no-check" in ended.error
    asked = len(led.server.asked)
    minutes = ("--timeframe", "1m", "--no-check")
    assert call("universe", "add", "TSLA", "--source", "yahoo", *minutes).code == 0
    assert len(led.server.asked) == asked
    found = load_catalog(load_settings().config).instrument("TSLA_1m")
    assert found.listed_from is not None  # Yahoo keeps minutes for 30 days
    assert timedelta(days=28) <= datetime.now(UTC).date() - found.listed_from <= timedelta(days=30)
