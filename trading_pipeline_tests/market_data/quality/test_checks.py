"""Tests of the checks that can block, one broken frame each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.market_data.quality.checks import (
    ERROR_CHECKS,
    CheckSettings,
    check_bars,
    has_errors,
)
from trading_pipeline.market_data.quality.findings import CHECK_NAMES, findings_at
from trading_pipeline.market_data.quality.price_rounding import widen_bars

WEEK = ["2012-03-05", "2012-03-06", "2012-03-07", "2012-03-08", "2012-03-09"]
PRICES = [10.0, 11.0, 10.5, 10.7, 10.6]


@pytest.fixture
def week(make_bars):
    return make_bars(WEEK, PRICES)


def names(findings) -> list[str]:
    return [finding.check_name for finding in findings]


@pytest.mark.parametrize("symbol", ["AAPL", "FB", "GOOG", "IBM", "MSFT"])
def test_shipped_bars_have_no_finding_at_all(shipped, symbol):
    instrument, bars, actions = shipped(symbol)
    assert check_bars(bars, instrument=instrument, actions=actions) == []


def test_sound_week_has_no_finding(week, stock):
    assert check_bars(week, instrument=stock) == []
    assert not has_errors([])


def test_no_bars_without_a_window_have_no_finding(stock):
    assert check_bars(empty_bars(), instrument=stock) == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda bars: bars.drop(columns="volume"), "columns are open, high, low, close"),
        (lambda bars: bars[["close", "open", "high", "low", "volume"]], "must be open, high"),
        (lambda bars: bars.astype({"volume": "int64"}), "volume is int64, not float64"),
        (lambda bars: bars.astype({"open": "float32"}), "open is float32"),
        (lambda bars: bars.tz_localize(None), "not an aware UTC DatetimeIndex"),
        (lambda bars: bars.tz_convert("America/New_York"), "not UTC in microseconds"),
        (lambda bars: bars.set_axis(bars.index.as_unit("ns")), "not UTC in microseconds"),
        (lambda bars: bars.rename_axis("date"), "named ts"),
        (lambda bars: bars.reset_index(drop=True), "not an aware UTC DatetimeIndex"),
        (lambda bars: pd.concat([bars, bars[["open"]]], axis=1), "volume, open; they must be"),
    ],
)
def test_schema_is_reported_alone_and_says_what_was_found(week, stock, broken, words):
    findings = check_bars(broken(week), instrument=stock)
    assert set(names(findings)) == {"schema"}
    assert has_errors(findings)
    assert words in " ".join(finding.detail for finding in findings)


def test_missing_values_name_column_and_first_row(week, stock):
    week.loc[week.index[2:4], "low"] = np.nan
    (finding,) = check_bars(week, instrument=stock)
    assert finding.check_name == "schema"
    assert finding.ts == week.index[2]
    assert "low has 2 missing" in finding.detail


@pytest.mark.parametrize(
    ("value", "words"), [(10.5, "equal values"), (10.55, "conflicting values")]
)
def test_duplicates_say_whether_they_agree(week, stock, value, words):
    again = week.iloc[[2]].assign(close=value)
    doubled = pd.concat([week, again]).sort_index(kind="stable")
    (finding,) = check_bars(doubled, instrument=stock)
    assert (finding.check_name, finding.severity) == ("duplicate_ts", "ERROR")
    assert finding.ts == week.index[2]
    assert finding.value == 2.0
    assert words in finding.detail


def test_conflicting_duplicates_come_first_with_their_values_and_the_rest_is_counted(week, stock):
    equal, unlike = week.iloc[[0, 1, 2]], week.iloc[[3]].assign(close=10.55, volume=7.0)
    doubled = pd.concat([week, equal, unlike]).sort_index(kind="stable")
    found = check_bars(doubled, instrument=stock, settings=CheckSettings(shown_findings=2))
    assert [finding.ts for finding in found] == [week.index[3], week.index[0], None]
    close, volume = week["close"].iloc[3], week["volume"].iloc[3]
    assert f"conflicting values: close {close:g} and 10.55, volume {volume:g} and 7." in (
        found[0].detail
    )
    assert (found[2].detail, found[2].count) == ("2 more stamps occur more than once.", 2)


def test_impossible_prices_are_told_with_their_values(week, stock):
    week.loc[week.index[1], "low"] = -1.0
    found = {each.check_name: each for each in check_bars(week, instrument=stock)}
    assert "low -1" in found["positive"].detail
    week.loc[week.index[1], ["low", "high"]] = [10.5, 10.25]
    (finding,) = check_bars(week, instrument=stock)
    assert f"by {finding.value:g}" in finding.detail
    assert "high 10.25, low 10.5" in finding.detail


def test_newest_first_is_out_of_order_at_every_row_but_one(week, stock):
    findings = check_bars(week.iloc[::-1], instrument=stock)
    assert names(findings) == ["order"] * 4
    assert findings[0].ts == week.index[3]


@pytest.mark.parametrize(
    ("column", "change", "excess"), [("high", -0.25, 0.25), ("low", 0.125, 0.125)]
)
def test_high_and_low_must_bound_open_and_close(week, stock, column, change, excess):
    week.iloc[3, week.columns.get_loc(column)] += change
    findings = check_bars(week, instrument=stock)
    assert names(findings) == ["ohlc"]
    assert findings[0].ts == week.index[3]
    assert findings[0].value == pytest.approx(excess)


def test_rounding_within_a_billionth_of_the_close_is_no_finding(week, stock):
    week["high"] *= 1.0 - 5e-10
    assert check_bars(week, instrument=stock) == []
    assert "ohlc" in names(
        check_bars(week, instrument=stock, settings=CheckSettings(ohlc_tolerance=1e-10))
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("low", 0.0),
        ("low", -1.0),
        ("volume", -1.0),
        ("volume", np.inf),
        ("high", np.inf),
        ("open", -np.inf),
    ],
)
def test_prices_and_volume_must_be_possible(week, stock, column, value):
    week.loc[week.index[1], column] = value
    findings = check_bars(week, instrument=stock)
    assert "positive" in names(findings)
    assert all(f.ts == week.index[1] for f in findings if f.check_name == "positive")
    assert has_errors(findings)


def test_zero_volume_of_a_bar_is_possible(week, stock):
    week.loc[week.index[1], "volume"] = 0.0
    assert "positive" not in names(check_bars(week, instrument=stock))


def test_long_lists_are_cut_and_counted():
    index = pd.date_range("2012-01-01", periods=50, tz="UTC")
    found = findings_at("grid", "ERROR", index, np.arange(50), "Off.", settings=CheckSettings())
    assert len(found) == 21
    assert (found[-1].ts, found[-1].value) == (None, 30.0)
    assert found[-1].detail == "30 more bars like these."
    assert findings_at("grid", "ERROR", index, np.arange(0), "Off.", settings=CheckSettings()) == []


def test_the_crash_of_2000_is_no_error_even_without_its_later_splits(shipped):
    instrument, bars, _ = shipped("AAPL")
    findings = check_bars(bars, instrument=instrument, actions=[])
    assert not has_errors(findings)
    # without them the two splits look like what they are, and the crash like a crash
    assert [(f.check_name, f"{f.ts:%Y-%m-%d}") for f in findings] == [
        ("level_shift", "2000-06-21"),
        ("level_shift", "2005-02-28"),
    ]


def test_every_name_of_a_check_is_listed_once():
    assert set(ERROR_CHECKS) < set(CHECK_NAMES)
    assert len(set(CHECK_NAMES)) == len(CHECK_NAMES)


def test_bars_are_not_changed_by_checking_them(week, stock):
    week.iloc[2, 1] = 1.0
    before = week.copy()
    check_bars(week, instrument=stock)
    pd.testing.assert_frame_equal(week, before)


@pytest.mark.parametrize(("miss", "found"), [(5e-8, ["price_rounding"]), (1.3e-7, ["ohlc"])])
def test_prices_told_in_32_bits_are_noted_and_more_is_an_error(week, stock, miss, found):
    week.loc[week.index[2], "high"] = 10.5 * (1 - miss)
    week.loc[week.index[2], ["open", "close"]] = 10.5
    week.loc[week.index[2], "low"] = 10.4
    findings = check_bars(week, instrument=stock)
    assert names(findings) == found
    assert has_errors(findings) == (found == ["ohlc"])
    widened, noted = widen_bars(week, CheckSettings())
    assert (widened["high"].iloc[2] == 10.5) == (found == ["price_rounding"])
    assert names(noted) == [name for name in found if name == "price_rounding"]
    assert {finding.severity for finding in noted} <= {"INFO"}
