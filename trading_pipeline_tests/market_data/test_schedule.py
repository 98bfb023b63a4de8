"""Tests of the loading of trading sessions."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from trading_pipeline.domain.moments import DAY, WEEK_ANCHOR
from trading_pipeline.errors import UnknownNameError
from trading_pipeline.market_data.schedule import ALWAYS, WEEKDAYS, session_schedule

YEAR_2012 = 15_340 * DAY  # 2012-01-01


def test_a_schedule_is_loaded_once():
    first = session_schedule("XNYS", YEAR_2012, YEAR_2012)
    assert session_schedule("XNYS", YEAR_2012 + DAY, YEAR_2012 + 90 * DAY) is first


def test_an_earlier_request_loads_a_longer_schedule_with_equal_sessions():
    short = session_schedule("XNYS", YEAR_2012, YEAR_2012)
    long = session_schedule("XNYS", -300 * DAY, YEAR_2012)
    assert len(long.labels) > len(short.labels)
    assert np.array_equal(long.closes[-len(short.closes) :], short.closes)


@pytest.mark.parametrize("calendar", ["XNYS", "XTKS", "XHKG", "CMES", ALWAYS, WEEKDAYS])
def test_sessions_are_in_order_and_do_not_overlap(calendar):
    schedule = session_schedule(calendar, YEAR_2012, YEAR_2012)
    assert (np.diff(schedule.labels) > 0).all()
    assert (schedule.opens < schedule.closes).all()
    assert (schedule.opens[1:] >= schedule.closes[:-1]).all()
    opens, closes = schedule.segments()
    assert (opens < closes).all()
    assert (opens[1:] >= closes[:-1]).all()


def test_a_break_cuts_a_session_in_two_segments():
    schedule = session_schedule("XTKS", YEAR_2012, YEAR_2012)
    broken = schedule.break_starts >= 0
    opens, closes = schedule.segments()
    assert broken.any()
    assert len(opens) == len(schedule.opens) + int(broken.sum())
    lost = int((schedule.break_ends - schedule.break_starts)[broken].sum())
    assert int((closes - opens).sum()) == int((schedule.closes - schedule.opens).sum()) - lost


def test_calendar_that_begins_late_is_clipped():
    tokyo = session_schedule("XTKS", YEAR_2012, YEAR_2012)
    assert np.datetime64(int(tokyo.labels[0]), "us") >= np.datetime64("1997-01-01")


def test_calendars_of_our_own():
    always = session_schedule(ALWAYS, YEAR_2012, YEAR_2012)
    assert (np.diff(always.opens) == DAY).all()
    assert not always.listed
    week = session_schedule(WEEKDAYS, YEAR_2012, YEAR_2012)
    assert set(((week.labels - WEEK_ANCHOR) // DAY % 7).tolist()) == {0, 1, 2, 3, 4}
    assert not week.listed
    assert session_schedule("XNYS", YEAR_2012, YEAR_2012).listed


def test_unknown_calendar_is_refused():
    with pytest.raises(UnknownNameError, match="'XXXX'"):
        session_schedule("XXXX", 0, 0)


def test_exchange_calendars_is_not_imported_before_a_listed_market_is_asked_for():
    code = (
        "import sys; from trading_pipeline.market_data import calendars as c;"
        "c.periods_per_year('1h', '24/5');"
        "sys.exit('exchange_calendars' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
