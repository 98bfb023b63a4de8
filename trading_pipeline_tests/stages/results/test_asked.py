"""What people write about results: conditions, days, zones; and stamps in other zones."""

import contextlib
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import ConfigurationError, TradingPipelineError
from trading_pipeline.stages.results.asked import (
    between,
    chart_span,
    moment,
    number_bounds,
    time_span,
    time_zone,
)
from trading_pipeline.stages.results.local_times import ResultClock
from trading_pipeline.storage.stores.result_queries import Bound

BAR = datetime(2012, 3, 1, 14, 30, tzinfo=UTC)
DAY = datetime(2012, 3, 1, tzinfo=UTC)
INSTRUMENTS = {
    "AAPL_1d": {"calendar": "XNYS"},
    "AAPL_1h": {"calendar": "XNYS"},
    "BTC-USD_1d": {"calendar": "24/7"},
}


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_a_typed_error(text):
    for read in (lambda t: number_bounds([t]), lambda t: moment(t, "--since"), time_zone):
        with contextlib.suppress(TradingPipelineError):
            read(text)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("sharpe>=0.5", Bound("sharpe", ">=", 0.5)),
        (" max_drawdown > -20% ", Bound("max_drawdown", ">", -0.2)),
        ("trade_count==3", Bound("trade_count", "=", 3.0)),
        ("pnl<1e3", Bound("pnl", "<", 1000.0)),
    ],
)
def test_a_condition_is_a_name_a_sign_and_a_number(text, bound):
    assert number_bounds([text]) == (bound,)


@pytest.mark.parametrize(
    "text", ["", "sharpe", "sharpe>", "sharpe>nan", "sharpe>inf", "0.5<sharpe"]
)
def test_half_a_condition_is_refused(text):
    with pytest.raises(ConfigurationError, match="is no condition"):
        number_bounds([text])


def test_a_last_day_is_wanted_whole_and_a_span_must_go_forward():
    assert time_span("2012-03-01", "2012-03-01") == (DAY, datetime(2012, 3, 2, tzinfo=UTC))
    assert time_span(None, "2012-03-01T09:30-05:00")[1] > BAR
    assert time_span("9999-12-31", "9999-12-31")[1] is None
    for first, last in (
        ("2012-03-02", "2012-03-01"),
        ("2012-02-30", None),
        ("2012-03-01 09:30", None),
    ):
        with pytest.raises(ConfigurationError):
            time_span(first, last)


def test_bounds_of_an_amount_are_numbers_in_order():
    assert between("pnl", "pnl", -5.0, None) == (Bound("pnl", ">=", -5.0),)
    for low, high in ((float("nan"), None), (None, float("inf")), (2.0, 1.0)):
        with pytest.raises(ConfigurationError, match="pnl"):
            between("pnl", "pnl", low, high)


def test_a_session_keeps_its_date_in_every_zone_and_a_moment_moves():
    local, tokyo = ResultClock(INSTRUMENTS, local=True), ResultClock(INSTRUMENTS, zone="Asia/Tokyo")
    assert local.shown(BAR, "AAPL_1h").isoformat() == "2012-03-01T09:30:00-05:00"
    assert tokyo.shown(BAR, "AAPL_1h").isoformat() == "2012-03-01T23:30:00+09:00"
    assert local.shown(DAY, "AAPL_1d") == tokyo.shown(DAY, "AAPL_1d") == date(2012, 3, 1)
    assert tokyo.shown(DAY, "BTC-USD_1d").isoformat() == "2012-03-01T09:00:00+09:00"
    assert local.shown(None, "AAPL_1d") is None
    assert local.told(["AAPL_1h", "BTC-USD_1d"]) == "America/New_York, UTC"
    assert ResultClock(INSTRUMENTS).told(["AAPL_1h"]) == "UTC"
    assert ResultClock({}, local=True).told(["GONE_1h"]) == "UTC"  # its calendar is not known


@pytest.mark.parametrize(
    ("zone", "first", "last", "hours"),
    [
        ("America/New_York", "2012-03-11", "2012-03-12", 23),
        ("America/New_York", "2012-11-04", "2012-11-05", 25),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-05", 23),  # midnight is skipped
        ("America/Sao_Paulo", "2018-02-17", "2018-02-18", 25),  # 23:00 comes twice
        ("America/Havana", "2012-11-04", "2012-11-05", 25),  # midnight comes twice
        ("Pacific/Apia", "2011-12-29", "2011-12-31", 24),  # the 30th is skipped
    ],
)
def test_days_of_a_chart_are_as_long_as_the_zones(zone, first, last, hours):
    start, end = chart_span(first, last, ZoneInfo(zone), sessions=False)
    assert (end - start).total_seconds() == hours * 3600
    assert chart_span(last, None, ZoneInfo(zone), sessions=False) == (end, None)


def test_sessions_are_chosen_by_dates_whatever_the_zone():
    for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
        span = chart_span("2012-01-03", "2012-01-05", ZoneInfo(zone), sessions=True)
        assert span == (datetime(2012, 1, 3, tzinfo=UTC), datetime(2012, 1, 5, tzinfo=UTC))
    late = "2012-01-03T23:00-05:00"  # the 4th in Tokyo
    tokyo, _ = chart_span(late, None, ZoneInfo("Asia/Tokyo"), sessions=True)
    assert tokyo == datetime(2012, 1, 4, tzinfo=UTC)


def test_an_empty_span_of_a_chart_is_refused():
    for last in ("2012-01-03", "2012-01-02"):
        with pytest.raises(ConfigurationError, match="the end does not count"):
            chart_span("2012-01-03", last, ZoneInfo("UTC"), sessions=False)
