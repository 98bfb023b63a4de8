"""Tests of crypto exchanges: real clients of Kraken and Binance on the replay server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import (
    ConfigurationError,
    PermanentFetchError,
    RangeUnavailableError,
    RetryableFetchError,
)
from trading_pipeline.market_data.sources.protocol import ActionRequest, BarRequest
from trading_pipeline_tests.conftest import random_bars
from trading_pipeline_tests.market_data.replay.exchange_routes import BINANCE, KLINES, KRAKEN, OHLC
from trading_pipeline_tests.market_data.replay.server import Answer

START = datetime(2013, 1, 1, tzinfo=UTC)
NOON = datetime(2013, 3, 5, 12, 30, tzinfo=UTC)
LAST_PAGES = datetime(2013, 2, 20, tzinfo=UTC)


def coin(exchange, timeframe="1h", symbol="BTC/USDT"):
    return Instrument(
        symbol=symbol,
        timeframe=Timeframe(timeframe),
        source="ccxt",
        exchange=exchange,
        calendar="24/7",
        asset_class="crypto",
        currency="USDT",
    )


def bars_of(replay, asked, start=START, end=NOON + timedelta(days=1)):
    request = BarRequest(instrument=asked, start=start, end=end)
    return replay.client("ccxt").fetch_bars(request).frame


@pytest.fixture
def hours(replay):
    """Hours from November 2012 on; the one that begins at noon of 2013-03-05 still forms."""
    replay.now = NOON
    bars = random_bars(4000, 5, "2012-11-01", "h")
    replay.exchanges.put("BTC/USDT", "1h", bars)
    return bars


def test_binance_is_read_page_by_page_up_to_the_last_closed_bar(replay, hours):
    found = bars_of(replay, coin("binance"))
    pd.testing.assert_frame_equal(
        found, hours.loc["2013-01-01":"2013-03-05 11:00"], check_exact=True, check_freq=False
    )
    assert replay.server.count(KLINES) == 2
    starts = [int(a.params["startTime"]) for a in replay.server.asked if "klines" in a.path]
    assert starts[1] - starts[0] == 1000 * 3_600_000


def test_nothing_before_the_start_and_nothing_from_the_end_on(replay, hours):
    end = datetime(2013, 1, 3, tzinfo=UTC)
    found = bars_of(replay, coin("binance"), START, end)
    assert (found.index[0], found.index[-1]) == (START, end - timedelta(hours=1))
    assert len(found) == 48


@pytest.mark.parametrize("exchange", ["binance", "kraken"])
def test_both_exchanges_give_the_same_newest_bars(replay, hours, exchange):
    found = bars_of(replay, coin(exchange), LAST_PAGES)
    pd.testing.assert_frame_equal(
        found, hours.loc["2013-02-20":"2013-03-05 11:00"], check_exact=True, check_freq=False
    )


def test_pages_shorter_than_promised_lose_nothing(replay, hours):
    replay.exchanges.page_rows = 300
    found = bars_of(replay, coin("binance"))
    assert len(found) == len(hours.loc["2013-01-01":"2013-03-05 11:00"])
    assert found.index.is_unique


def test_intervals_without_a_trade_leave_holes_and_do_not_stop_the_pages(replay, hours):
    gappy = hours.drop(hours.loc["2013-02-01":"2013-02-15"].index)
    replay.exchanges.put("BTC/USDT", "1h", gappy)
    found = bars_of(replay, coin("binance"))
    assert found.index.tolist() == gappy.loc["2013-01-01":"2013-03-05 11:00"].index.tolist()


def test_kraken_does_not_pass_its_newest_720_bars_off_as_older_ones(replay, hours):
    with pytest.raises(RangeUnavailableError, match="only its newest 720") as caught:
        bars_of(replay, coin("kraken"))
    assert caught.value.available_from == NOON.replace(minute=0) - timedelta(hours=719)
    assert "listed_from: 2013-02-04" in str(caught.value)
    assert replay.waits == []


def test_a_market_that_was_listed_later_gives_what_it_has(replay, hours):
    replay.exchanges.put("ETH/USDT", "1h", hours.loc["2013-02-25":])
    for exchange in ("binance", "kraken"):
        found = bars_of(replay, coin(exchange, symbol="ETH/USDT"))
        assert str(found.index[0]) == "2013-02-25 00:00:00+00:00"


def test_a_window_before_the_listing_is_not_an_empty_success(replay, hours):
    with pytest.raises(RangeUnavailableError, match="none before that day") as caught:
        bars_of(
            replay, coin("binance"), datetime(2011, 1, 1, tzinfo=UTC), START - timedelta(days=90)
        )
    assert "listed_from: 2012-11-01" in str(caught.value)


def klines(bars):
    rows = zip(bars.index, bars.to_numpy().tolist(), strict=True)
    return Answer([[int(at.timestamp() * 1000), *map(str, values), 0] for at, values in rows])


ASKED = {"start": datetime(2013, 1, 1, tzinfo=UTC), "end": datetime(2013, 1, 24, 12, tzinfo=UTC)}


@pytest.mark.parametrize("times", [1, 2, 9])
@pytest.mark.parametrize("until", ["2013-01-24 11:00", "2013-02-10 00:00", "2013-03-05 11:00"])
def test_a_page_that_begins_elsewhere_than_asked_is_refused(replay, hours, times, until):
    page = hours.loc["2013-01-23 17:00":until]  # 19 of the 564 hours that are asked for
    replay.server.fail(KLINES, *[klines(page)] * times)
    with pytest.raises(RangeUnavailableError, match="from 2013-01-01 00:00 on and sent a page"):
        bars_of(replay, coin("binance"), **ASKED)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_page_that_repeats_is_not_the_end_of_the_series(replay, hours, backwards):
    first = hours.loc["2013-01-01":"2013-01-10"]
    again = klines(first.iloc[::-1] if backwards else first)
    replay.server.fail(KLINES, again, again)
    with pytest.raises(RangeUnavailableError, match="sent a page from 2013-01-01"):
        bars_of(replay, coin("binance"), **ASKED)


def test_a_page_of_older_bars_is_refused(replay, hours):
    replay.server.fail(KLINES, klines(hours.loc["2012-11-01":"2012-12-01"]))
    with pytest.raises(RangeUnavailableError, match="sent a page from 2012-11-01"):
        bars_of(replay, coin("binance"), **ASKED)


@pytest.mark.parametrize(("step", "said"), [("4h", "240 minutes"), ("30min", "30 minutes")])
def test_bars_of_another_length_are_refused(replay, hours, step, said):
    wrong = hours.resample(step).ffill().loc["2013-01-01":"2013-01-10"]
    replay.server.fail(KLINES, klines(wrong))
    with pytest.raises(PermanentFetchError, match=said):
        bars_of(replay, coin("binance"), **ASKED)


def test_a_descending_page_is_read_in_order(replay, hours):
    wanted = hours.loc["2013-01-01":"2013-01-24 11:00"]
    replay.server.fail(KLINES, klines(wanted.iloc[::-1]))
    found = bars_of(replay, coin("binance"), **ASKED)
    pd.testing.assert_frame_equal(found, wanted, check_exact=True, check_freq=False)


def test_a_list_of_null_is_an_empty_page(replay, hours):
    nothing = Answer({"error": [], "result": {"XBTUSDT": None, "last": 0}})
    replay.server.fail(OHLC, nothing)
    assert bars_of(replay, coin("kraken"), LAST_PAGES).empty


def test_a_restated_bar_is_seen_at_the_next_request(replay, hours):
    before = bars_of(replay, coin("binance"), LAST_PAGES)
    restated = hours.copy()
    restated.loc["2013-02-22 07:00", "close"] *= 1.01
    replay.exchanges.put("BTC/USDT", "1h", restated)
    after = bars_of(replay, coin("binance"), LAST_PAGES)
    changed = (before != after).any(axis=1)
    assert [str(stamp) for stamp in after.index[changed]] == ["2013-02-22 07:00:00+00:00"]


def test_a_change_of_the_clock_moves_nothing(replay, hours):
    replay.now = datetime(2013, 3, 12, tzinfo=UTC)
    found = bars_of(replay, coin("binance"), datetime(2013, 3, 9, tzinfo=UTC), replay.now)
    assert len(found) == 72
    assert set(found.index.to_series().diff().dropna()) == {pd.Timedelta(hours=1)}


def test_weeks_that_do_not_begin_on_monday_are_refused(replay):
    replay.now = NOON
    thursdays = random_bars(30, 6, "2012-11-01", "7D")
    replay.exchanges.put("BTC/USDT", "1w", thursdays)
    with pytest.raises(PermanentFetchError, match="do not begin on Monday"):
        bars_of(replay, coin("kraken", "1w"))
    replay.exchanges.put("BTC/USDT", "1w", random_bars(30, 6, "2012-11-05", "7D"))
    found = bars_of(replay, coin("binance", "1w"))
    assert set(found.index.day_of_week) == {0}
    assert str(found.index[-1].date()) == "2013-02-25"  # the week of 03-04 still forms


@pytest.mark.parametrize(
    "fault",
    ["429", "500 with HTML", "503", "200 with HTML", "empty body", "dropped connection"],
)
@pytest.mark.parametrize(("exchange", "place"), [("binance", KLINES), ("kraken", OHLC)])
def test_a_fault_that_passes_is_waited_out_and_gives_the_right_rows(
    replay, hours, exchange, place, fault
):
    replay.server.fail(place, fault)
    assert len(bars_of(replay, coin(exchange), LAST_PAGES)) == 324
    assert replay.waits == [8.0 if fault == "429" else 1.0]


@pytest.mark.parametrize("fault", ["200 with HTML", "empty body", "503", "dropped connection"])
@pytest.mark.parametrize(
    ("exchange", "place"),
    [("binance", f"{BINANCE}exchangeInfo"), ("kraken", f"{KRAKEN}AssetPairs")],
)
def test_an_outage_of_the_list_of_markets_makes_no_symbol_unknown(
    replay, hours, exchange, place, fault
):
    replay.server.fail(place, fault)
    assert len(bars_of(replay, coin(exchange), LAST_PAGES)) == 324


@pytest.mark.parametrize("fault", ["429", "200 with HTML"])
def test_a_fault_that_stays_ends_in_an_error_and_never_in_an_empty_answer(replay, hours, fault):
    replay.server.fail(KLINES, *[fault] * 3)
    with pytest.raises(RetryableFetchError, match=r"tried 3 time\(s\)"):
        bars_of(replay, coin("binance"))
    assert len(replay.waits) == 2


def test_an_exchange_that_does_not_answer_is_given_up_on(replay, hours):
    replay.hurry()
    replay.attempts = 1
    replay.server.fail(OHLC, "time-out")
    with pytest.raises(RetryableFetchError, match="did not answer in time"):
        bars_of(replay, coin("kraken"), LAST_PAGES)


@pytest.mark.parametrize("fault", ["451", "401"])
def test_a_refusal_is_permanent_though_ccxt_calls_it_a_network_error(replay, hours, fault):
    replay.server.fail(KLINES, fault)
    with pytest.raises(PermanentFetchError, match=fault):
        bars_of(replay, coin("binance"))
    assert replay.waits == []


def test_rows_of_none_are_an_outage_and_no_bars(replay, hours):
    nothing = [[None, None, None, None, None, None]] * 3
    replay.server.fail(KLINES, *[Answer(nothing)] * 3)
    with pytest.raises(RetryableFetchError, match="rows without a time stamp"):
        bars_of(replay, coin("binance"))
    stamp = int(START.timestamp() * 1000)
    replay.server.fail(KLINES, Answer([[stamp, None, None, None, None, None]]), Answer([]))
    with pytest.raises(RetryableFetchError, match="rows without prices"):
        bars_of(replay, coin("binance"))


def test_an_answer_without_rows_gives_no_bars_and_the_stage_judges(replay, hours):
    assert bars_of(replay, coin("binance", "5m"), LAST_PAGES).empty
    assert bars_of(replay, coin("kraken", "5m"), LAST_PAGES).empty


def test_an_unknown_symbol_offers_the_closest(replay, hours):
    with pytest.raises(PermanentFetchError, match="Did you mean 'BTC/USDT'"):
        bars_of(replay, coin("kraken", symbol="BTC/USTD"))
    assert replay.waits == []


def test_a_symbol_that_was_listed_since_is_looked_for_anew(replay, hours):
    bars_of(replay, coin("binance"), LAST_PAGES)
    before = replay.server.count(f"{BINANCE}exchangeInfo")
    with pytest.raises(PermanentFetchError, match="has no symbol 'SOL/USDT'"):
        bars_of(replay, coin("binance", symbol="SOL/USDT"), LAST_PAGES)
    assert replay.server.count(f"{BINANCE}exchangeInfo") == before + 1


def test_markets_are_loaded_once_for_many_windows(replay, hours):
    for day in (20, 22, 24):
        bars_of(replay, coin("binance"), datetime(2013, 2, day, tzinfo=UTC))
    assert replay.server.count(f"{BINANCE}exchangeInfo") == 1


def test_an_exchange_that_lacks_a_timeframe_says_which_it_has(replay, hours):
    exchange = replay.client("ccxt")._exchange("kraken")
    del exchange.client.timeframes["4h"]
    with pytest.raises(PermanentFetchError, match=r"has no 4h bars.*1m, 5m, 15m, 30m, 1h, 1d, 1w"):
        bars_of(replay, coin("kraken", "4h"))


@pytest.mark.parametrize(("exchange", "said"), [(None, "names no exchange"), ("krakn", "kraken")])
def test_a_missing_or_unknown_exchange_is_told(replay, exchange, said):
    with pytest.raises(ConfigurationError, match=said):
        bars_of(replay, coin(exchange))
    assert replay.server.asked == []


def test_keys_go_to_their_own_exchange_and_into_no_error_or_log(replay, hours, caplog):
    source = replay.client("ccxt")
    assert source._exchange("kraken").client.apiKey == "kraken-key-1234"
    assert not source._exchange("binance").client.apiKey
    assert source.key_state() == "keys for kraken"
    echo = Answer({"error": ["EAPI:Invalid key:kraken-key-1234"]}, 401)
    replay.server.fail(OHLC, echo)
    with pytest.raises(PermanentFetchError) as caught:
        bars_of(replay, coin("kraken"), LAST_PAGES)
    texts = [str(caught.value), repr(source), caplog.text, repr(caught.value.values)]
    assert not any("kraken-key-1234" in text or "a2V5LW9m" in text for text in texts)


def test_coins_have_no_corporate_actions(replay):
    request = ActionRequest(instrument=coin("kraken"), start=START, end=NOON)
    assert replay.client("ccxt").fetch_actions(request) == []
    assert replay.server.asked == []


def test_what_an_exchange_has_is_told(replay, hours):
    source = replay.client("ccxt")
    assert source.check_instrument(coin("binance")) == "BTC/USDT is a spot market of binance"
    assert source.probe("kraken") == "kraken answers with 2 markets"
    with pytest.raises(PermanentFetchError, match="no symbol"):
        source.check_instrument(coin("binance", symbol="NO/USDT"))
