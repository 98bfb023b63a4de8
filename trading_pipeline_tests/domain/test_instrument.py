"""Instruments, timeframes and corporate actions."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.hashing import canonical_hash
from trading_pipeline.domain.instrument import Instrument, instrument_id
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import ConfigurationError, DataQualityError


class TestIds:
    @pytest.mark.parametrize(
        ("symbol", "timeframe", "expected"),
        [
            ("AAPL", "1d", "AAPL_1d"),
            ("BTC/USDT", Timeframe.H1, "BTC-USDT_1h"),
            ("BTC/USDT:USDT", "5m", "BTC-USDT-USDT_5m"),
            ("BRK.B", "1w", "BRK.B_1w"),
        ],
    )
    def test_hold_symbol_and_timeframe(self, symbol, timeframe, expected):
        assert instrument_id(symbol, timeframe) == expected

    @pytest.mark.parametrize(
        "symbol", ["", "A B", "A_B", "^GSPC", "A|B", "Ä", "A\n", "../x\\", "A\0"]
    )
    def test_a_symbol_that_no_id_can_hold_is_named(self, symbol):
        with pytest.raises(ConfigurationError, match="characters that an instrument id") as caught:
            instrument_id(symbol, "1d")
        assert caught.value.symbol == symbol

    @pytest.mark.parametrize("timeframe", ["2h", "1D", "", "1mo"])
    def test_a_timeframe_that_there_is_not_is_named(self, timeframe):
        with pytest.raises(ConfigurationError, match=f"no timeframe '{timeframe}'"):
            instrument_id("AAPL", timeframe)

    @given(st.from_regex(r"[A-Za-z0-9.\-/:]+", fullmatch=True), st.sampled_from(Timeframe))
    def test_every_id_is_one_path_part_that_splits_into_both(self, symbol, timeframe):
        name = instrument_id(symbol, timeframe)
        head, _, tail = name.partition("_")
        assert Timeframe(tail) is timeframe
        assert len(head) == len(symbol)
        assert "/" not in name
        assert "|" not in name

    def test_all_fields_are_plain_values_that_can_be_hashed(self):
        one = Instrument(symbol="A", timeframe=Timeframe.D1, source="s", listed_to=date(2012, 1, 1))
        assert one.id == "A_1d"
        assert one.as_dict()["timeframe"] == "1d"
        assert set(one.as_dict()) == set(Instrument.__dataclass_fields__) - {"resample_from"}
        assert len(canonical_hash(one.as_dict())) == 64
        with pytest.raises(FrozenInstanceError):
            one.symbol = "B"


class TestTimeframes:
    def test_lengths(self):
        minutes = {t.value: t.length / timedelta(minutes=1) for t in Timeframe}
        assert minutes == {
            "1m": 1,
            "5m": 5,
            "15m": 15,
            "30m": 30,
            "1h": 60,
            "4h": 240,
            "1d": 1440,
            "1w": 10080,
        }

    def test_bars_below_a_day_are_intraday(self):
        assert [t.value for t in Timeframe if not t.is_intraday] == ["1d", "1w"]
        assert all(t.is_intraday == (t.length < timedelta(days=1)) for t in Timeframe)


def test_a_finer_series_to_start_from_is_part_of_an_instrument_only_where_it_is_set():
    plain = Instrument(symbol="X", timeframe=Timeframe.D1, source="s")
    made = Instrument(symbol="X", timeframe=Timeframe.D1, source="s", resample_from=Timeframe.M1)
    assert "resample_from" not in plain.as_dict()
    assert made.as_dict() == plain.as_dict() | {"resample_from": "1m"}


GIVEN = {
    "instrument": "AAPL_1d",
    "ex_date": date(2014, 6, 9),
    "kind": "split",
    "value": 7.0,
    "source": "bundled",
    "seen_at": datetime(2020, 1, 1, tzinfo=UTC),
}


class TestCorporateActions:
    def test_splits_and_dividends_are_kept_as_they_are(self):
        assert CorporateAction(**GIVEN).value == 7.0
        assert CorporateAction(**{**GIVEN, "kind": "dividend", "value": 0.01}).value == 0.01

    @pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, -math.inf])
    def test_a_value_that_can_be_none_is_refused(self, value):
        with pytest.raises(DataQualityError, match="AAPL_1d on 2014-06-09") as caught:
            CorporateAction(**{**GIVEN, "value": value})
        assert caught.value.instrument == "AAPL_1d"

    @pytest.mark.parametrize("kind", ["merger", "", "Split", None])
    def test_another_kind_is_refused(self, kind):
        with pytest.raises(DataQualityError, match="must be one of split, dividend, capital_gain"):
            CorporateAction(**{**GIVEN, "kind": kind})
