"""Tests of asking a source whether it has an instrument."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import PermanentFetchError
from trading_pipeline.market_data.sources.instrument_check import check_with_source, first_day_kept
from trading_pipeline.market_data.sources.registry import source

NOW = datetime(2013, 3, 5, 12, tzinfo=UTC)


def instrument(symbol, name, timeframe="1d"):
    return Instrument(symbol=symbol, timeframe=Timeframe(timeframe), source=name)


def test_a_shipped_symbol_says_from_when_to_when():
    told = check_with_source(source("bundled"), instrument("FB", "bundled"))
    assert told == "FB has bars from 2012-05-18 to 2013-03-01"


def test_a_synthetic_symbol_is_always_there():
    assert "any symbol" in check_with_source(source("synthetic"), instrument("X", "synthetic"))


@pytest.mark.parametrize(("symbol", "timeframe"), [("NOPE", "1d"), ("FB", "1h")])
def test_what_a_source_lacks_is_refused(symbol, timeframe):
    with pytest.raises(PermanentFetchError):
        check_with_source(source("bundled"), instrument(symbol, "bundled", timeframe))


def test_a_network_source_is_asked(replay, shipped):
    replay.yahoo.put_daily("AAPL", shipped("AAPL")[1])
    assert "AAPL Inc." in check_with_source(replay.client("yahoo"), instrument("AAPL", "yahoo"))
    with pytest.raises(PermanentFetchError, match="no symbol"):
        check_with_source(replay.client("yahoo"), instrument("NOPE", "yahoo"))


@pytest.mark.parametrize(
    ("timeframe", "day"), [("1m", date(2013, 2, 4)), ("1h", date(2011, 3, 7)), ("1d", None)]
)
def test_the_first_day_that_is_still_kept(replay, timeframe, day):
    client = replay.client("yahoo")
    assert first_day_kept(client, instrument("AAPL", "yahoo", timeframe), NOW) == day
