"""Delimiter, skipped lines and header are what most lines say."""

import pytest

from trading_pipeline.datasets.columns.values import is_value
from trading_pipeline.datasets.reading.layout import find_layout, symbols_of_columns

ROWS = ["2024-01-02,1.5,2,1,1.7,10", "2024-01-03,1.6,2,1,1.8,11", "2024-01-04,1.7,2,1,1.9,12"]
HEADER = "Date,Open,High,Low,Close,Volume"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_delimiter_is_found(delimiter):
    layout = find_layout([line.replace(",", delimiter) for line in [HEADER, *ROWS]])
    assert (layout.delimiter, layout.width, layout.header) == (delimiter, 6, True)
    assert layout.names == ("Date", "Open", "High", "Low", "Close", "Volume")
    assert len(layout.rows) == 3


def test_decimal_commas_do_not_look_like_fields():
    lines = ["02.01.2024;1,5;2,0;1,0;1,7;10,5", "03.01.2024;1,6;2,0;1,0;1,8;11,5"]
    assert find_layout(lines).delimiter == ";"


def test_a_cut_or_mangled_line_changes_nothing():
    layout = find_layout([HEADER, *ROWS[:2], "2024;01;04|x\t1;2;3;4;5;6;7;8", *ROWS])
    assert (layout.delimiter, layout.width) == (",", 6)
    assert len(layout.rows) == 6


def test_an_answered_delimiter_wins():
    assert find_layout([HEADER, *ROWS], ";").delimiter == ";"


def test_banner_and_blank_lines_are_skipped():
    layout = find_layout(["Prices of today", "", "a,b", HEADER, *ROWS])
    assert (layout.skip_rows, layout.header_rows, len(layout.rows)) == (3, 1, 3)


def test_a_blank_line_behind_the_header_is_no_row():
    layout = find_layout([HEADER, "", *ROWS])
    assert (layout.skip_rows, layout.header_rows, len(layout.rows)) == (0, 1, 3)


def test_without_names_there_is_no_header():
    layout = find_layout(ROWS)
    assert (layout.header, layout.header_rows) == (False, 0)
    assert layout.names == ("0", "1", "2", "3", "4", "5")


def test_rows_that_end_in_a_delimiter_keep_their_header():
    layout = find_layout([HEADER, *(row + "," for row in ROWS)])
    assert layout.header is True
    assert layout.names == ("Date", "Open", "High", "Low", "Close", "Volume", "")


def test_quoted_cells_may_hold_the_delimiter():
    layout = find_layout(['"Date","Price","Vol."', '"Jan 02, 2024","1,234.5","10"'])
    assert layout.rows == (("Jan 02, 2024", "1,234.5", "10"),)


def test_a_row_of_words_behind_the_header_is_a_row():
    layout = find_layout([HEADER, "n/a,null,null,null,null,null", *ROWS])
    assert (layout.header, layout.header_rows, len(layout.rows)) == (True, 1, 4)


@pytest.mark.parametrize(
    "head",
    [
        ["Price,Close,Close", "Ticker,AAPL,MSFT", "Date,,"],
        ["Ticker,AAPL,MSFT", "Price,Close,Close", "Date,,"],
    ],
)
def test_a_header_of_three_lines_names_field_and_symbol(head):
    layout = find_layout([*head, "2024-01-02,1.5,2.5", "2024-01-03,1.6,2.6"])
    assert (layout.header, layout.header_rows) == ("multi", 3)
    assert layout.names == ("Date", "Close", "Close")
    assert symbols_of_columns(layout) == ("", "AAPL", "MSFT")


@pytest.mark.parametrize("lines", [[], [""], ["one column", "of text"]])
def test_what_is_no_table_has_one_column(lines):
    assert find_layout(lines).width == 1


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("12", True), ("-1.5e3", True), ("(3.5)", True), ("12.34M", True), ("02-Jan-2024", True),
     ("09:30", True), ("€ 5", True), ("AAPL", False), ("Vol.", False), ("", False), (".5", True)],
)  # fmt: skip
def test_values_are_told_from_names(cell, expected):
    assert is_value(cell) is expected
