"""When an instrument belonged: spans, days, and the line on hindsight."""

from datetime import date

import pandas as pd
import pytest

from trading_pipeline.domain.membership import Membership, MemberSpan, hindsight_line
from trading_pipeline.errors import ConfigurationError

JAN, JUN, DEC = date(2004, 1, 1), date(2004, 6, 30), date(2004, 12, 31)


def days(*texts, zone="UTC"):
    return pd.DatetimeIndex(texts, tz=zone)


def test_both_ends_belong_and_the_days_around_them_do_not():
    one = Membership.of([MemberSpan(JAN, JUN)])
    dates = days("2003-12-31", "2004-01-01", "2004-06-30", "2004-07-01")
    assert one.at(dates).tolist() == [False, True, True, False]


def test_a_span_without_an_end_goes_on():
    assert Membership.of([MemberSpan(JAN)]).at(days("2003-12-31", "2099-01-01")).tolist() == [
        False,
        True,
    ]


def test_spans_may_come_in_any_order_and_touch():
    both = Membership.of([MemberSpan(date(2004, 7, 1)), MemberSpan(JAN, JUN)])
    assert both.at(days("2004-06-30", "2004-07-01")).all()
    assert str(both) == "2004-01-01 to 2004-06-30, 2004-07-01 to now"


def test_one_day_may_be_a_span():
    assert Membership.of([MemberSpan(JAN, JAN)]).at(days("2004-01-01", "2004-01-02")).tolist() == [
        True,
        False,
    ]


def test_the_time_of_day_does_not_matter_and_the_zone_is_the_stamps_own():
    one = Membership.of([MemberSpan(JAN, JAN)])
    assert one.at(days("2004-01-01 23:59", zone="America/New_York")).tolist() == [True]
    assert one.at(days("2004-01-02 00:00", zone="America/New_York")).tolist() == [False]
    assert one.at(pd.DatetimeIndex([], tz="UTC")).tolist() == []


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([(JUN, JAN)], "from 2004-06-30 to 2004-01-01 ends before it begins"),
        ([(JAN, JUN), (JUN, DEC)], "2004-01-01 to 2004-06-30 and 2004-06-30 to .* overlap"),
        ([(JAN, None), (JUN, DEC)], "2004-01-01 to now and 2004-06-30"),
        ([(JAN, JUN), (JAN, JUN)], "overlap"),
        ([], "'members' is empty"),
    ],
)
def test_impossible_spans_are_refused_with_their_days(spans, message):
    with pytest.raises(ConfigurationError, match=message):
        Membership.of([MemberSpan(*each) for each in spans])


def test_the_line_says_for_which_instruments_nothing_is_known():
    known = Membership.of([MemberSpan(JAN)])
    assert "universe.yaml says for none when it belonged" in hindsight_line({"A": None, "B": None})
    some = hindsight_line({"A": None, "B": known, "C": None, "D": None, "E": None})
    assert "does not say for A, C, D and 1 more when each of them belonged" in some
    assert hindsight_line({"A": known, "B": known}) == ""


def test_one_instrument_is_compared_with_nothing():
    assert hindsight_line({"A": None}) == ""
    assert hindsight_line({}) == ""
