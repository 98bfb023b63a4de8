"""Tests of recorded splits against the prices around them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.market_data.calendars import expected_bars
from trading_pipeline.market_data.quality.checks import check_bars
from trading_pipeline_tests.market_data.quality.test_warnings import frame

START, END = pd.Timestamp("2012-01-01", tz="UTC"), pd.Timestamp("2012-10-01", tz="UTC")
EX = 120


@pytest.fixture
def true_prices() -> pd.DataFrame:
    """188 days as if there were no split, moves of 2 %."""
    index = expected_bars(START, END, "1d", "XNYS")
    random = np.random.default_rng(11)
    return frame(index, 50.0 * np.exp(np.cumsum(0.02 * random.standard_normal(len(index)))))


def traded(bars, ratio, position=EX):
    """Prices as they are traded with a split before the position's open."""
    before = np.where(np.arange(len(bars)) < position, ratio, 1.0)
    prices = bars[["open", "high", "low", "close"]].mul(before, axis=0)
    return bars.assign(**{name: prices[name] for name in prices})


def action(bars, value, kind="split", position=EX, day=None):
    ex_date = day or bars.index[position].date()
    seen = datetime(2013, 1, 1, tzinfo=UTC)
    return CorporateAction(
        instrument="X_1d", ex_date=ex_date, kind=kind, value=value, source="test", seen_at=seen
    )


def mismatches(bars, actions, stock, **values):
    found = check_bars(bars, instrument=stock, actions=actions, **values)
    return [each for each in found if each.check_name == "split_mismatch"]


@pytest.mark.parametrize("ratio", [4.0, 2.0, 1.5, 0.1, 1 / 3, 20.0])
def test_a_split_that_prices_show_is_no_finding(true_prices, stock, ratio):
    bars = traded(true_prices, ratio)
    assert mismatches(bars, [action(bars, ratio)], stock) == []


@pytest.mark.parametrize("ratio", [4.0, 2.0, 1.5, 0.1, 20.0])
@pytest.mark.parametrize("times", [0, 2])
def test_prices_not_divided_or_divided_twice_are_found(true_prices, stock, ratio, times):
    bars = traded(true_prices, ratio**times)
    (finding,) = mismatches(bars, [action(bars, ratio)], stock)
    assert (finding.severity, finding.ts) == ("WARN", bars.index[EX])
    moved = true_prices["close"].iloc[EX] / true_prices["close"].iloc[EX - 1]
    assert finding.value == pytest.approx(moved * ratio ** (1 - times) - 1)


@pytest.mark.parametrize("days", [-2, 2, 1])
def test_days_left_on_the_wrong_side_of_the_split_are_found(true_prices, stock, days):
    bars = traded(true_prices, 2.0, EX + days)
    (finding,) = mismatches(bars, [action(bars, 2.0)], stock)
    assert f"Such a jump is at {bars.index[EX + days]}" in finding.detail


def test_two_splits_of_one_date_count_together(true_prices, stock):
    both = [action(true_prices, 2.0), action(true_prices, 3.0)]
    assert mismatches(traded(true_prices, 6.0), both, stock) == []
    for shown in (2.0, 3.0, 1.0):
        (finding,) = mismatches(traded(true_prices, shown), both, stock)
        assert "2 for 1 and 3 for 1" in finding.detail


def test_a_split_that_cannot_be_told_from_trading_is_let_pass(true_prices, stock):
    for ratio in (1.05, 0.97, 1.0):
        assert mismatches(true_prices, [action(true_prices, ratio)], stock) == []


def test_cash_of_the_day_belongs_to_the_jump(true_prices, stock):
    half = true_prices["close"].iloc[EX - 1] / 2
    rest = traded(true_prices, 2.0, EX + 0)
    paid = rest.copy()
    paid.loc[paid.index[EX:], ["open", "high", "low", "close"]] *= 0.5
    actions = [action(paid, 2.0), action(paid, float(half), "capital_gain")]
    assert mismatches(paid, actions, stock) == []
    assert len(mismatches(paid, actions[:1], stock)) == 1


def test_the_first_bar_of_a_window_is_compared_with_the_last_before_it(true_prices, stock):
    split = [action(true_prices, 2.0)]
    good = traded(true_prices, 2.0)
    for bars, count in ((good, 0), (true_prices, 1)):
        previous = bars.iloc[:EX]
        assert len(mismatches(bars.iloc[EX:], split, stock, previous=previous)) == count
        assert mismatches(bars.iloc[EX:], split, stock) == []  # without a bar before: no jump
        assert mismatches(bars.iloc[EX + 1 :], split, stock, previous=bars.iloc[: EX + 1]) == []


def test_a_split_on_a_day_without_a_bar_comes_with_the_next_one(true_prices, stock):
    saturday = next(day for day in true_prices.index[EX:] if day.day_of_week == 4).date()
    saturday = date.fromordinal(saturday.toordinal() + 1)
    position = int(true_prices.index.searchsorted(pd.Timestamp(saturday, tz="UTC")))
    split = [action(true_prices, 2.0, day=saturday)]
    assert mismatches(traded(true_prices, 2.0, position), split, stock) == []
    assert len(mismatches(true_prices, split, stock)) == 1


def test_a_crash_without_a_split_is_no_matter_of_this_check(true_prices, stock):
    assert mismatches(traded(true_prices, 2.1), [], stock) == []
    later = [action(true_prices, 2.0, position=EX + 5)]
    shown = traded(traded(true_prices, 2.1), 2.0, EX + 5)
    assert mismatches(shown, later, stock) == []


@pytest.mark.parametrize("symbol", ["AAPL", "IBM", "MSFT", "GOOG", "FB"])
def test_no_split_of_the_shipped_series_is_contradicted(shipped, stock, symbol):
    _, bars, actions = shipped(symbol)
    assert mismatches(bars, actions, stock) == []
    splits = [each for each in actions if each.kind == "split"]
    halves = [replace(each, value=each.value**2) for each in splits]
    assert len(mismatches(bars, halves, stock)) == len(splits)
