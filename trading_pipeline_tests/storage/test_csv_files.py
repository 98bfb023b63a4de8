"""CSV that reads the same everywhere, and the cumulative files of all results."""

from __future__ import annotations

import csv
import io
import math
from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.storage.csv_files import csv_text
from trading_pipeline.storage.result_csv import DAY_COLUMNS, TRADE_COLUMNS, write_result_tables
from trading_pipeline.storage.stores.results import ResultStore

HOSTILE = 'a "quoted", line\nand – ünïcode'


@given(st.floats(allow_nan=False), st.text(st.characters(codec="utf-8", exclude_characters="\r\0")))
def test_numbers_and_texts_come_back_as_they_were(number, text):
    (row,) = csv.DictReader(io.StringIO(csv_text(["n", "t"], [{"n": number, "t": text}])))
    assert float(row["n"]) == number
    assert row["t"] == text


def test_moments_say_their_zone_and_what_is_missing_is_empty():
    rows = [
        {
            "utc": datetime(2012, 3, 1, 14, 30, tzinfo=UTC),
            "local": datetime(2012, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=-5))),
            "fine": pd.Timestamp("2012-03-01 14:30:00.000250", tz="UTC"),
            "day": date(2012, 3, 1),
            "yes": True,
            "nothing": None,
            "nat": pd.NaT,
            "nan": math.nan,
        }
    ]
    (told,) = csv.reader(io.StringIO(csv_text(list(rows[0]), rows).split("\n", 1)[1]))
    assert told == [
        "2012-03-01T14:30:00Z",
        "2012-03-01T09:30:00-05:00",
        "2012-03-01T14:30:00.000250Z",
        "2012-03-01",
        "true",
        "",
        "",
        "",
    ]


@pytest.fixture
def stored(warehouse):
    store = ResultStore(warehouse)
    for result_id, scenario in (("b1", "one"), ("a1", HOSTILE), ("c1", "one")):
        row = {
            "result_id": result_id,
            "scenario": scenario,
            "strategy": "sma",
            "instruments": "AAPL_1d",
        }
        trades = [
            {
                "trade_no": number,
                "instrument": "AAPL_1d",
                "side": "long",
                "entry_ts": datetime(2012, 3, number, 14, 30, tzinfo=UTC),
                "exit_ts": None,
                "pnl": 0.1 + 0.2,
                "is_open": number == 2,
            }
            for number in (1, 2)
        ]
        days = [{"date": date(2012, 3, 1), "pnl": -1e-300, "trades": 2, "target_hit": False}]
        assert store.save(row, {"sharpe": 1.0}, trades, days)
    return store


def test_every_trade_and_day_is_in_the_files_once_in_order(warehouse, stored, tmp_path):
    folder = tmp_path / "it's here"
    assert write_result_tables(warehouse, folder) == (6, 3)
    text = (folder / "trades.csv").read_bytes().decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == TRADE_COLUMNS
    assert [(row["result_id"], row["trade_no"]) for row in rows] == [
        (name, number) for name in ("b1", "a1", "c1") for number in ("1", "2")
    ]
    assert [row["is_newest"] for row in rows[::2]] == ["false", "true", "true"]
    assert rows[2]["scenario"] == HOSTILE
    assert rows[0]["entry_ts"] == "2012-03-01T14:30:00Z"
    assert (float(rows[0]["pnl"]), rows[0]["exit_ts"]) == (0.1 + 0.2, "")
    assert [row["is_open"] for row in rows[:2]] == ["false", "true"]
    text = (folder / "daily_results.csv").read_text("utf-8")
    days = list(csv.DictReader(io.StringIO(text)))
    assert tuple(days[0]) == DAY_COLUMNS
    assert (days[0]["date"], float(days[0]["pnl"])) == ("2012-03-01", -1e-300)
    assert sorted(path.name for path in folder.iterdir()) == ["daily_results.csv", "trades.csv"]


def test_results_stored_again_give_equal_bytes_and_a_failed_write_leaves_the_old_file(
    warehouse, stored, tmp_path
):
    write_result_tables(warehouse, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.csv")}
    assert not stored.save({"result_id": "c1", "scenario": "one"}, {}, [], [])
    write_result_tables(warehouse, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.glob("*.csv")} == before
    with warehouse.write() as connection:
        connection.execute("ALTER TABLE trades RENAME COLUMN pnl TO gone")
    with pytest.raises(Exception, match="pnl"):
        write_result_tables(warehouse, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.glob("*.csv")} == before
    assert list(tmp_path.glob(".*.tmp")) == []
