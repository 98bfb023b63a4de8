"""Tests of stored backtest results."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from trading_pipeline.errors import UnknownNameError, WarehouseError
from trading_pipeline.storage.stores.results import ResultStore
from trading_pipeline.storage.stores.row_tables import fetch_rows

ENTRY = datetime(2012, 3, 1, tzinfo=UTC)


@pytest.fixture
def store(warehouse) -> ResultStore:
    return ResultStore(warehouse)


def result(result_id: str = "abc123def456", **changes) -> dict:
    return {
        "result_id": result_id,
        "scenario": "sma_crossover",
        "strategy": "sma_crossover",
        "parameters": {"slow": 30, "fast": 10},
        "instruments": "AAPL_1d",
        "from_ts": ENTRY,
        "to_ts": pd.Timestamp("2013-01-01", tz="UTC"),
        "bars_hash": "b",
        "trials_at_creation": 12,
        "run_id": "run",
        **changes,
    }


def trade(number: int, **changes) -> dict:
    return {
        "trade_no": number,
        "instrument": "AAPL_1d",
        "side": "long",
        "quantity": 10.0,
        "entry_ts": ENTRY,
        "exit_ts": None,
        "return": 0.05,
        "bars_held": 3,
        "is_open": False,
        **changes,
    }


def count(warehouse, table: str) -> int:
    with warehouse.read() as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]


def test_a_result_comes_back_whole(store, warehouse):
    days = [{"date": date(2012, 3, 1), "pnl": 5.0, "trades": 1, "target_hit": True}]
    trades = [trade(2, exit_ts=pd.NaT, is_open=True), trade(1)]
    assert store.save(result(), {"sharpe": 1.25, "max_drawdown": -0.1}, trades, days)
    row = store.require("abc123def456")
    assert row["sharpe"] == 1.25
    assert row["parameters"] == '{"fast": 10, "slow": 30}'
    assert row["to_ts"] == datetime(2013, 1, 1, tzinfo=UTC)
    assert row["settings_hash"] is None
    found = store.trades("abc123def456")
    assert [(t["trade_no"], t["return"], t["is_open"]) for t in found] == [
        (1, 0.05, False),
        (2, 0.05, True),
    ]
    assert found[1]["exit_ts"] is None
    with warehouse.read() as connection:
        (day,) = fetch_rows(connection, "SELECT * FROM daily_results")
    assert day == {**days[0], "result_id": "abc123def456"}


def test_an_equal_rerun_is_the_same_row(store, warehouse):
    assert store.save(result(), {"sharpe": 1.0}, [trade(1)], [])
    before = store.require("abc123def456")
    assert not store.save(result(run_id="again"), {"sharpe": 1.0, "new": 2.0}, [trade(1)], [])
    assert store.require("abc123def456") == before
    assert count(warehouse, "backtest_results") == count(warehouse, "trades") == 1
    assert "new" not in before


def test_new_metrics_get_a_column_and_older_results_have_null(store):
    store.save(result("first"), {"sharpe": 1.0}, [], [])
    store.save(result("second"), {"sharpe": 2.0, "sortino": 3.0}, [], [])
    assert store.require("first")["sortino"] is None
    assert store.require("second")["sortino"] == 3.0


def test_nan_is_null_and_infinity_stays(store):
    store.save(result(), {"sharpe": float("nan"), "profit_factor": math.inf}, [], [])
    row = store.require("abc123def456")
    assert row["sharpe"] is None
    assert row["profit_factor"] == math.inf


@pytest.mark.parametrize("name", ["scenario", "created_at", "warnings", "content_hash", "run_id"])
def test_a_metric_cannot_take_the_place_of_another_column(store, warehouse, name):
    with pytest.raises(WarehouseError, match=name):
        store.save(result(), {name: 1.0}, [], [])
    assert count(warehouse, "backtest_results") == 0


@pytest.mark.parametrize("name", ["Sharpe ratio", 'x" DOUBLE; DROP TABLE trades; --'])
def test_a_metric_needs_a_plain_name(store, warehouse, name):
    with pytest.raises(WarehouseError):
        store.save(result(), {"sharpe": 1.0, name: 1.0}, [], [])
    assert count(warehouse, "backtest_results") == 0
    assert count(warehouse, "trades") == 0


def test_a_bad_trade_leaves_no_half_of_the_result(store, warehouse):
    with pytest.raises(WarehouseError, match="no column colour"):
        store.save(result(), {"sharpe": 1.0}, [trade(1), trade(2, colour="red")], [])
    for table in ("backtest_results", "trades", "daily_results"):
        assert count(warehouse, table) == 0
    assert store.get("abc123def456") is None


def test_an_unknown_id_offers_the_closest(store):
    assert store.get("nothing") is None
    store.save(result(), {}, [], [])
    with pytest.raises(UnknownNameError, match="Did you mean 'abc123def456'") as caught:
        store.require("abc123def455")
    assert (caught.value.name, caught.value.kind) == ("abc123def455", "result")
    assert store.trades("nothing") == []


def test_newest_is_the_last_saved_of_each_scenario_and_instrument(store):
    for result_id, scenario, instrument in [
        ("1", "b", "AAPL_1d"),
        ("2", "a", "IBM_1d"),
        ("3", "a", "AAPL_1d"),
        ("4", "b", "AAPL_1d"),
    ]:
        store.save(result(result_id, scenario=scenario, instruments=instrument), {}, [], [])
    assert [row["result_id"] for row in store.newest()] == ["3", "2", "4"]


def test_hostile_values_are_bound(store, warehouse):
    name = "x'); DROP TABLE trades; --"
    store.save(result(name, scenario=name, warnings=name), {}, [trade(1, exit_reason=name)], [])
    assert store.require(name)["warnings"] == name
    assert store.trades(name)[0]["exit_reason"] == name
