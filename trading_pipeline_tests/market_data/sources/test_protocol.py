"""Tests of the source protocol, its requests and its answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, PermanentFetchError
from trading_pipeline.market_data.sources.bundled.source import BundledSource
from trading_pipeline.market_data.sources.protocol import (
    ActionRequest,
    BarRequest,
    MarketDataSource,
    SourceCapabilities,
    require_timeframe,
    utc_now,
)
from trading_pipeline.market_data.sources.synthetic.source import SyntheticSource

START = datetime(2012, 1, 1, tzinfo=UTC)
DAILY = Instrument(symbol="AAPL", timeframe=Timeframe.D1, source="bundled")


@pytest.mark.parametrize("kind", [BarRequest, ActionRequest])
def test_request_without_time_zone_is_refused_with_the_value(kind):
    with pytest.raises(ConfigurationError, match=r"end 2012-02-01.*AAPL_1d has no time zone"):
        kind(instrument=DAILY, start=START, end=datetime(2012, 2, 1))


@pytest.mark.parametrize("length", [timedelta(0), timedelta(days=-1)])
def test_request_that_does_not_end_after_its_start_is_refused(length):
    with pytest.raises(ConfigurationError, match="not after its start") as caught:
        BarRequest(instrument=DAILY, start=START, end=START + length)
    assert caught.value.start == START


def test_shipped_sources_follow_the_protocol():
    assert isinstance(BundledSource(), MarketDataSource)
    assert isinstance(SyntheticSource(), MarketDataSource)
    assert not isinstance(object(), MarketDataSource)


def test_timeframe_that_a_source_lacks_is_a_permanent_failure_that_lists_what_there_is():
    hourly = Instrument(symbol="AAPL", timeframe=Timeframe.H1, source="bundled")
    with pytest.raises(PermanentFetchError, match=r"no 1h bars \(asked for AAPL_1h\); it has 1d"):
        require_timeframe(BundledSource(), hourly)
    require_timeframe(BundledSource(), DAILY)


def test_capabilities_promise_nothing_by_default():
    default = SourceCapabilities(timeframes=(Timeframe.D1,))
    assert default.needs_network
    assert not default.gives_actions
    assert default.history_limits == {}
    assert default.price_basis == "as_traded"


def test_the_clock_is_aware_utc():
    assert utc_now().tzinfo is UTC
