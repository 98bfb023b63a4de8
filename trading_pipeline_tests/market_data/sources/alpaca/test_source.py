"""Tests of Alpaca's source: the real clients against the replay server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from pydantic import SecretStr

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import (
    PermanentFetchError,
    RangeUnavailableError,
    RetryableFetchError,
)
from trading_pipeline.market_data.sources.alpaca import source as alpaca_source
from trading_pipeline.market_data.sources.alpaca.answers import action_values
from trading_pipeline.market_data.sources.alpaca.source import AlpacaSource
from trading_pipeline.market_data.sources.protocol import ActionRequest, BarRequest
from trading_pipeline_tests.conftest import random_bars
from trading_pipeline_tests.market_data.replay.alpaca_routes import (
    BARS,
    COIN_BARS,
    CORPORATE,
    KEYS,
    LATEST,
)
from trading_pipeline_tests.market_data.replay.server import Answer

EVER = {"start": datetime(1990, 1, 1, tzinfo=UTC), "end": datetime(2014, 1, 1, tzinfo=UTC)}


def stock(symbol="MSFT", timeframe="1d"):
    return Instrument(symbol=symbol, timeframe=Timeframe(timeframe), source="alpaca")


def coin(timeframe="1h"):
    return Instrument(
        symbol="BTC/USD",
        timeframe=Timeframe(timeframe),
        source="alpaca",
        calendar="24/7",
        asset_class="crypto",
    )


def bars_of(replay, asked, start=EVER["start"], end=EVER["end"]):
    request = BarRequest(instrument=asked, start=start, end=end)
    return replay.client("alpaca").fetch_bars(request).frame


@pytest.fixture
def listed(replay, shipped):
    """The shipped AAPL and MSFT as Alpaca has them on 2013-03-05."""
    for symbol in ("AAPL", "MSFT"):
        _, bars, actions = shipped(symbol)
        replay.alpaca.put_daily(symbol, bars, actions)
    return shipped


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
def test_midnights_of_new_york_become_the_dates_of_the_sessions(replay, listed, symbol):
    _, bars, _ = listed(symbol)
    found = bars_of(replay, stock(symbol))
    pd.testing.assert_frame_equal(found, bars, check_exact=True, check_freq=False)


def test_actions_come_as_they_were(replay, listed):
    _, _, actions = listed("MSFT")
    request = ActionRequest(instrument=stock(), **EVER)
    found = replay.client("alpaca").fetch_actions(request)
    assert [(a.ex_date, a.kind, a.value) for a in found] == [
        (a.ex_date, a.kind, a.value) for a in actions
    ]
    assert {a.source for a in found} == {"alpaca"}


def test_every_kind_of_split_and_dividend_is_read():
    answer = {
        "forward_splits": [{"ex_date": "2020-01-02", "new_rate": 3, "old_rate": 2}],
        "reverse_splits": [{"ex_date": "2020-01-03", "new_rate": 1, "old_rate": 8}],
        "stock_dividends": [{"ex_date": "2020-01-04", "rate": 0.05}],
        "cash_dividends": [{"ex_date": "2020-01-05", "rate": 0.4, "symbol": "X"}] * 2
        + [{"ex_date": "2020-01-05", "rate": 0.4, "symbol": "Y"}],
    }
    found = [(kind, str(day), value) for kind, day, value in action_values(answer, "X")]
    assert found == [
        ("split", "2020-01-02", 1.5),
        ("split", "2020-01-03", 0.125),
        ("split", "2020-01-04", 1.05),
        ("dividend", "2020-01-05", 0.4),
    ]


def test_only_rows_of_the_request_come(replay, listed):
    found = bars_of(
        replay, stock(), datetime(2004, 11, 11, tzinfo=UTC), datetime(2004, 11, 16, tzinfo=UTC)
    )
    assert [str(day.date()) for day in found.index] == ["2004-11-11", "2004-11-12", "2004-11-15"]


def test_the_session_of_today_is_no_bar_before_its_close(replay, listed):
    start = datetime(2013, 2, 25, tzinfo=UTC)
    for moment, last in (
        (datetime(2013, 3, 1, 20, 0, tzinfo=UTC), "2013-02-28"),
        (datetime(2013, 3, 1, 21, 0, tzinfo=UTC), "2013-03-01"),
    ):
        replay.now = moment
        assert str(bars_of(replay, stock(), start).index[-1].date()) == last


def test_pages_are_turned_and_tokens_followed(replay, listed, monkeypatch):
    monkeypatch.setattr(alpaca_source, "_PAGE_ROWS", 1000)
    replay.alpaca.page_rows = 300  # shorter than asked for, with a token for the rest
    _, bars, _ = listed("MSFT")
    found = bars_of(replay, stock())
    assert found.index.tolist() == bars.index.tolist()
    assert replay.server.count(BARS) == 3 * 4 + 1


def test_minutes_outside_the_session_are_left_out_across_the_change_of_the_clock(replay):
    replay.now = datetime(2013, 3, 12, 22, tzinfo=UTC)
    winter = random_bars(720, 1, "2013-03-08 13:00", "min")
    summer = random_bars(720, 2, "2013-03-11 12:00", "min")
    replay.alpaca.put("MSFT", "1Min", pd.concat([winter, summer]))
    found = bars_of(replay, stock(timeframe="1m"), datetime(2013, 3, 8, tzinfo=UTC), replay.now)
    assert len(found) == 780
    assert str(found.index[0]) == "2013-03-08 14:30:00+00:00"
    assert str(found.index[390]) == "2013-03-11 13:30:00+00:00"


def test_weeks_are_named_by_their_first_session(replay):
    mondays = pd.DatetimeIndex(["2013-01-14", "2013-01-21", "2013-01-28"], tz="America/New_York")
    bars = random_bars(3, 4).set_axis(mondays.tz_convert("UTC"), axis=0)
    replay.alpaca.put("MSFT", "1Week", bars)
    found = bars_of(replay, stock(timeframe="1w"), datetime(2013, 1, 15, tzinfo=UTC))
    assert [str(day.date()) for day in found.index] == ["2013-01-22", "2013-01-28"]


@pytest.mark.parametrize("timeframe", ["1h", "4h"])
def test_hours_of_stocks_are_refused_since_they_do_not_begin_at_the_open(replay, timeframe):
    with pytest.raises(PermanentFetchError, match=r"only by the full hour.*1m, 5m, 15m, 30m, 1d"):
        bars_of(replay, stock(timeframe=timeframe))
    assert replay.server.asked == []


def test_coins_need_no_keys(replay):
    hours = random_bars(500, 3, "2013-02-20", "h")
    replay.alpaca.put("BTC/USD", "1Hour", hours)
    source = AlpacaSource(url_override=replay.alpaca.url, clock=lambda: replay.now)
    request = BarRequest(instrument=coin(), start=datetime(2013, 2, 25, tzinfo=UTC), end=replay.now)
    found = source.fetch_bars(request).frame
    pd.testing.assert_frame_equal(
        found, hours.loc["2013-02-25":"2013-03-05 11:00"], check_exact=True, check_freq=False
    )
    assert source.fetch_actions(ActionRequest(instrument=coin(), **EVER)) == []
    assert source.key_state() == "has no keys, which stocks need"
    assert "BTC/USD traded last" in source.probe()


def test_days_of_coins_that_begin_at_another_hour_are_refused(replay):
    days = random_bars(20, 3, "2013-02-10 06:00", "D")
    replay.alpaca.put("BTC/USD", "1Day", days)
    with pytest.raises(PermanentFetchError, match="do not begin at 00:00 UTC"):
        bars_of(replay, coin("1d"))


def test_without_keys_a_stock_is_refused_with_the_names_of_the_settings(replay):
    source = AlpacaSource(url_override=replay.alpaca.url)
    with pytest.raises(PermanentFetchError, match="TRADING_PIPELINE_ALPACA_API_KEY"):
        source.fetch_bars(BarRequest(instrument=stock(), **EVER))
    assert replay.server.asked == []


def test_wrong_keys_are_told_and_neither_shown_nor_repeated(replay, listed, caplog):
    source = AlpacaSource(
        api_key=SecretStr("PK-wrong-key-123"),
        secret_key=SecretStr("wrong-secret-4567"),
        url_override=replay.alpaca.url,
    )
    replay.server.fail(BARS, Answer({"message": "PK-wrong-key-123 is unknown"}, 403))
    with pytest.raises(PermanentFetchError, match="403") as caught:
        source.fetch_bars(BarRequest(instrument=stock(), **EVER))
    for text in (str(caught.value), repr(source), caplog.text):
        assert "PK-wrong-key-123" not in text
        assert "wrong-secret-4567" not in text
    assert "*** is unknown" in str(caught.value)
    assert replay.server.count(BARS) == 1


def test_an_unknown_symbol_is_told_from_an_empty_window(replay, listed):
    with pytest.raises(PermanentFetchError, match="no symbol 'MFST'"):
        bars_of(replay, stock("MFST"))
    early = {"start": datetime(1995, 1, 1, tzinfo=UTC), "end": datetime(1996, 1, 1, tzinfo=UTC)}
    assert bars_of(replay, stock(), **early).empty
    assert replay.server.count(LATEST) == 2
    assert replay.waits == []


@pytest.mark.parametrize(
    "fault", ["429", "500 with HTML", "503", "200 with HTML", "empty body", "dropped connection"]
)
def test_a_fault_that_passes_is_waited_out_and_gives_the_right_rows(replay, listed, fault):
    _, bars, _ = listed("MSFT")
    replay.server.fail(BARS, fault)
    assert len(bars_of(replay, stock())) == len(bars)
    assert replay.waits == [8.0 if fault == "429" else 1.0]


@pytest.mark.parametrize("fault", ["429", "500 with HTML", "200 with HTML"])
def test_a_fault_that_stays_ends_in_an_error_and_never_in_an_empty_answer(replay, listed, fault):
    replay.server.fail(BARS, *[fault] * 3)
    with pytest.raises(RetryableFetchError, match=r"tried 3 time\(s\)"):
        bars_of(replay, stock())
    assert replay.server.count(BARS) == 3  # the client's own repeating is off


def test_a_request_has_a_time_out_which_the_client_does_not_have(replay, listed):
    replay.hurry()
    replay.attempts = 1
    replay.server.fail(BARS, "time-out")
    with pytest.raises(RetryableFetchError, match="did not answer in time"):
        bars_of(replay, stock())


def test_bars_of_another_shape_are_an_error(replay, listed):
    replay.server.fail(BARS, *[Answer({"bars": {"MSFT": [{"t": "2013-03-01"}]}})] * 3)
    with pytest.raises(RetryableFetchError, match="another shape"):
        bars_of(replay, stock())


def test_a_fault_of_the_actions_is_no_empty_list(replay, listed):
    replay.server.fail(CORPORATE, *["200 with HTML"] * 3)
    with pytest.raises(RetryableFetchError, match="no JSON"):
        replay.client("alpaca").fetch_actions(ActionRequest(instrument=stock(), **EVER))


def test_only_raw_bars_are_asked_for(replay, listed):
    bars_of(replay, stock(), datetime(2013, 2, 25, tzinfo=UTC))
    asked = next(each for each in replay.server.asked if each.path.endswith("/bars"))
    assert asked.params["adjustment"] == "raw"
    assert "feed" not in asked.params


def test_the_feed_of_the_settings_is_asked_for(replay, listed):
    source = AlpacaSource(
        api_key=SecretStr(KEYS[0]),
        secret_key=SecretStr(KEYS[1]),
        feed="iex",
        url_override=replay.alpaca.url,
        clock=lambda: replay.now,
    )
    source.fetch_bars(BarRequest(instrument=stock(), **EVER))
    assert replay.server.asked[-1].params["feed"] == "iex"


def test_a_span_in_the_future_asks_nothing(replay):
    start = replay.now + timedelta(days=1)
    assert bars_of(replay, stock(), start, start + timedelta(days=9)).empty
    assert replay.server.asked == []


def test_what_alpaca_has_is_told(replay, listed):
    source = replay.client("alpaca")
    assert source.check_instrument(stock()) == "MSFT traded last at 2013-03-01T05:00:00Z"
    assert source.probe().startswith("answers; AAPL traded last")
    assert source.key_state() == "has keys"
    assert replay.server.count(COIN_BARS) == 0


@pytest.mark.parametrize("bars", [None, {}, {"MSFT": None}, {"MSFT": []}])
def test_bars_of_null_are_an_empty_page(replay, listed, bars):
    replay.server.fail(BARS, Answer({"bars": bars, "next_page_token": None}))
    assert bars_of(replay, stock()).empty
    assert replay.waits == []


def test_a_page_that_repeats_is_refused_and_not_asked_for_ever(replay, listed, monkeypatch):
    monkeypatch.setattr(alpaca_source, "_PAGE_ROWS", 3)
    rows = [
        {"t": f"2012-01-{day:02d}T05:00:00Z", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
        for day in (3, 4, 5)
    ]
    page = Answer({"bars": {"MSFT": rows}, "next_page_token": None})
    replay.server.fail(BARS, *[page] * 4)
    with pytest.raises(RangeUnavailableError, match="sent bars from 2012-01-03"):
        bars_of(replay, stock(), datetime(2012, 1, 1, tzinfo=UTC))


def test_a_page_of_later_bars_than_asked_for_is_refused(replay, listed):
    rows = [
        {"t": f"2012-06-{day:02d}T04:00:00Z", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
        for day in (4, 5, 6)
    ]
    page = Answer({"bars": {"MSFT": rows}, "next_page_token": None})
    replay.server.fail(BARS, page)
    span = (datetime(2012, 1, 1, tzinfo=UTC), datetime(2012, 2, 1, tzinfo=UTC))
    with pytest.raises(RangeUnavailableError, match="to 2012-06-06"):
        bars_of(replay, stock(), *span)


def test_bars_of_another_symbol_are_no_empty_answer(replay, listed):
    rows = [{"t": "2012-01-03T05:00:00Z", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}]
    page = Answer({"bars": {"AAPL": rows}, "next_page_token": None})
    replay.server.fail(BARS, *[page] * 4)
    with pytest.raises(RetryableFetchError, match="bars of AAPL"):
        bars_of(replay, stock(), datetime(2012, 1, 1, tzinfo=UTC))
