"""Bars a year on a calendar, for the bars that are there."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.bar_year import observed_year
from trading_pipeline.domain.moments import moments_of
from trading_pipeline.market_data import expected_bars, periods_per_year
from trading_pipeline.market_data.bar_years import calendar_year

SPAN = pd.Timestamp(2021, 1, 1, tz="UTC"), pd.Timestamp(2023, 1, 1, tz="UTC")
MARKETS = [("1h", "24/7"), ("1d", "XNYS"), ("1h", "XNYS"), ("1d", "24/5"), ("5m", "XTKS")]


@pytest.mark.parametrize(("timeframe", "calendar"), MARKETS)
def test_all_of_the_calendars_bars_have_its_year(timeframe, calendar):
    found = calendar_year(expected_bars(*SPAN, timeframe, calendar), timeframe, calendar)
    assert (found.bars, found.warning) == (periods_per_year(timeframe, calendar), "")


@pytest.mark.parametrize(("timeframe", "calendar"), MARKETS)
@pytest.mark.parametrize("share", [0.1, 0.94, 0.96])
def test_below_95_percent_the_observed_bars_count_with_a_warning(timeframe, calendar, share):
    whole = expected_bars(*SPAN, timeframe, calendar)
    rng = np.random.default_rng(7)
    inner = np.sort(rng.choice(len(whole) - 2, int(share * len(whole)) - 2, replace=False)) + 1
    index = whole[[0, *inner, len(whole) - 1]]
    found = calendar_year(index, timeframe, calendar)
    if share > 0.95:
        assert (found.bars, found.warning) == (periods_per_year(timeframe, calendar), "")
        return
    assert found.bars == pytest.approx(observed_year(moments_of(index)), rel=0.03)
    assert found.warning.startswith("Missing bars: ")


def test_bars_outside_the_calendar_count_too():
    days = pd.date_range("2021-01-01", "2022-12-31", tz="UTC")
    found = calendar_year(days, "1d", "XNYS")
    assert found.bars == pytest.approx(365.25, rel=0.01)
    assert found.warning.startswith("More bars than expected: ")
