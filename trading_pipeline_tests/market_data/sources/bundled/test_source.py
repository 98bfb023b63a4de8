"""Tests of the bars that ship with the package."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from importlib import resources

import pytest

from trading_pipeline.domain.bars import BAR_COLUMNS, TS_DTYPE
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import PermanentFetchError
from trading_pipeline.market_data.adjustments import adjustment_events, forward_adjust
from trading_pipeline.market_data.calendars import expected_bars
from trading_pipeline.market_data.sources.bundled.source import BundledSource, provenance
from trading_pipeline.market_data.sources.protocol import ActionRequest, BarRequest

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SOURCE = BundledSource(clock=lambda: NOW)


def instrument(symbol: str, timeframe: Timeframe = Timeframe.D1) -> Instrument:
    return Instrument(symbol=symbol, timeframe=timeframe, source="bundled")


def span(first: str, last: str) -> dict[str, datetime]:
    return {
        "start": datetime.fromisoformat(first).replace(tzinfo=UTC),
        "end": datetime.fromisoformat(last).replace(tzinfo=UTC),
    }


def fetch(symbol: str, first: str, last: str):
    return SOURCE.fetch_bars(BarRequest(instrument=instrument(symbol), **span(first, last)))


def test_five_symbols_are_shipped_with_the_rows_that_provenance_says():
    assert SOURCE.symbols() == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    for symbol, record in provenance()["symbols"].items():
        frame = fetch(symbol, "1990-01-01", "2020-01-01").frame
        assert len(frame) == record["rows"]
        assert frame.index[0].date().isoformat() == record["first"]
        assert frame.index[-1].date().isoformat() == record["last"]


def test_shipped_files_are_the_ones_whose_hash_is_recorded():
    folder = resources.files("trading_pipeline.market_data.sources.bundled")
    for name, record in provenance()["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == record["sha256"]
    assert provenance()["repairs"] == []


def test_bars_follow_the_contract_of_bars():
    batch = fetch("IBM", "2000-01-01", "2013-03-02")
    assert tuple(batch.frame.columns) == BAR_COLUMNS
    assert str(batch.frame.index.dtype) == TS_DTYPE
    assert batch.frame.index.name == "ts"
    assert {str(dtype) for dtype in batch.frame.dtypes} == {"float64"}
    assert batch.price_basis == "as_traded"
    assert batch.fetched_at == NOW
    assert batch.client_version == "bokeh-sampledata 2026.1"


def test_end_is_exclusive_and_start_inclusive():
    frame = fetch("AAPL", "2000-03-01", "2000-03-03").frame
    assert [day.day for day in frame.index] == [1, 2]
    assert frame["close"].tolist() == [130.31, 122.0]


def test_the_true_crash_of_2000_stays():
    closes = fetch("AAPL", "2000-09-28", "2000-09-30").frame["close"]
    assert closes.tolist() == [53.50, 25.75]


@pytest.mark.parametrize("symbol", ["AAPL", "FB", "GOOG", "IBM", "MSFT"])
def test_no_session_of_new_york_is_missing(symbol):
    frame = fetch(symbol, "1990-01-01", "2020-01-01").frame
    expected = expected_bars(frame.index[0], datetime(2013, 3, 2, tzinfo=UTC), "1d", "XNYS")
    assert frame.index.equals(expected)


def test_span_outside_the_listing_gives_no_rows_and_no_error():
    assert len(fetch("FB", "2005-01-01", "2006-01-01").frame) == 0
    assert len(fetch("AAPL", "2014-01-01", "2015-01-01").frame) == 0


def test_listing_is_first_and_last_day():
    assert SOURCE.listing("GOOG") == (date(2004, 8, 19), date(2013, 3, 1))


def test_unknown_symbol_is_a_permanent_failure_that_offers_close_names():
    with pytest.raises(PermanentFetchError, match="Did you mean 'GOOG'") as caught:
        fetch("GOOGL", "2005-01-01", "2006-01-01")
    assert caught.value.symbol == "GOOGL"
    with pytest.raises(PermanentFetchError, match="no symbol 'TSLA'"):
        SOURCE.listing("TSLA")
    with pytest.raises(PermanentFetchError, match="no symbol 'TSLA'"):
        SOURCE.fetch_actions(
            ActionRequest(instrument=instrument("TSLA"), **span("2005-01-01", "2006-01-01"))
        )


def test_other_timeframes_are_refused():
    request = BarRequest(
        instrument=instrument("AAPL", Timeframe.M5), **span("2005-01-01", "2006-01-01")
    )
    with pytest.raises(PermanentFetchError, match="no 5m bars"):
        SOURCE.fetch_bars(request)


def test_changing_an_answer_does_not_change_the_next_one():
    first = fetch("AAPL", "2000-03-01", "2000-03-03").frame
    first.iloc[:] = 0.0
    assert fetch("AAPL", "2000-03-01", "2000-03-03").frame["close"].iloc[0] == 130.31


def actions(symbol: str) -> list[tuple[str, str, float]]:
    request = ActionRequest(instrument=instrument(symbol), **span("1990-01-01", "2020-01-01"))
    return [
        (action.ex_date.isoformat(), action.kind, action.value)
        for action in SOURCE.fetch_actions(request)
    ]


def test_apple_has_two_splits_and_three_dividends():
    assert actions("AAPL") == [
        ("2000-06-21", "split", 2.0),
        ("2005-02-28", "split", 2.0),
        ("2012-08-09", "dividend", 2.65),
        ("2012-11-07", "dividend", 2.65),
        ("2013-02-07", "dividend", 2.65),
    ]


def test_microsoft_has_its_split_and_its_special_dividend():
    found = actions("MSFT")
    assert found[:2] == [("2003-02-18", "split", 2.0), ("2003-02-19", "dividend", 0.08)]
    assert ("2004-11-15", "dividend", 3.08) in found
    assert len(found) == 38


def test_ibm_pays_every_quarter_and_google_and_facebook_never():
    assert len(actions("IBM")) == 52
    assert {kind for _, kind, _ in actions("IBM")} == {"dividend"}
    assert actions("IBM")[0] == ("2000-05-08", "dividend", 0.13)
    assert actions("GOOG") == actions("FB") == []


def test_actions_are_those_of_the_span_with_an_exclusive_end():
    request = ActionRequest(instrument=instrument("AAPL"), **span("2005-02-28", "2012-11-07"))
    found = SOURCE.fetch_actions(request)
    assert [action.ex_date for action in found] == [date(2005, 2, 28), date(2012, 8, 9)]
    assert {action.seen_at for action in found} == {datetime(2026, 11, 22, tzinfo=UTC)}
    assert {action.instrument for action in found} == {"AAPL_1d"}


def test_split_of_2005_is_a_small_gain_once_adjusted(shipped):
    _, bars, found = shipped("AAPL")
    raw = bars["close"].pct_change().loc["2005-02-28":"2005-02-28"]
    adjusted = forward_adjust(bars, adjustment_events(found, bars))["close"].pct_change()
    assert raw.iloc[0] == pytest.approx(-0.4959, abs=1e-4)
    assert adjusted.loc["2005-02-28":"2005-02-28"].iloc[0] == pytest.approx(0.0082, abs=1e-4)


def test_capabilities_say_daily_with_actions_and_no_network():
    capabilities = SOURCE.capabilities()
    assert capabilities.timeframes == (Timeframe.D1,)
    assert capabilities.gives_actions
    assert not capabilities.needs_network
    assert SOURCE.name == "bundled"
