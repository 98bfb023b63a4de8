"""Tests of Yahoo's source: the real client against the replay server."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import (
    PermanentFetchError,
    RangeUnavailableError,
    RetryableFetchError,
)
from trading_pipeline.market_data.adjustments import adjustment_events, forward_adjust
from trading_pipeline.market_data.sources.protocol import ActionRequest, BarRequest
from trading_pipeline.market_data.sources.yahoo import source as source_module
from trading_pipeline_tests.market_data.replay.server import Answer
from trading_pipeline_tests.market_data.replay.yahoo_routes import CHART, YahooSeries

EVER = {"start": datetime(1990, 1, 1, tzinfo=UTC), "end": datetime(2014, 1, 1, tzinfo=UTC)}
PRICES = ["open", "high", "low", "close"]


def instrument(symbol="AAPL", timeframe="1d", **values):
    return Instrument(symbol=symbol, timeframe=Timeframe(timeframe), source="yahoo", **values)


def bars_of(replay, asked, start=EVER["start"], end=EVER["end"]):
    return replay.client("yahoo").fetch_bars(BarRequest(instrument=asked, start=start, end=end))


def actions_of(replay, asked, start=EVER["start"], end=EVER["end"]):
    request = ActionRequest(instrument=asked, start=start, end=end)
    return replay.client("yahoo").fetch_actions(request)


def minute_bars(start, periods, minutes=1):
    index = pd.date_range(start, periods=periods, freq=f"{minutes}min", tz="UTC")
    close = 100.0 + np.arange(periods) / 100
    columns = {"open": close, "high": close + 0.5, "low": close - 0.5, "close": close}
    return pd.DataFrame({**columns, "volume": 1000.0}, index=index)


def opened(bars):
    """Daily bars of New York stamped with their open."""
    opens = pd.DatetimeIndex(bars.index).tz_localize(None) + timedelta(hours=9, minutes=30)
    return bars.set_axis(opens.tz_localize("America/New_York").tz_convert("UTC"), axis=0)


@pytest.fixture
def listed(replay, shipped):
    """The shipped AAPL and MSFT as Yahoo shows them on 2013-03-05."""
    for symbol in ("AAPL", "MSFT"):
        _, bars, actions = shipped(symbol)
        replay.yahoo.put_daily(symbol, bars, actions)
    return shipped


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
def test_split_adjusted_answers_become_the_traded_bars_exactly(replay, listed, symbol):
    _, bars, _ = listed(symbol)
    batch = bars_of(replay, instrument(symbol))
    pd.testing.assert_frame_equal(batch.frame, bars, check_exact=True, check_freq=False)
    assert batch.price_basis == "as_traded"
    assert batch.client_version.startswith("yfinance 1.")
    assert batch.fetched_at == replay.now


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
def test_split_adjusted_dividends_become_those_that_were_paid(replay, listed, symbol):
    _, _, actions = listed(symbol)
    found = actions_of(replay, instrument(symbol))
    assert [(a.ex_date, a.kind) for a in found] == [(a.ex_date, a.kind) for a in actions]
    assert [a.value for a in found] == pytest.approx([a.value for a in actions], abs=5e-7)
    assert {(a.instrument, a.source) for a in found} == {(f"{symbol}_1d", "yahoo")}


@pytest.mark.parametrize(
    ("symbol", "day", "traded", "adjusted"),
    [
        ("AAPL", "2000-06-21", -0.4506, 0.0987),
        ("AAPL", "2005-02-28", -0.4957, 0.0085),
        ("MSFT", "2003-02-18", -0.4841, 0.0318),
        ("MSFT", "2004-11-15", -0.0861, 0.0186),
    ],
)
def test_forward_adjusted_returns_are_right_across_splits_and_dividends(
    replay, listed, symbol, day, traded, adjusted
):
    bars = bars_of(replay, instrument(symbol)).frame
    actions = actions_of(replay, instrument(symbol))
    raw = bars["close"].pct_change().loc[day]
    events = adjustment_events(actions, bars)
    forward = forward_adjust(bars, events)["close"].pct_change().loc[day]
    assert raw == pytest.approx(traded, abs=6e-3)
    assert forward == pytest.approx(adjusted, abs=6e-3)
    # the same by hand: price now, times the split, plus the cash, over the price before
    position = bars.index.get_loc(pd.Timestamp(day, tz="UTC"))
    before, now = bars["close"].iloc[position - 1], bars["close"].iloc[position]
    of_day = [a for a in actions if a.ex_date == date.fromisoformat(day)]
    ratio = np.prod([a.value for a in of_day if a.kind == "split"])
    cash = sum(a.value for a in of_day if a.kind == "dividend")
    assert forward == pytest.approx(now / (before / ratio - cash) - 1, rel=1e-9)


def test_capital_gains_of_a_fund_come_as_cash_of_their_own_kind(replay, listed, make_action):
    _, bars, _ = listed("AAPL")
    gain = make_action("2012-12-10", "capital_gain", 8.0)
    dividend = make_action("2012-12-10", "dividend", 0.25)
    replay.yahoo.put_daily("FUNDX", bars, [gain, dividend])
    found = actions_of(replay, instrument("FUNDX"))
    assert [(a.kind, a.value) for a in found] == [("dividend", 0.25), ("capital_gain", 8.0)]


@pytest.mark.parametrize(
    ("currency", "given"), [("GBP", "GBp"), ("USD", "GBp"), ("ZAR", "ZAc"), ("GBp", "GBP")]
)
def test_prices_in_another_unit_are_refused_with_the_unit_to_set(replay, listed, currency, given):
    replay.yahoo.series["AAPL", "1d"].meta["currency"] = given
    with pytest.raises(PermanentFetchError, match=f"Set 'currency: {given}'"):
        bars_of(replay, instrument(currency=currency))


def test_prices_in_the_unit_of_the_instrument_are_taken(replay, listed):
    replay.yahoo.series["AAPL", "1d"].meta["currency"] = "GBp"
    assert len(bars_of(replay, instrument(currency="GBX")).frame) > 3000


def test_a_later_split_changes_no_traded_price_of_the_past(replay, listed, make_action):
    asked = instrument()
    window = {"start": datetime(2004, 1, 1, tzinfo=UTC), "end": datetime(2005, 1, 1, tzinfo=UTC)}
    replay.now = datetime(2005, 1, 15, tzinfo=UTC)
    before = bars_of(replay, asked, **window).frame
    replay.now = datetime(2013, 3, 5, tzinfo=UTC)
    after = bars_of(replay, asked, **window).frame
    pd.testing.assert_frame_equal(before, after, check_exact=True)
    assert len(before) == 252


def test_only_rows_of_the_request_come_and_one_request_is_made(replay, listed):
    start, end = datetime(2005, 2, 25, tzinfo=UTC), datetime(2005, 3, 2, tzinfo=UTC)
    bars = bars_of(replay, instrument(), start, end).frame
    assert [str(day.date()) for day in bars.index] == ["2005-02-25", "2005-02-28", "2005-03-01"]
    assert replay.server.count(CHART) == 1
    assert bars["close"].tolist() == pytest.approx([88.99, 44.86, 44.50], abs=0.01)


def test_the_other_http_library_gives_the_same_bars(replay, listed):
    _, bars, _ = listed("AAPL")
    replay.with_requests()
    pd.testing.assert_frame_equal(
        bars_of(replay, instrument()).frame, bars, check_exact=True, check_freq=False
    )


def test_a_session_is_stored_only_after_its_close(replay, listed):
    friday = datetime(2013, 3, 1, tzinfo=UTC)
    for moment, last in (
        (datetime(2013, 3, 1, 20, 59, tzinfo=UTC), "2013-02-28"),
        (datetime(2013, 3, 1, 21, 0, tzinfo=UTC), "2013-03-01"),
    ):
        replay.now = moment
        bars = bars_of(replay, instrument(), friday - timedelta(days=7), friday + timedelta(days=7))
        assert str(bars.frame.index[-1].date()) == last


def test_the_running_price_that_comes_as_a_second_row_of_the_day_replaces_the_first(replay, listed):
    series = replay.yahoo.series["AAPL", "1d"]
    live = pd.Timestamp("2013-03-01 20:58:07", tz="UTC")
    row = {"open": 438.0, "high": 438.18, "low": 429.98, "close": 430.5, "volume": 1e6}
    series.extra_rows.append((live, row))
    bars = bars_of(replay, instrument(), datetime(2013, 2, 25, tzinfo=UTC)).frame
    assert bars.index.is_unique
    assert bars["close"].iloc[-1] == 430.5


def test_rows_without_prices_are_no_bars(replay, listed):
    series = replay.yahoo.series["AAPL", "1d"]
    empty = dict.fromkeys([*PRICES, "volume"])
    series.extra_rows.append((pd.Timestamp("2013-03-04 14:30", tz="UTC"), empty))
    bars = bars_of(replay, instrument(), datetime(2013, 2, 25, tzinfo=UTC)).frame
    assert str(bars.index[-1].date()) == "2013-03-01"


def test_a_row_that_lacks_one_price_is_kept_for_the_checks_to_see(replay, listed):
    series = replay.yahoo.series["AAPL", "1d"]
    row = {"open": 430.0, "high": 431.0, "low": 429.0, "close": None, "volume": 5.0}
    series.extra_rows.append((pd.Timestamp("2013-03-04 14:30", tz="UTC"), row))
    bars = bars_of(replay, instrument(), datetime(2013, 2, 25, tzinfo=UTC)).frame
    assert str(bars.index[-1].date()) == "2013-03-04"
    assert np.isnan(bars["close"].iloc[-1])


def test_a_restated_bar_is_seen_at_the_next_request(replay, listed):
    _, bars, actions = listed("AAPL")
    span = {"start": datetime(2013, 2, 1, tzinfo=UTC), "end": datetime(2013, 3, 2, tzinfo=UTC)}
    before = bars_of(replay, instrument(), **span).frame
    restated = bars.copy()
    restated.loc["2013-02-20", "close"] += 1.25
    replay.yahoo.put_daily("AAPL", restated, actions)
    after = bars_of(replay, instrument(), **span).frame
    changed = (after != before).any(axis=1)
    assert [str(day.date()) for day in after.index[changed]] == ["2013-02-20"]


def test_days_keep_their_dates_across_a_change_of_the_clock(replay, listed):
    bars = bars_of(
        replay, instrument(), datetime(2012, 10, 26, tzinfo=UTC), datetime(2012, 11, 9, tzinfo=UTC)
    ).frame
    _, shipped_bars, _ = listed("AAPL")
    assert bars.index.tolist() == shipped_bars.loc["2012-10-26":"2012-11-08"].index.tolist()
    stamps = [a.params for a in replay.server.asked if "chart" in a.path]
    assert len(stamps) == 1


def test_minutes_stand_on_the_open_in_utc_before_and_after_the_change(replay):
    replay.now = datetime(2013, 3, 12, 21, tzinfo=UTC)
    winter = minute_bars("2013-03-08 14:30", 390)
    summer = minute_bars("2013-03-11 13:30", 390)
    replay.yahoo.put("AAPL", YahooSeries(pd.concat([winter, summer]), interval="1m"))
    asked = instrument(timeframe="1m")
    bars = bars_of(replay, asked, datetime(2013, 3, 8, tzinfo=UTC), replay.now).frame
    assert len(bars) == 780
    assert str(bars.index[0]) == "2013-03-08 14:30:00+00:00"
    assert str(bars.index[390]) == "2013-03-11 13:30:00+00:00"


def test_minutes_are_asked_for_in_pages_of_a_week(replay):
    replay.now = datetime(2013, 3, 5, 21, tzinfo=UTC)
    days = pd.bdate_range("2013-02-11", "2013-03-05")
    parts = [minute_bars(f"{day:%Y-%m-%d} 14:30", 390) for day in days if day.day != 18]
    replay.yahoo.put("AAPL", YahooSeries(pd.concat(parts), interval="1m"))
    start = datetime(2013, 2, 11, tzinfo=UTC)
    bars = bars_of(replay, instrument(timeframe="1m"), start, replay.now).frame
    assert len(bars) == 390 * len(parts)
    assert bars.index.is_unique
    assert bars.index.is_monotonic_increasing
    assert replay.server.count(CHART) == 4


def test_minutes_that_yahoo_no_longer_has_are_refused_without_a_request(replay):
    asked = instrument(timeframe="1m")
    with pytest.raises(RangeUnavailableError, match="1m bars for 30 days") as caught:
        bars_of(replay, asked, datetime(2013, 1, 1, tzinfo=UTC), replay.now)
    assert caught.value.available_from == date(2013, 2, 4)
    assert "listed_from: 2013-02-04" in str(caught.value)
    assert replay.server.asked == []


def test_a_range_that_yahoo_itself_refuses_is_told_as_such(replay, listed):
    said = "Data doesn't exist for startDate = 631152000, endDate = 1362441600"
    error = {"chart": {"result": None, "error": {"code": "Bad Request", "description": said}}}
    replay.server.fail(CHART, Answer(error, 400), Answer(error, 400))
    with pytest.raises(RangeUnavailableError, match="no bar in the range"):
        bars_of(replay, instrument())


def test_time_after_the_close_and_the_running_minute_are_left_out(replay):
    replay.now = datetime(2012, 11, 23, 18, 30, tzinfo=UTC)  # the market closed at 13:00 New York
    bars = minute_bars("2012-11-23 17:30", 60)
    replay.yahoo.put("AAPL", YahooSeries(bars, interval="1m"))
    found = bars_of(replay, instrument(timeframe="1m"), datetime(2012, 11, 23, tzinfo=UTC)).frame
    assert len(found) == 30
    assert str(found.index[-1]) == "2012-11-23 17:59:00+00:00"


def test_the_running_price_beside_the_grid_is_no_bar(replay):
    replay.now = datetime(2013, 3, 4, 15, 0, 40, tzinfo=UTC)
    live = pd.Timestamp("2013-03-04 14:59:31", tz="UTC")
    row = {"open": 101.0, "high": 101.0, "low": 101.0, "close": 101.0, "volume": 0.0}
    series = YahooSeries(
        minute_bars("2013-03-04 14:30", 30),
        interval="1m",
        meta={"regularMarketTime": int(live.timestamp())},
        extra_rows=[(live, row)],
    )
    replay.yahoo.put("AAPL", series)
    found = bars_of(replay, instrument(timeframe="1m"), datetime(2013, 3, 4, tzinfo=UTC)).frame
    assert len(found) == 30
    assert (found.index.second == 0).all()


def test_bars_of_another_length_than_asked_for_are_refused(replay):
    bars = minute_bars("2013-03-04 14:30", 6, minutes=60)
    replay.yahoo.put("AAPL", YahooSeries(bars, interval="30m", meta={"dataGranularity": "60m"}))
    with pytest.raises(PermanentFetchError, match="60m bars where 30m"):
        bars_of(replay, instrument(timeframe="30m"), datetime(2013, 3, 4, tzinfo=UTC))


def test_a_chart_of_another_symbol_is_refused(replay, shipped):
    _, bars, _ = shipped("AAPL")
    replay.yahoo.put("AAPL", YahooSeries(opened(bars), meta={"symbol": "MSFT"}))
    with pytest.raises(PermanentFetchError, match="answered with MSFT"):
        bars_of(replay, instrument())
    with pytest.raises(PermanentFetchError, match="answered with MSFT"):
        actions_of(replay, instrument())


def test_another_spelling_of_the_symbol_is_the_symbol(replay, shipped):
    _, bars, _ = shipped("AAPL")
    replay.yahoo.put("USDJPY=X", YahooSeries(opened(bars), meta={"symbol": "JPY=X"}))
    pair = instrument("USD/JPY", asset_class="fx", calendar="24/5", currency="JPY")
    replay.yahoo.series["USDJPY=X", "1d"].meta["currency"] = "JPY"
    assert len(bars_of(replay, pair).frame)


@pytest.mark.parametrize("span", [("2012-01-01", "2012-02-01"), ("2001-01-01", "2001-02-01")])
def test_a_chart_from_elsewhere_is_refused(replay, shipped, span):
    _, bars, _ = shipped("AAPL")
    replay.yahoo.put("AAPL", YahooSeries(opened(bars)))
    asked = [pd.Timestamp(each, tz="UTC").to_pydatetime() for each in span]
    source = replay.client("yahoo")
    chart = source._chart(instrument(), Timeframe.D1, *asked)
    source_module._require_asked(chart, instrument(), "AAPL", *asked)  # as asked for
    for days in (-60, 60):
        moved = [each + timedelta(days=days) for each in asked]
        with pytest.raises(RangeUnavailableError, match="sent bars from"):
            source_module._require_asked(chart, instrument(), "AAPL", *moved)


def test_weeks_are_named_by_their_first_session_and_cover_holidays(replay, shipped):
    _, bars, _ = shipped("AAPL")
    daily = bars.loc["2013-01-14":"2013-03-01"]
    monday = daily.index - pd.to_timedelta(daily.index.day_of_week, unit="D")
    weekly = daily.groupby(monday).agg(
        {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    )
    stamps = weekly.index.tz_localize(None).tz_localize("America/New_York").tz_convert("UTC")
    weekly_bars = weekly.set_axis(stamps, axis=0)
    replay.yahoo.put("AAPL", YahooSeries(weekly_bars, interval="1wk"))
    found = bars_of(replay, instrument(timeframe="1w"), datetime(2013, 1, 21, tzinfo=UTC)).frame
    days = [str(day.date()) for day in found.index]
    assert days == [
        "2013-01-22",
        "2013-01-28",
        "2013-02-04",
        "2013-02-11",
        "2013-02-19",
        "2013-02-25",
    ]
    assert found["close"].iloc[0] == weekly["close"].loc["2013-01-21"]


@pytest.mark.parametrize("timeframe", ["4h"])
def test_a_timeframe_that_yahoo_lacks_is_refused_with_those_it_has(replay, timeframe):
    with pytest.raises(PermanentFetchError, match=r"has no 4h bars.*1m, 5m, 15m, 30m, 1h, 1d, 1w"):
        bars_of(replay, instrument(timeframe=timeframe))
    assert replay.server.asked == []


def test_an_unknown_symbol_is_permanent_and_asked_for_once(replay, listed):
    with pytest.raises(PermanentFetchError, match="no symbol 'APPL'") as caught:
        bars_of(replay, instrument("APPL"))
    assert caught.value.symbol == "APPL"
    assert replay.waits == []


@pytest.mark.parametrize(
    "fault", ["429", "500 with HTML", "503", "200 with HTML", "empty body", "dropped connection"]
)
def test_a_fault_that_passes_is_waited_out_and_gives_the_right_rows(replay, listed, fault):
    _, bars, _ = listed("AAPL")
    # yfinance repeats a refused request itself once, with another cookie; curl repeats one on a
    # connection that was kept open
    twice = 1 if fault in ("200 with HTML", "empty body") else 2
    replay.server.fail(CHART, *[fault] * twice)
    assert len(bars_of(replay, instrument()).frame) == len(bars)
    assert replay.waits == [8.0 if fault == "429" else 1.0]


@pytest.mark.parametrize(
    ("fault", "status"), [("429", 429), ("500 with HTML", 500), ("200 with HTML", None)]
)
def test_a_fault_that_stays_ends_in_an_error_and_never_in_an_empty_answer(
    replay, listed, fault, status
):
    replay.server.fail(CHART, *[fault] * 6)
    with pytest.raises(RetryableFetchError, match=r"tried 3 time\(s\)") as caught:
        bars_of(replay, instrument())
    assert caught.value.values.get("status") == status
    assert len(replay.waits) == 2


def test_a_provider_that_does_not_answer_is_given_up_on(replay, listed):
    bars_of(replay, instrument())  # the cookie is there
    replay.hurry()
    replay.server.fail(CHART, *["time-out"] * 3)
    with pytest.raises(RetryableFetchError, match="did not answer in time"):
        bars_of(replay, instrument())


@pytest.mark.parametrize("fault", ["451", "401"])
def test_a_refusal_is_permanent_and_not_repeated(replay, listed, fault):
    replay.server.fail(CHART, fault, fault)
    with pytest.raises(PermanentFetchError, match=fault):
        bars_of(replay, instrument())
    assert replay.waits == []


def test_a_chart_of_another_shape_is_an_error(replay, listed):
    broken = {"chart": {"result": [{"meta": {}, "timestamp": [1]}], "error": None}}
    replay.server.fail(CHART, *[Answer(broken)] * 3)
    with pytest.raises(RetryableFetchError, match="another shape"):
        bars_of(replay, instrument())


def test_an_answer_without_rows_gives_no_bars_and_the_stage_judges(replay, shipped):
    _, bars, _ = shipped("AAPL")
    replay.yahoo.put_daily("AAPL", bars.loc[:"2005-12-31"])
    start = datetime(2010, 1, 1, tzinfo=UTC)
    assert bars_of(replay, instrument(), start).frame.empty


def test_a_span_in_the_future_asks_nothing(replay):
    start = replay.now + timedelta(days=1)
    assert bars_of(replay, instrument(), start, start + timedelta(days=9)).frame.empty
    assert actions_of(replay, instrument(), start, start + timedelta(days=9)) == []
    assert replay.server.asked == []


def test_what_yahoo_knows_of_a_symbol_is_told(replay, listed):
    source = replay.client("yahoo")
    assert source.check_instrument(instrument()) == "AAPL is AAPL Inc. (NMS, USD, since 2000-03-01)"
    assert source.probe().startswith("answers; AAPL is")
    assert source.key_state() == "needs no key"
    with pytest.raises(PermanentFetchError, match="no symbol"):
        source.check_instrument(instrument("NOPE"))
