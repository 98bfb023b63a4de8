"""This file holds the tests of bars against their calendar: grid, gaps, coverage, identity."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.domain.windows import Window
from trading_pipeline.market_data.calendars import expected_bars
from trading_pipeline.market_data.quality_checks import CheckSettings, check_bars, has_errors

YEAR = Window(datetime(2012, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC))


def flat(index: pd.DatetimeIndex, price: float = 10.0) -> pd.DataFrame:
    wave = price * (1.0 + 0.001 * np.arange(len(index)) % 0.01)
    columns = dict.fromkeys(("open", "high", "low", "close"), wave)
    return pd.DataFrame(columns, index=index).assign(volume=5.0)


@pytest.fixture
def year() -> pd.DataFrame:
    return flat(expected_bars(YEAR.start, YEAR.end, "1d", "XNYS"))


def only(findings, name):
    return [finding for finding in findings if finding.check_name == name]


def test_full_year_has_no_finding(year, stock):
    assert check_bars(year, instrument=stock, window=YEAR) == []


def test_two_missing_days_of_a_year_warn_as_one_run(year, stock):
    findings = check_bars(year.drop(year.index[100:102]), instrument=stock, window=YEAR)
    (gap,) = findings
    assert (gap.check_name, gap.severity, gap.value) == ("gap", "WARN", 2.0)
    assert gap.ts == year.index[100]
    assert f"{2 / 250:.2%}" in gap.detail


def test_over_a_hundredth_missing_blocks_on_a_listed_market_only(year, stock):
    holes = year.drop(year.index[[30, 60, 90]])
    findings = check_bars(holes, instrument=stock, window=YEAR)
    assert [f.severity for f in only(findings, "gap")] == ["ERROR"] * 3
    lenient = CheckSettings(gap_error_fraction=0.05)
    assert not has_errors(check_bars(holes, instrument=stock, window=YEAR, settings=lenient))
    coin = replace(stock, calendar="24/7", asset_class="crypto")
    days = flat(expected_bars(YEAR.start, YEAR.end, "1d", "24/7"))
    findings = check_bars(days.drop(days.index[10:30]), instrument=coin, window=YEAR)
    assert [(f.check_name, f.severity) for f in findings] == [("gap", "WARN")]


def test_a_share_of_missing_bars_on_the_limit_does_not_block(year, stock):
    holes = year.drop(year.index[[30, 60]])
    on_it, below_it = (CheckSettings(gap_error_fraction=share) for share in (2 / 250, 1.9 / 250))
    assert not has_errors(check_bars(holes, instrument=stock, window=YEAR, settings=on_it))
    assert has_errors(check_bars(holes, instrument=stock, window=YEAR, settings=below_it))


def test_bars_missing_at_the_edges_are_coverage_and_not_a_gap(year, stock):
    findings = check_bars(year.iloc[20:-10], instrument=stock, window=YEAR)
    (finding,) = findings
    assert (finding.check_name, finding.severity) == ("coverage", "WARN")
    assert finding.ts == year.index[0]
    assert finding.value == 30 / 250


def test_listing_and_now_limit_what_is_expected(year, stock):
    part = year.iloc[20:-10]
    listed = replace(stock, listed_from=part.index[0].date(), listed_to=date(2012, 12, 31))
    now = datetime(2012, 12, 14, 20, 59, tzinfo=UTC)
    assert check_bars(part.loc[:"2012-12-13"], instrument=listed, window=YEAR, now=now) == []
    late = check_bars(
        part.loc[:"2012-12-13"],
        instrument=listed,
        window=YEAR,
        now=datetime(2012, 12, 14, 21, 0, tzinfo=UTC),
    )
    assert [f.check_name for f in late] == ["coverage"]


def test_no_bars_where_bars_are_due_are_coverage_and_nothing_before_the_listing(stock):
    (finding,) = check_bars(empty_bars(), instrument=stock, window=YEAR)
    assert (finding.check_name, finding.value) == ("coverage", 1.0)
    later = replace(stock, listed_from=date(2013, 5, 1))
    assert check_bars(empty_bars(), instrument=later, window=YEAR) == []


def test_bar_on_a_holiday_or_outside_the_window_is_extra(year, stock):
    christmas = flat(pd.DatetimeIndex(["2012-12-25"], tz="UTC", name="ts").as_unit("us"))
    after = flat(pd.DatetimeIndex(["2013-01-02"], tz="UTC", name="ts").as_unit("us"))
    findings = check_bars(
        pd.concat([year, christmas, after]).sort_index(), instrument=stock, window=YEAR
    )
    assert [(f.check_name, f.severity, f"{f.ts:%m-%d}") for f in findings] == [
        ("extra_bar", "WARN", "12-25"),
        ("extra_bar", "WARN", "01-02"),
    ]


def test_bar_that_is_still_forming_is_not_extra(year, stock):
    part = year.loc[:"2012-12-14"]
    now = datetime(2012, 12, 14, 18, 0, tzinfo=UTC)
    assert check_bars(part, instrument=stock, window=YEAR, now=now) == []


def test_daily_bar_at_the_open_of_new_york_is_off_the_grid(year, stock):
    shifted = year.set_axis((year.index + pd.Timedelta(hours=5)).as_unit("us").rename("ts"))
    findings = check_bars(shifted, instrument=stock)
    grid = only(findings, "grid")
    assert len(grid) == 21  # twenty and a count of the rest
    assert {f.severity for f in grid} == {"ERROR"}
    assert "1d grid of XNYS" in grid[0].detail


def test_clock_hours_are_off_the_grid_of_a_market_that_opens_at_half_past(stock):
    hourly = replace(stock, timeframe=Timeframe.H1)
    index = pd.date_range("2012-11-20 15:00", periods=6, freq="h", tz="UTC", name="ts", unit="us")
    assert only(check_bars(flat(index), instrument=hourly), "grid")
    half_past = flat((index - pd.Timedelta(minutes=30)).as_unit("us").rename("ts"))
    assert check_bars(half_past, instrument=hourly) == []


def test_calendar_of_the_call_replaces_that_of_the_instrument(year, stock):
    assert only(check_bars(year, instrument=stock, calendar="24/7"), "gap")


@pytest.fixture
def two_lives(stock) -> pd.DataFrame:
    first = flat(expected_bars(*_dates("2012-01-01", "2012-02-01"), "1d", "XNYS"))
    second = flat(expected_bars(*_dates("2012-06-01", "2012-07-01"), "1d", "XNYS"), 40.0)
    return pd.concat([first, second])


def _dates(first: str, last: str) -> tuple[datetime, datetime]:
    return tuple(datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (first, last))


def test_another_price_after_a_long_absence_is_another_company(two_lives, stock):
    (finding,) = only(check_bars(two_lives, instrument=stock), "identity")
    assert finding.severity == "ERROR"
    assert f"{finding.ts:%Y-%m-%d}" == "2012-06-01"
    assert finding.value == pytest.approx(4.0, rel=0.02)


def test_identity_is_seen_across_the_start_of_the_window(two_lives, stock):
    before, after = two_lives.loc[:"2012-03"], two_lives.loc["2012-06":]
    assert not only(check_bars(after, instrument=stock), "identity")
    assert only(check_bars(after, instrument=stock, previous=before), "identity")


def test_equal_price_or_recorded_split_or_short_absence_is_the_same_company(
    two_lives, stock, make_action
):
    same = two_lives.copy()
    same.loc["2012-06":, ["open", "high", "low", "close"]] /= 3.5
    assert not only(check_bars(same, instrument=stock), "identity")
    reverse = [make_action("2012-04-02", "split", 0.25)]
    assert not only(check_bars(two_lives, instrument=stock, actions=reverse), "identity")
    patient = CheckSettings(identity_missing_sessions=100)
    assert not only(check_bars(two_lives, instrument=stock, settings=patient), "identity")
