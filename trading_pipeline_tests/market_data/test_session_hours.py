"""Tests of trading hours."""

from __future__ import annotations

import pandas as pd
import pytest

from trading_pipeline.market_data.calendars import inside_sessions


def stamps(*texts):
    return pd.DatetimeIndex(texts, tz="UTC", name="ts").as_unit("us")


def test_hours_begin_with_the_open_and_end_before_the_close():
    index = stamps(
        *("2012-07-03 13:29", "2012-07-03 13:30", "2012-07-03 16:59", "2012-07-03 17:00"),
        *("2012-07-04 15:00", "2012-07-05 13:30"),
    )  # an early close, a holiday, a usual day
    assert inside_sessions(index, "XNYS").tolist() == [False, True, True, False, False, True]


def test_a_break_is_outside():
    index = stamps("2012-07-03 03:59", "2012-07-03 04:00", "2012-07-03 05:00")
    assert inside_sessions(index, "XHKG").tolist() == [True, False, True]


@pytest.mark.parametrize("calendar", ["24/7", "XNYS"])
def test_no_stamp_gives_no_answer(calendar):
    assert inside_sessions(stamps(), calendar).tolist() == []


def test_without_sessions_all_hours_count():
    assert inside_sessions(stamps("2012-07-04 15:00", "2012-07-08 01:00"), "24/7").all()


def test_the_week_of_currencies_ends_on_friday():
    index = stamps("2012-07-06 20:59", "2012-07-06 21:00", "2012-07-08 21:00")
    assert inside_sessions(index, "24/5").tolist() == [True, False, True]
