"""Tests of plain rows: what goes into a table comes out, exactly or not at all."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import WarehouseError
from trading_pipeline.storage.stores.row_tables import add_double_columns, fetch_rows, insert_rows

MOMENT = datetime(2012, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)


class Kind(Enum):
    LONG = "long"


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone='UTC'")
        opened.execute(
            "CREATE TABLE t(text VARCHAR, number DOUBLE, big BIGINT, small INTEGER, flag BOOLEAN, "
            '"day" DATE, "at" TIMESTAMPTZ, data JSON, "return" DOUBLE)'
        )
        yield opened


def round_trip(connection, **row):
    connection.execute("DELETE FROM t")
    insert_rows(connection, "t", [row])
    (found,) = fetch_rows(connection, "SELECT * FROM t")
    return found[next(iter(row))] if len(row) == 1 else found


@pytest.mark.parametrize("count", [1, 3, 4, 40])
def test_few_rows_and_many_are_stored_alike(connection, count):
    row = {
        "text": "it's \u20ac ?::x",
        "number": 0.1 + 0.2,
        "big": -(2**63),
        "small": 2**31 - 1,
        "flag": False,
        "day": date(1969, 12, 31),
        "at": MOMENT,
        "return": float("nan"),
    }
    rows = [{**row, "number": -0.0 if at % 3 else 5e-324} for at in range(count - 1)]
    rows.append(dict.fromkeys(row))
    insert_rows(connection, "t", rows)
    found = fetch_rows(connection, "SELECT * EXCLUDE (data) FROM t")
    for each in (*found, *rows):
        each["at"] = str(each["at"])
    assert list(map(repr, found)) == list(map(repr, rows))


class TestRoundTrips:
    def test_one_value_of_each_type(self, connection):
        row = {
            "text": "plain",
            "number": 0.1,
            "big": 2**62,
            "small": -3,
            "flag": True,
            "day": date(2012, 2, 29),
            "at": MOMENT,
            "return": -0.5,
        }
        found = round_trip(connection, **row, data={"b": [1, 2.5], "a": None})
        assert found == {**row, "data": '{"a": null, "b": [1, 2.5]}'}

    @pytest.mark.parametrize("nothing", [None, pd.NaT, pd.NA, np.datetime64("NaT")])
    @pytest.mark.parametrize(
        "column", ["text", "number", "big", "small", "flag", "day", "at", "data"]
    )
    def test_nothing_is_null_in_every_column(self, connection, column, nothing):
        assert round_trip(connection, **{column: nothing}) is None

    @pytest.mark.parametrize("column", ["text", "big", "small", "flag", "day", "at"])
    @pytest.mark.parametrize("nan", [float("nan"), np.float64("nan"), np.float32("nan")])
    def test_nan_is_null_where_it_can_be_no_number(self, connection, column, nan):
        assert round_trip(connection, **{column: nan}) is None

    def test_nan_and_infinity_stay_in_a_double_column(self, connection):
        assert np.isnan(round_trip(connection, number=float("nan")))
        assert round_trip(connection, number=np.inf) == np.inf

    @pytest.mark.parametrize(
        ("column", "value", "expected"),
        [
            ("number", np.float64(0.1), 0.1),
            ("number", np.float32(0.5), 0.5),
            ("number", np.int64(3), 3.0),
            ("number", 3, 3.0),
            ("big", np.int64(-(2**63)), -(2**63)),
            ("big", np.uint8(200), 200),
            ("big", 3.0, 3),
            ("small", np.int32(7), 7),
            ("small", np.float64(7.0), 7),
            ("flag", np.bool_(False), False),
            ("text", np.str_("x"), "x"),
            ("text", np.int64(5), "5"),
            ("text", Kind.LONG, "long"),
            ("text", Timeframe.H1, "1h"),
            ("day", np.datetime64("2012-02-29"), date(2012, 2, 29)),
            ("day", datetime(2012, 2, 29, 23, 59, tzinfo=UTC), date(2012, 2, 29)),
            ("day", pd.Timestamp("2012-02-29", tz="UTC"), date(2012, 2, 29)),
            ("at", np.datetime64("2012-07-01T12:30:15.123456"), MOMENT),
            ("at", pd.Timestamp(MOMENT), MOMENT),
            ("at", pd.Timestamp(MOMENT).tz_convert("America/New_York"), MOMENT),
            ("at", MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30))), MOMENT),
            ("at", datetime(1601, 1, 1, tzinfo=UTC), datetime(1601, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_values_of_numpy_and_pandas(self, connection, column, value, expected):
        found = round_trip(connection, **{column: value})
        assert found == expected
        assert type(found) is type(expected)

    @settings(max_examples=60, deadline=None)
    @given(
        rows=st.lists(
            st.fixed_dictionaries(
                {
                    "text": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
                    "number": st.none() | st.floats(allow_nan=False),
                    "big": st.none() | st.integers(-(2**63), 2**63 - 1),
                    "small": st.none() | st.integers(-(2**31), 2**31 - 1),
                    "flag": st.none() | st.booleans(),
                    "day": st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
                    "at": st.none()
                    | st.datetimes(
                        datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)
                    ),
                }
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_any_rows_come_back_in_order(self, rows):
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone='UTC'")
            connection.execute(
                "CREATE TABLE t(text VARCHAR, number DOUBLE, big BIGINT, small INTEGER, "
                'flag BOOLEAN, "day" DATE, "at" TIMESTAMPTZ)'
            )
            insert_rows(connection, "t", rows)
            assert fetch_rows(connection, "SELECT * FROM t ORDER BY rowid") == rows


class TestJson:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ({"sharpe": float("nan"), "best": np.inf, "n": -np.inf}, None),
            ({"n": np.int64(3), "x": np.float32(0.5), "ok": np.bool_(True)}, None),
            ({"a": np.array([1.0, np.nan]), "b": (1, 2), "c": {3, 1}}, None),
            ({"at": MOMENT, "day": date(2012, 1, 1), "kind": Kind.LONG, 5: pd.NaT}, None),
            ([], "[]"),
            ({}, "{}"),
            (True, "true"),
            ('{"already": "text"}', '{"already": "text"}'),
        ],
    )
    def test_every_plain_value_is_stored_as_valid_json(self, connection, value, text):
        found = round_trip(connection, data=value)
        parsed = json.loads(found, parse_constant=lambda word: pytest.fail(word))
        assert text is None or found == text
        assert parsed is not None

    def test_numbers_stay_numbers_and_what_json_lacks_is_null(self, connection):
        found = json.loads(
            round_trip(
                connection,
                data={
                    "whole": np.int64(3),
                    "fraction": np.float64(0.1),
                    "nan": float("nan"),
                    "list": np.array([1.5, np.inf]),
                    "at": MOMENT,
                    "other": timedelta(days=1),
                },
            )
        )
        assert found == {
            "whole": 3,
            "fraction": 0.1,
            "nan": None,
            "list": [1.5, None],
            "at": "2012-07-01T12:30:15.123456+00:00",
            "other": "1 day, 0:00:00",
        }
        assert isinstance(found["whole"], int)

    def test_equal_values_give_equal_text_whatever_their_order(self, connection):
        first = round_trip(connection, data={"a": 1, "b": 2})
        assert first == round_trip(connection, data={"b": 2, "a": 1})

    def test_text_that_is_no_json_is_refused(self, connection):
        with pytest.raises(duckdb.Error):
            insert_rows(connection, "t", [{"data": "{broken"}])


class TestRefusals:
    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("big", 3.7),
            ("small", np.float64(0.5)),
            ("big", float("inf")),
            ("big", "many"),
            ("big", 2**64),
            ("number", "fast"),
            ("at", datetime(2012, 1, 1)),
            ("at", date(2012, 1, 1)),
            ("at", pd.Timestamp("2012-01-01")),
            ("at", "2012-01-01"),
            ("day", "2012-01-01"),
            ("day", 5),
            ("flag", "yes"),
        ],
    )
    def test_a_value_that_the_column_cannot_hold_exactly_names_the_column(
        self, connection, column, value
    ):
        with pytest.raises(WarehouseError, match=rf"t\.{column}"):
            insert_rows(connection, "t", [{"text": "x", column: value}])
        assert fetch_rows(connection, "SELECT * FROM t") == []

    def test_unknown_columns_and_tables_are_named(self, connection):
        with pytest.raises(WarehouseError, match="table t has no column sharp, x"):
            insert_rows(connection, "t", [{"text": "a"}, {"sharp": 1.0, "x": 2}])
        with pytest.raises(WarehouseError, match="no table nowhere"):
            insert_rows(connection, "nowhere", [{"text": "a"}])

    def test_no_rows_are_no_statement(self, connection):
        insert_rows(connection, "nowhere", [])

    def test_a_failed_insert_leaves_no_view_behind(self, connection):
        with pytest.raises(duckdb.Error):
            insert_rows(connection, "t", [{"small": 2**40}])
        insert_rows(connection, "t", [{"small": 1}])
        views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal")
        assert ("incoming_rows",) not in views.fetchall()


class TestRows:
    def test_columns_that_a_row_lacks_are_null(self, connection):
        insert_rows(connection, "t", [{"text": "a"}, {"number": 1.0}])
        found = fetch_rows(connection, "SELECT text, number FROM t ORDER BY rowid")
        assert found == [{"text": "a", "number": None}, {"text": None, "number": 1.0}]

    @pytest.mark.parametrize(
        "text", ["'); DROP TABLE t; --", '"quoted"', "$1 ? %s", "ü\u0000x", ""]
    )
    def test_hostile_text_is_a_value(self, connection, text):
        assert round_trip(connection, text=text) == text
        found = fetch_rows(connection, "SELECT text FROM t WHERE text = ?", [text])
        assert found == [{"text": text}]

    def test_a_query_without_rows_gives_an_empty_list(self, connection):
        assert fetch_rows(connection, "SELECT * FROM t") == []


class TestDoubleColumns:
    def test_new_columns_are_added_once_and_old_rows_are_null(self, connection):
        insert_rows(connection, "t", [{"text": "old"}])
        for _ in range(2):
            add_double_columns(connection, "t", ["sharpe", "number", "sharpe_1"])
        insert_rows(connection, "t", [{"text": "new", "sharpe": 1.5}])
        found = fetch_rows(connection, "SELECT text, sharpe FROM t ORDER BY rowid")
        assert found == [{"text": "old", "sharpe": None}, {"text": "new", "sharpe": 1.5}]

    @pytest.mark.parametrize(
        "name", ['x" DOUBLE; DROP TABLE t; --', "Sharpe", "1st", "", "a b", "ü"]
    )
    def test_a_name_that_is_no_plain_word_is_refused(self, connection, name):
        with pytest.raises(WarehouseError, match="cannot be the name"):
            add_double_columns(connection, "t", [name])

    def test_the_name_of_a_column_of_another_type_is_refused(self, connection):
        with pytest.raises(WarehouseError, match="text of t holds VARCHAR"):
            add_double_columns(connection, "t", ["text"])
