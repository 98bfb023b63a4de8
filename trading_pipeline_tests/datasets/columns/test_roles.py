"""Roles by name in the spellings of providers, and by values where there is no header."""

import doctest

import pytest

from trading_pipeline.datasets.columns import numbers as dataset_numbers
from trading_pipeline.datasets.columns import roles as dataset_columns
from trading_pipeline.datasets.columns import timestamps as dataset_timestamps
from trading_pipeline.datasets.columns import values as dataset_values
from trading_pipeline.datasets.columns.numbers import find_number_format
from trading_pipeline.datasets.columns.roles import (
    answered_columns,
    columns_by_name,
    columns_by_value,
)
from trading_pipeline.datasets.columns.timestamps import is_timestamp_column
from trading_pipeline.errors import DatasetFormatError


def by_name(names, row):
    names = names.split(",")
    found = columns_by_name(names, [row.split(",")] * 3, is_timestamp_column)
    return {role: [names[p] for p in positions] for role, positions in found.items()}


@pytest.mark.parametrize(
    "module", [dataset_columns, dataset_values, dataset_numbers, dataset_timestamps]
)
def test_the_examples_of_the_docstrings_hold(module):
    done = doctest.testmod(module)
    assert done.attempted > 0
    assert done.failed == 0


@pytest.mark.parametrize(
    "names",
    [
        "date,open,high,low,close,volume",
        "Date,OPEN,HIGH,LOW,CLOSE,Vol.",
        "timestamp,1. open,2. high,3. low,4. close,5. volume",
        "t,o,h,l,c,v",
        "Datum,Eröffnung,Hoch,Tief,Schluss,Volumen",
        "Date,Ouverture,Haut,Bas,Clôture,Volume",
        "Datetime,AAPL.Open,AAPL.High,AAPL.Low,AAPL.Close,AAPL.Volume",
        "Gmt time,Open,High,Low,Close,Volume",
        ",Open,High,Low,Close,Volume",
    ],
)
def test_headers_of_many_kinds_are_understood(names):
    found = by_name(names, "2024-01-02,1,2,0.5,1.5,100")
    expected = names.split(",")
    assert found["timestamp"] == expected[:1]
    assert [found[role][0] for role in ("open", "high", "low", "close")] == expected[1:5]


def test_an_adjusted_close_is_not_the_close():
    found = by_name("Date,Adj Close,Open,High,Low,Close", "2024-01-02,9,1,2,0.5,1.5")
    assert found["close"] == ["Close"]
    assert "close" not in by_name("Date,Adj Close", "2024-01-02,9")


def test_open_interest_is_not_the_open():
    assert "open" not in by_name("Date,Open Interest,High", "2024-01-02,9,1")


def test_the_volume_in_the_base_is_taken():
    assert by_name("date,Volume USDT,Volume BTC", "2024-01-02,1,2")["volume"] == ["Volume BTC"]
    assert by_name("date,Volume USD", "2024-01-02,1")["volume"] == ["Volume USD"]


def test_an_epoch_is_preferred_to_a_naive_text_and_a_text_to_a_lone_letter():
    assert by_name("date,unix", "2024-01-02,1704153600")["timestamp"] == ["unix"]
    assert by_name("t,timestamp", "1704153600,2024-01-02")["timestamp"] == ["timestamp"]


def test_a_column_with_the_right_name_but_no_stamps_is_passed_over():
    assert by_name("time,when", "long ago,2024-01-02")["timestamp"] == ["when"]


def test_columns_by_value_need_prices_that_enclose():
    rows = [["AAPL", "x", "2024-01-02", "5", "1.5", "2", "1", "1.7", "900"]] * 4
    found = columns_by_value(rows, is_timestamp_column)
    assert found == {
        "timestamp": (2,),
        "symbol": (0,),
        "open": (4,),
        "high": (5,),
        "low": (6,),
        "close": (7,),
        "volume": (8,),
    }
    assert columns_by_value([], is_timestamp_column) == {}
    assert "open" not in columns_by_value([["2024-01-02", "5", "1", "9", "3"]], is_timestamp_column)


def test_dates_and_times_in_digits_without_a_header():
    rows = [["20240102", "093000", "1.5", "2", "1", "1.7"]] * 4
    assert columns_by_value(rows, is_timestamp_column)["timestamp"] == (0, 1)


def test_answers_name_columns_by_name_or_position():
    names = ["When", "Last", "3"]
    assert answered_columns({"close": "last", "date": 0, "time": "3"}, names) == {
        "close": (1,),
        "timestamp": (0, 2),
    }
    with pytest.raises(DatasetFormatError, match="Did you mean 'Last'"):
        answered_columns({"close": "Lost"}, names)
    with pytest.raises(DatasetFormatError, match="'9'"):
        answered_columns({"close": "9"}, names)


@pytest.mark.parametrize(
    ("cells", "delimiter", "decimal", "thousands"),
    [
        (["1.5", "2.25"], ",", ".", None),
        (["1,5", "2,25"], ";", ",", None),
        (["1.234,56"], ";", ",", "."),
        (["1,234.56", "999.10"], ",", ".", ","),
        (["1,234", "2,345"], ",", ".", ","),
        (["1,234", "2,345"], ";", ",", None),
        (["0,123", "1,234"], "\t", ",", None),
        (["1.234.567"], ";", ",", "."),
        (["1 234,5"], ";", ",", " "),
        (["1'234.5"], ",", ".", "'"),
        (["100", "200"], ",", ".", None),
        ([], ",", ".", None),
    ],
)
def test_decimal_mark_and_thousands(cells, delimiter, decimal, thousands):
    found = find_number_format(cells, delimiter=delimiter)
    assert (found.decimal, found.thousands) == (decimal, thousands)


def test_an_answered_decimal_mark_wins():
    assert find_number_format(["1,234"], delimiter=",", decimal=",").decimal == ","
