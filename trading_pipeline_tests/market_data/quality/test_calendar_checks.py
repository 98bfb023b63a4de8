"""Tests of bars against their calendar: grid, gaps, coverage, identity."""

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
from trading_pipeline.market_data.quality.checks import CheckSettings, check_bars, has_errors

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


def test_bars_missing_at_the_start_of_an_unknown_series_are_coverage_and_not_a_gap(year, stock):
    (finding,) = check_bars(year.iloc[20:], instrument=stock, window=YEAR)
    assert (finding.check_name, finding.severity) == ("coverage", "WARN")
    assert (finding.ts, finding.value) == (year.index[0], 230 / 250)
    assert "Set 'listed_from'" in finding.detail


@pytest.mark.parametrize("known", ["listing", "bars before"])
def test_bars_missing_at_the_start_of_a_known_series_are_a_gap(year, stock, known):
    if known == "listing":
        stock = replace(stock, listed_from=date(2011, 5, 1))
    previous = None if known == "listing" else year.iloc[:1].shift(freq="-7D")
    findings = check_bars(year.iloc[20:], instrument=stock, window=YEAR, previous=previous)
    (gap,) = only(findings, "gap")
    assert (gap.severity, gap.ts, gap.value) == ("ERROR", year.index[0], 20.0)
    on_the_day = replace(stock, listed_from=year.index[20].date())
    assert check_bars(year.iloc[20:], instrument=on_the_day, window=YEAR) == []


def test_bars_missing_at_the_end_of_a_closed_window_are_a_gap(year, stock):
    now = datetime(2013, 1, 2, tzinfo=UTC)
    (gap,) = check_bars(year.iloc[:-2], instrument=stock, window=YEAR, now=now)
    assert (gap.check_name, gap.severity, gap.ts, gap.value) == (
        "gap",
        "WARN",
        year.index[-2],
        2.0,
    )
    delisted = replace(stock, listed_to=year.index[-3].date())
    assert check_bars(year.iloc[:-2], instrument=delisted, window=YEAR, now=now) == []


@pytest.mark.parametrize("source", ["files", "yahoo"])
def test_a_file_that_begins_and_ends_within_a_session_only_warns(stock, source):
    week = Window(datetime(2012, 3, 5, tzinfo=UTC), datetime(2012, 3, 10, tzinfo=UTC))
    minutes = expected_bars(week.start, week.end, "1m", "XNYS")
    cut = replace(
        stock,
        source=source,
        timeframe=Timeframe.M1,
        listed_from=date(2012, 3, 5),
        listed_to=date(2012, 3, 9),
    )
    gaps = only(check_bars(flat(minutes[100:-150]), instrument=cut, window=week), "gap")
    if source == "files":
        assert [(gap.severity, gap.value, gap.ts) for gap in gaps] == [("WARN", 250.0, minutes[0])]
        assert "begins or ends within a session" in gaps[0].detail
    else:
        assert [(gap.severity, gap.value) for gap in gaps] == [("ERROR", 100.0), ("ERROR", 150.0)]


def test_a_whole_day_missing_at_the_end_of_a_file_is_a_gap(stock):
    week = Window(datetime(2012, 3, 5, tzinfo=UTC), datetime(2012, 3, 10, tzinfo=UTC))
    minutes = expected_bars(week.start, week.end, "1m", "XNYS")
    cut = replace(stock, source="files", timeframe=Timeframe.M1, listed_to=date(2012, 3, 9))
    findings = check_bars(flat(minutes[:-400]), instrument=cut, window=week)
    gaps = only(findings, "gap")
    assert [(gap.severity, gap.value) for gap in gaps] == [("ERROR", 400.0)]


def test_few_bars_of_a_young_window_are_measured_against_the_whole_window(year, stock):
    now = datetime(2012, 1, 31, tzinfo=UTC)
    part = year.loc[:"2012-01-30"]
    (gap,) = check_bars(part.drop(part.index[3]), instrument=stock, window=YEAR, now=now)
    assert (gap.check_name, gap.severity) == ("gap", "WARN")


def test_the_last_closed_session_is_awaited_for_two_hours_and_then_not_fresh(year, stock):
    listed = replace(stock, listed_from=date(2011, 1, 1))
    part = year.loc[:"2012-12-13"]  # the session of the 14th closes at 21:00

    def at(hour: int, minute: int, **settings: float) -> list[tuple[str, str, float | None]]:
        found = check_bars(
            part,
            instrument=listed,
            window=YEAR,
            now=datetime(2012, 12, 14, hour, minute, tzinfo=UTC),
            settings=CheckSettings(**settings),
        )
        return [(f.check_name, f.severity, f.value) for f in found]

    assert at(20, 59) == at(21, 0) == at(22, 59) == []
    assert at(23, 0) == [("freshness", "WARN", 1.0)]
    assert at(21, 30, freshness_hours=0.5) == [("freshness", "WARN", 1.0)]
    old = check_bars(
        year.iloc[:200], instrument=listed, window=YEAR, now=datetime(2012, 12, 15, tzinfo=UTC)
    )
    assert {f.check_name for f in old} == {"freshness", "coverage"}  # late, but nothing is wrong


def test_many_runs_of_missing_bars_end_in_one_row_that_counts_the_rest(year, stock):
    findings = only(check_bars(year.iloc[::2], instrument=stock, window=YEAR), "gap")
    assert len(findings) == 21
    assert findings[-1].ts is None
    assert sum(finding.value for finding in findings) == 125.0


def test_no_bars_where_bars_are_due_are_coverage_and_nothing_before_the_listing(stock):
    (finding,) = check_bars(empty_bars(), instrument=stock, window=YEAR)
    assert (finding.check_name, finding.value) == ("coverage", 0.0)
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
