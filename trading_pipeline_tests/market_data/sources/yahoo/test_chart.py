"""Tests of reading Yahoo's charts: what 32-bit prices tell, splits undone, labels."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.market_data.sources.yahoo.chart import (
    YahooChart,
    bars_as_traded,
    cash_as_paid,
    dividends_as_paid,
    parse_chart,
    yahoo_symbol,
)

OPEN_2013_03_01 = 1362148200  # 9:30 in New York


def result(stamps, closes, events=None, **meta):
    quote = dict.fromkeys(("open", "high", "low", "close"), closes)
    quote["volume"] = [100] * len(stamps)
    meta = {"exchangeTimezoneName": "America/New_York", **meta}
    return {
        "meta": meta,
        "timestamp": stamps,
        "indicators": {"quote": [quote]},
        **({"events": events} if events else {}),
    }


def daily(closes, days, splits=()):
    index = pd.DatetimeIndex(days, tz="America/New_York") + pd.Timedelta(hours=9.5)
    close = np.asarray(closes, dtype=np.float64)
    columns = dict.fromkeys(("open", "high", "low", "close"), close)
    bars = pd.DataFrame({**columns, "volume": 1000.0}, index=index.tz_convert("UTC"))
    chart = YahooChart(bars, tuple(splits), (), {"exchangeTimezoneName": "America/New_York"})
    return bars_as_traded(chart, splits, Timeframe.D1, "XNYS")


def test_rows_events_and_dates_are_read():
    events = {
        "splits": {"1": {"date": OPEN_2013_03_01, "numerator": 3, "denominator": 2}},
        "dividends": {"1": {"date": OPEN_2013_03_01, "amount": 0.5}},
    }
    chart = parse_chart(result([OPEN_2013_03_01], [10.0], events))
    assert chart.splits == ((date(2013, 3, 1), 1.5),)
    assert chart.dividends == ((date(2013, 3, 1), 0.5),)
    assert chart.bars["close"].tolist() == [10.0]
    assert str(chart.bars.index[0]) == "2013-03-01 14:30:00+00:00"


def test_an_answer_without_rows_has_no_bars():
    empty = {"meta": {"exchangeTimezoneName": "UTC"}, "indicators": {"quote": [{}]}}
    chart = parse_chart(empty)
    assert chart.bars.empty
    assert bars_as_traded(chart, (), Timeframe.D1, "XNYS").empty
    assert bars_as_traded(chart, (), Timeframe.W1, "XNYS").empty


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"meta": {}},
        result([1, 2], [1.0]),
        result([1], ["x"]),
        result([1], [1.0]) | {"meta": None},
    ],
)
def test_answers_of_another_shape_are_errors(broken):
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse_chart(broken)


def test_only_splits_after_a_day_are_undone_on_it():
    days = ["2013-02-27", "2013-02-28", "2013-03-01"]
    splits = [(date(2013, 2, 28), 2.0), (date(2013, 3, 1), 0.1), (date(2020, 8, 31), 4.0)]
    found = daily([1.0, 1.0, 1.0], days, splits)
    assert found["close"].tolist() == [0.8, 0.4, 4.0]
    assert found["volume"].tolist() == [1250.0, 2500.0, 250.0]
    assert [str(day.date()) for day in found.index] == days


@settings(max_examples=60, deadline=None)
@given(
    cents=st.lists(st.integers(100, 49_999), min_size=1, max_size=8),
    ratios=st.lists(st.sampled_from([2.0, 3.0, 1.5, 7.0, 4.0, 20.0]), max_size=3),
)
def test_prices_in_cents_survive_the_way_through_32_bits(cents, ratios):
    traded = np.array(cents) / 100
    sent = (traded / np.prod(ratios)).astype(np.float32).astype(np.float64)
    days = [str(day.date()) for day in pd.bdate_range("2012-03-01", periods=len(cents))]
    splits = [(date(2020 + n, 1, 2), ratio) for n, ratio in enumerate(ratios)]
    assert daily(sent, days, splits)["close"].tolist() == traded.tolist()


@pytest.mark.parametrize(
    "price", [0.001234567, 0.08345, 1.083451, 9.99, 150.1235, 68432.17, 620_000.5]
)
def test_prices_without_a_split_keep_the_seven_digits_of_a_float(price):
    sent = float(np.float32(price))
    assert daily([sent], ["2013-03-01"])["close"].iloc[0] == price


def test_a_missing_price_stays_missing():
    found = daily([np.nan, 2.0], ["2013-02-28", "2013-03-01"], [(date(2014, 1, 2), 2.0)])
    assert np.isnan(found["close"].iloc[0])
    assert found["close"].iloc[1] == 4.0


def test_midnights_that_are_an_hour_early_belong_to_the_next_day():
    index = (
        pd.DatetimeIndex(["2022-01-03 23:00"]).tz_localize("America/Sao_Paulo").tz_convert("UTC")
    )
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    meta = {"exchangeTimezoneName": "America/Sao_Paulo"}
    chart = YahooChart(pd.DataFrame(columns, index=index), (), (), meta)
    found = bars_as_traded(chart, (), Timeframe.D1, "BVMF")
    assert [str(day) for day in found.index] == ["2022-01-04 00:00:00+00:00"]


def test_sessions_that_open_on_the_utc_day_before_keep_their_date():
    index = pd.DatetimeIndex(["2013-03-01 10:00"]).tz_localize("Australia/Sydney").tz_convert("UTC")
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    chart = YahooChart(
        pd.DataFrame(columns, index=index), (), (), {"exchangeTimezoneName": "Australia/Sydney"}
    )
    found = bars_as_traded(chart, (), Timeframe.D1, "XASX")
    assert [str(day.date()) for day in found.index] == ["2013-03-01"]


def test_dividends_are_on_the_shares_of_their_day():
    meta = {"exchangeTimezoneName": "UTC"}
    dividends = ((date(2012, 8, 9), 0.378571), (date(2014, 8, 7), 0.1175), (date(2021, 8, 6), 0.22))
    splits = ((date(2014, 6, 9), 7.0), (date(2020, 8, 31), 4.0))
    chart = YahooChart(pd.DataFrame(), splits, dividends, meta)
    paid = dict(dividends_as_paid(chart))
    assert paid[date(2012, 8, 9)] == pytest.approx(10.6, abs=1e-4)
    assert paid[date(2014, 8, 7)] == 0.47
    assert paid[date(2021, 8, 6)] == 0.22


@pytest.mark.parametrize(
    ("symbol", "asset_class", "spelled"),
    [
        ("AAPL", "equity", "AAPL"),
        ("BRK-B", "equity", "BRK-B"),
        ("GSPC", "index", "^GSPC"),
        ("EURUSD", "fx", "EURUSD=X"),
        ("EUR/USD", "currency", "EURUSD=X"),
        ("ES", "future", "ES=F"),
        ("BTC/USD", "crypto", "BTC-USD"),
    ],
)
def test_symbols_are_spelled_as_yahoo_does(symbol, asset_class, spelled):
    assert yahoo_symbol(symbol, asset_class) == spelled


DAY = 86_400


def fund(closes, opens, dividends, gains, splits=()):
    """Days from 2013-03-01 on; events by position of their day."""
    stamps = [OPEN_2013_03_01 + DAY * n for n in range(len(closes))]
    answer = result(stamps, closes)
    answer["indicators"]["quote"][0]["open"] = opens
    cash = {
        name: {str(n): {"date": stamps[at], "amount": value} for n, (at, value) in enumerate(each)}
        for name, each in (("dividends", dividends), ("capitalGains", gains))
    }
    ratios = [
        {"date": stamps[at] + n, "numerator": value, "denominator": 1}
        for n, (at, value) in enumerate(splits)
    ]
    return parse_chart(answer | {"events": {**cash, "splits": ratios}})


def test_capital_gains_are_read_beside_dividends():
    chart = fund([100.0, 90.3], [100.0, 91.0], [(1, 0.2)], [(1, 8.0)])
    assert cash_as_paid(chart) == [
        ("dividend", date(2013, 3, 2), 0.2),
        ("capital_gain", date(2013, 3, 2), 8.0),
    ]


def test_capital_gains_are_told_in_the_shares_of_their_day():
    chart = fund([50.0, 46.0, 46.0], [50.0, 46.0, 46.0], [], [(1, 4.0)], [(2, 2.0)])
    assert cash_as_paid(chart) == [("capital_gain", date(2013, 3, 2), 8.0)]


@pytest.mark.parametrize(
    ("opened", "dividend"),
    [(90.0, 10.0), (82.0, 10.0), (90.2, 2.0)],
    ids=["in the dividend", "beside it", "larger than it"],
)
def test_gains_that_yahoo_counted_in_the_dividend_too_are_not_paid_twice(opened, dividend):
    chart = fund([100.0, opened], [100.0, opened], [(1, dividend)], [(1, 8.0)])
    total = sum(value for _, _, value in cash_as_paid(chart))
    assert total == pytest.approx(100.0 - opened, abs=0.3)


def test_several_splits_of_one_day_are_all_kept_and_a_repeated_one_once():
    chart = fund([100.0, 25.0], [100.0, 25.0], [], [], [(1, 5.0), (1, 0.8), (1, 5.0)])
    assert chart.splits == ((date(2013, 3, 2), 0.8), (date(2013, 3, 2), 5.0))


@pytest.mark.parametrize("quote", [None, [], [None], [{}]])
def test_quotes_of_null_are_no_bars(quote):
    empty = result([], []) | {"indicators": {"quote": quote}}
    assert parse_chart(empty).bars.empty
    assert parse_chart(empty | {"timestamp": None, "indicators": None, "events": None}).bars.empty


def test_a_split_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="split of 2 for 0"):
        parse_chart(
            result([], []) | {"events": {"splits": [{"date": 0, "numerator": 2, "denominator": 0}]}}
        )
