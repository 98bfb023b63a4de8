"""Epochs by their magnitude, dates by their order, and both orders where nothing tells them
apart."""

from datetime import date, datetime, timedelta

import pytest

from trading_pipeline.datasets.columns.timestamps import (
    candidate_formats,
    date_key,
    is_timestamp_column,
    surviving_orders,
)


def days(count, start=date(2024, 1, 2), form="%Y-%m-%d"):
    return [(start + timedelta(days=i)).strftime(form) for i in range(count)]


@pytest.mark.parametrize(
    ("cell", "unit"),
    [("1704067200", "s"), ("1704067200000", "ms"), ("1704067200000000", "us"),
     ("1704067200000000000", "ns"), ("1704067200.5", "s"), ("100000000", "s")],
)  # fmt: skip
def test_the_unit_of_an_epoch_is_its_magnitude(cell, unit):
    (found,) = candidate_formats([cell] * 3).values()
    assert (found.kind, found.unit, found.format) == ("epoch", unit, None)


@pytest.mark.parametrize(
    ("cell", "kind", "form"),
    [
        ("20240102", "date", "%Y%m%d"),
        ("20240102153000", "datetime", "%Y%m%d%H%M%S"),
        ("202401021530", "datetime", "%Y%m%d%H%M"),
        ("20240102 153000", "datetime", "%Y%m%d %H%M%S"),
        ("2024-01-22", "date", "%Y-%m-%d"),
        ("2024-01-22 09:15", "datetime", "%Y-%m-%d %H:%M"),
        ("2024-01-22T09:15:00.123Z", "datetime", "%Y-%m-%dT%H:%M:%S.%f%z"),
        ("2024-01-22 09:15:00-05:00", "datetime", "%Y-%m-%d %H:%M:%S%z"),
        ("2024-01-22 09:15:00+00", "datetime", "%Y-%m-%d %H:%M:%S%z"),
        ("2024.01.22 09:15", "datetime", "%Y.%m.%d %H:%M"),
        ("22.01.2024", "date", "%d.%m.%Y"),
        ("22/01/2024 09:15", "datetime", "%d/%m/%Y %H:%M"),
        ("01/22/24 1:30 PM", "datetime", "%m/%d/%y %I:%M %p"),
        ("Jan 22, 2024", "date", "%b %d, %Y"),
        ("January 22, 2024", "date", "%B %d, %Y"),
        ("22-Jan-2024", "date", "%d-%b-%Y"),
        ("22-Jan-24", "date", "%d-%b-%y"),
    ],
)
def test_each_spelling_has_one_format(cell, kind, form):
    (found,) = candidate_formats([cell] * 3).values()
    assert (found.kind, found.format) == (kind, form)
    assert date_key(cell, found.formats) in (date(2024, 1, 22), date(2024, 1, 2))


@pytest.mark.parametrize(
    "cells",
    [[], ["", ""], ["AAPL"] * 3, ["12.5"] * 3, ["2024-13-45"] * 3, ["99/99/2024"] * 3, ["42"] * 3],
)
def test_what_is_no_time_stamp_has_no_format(cells):
    assert not is_timestamp_column(cells)


def test_one_cell_in_five_may_be_a_fault():
    assert is_timestamp_column([*days(4), "total"])
    assert not is_timestamp_column([*days(3), "total", "sum"])


def test_a_day_above_12_decides():
    assert list(candidate_formats(["03/04/2024", "25/04/2024"] * 2)) == ["dmy"]
    assert list(candidate_formats(["03/04/2024", "04/25/2024"] * 2)) == ["mdy"]


def test_dots_stand_in_dates_with_the_day_first():
    assert list(candidate_formats(["03.04.2024"] * 3)) == ["dmy"]


def test_both_orders_stay_where_no_day_is_above_12_and_an_answer_takes_one():
    cells = ["03/04/2024", "05/04/2024"]
    assert list(candidate_formats(cells)) == ["dmy", "mdy"]
    assert list(candidate_formats(cells, order="mdy")) == ["mdy"]
    assert surviving_orders(cells, candidate_formats(cells)) == ["dmy", "mdy"]


@pytest.mark.parametrize("cell", ["2024-01-22", "Jan 22, 2024", "20240122", "1705881600"])
def test_an_answered_order_does_not_spoil_what_is_clear_anyway(cell):
    assert candidate_formats([cell] * 3, order="dmy") == candidate_formats([cell] * 3)


@pytest.mark.parametrize(("form", "order"), [("%d/%m/%Y", "dmy"), ("%m/%d/%Y", "mdy")])
def test_the_shorter_step_between_days_survives(form, order):
    cells = days(11, date(2024, 2, 1), form)
    formats = candidate_formats(cells)
    assert len(formats) == 2
    assert surviving_orders(cells, formats) == [order]


def test_days_in_a_row_are_preferred_to_the_same_day_of_each_month():
    cells = [datetime(2023, month, 1).strftime("%d/%m/%Y") for month in range(1, 13)]
    assert surviving_orders(cells, candidate_formats(cells)) == ["mdy"]


@pytest.mark.parametrize(
    ("clocks", "form"),
    [(["09:15"], "%Y-%m-%d %H:%M"), (["09:15:00"], "%Y-%m-%d %H:%M:%S"),
     (["93000"], "%Y-%m-%d %H%M%S"), (["000000"], "%Y-%m-%d %H%M%S"), (["0930"], "%Y-%m-%d %H%M")],
)  # fmt: skip
def test_a_date_and_a_time_are_joined(clocks, form):
    (found,) = candidate_formats(days(3), clocks * 3).values()
    assert (found.kind, found.format) == ("date+time", form)


def test_all_spellings_of_a_column_are_kept_the_commonest_first():
    (found,) = candidate_formats(["22/01/2024 09:15:00"] * 3 + ["23/01/2024"]).values()
    assert found.formats == ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y")
