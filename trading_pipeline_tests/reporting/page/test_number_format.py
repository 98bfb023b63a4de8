"""How numbers and times are written."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pandas as pd
import pytest

from trading_pipeline.reporting.page.number_format import (
    MISSING,
    format_number,
    format_stamp,
    is_missing,
    sign_class,
)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.05, "percent", "5.00 %"),
        (-0.05, "percent", "−5.00 %"),
        (15.4274, "percent", "1,542.74 %"),
        (-0.00001, "percent", "0.00 %"),
        (1.23456, "ratio", "1.235"),
        (-0.0001, "ratio", "0.000"),
        (9999.5, "money", "9,999.50"),
        (10000.4, "money", "10,000"),
        (0.00012345, "price", "0.00012345"),
        (1234.5, "price", "1,234.50"),
        (252, "count", "252"),
        (12.34, "bars", "12.3"),
        (6010.02, "bars", "6,010"),
        (13.02, "years", "13.0"),
        (0.0, "money", "0.00"),
    ],
)
def test_numbers_by_kind(value, kind, text):
    assert format_number(value, kind) == text


@pytest.mark.parametrize("value", [None, float("nan"), math.nan])
def test_missing_numbers_are_a_dash_and_never_nan(value):
    for kind in ("percent", "ratio", "money", "price", "count", "bars", "years"):
        assert format_number(value, kind) == MISSING


def test_infinity_is_said():
    assert format_number(math.inf, "ratio") == "∞"
    assert format_number(-math.inf, "percent") == "−∞"


def test_stamps_are_utc_and_dates_where_nothing_is_lost():
    assert format_stamp(datetime(2012, 3, 5, 14, 30, tzinfo=UTC)) == "2012-03-05 14:30"
    assert format_stamp(pd.Timestamp("2012-03-05", tz="UTC")) == "2012-03-05"
    assert format_stamp(pd.Timestamp("2012-03-05", tz="Asia/Tokyo")) == "2012-03-04 15:00"
    assert format_stamp(None) == format_stamp(pd.NaT) == MISSING


def test_what_is_missing():
    assert all(is_missing(value) for value in (None, math.nan, pd.NaT))
    assert not any(is_missing(value) for value in (0, 0.0, "", math.inf))


def test_sign_class_is_empty_without_a_sign():
    assert [sign_class(v) for v in (0.1, -0.1, 0.0, None, math.nan)] == ["up", "down", "", "", ""]
