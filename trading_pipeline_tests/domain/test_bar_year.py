"""How many bars of a year stamps tell."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.bar_year import bar_year_of, elapsed_years
from trading_pipeline.domain.moments import moments_of
from trading_pipeline.errors import ConfigurationError


def stamps(start, end, freq):
    return moments_of(pd.date_range(start, end, freq=freq, tz="UTC"))


def of_hours(index, *, days=range(7), begin=0, end=24):
    moments = pd.DatetimeIndex(index.view("datetime64[us]"))
    inside = (
        (moments.hour >= begin) & (moments.hour < end) & np.isin(moments.day_of_week, list(days))
    )
    return index[inside]


HOURS = stamps("2023-01-01", "2023-12-31 23:00", "h")
WEEKDAYS = range(5)


@pytest.mark.parametrize(
    ("index", "bars"),
    [
        (HOURS, 8760),
        (HOURS[24:72], 8760),
        (stamps("2023-01-01", "2023-01-31", "15min"), 35_040),
        (stamps("2023-01-01", "2023-12-31", "4h"), 2190),
        (of_hours(HOURS, end=12), 4380),
        (of_hours(HOURS, days=WEEKDAYS), 6264),
        (of_hours(HOURS, days=WEEKDAYS, begin=14, end=21), 1764),
        (stamps("2020-01-01", "2022-12-31", "D"), 365),
        (stamps("2020-01-01", "2022-12-31", "B"), 252),
        (stamps("2024-01-01", "2024-01-04", "D"), 252),
        (stamps("2020-01-01", "2022-12-31", "W-MON"), 52),
        (stamps("2020-01-01", "2022-12-31", "ME"), 12),
        (stamps("2020-01-01", "2022-12-31", "QE"), 4),
    ],
    ids=["hours", "two weekdays of hours", "quarters of an hour", "four hours", "half a day",
         "currency", "share's hours", "coin's days", "share's days", "four weekdays", "weeks",
         "months", "quarters"],
)  # fmt: skip
def test_a_whole_calendar_has_the_usual_year_without_a_warning(index, bars):
    found = bar_year_of(index)
    assert (found.bars, found.warning) == (bars, "")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("index", [HOURS, stamps("2015-01-01", "2022-12-31", "D")])
def test_bars_that_are_missing_count_as_observed_and_are_said(index, share):
    rng = np.random.default_rng(7)
    kept = index[np.sort(rng.choice(len(index), int(share * len(index)), replace=False))]
    found = bar_year_of(kept)
    assert found.bars == pytest.approx((len(kept) - 1) / elapsed_years(kept), rel=0.005)
    assert found.warning.startswith("Missing bars: ")


def test_a_twentieth_may_be_missing():
    rng = np.random.default_rng(7)
    kept = HOURS[np.sort(rng.choice(len(HOURS), int(0.96 * len(HOURS)), replace=False))]
    assert bar_year_of(kept) == bar_year_of(HOURS)


def test_bars_without_a_regular_distance_count_as_observed_in_the_long_run():
    rng = np.random.default_rng(7)
    ticks = np.unique(rng.integers(HOURS[0], HOURS[-1], 5000))
    found = bar_year_of(ticks)
    assert found.bars == pytest.approx(5000, rel=0.01)
    assert found.warning.startswith("Irregular bars: ")


@pytest.mark.parametrize(
    "index",
    [HOURS[24:36], of_hours(HOURS, begin=14, end=21)[7:28], HOURS[[30, 34, 35, 41, 44, 52, 60]]],
    ids=["half a day of hours", "three sessions", "hours without a pattern"],
)
def test_a_few_intraday_bars_do_not_tell_and_the_error_says_what_to_give(index):
    with pytest.raises(ConfigurationError, match=r"cannot be told.*periods_per_year"):
        bar_year_of(index)
