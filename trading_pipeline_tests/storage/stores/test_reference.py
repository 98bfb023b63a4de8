"""Tests of stored instruments and corporate actions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import WarehouseError
from trading_pipeline.storage.stores.reference import ReferenceStore, actions_hash
from trading_pipeline.storage.stores.row_tables import fetch_rows

AAPL = Instrument(symbol="AAPL", timeframe=Timeframe.D1, source="bundled")
BTC = Instrument(
    symbol="BTC/USDT",
    timeframe=Timeframe.H1,
    source="ccxt",
    calendar="24/7",
    asset_class="crypto",
    currency="USDT",
    exchange="kraken",
    tick_size=0.1,
    lot_size=1e-8,
    listed_from=date(2013, 10, 6),
)
BOTH = {AAPL.id: AAPL, BTC.id: BTC}


@pytest.fixture
def store(warehouse) -> ReferenceStore:
    return ReferenceStore(warehouse)


def instruments(warehouse) -> dict[str, dict]:
    with warehouse.read() as connection:
        rows = fetch_rows(connection, "SELECT * FROM instruments")
    assert len({row["instrument"] for row in rows}) == len(rows)
    return {row["instrument"]: row for row in rows}


def split(day: date, value: float = 2.0, **changes) -> CorporateAction:
    made = CorporateAction(
        instrument="AAPL_1d",
        ex_date=day,
        kind="split",
        value=value,
        source="bundled",
        seen_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    return replace(made, **changes)


class TestInstruments:
    def test_rows_hold_what_the_instruments_say(self, store, warehouse):
        assert store.save_instruments(BOTH, {}) == ["AAPL_1d", "BTC-USDT_1h"]
        row = instruments(warehouse)["BTC-USDT_1h"]
        expected = {
            "symbol": "BTC/USDT",
            "timeframe": "1h",
            "source": "ccxt",
            "calendar": "24/7",
            "asset_class": "crypto",
            "currency": "USDT",
            "multiplier": 1.0,
            "tick_size": 0.1,
            "lot_size": 1e-8,
            "listed_from": date(2013, 10, 6),
            "listed_to": None,
            "active": True,
        }
        assert {key: row[key] for key in expected} == expected
        assert row["updated_at"].tzinfo is not None

    def test_saving_the_same_again_changes_nothing(self, store, warehouse):
        store.save_instruments(BOTH, {})
        before = instruments(warehouse)
        assert store.save_instruments(dict(reversed(BOTH.items())), {}) == []
        assert instruments(warehouse) == before

    @pytest.mark.parametrize(
        "change",
        [
            {"currency": "EUR"},
            {"multiplier": 50.0},
            {"tick_size": 0.01},
            {"listed_to": date(2020, 1, 1)},
            {"exchange": "binance"},
            {"calendar": "XLON"},
            {"source": "other"},
        ],
    )
    def test_a_change_of_any_field_is_noticed_and_touches_that_row_only(
        self, store, warehouse, change
    ):
        store.save_instruments(BOTH, {})
        before = instruments(warehouse)
        changed = {**BOTH, BTC.id: replace(BTC, **change)}
        assert store.save_instruments(changed, {}) == ["BTC-USDT_1h"]
        after = instruments(warehouse)
        assert after["AAPL_1d"] == before["AAPL_1d"]
        assert after["BTC-USDT_1h"]["spec_hash"] != before["BTC-USDT_1h"]["spec_hash"]

    def test_where_there_may_be_more_none_becomes_inactive(self, store, warehouse):
        store.save_instruments(BOTH, {})
        before = instruments(warehouse)
        assert store.save_instruments({AAPL.id: AAPL}, {}, are_all=False) == []
        assert instruments(warehouse) == before

    def test_an_instrument_that_left_is_kept_as_inactive_and_can_come_back(self, store, warehouse):
        store.save_instruments(BOTH, {})
        assert store.save_instruments({AAPL.id: AAPL}, {}) == ["BTC-USDT_1h"]
        assert {name: row["active"] for name, row in instruments(warehouse).items()} == {
            "AAPL_1d": True,
            "BTC-USDT_1h": False,
        }
        assert store.save_instruments({AAPL.id: AAPL}, {}) == []
        assert store.save_instruments(BOTH, {}) == ["BTC-USDT_1h"]
        assert instruments(warehouse)["BTC-USDT_1h"]["active"]

    def test_listing_days_come_from_the_file_first_and_then_from_the_source(self, store):
        listings = {
            "AAPL_1d": (date(1980, 12, 12), None),
            "BTC-USDT_1h": (date(2011, 1, 1), date(2030, 1, 1)),
        }
        store.save_instruments(BOTH, listings)
        assert store.listings() == {
            "AAPL_1d": (date(1980, 12, 12), None),
            "BTC-USDT_1h": (date(2013, 10, 6), date(2030, 1, 1)),
        }
        assert store.save_instruments(BOTH, {**listings, "AAPL_1d": (None, None)}) == ["AAPL_1d"]

    def test_an_empty_store_has_no_listings(self, store):
        assert store.listings() == {}


class TestActions:
    def test_actions_come_back_by_date_with_splits_before_dividends(self, store):
        later = split(date(2014, 6, 9), 7.0)
        dividend = split(date(2012, 8, 9), 2.65, kind="dividend")
        same_day = split(date(2012, 8, 9), 2.0)
        assert store.save_actions("AAPL_1d", [later, dividend, same_day])
        assert store.actions("AAPL_1d") == [same_day, dividend, later]
        assert store.actions("IBM_1d") == []

    def test_saving_the_same_again_keeps_when_it_was_first_seen(self, store):
        first = split(date(2012, 1, 3))
        store.save_actions("AAPL_1d", [first])
        seen_later = replace(first, seen_at=datetime(2021, 1, 1, tzinfo=UTC))
        assert not store.save_actions("AAPL_1d", [seen_later])
        new = split(date(2014, 6, 9), 7.0, seen_at=datetime(2021, 1, 1, tzinfo=UTC))
        assert store.save_actions("AAPL_1d", [seen_later, new])
        assert store.actions("AAPL_1d") == [first, new]

    def test_an_action_that_was_withdrawn_or_corrected_is_replaced(self, store):
        store.save_actions("AAPL_1d", [split(date(2012, 1, 3)), split(date(2013, 1, 3))])
        corrected = split(date(2012, 1, 3), 3.0)
        assert store.save_actions("AAPL_1d", [corrected])
        assert store.actions("AAPL_1d") == [corrected]
        assert store.save_actions("AAPL_1d", [])
        assert store.actions("AAPL_1d") == []

    def test_equal_cash_of_two_kinds_on_one_day_is_kept_twice(self, store):
        gain = replace(split(date(2012, 1, 3)), kind="capital_gain", value=1.5)
        dividend = replace(gain, kind="dividend")
        store.save_actions("AAPL_1d", [gain, dividend])
        assert store.actions("AAPL_1d") == [dividend, gain]

    def test_an_action_given_twice_is_kept_once(self, store):
        once = split(date(2012, 1, 3))
        later = replace(once, seen_at=datetime(2021, 1, 1, tzinfo=UTC))
        store.save_actions("AAPL_1d", [once, later])
        assert store.actions("AAPL_1d") == [once]
        assert not store.save_actions("AAPL_1d", [once, once])

    def test_instruments_do_not_touch_each_other(self, store):
        ibm = split(date(2012, 1, 3), instrument="IBM_1d")
        store.save_actions("AAPL_1d", [split(date(2012, 1, 3))])
        store.save_actions("IBM_1d", [ibm])
        store.save_actions("AAPL_1d", [])
        assert store.actions("IBM_1d") == [ibm]
        with pytest.raises(WarehouseError, match="IBM_1d cannot be saved as those of AAPL_1d"):
            store.save_actions("AAPL_1d", [ibm])

    def test_hash_is_of_what_happened_and_not_of_when_it_was_seen(self):
        action = split(date(2012, 1, 3))
        seen = replace(action, seen_at=datetime(2021, 1, 1, tzinfo=UTC), source="other")
        assert actions_hash([action]) == actions_hash([seen])
        for change in ({"value": 3.0}, {"ex_date": date(2012, 1, 4)}, {"kind": "dividend"}):
            assert actions_hash([action]) != actions_hash([replace(action, **change)])
        assert actions_hash([]) != actions_hash([action])
