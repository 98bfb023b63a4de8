"""Metrics of round trips, compared with values computed by hand."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance.trade_metrics import (
    TRADE_METRIC_NAMES,
    longest_streak,
    system_quality,
    trade_metrics,
    turnover,
)


def test_every_metric_of_six_trades_counted_by_hand(trades):
    # closed pnl: 100, 50, -100, 0, -40 -> sum 10, gains 150 in 2, losses -140 in 2
    found = trade_metrics(trades)
    assert tuple(found) == TRADE_METRIC_NAMES
    mean = 2.0
    deviation = math.sqrt((98**2 + 48**2 + 102**2 + 2**2 + 42**2) / 4)
    expected = {
        "trade_count": 6.0,
        "open_trade_count": 1.0,
        "long_trade_count": 4.0,
        "short_trade_count": 2.0,
        "win_rate": 2 / 5,
        "profit_factor": 150 / 140,
        "payoff_ratio": 75 / 70,
        "expectancy": 10 / 5,
        "expectancy_return": (0.10 + 0.05 - 0.10 + 0.0 - 0.04) / 5,
        "average_win": 75.0,
        "average_loss": -70.0,
        "best_trade_return": 0.10,
        "worst_trade_return": -0.10,
        "sqn": math.sqrt(5) * mean / deviation,
        "longest_winning_streak": 2.0,
        "longest_losing_streak": 1.0,
        "average_bars_held": (3 + 4 + 5 + 1 + 2) / 5,
        "total_fees": 5.5,
        "total_slippage": 1.0,
    }
    assert found == pytest.approx(expected)


def test_the_open_trade_s_gain_is_counted_nowhere_but_its_fee_is(trades):
    before = trade_metrics(trades)
    trades.loc[5, ["pnl", "return"]] = [-9e9, -0.9]
    trades.loc[5, "fees"] = 2.5
    after = trade_metrics(trades)
    assert after.pop("total_fees") == before.pop("total_fees") + 2.0
    assert after == before


def test_without_any_trade_counts_are_zero_and_rates_are_nan(trades):
    found = trade_metrics(trades.iloc[:0])
    zero = {name for name, value in found.items() if value == 0.0}
    assert zero == {
        "trade_count",
        "open_trade_count",
        "long_trade_count",
        "short_trade_count",
        "longest_winning_streak",
        "longest_losing_streak",
        "total_fees",
        "total_slippage",
    }
    assert all(math.isnan(value) for name, value in found.items() if name not in zero)


def test_only_open_trades_are_as_none_closed(trades):
    found = trade_metrics(trades.iloc[5:])
    assert found["trade_count"] == found["open_trade_count"] == 1.0
    assert math.isnan(found["win_rate"])


def test_without_a_loss_ratios_are_nan_not_infinite(trades):
    found = trade_metrics(trades.iloc[:2])
    assert found["win_rate"] == 1.0
    assert math.isnan(found["profit_factor"])
    assert math.isnan(found["payoff_ratio"])
    assert math.isnan(found["average_loss"])


def test_without_a_win_the_profit_factor_is_zero_and_the_payoff_nan(trades):
    found = trade_metrics(trades.iloc[[2, 4]])
    assert found["win_rate"] == 0.0
    assert found["profit_factor"] == 0.0
    assert math.isnan(found["payoff_ratio"])
    assert found["longest_losing_streak"] == 2.0


def test_a_trade_that_ends_even_breaks_both_streaks(trades):
    rows = trades.iloc[[0, 3, 1, 2, 3, 4]].reset_index(drop=True)
    found = trade_metrics(rows)
    assert found["longest_winning_streak"] == 1.0
    assert found["longest_losing_streak"] == 1.0


@given(st.lists(st.booleans(), max_size=40))
def test_longest_streak_equals_the_longest_run_in_text(happened):
    text = "".join("x" if each else " " for each in happened)
    assert longest_streak(happened) == max((len(run) for run in text.split()), default=0)


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=30), st.integers(1, 9))
def test_system_quality_does_not_depend_on_the_currency(pnl, scale):
    one, other = system_quality(pnl), system_quality([scale * each for each in pnl])
    assert other == pytest.approx(one, nan_ok=True, abs=1e-12)


@pytest.mark.parametrize("pnl", [[], [5.0], [5.0, 5.0, 5.0]])
def test_system_quality_needs_two_trades_that_differ(pnl):
    assert math.isnan(system_quality(pnl))


def test_turnover_is_the_value_of_entries_a_year_over_mean_equity(trades):
    # entries: 1000 six times; mean equity 3000; 126 of 252 bars
    found = turnover(trades, average_equity=3000.0, bars=126, periods_per_year=252)
    assert found == pytest.approx(6000 / 3000 * 2)
    contracts = turnover(
        trades, average_equity=3000.0, bars=126, periods_per_year=252, multiplier=50.0
    )
    assert contracts == pytest.approx(50 * found)


@pytest.mark.parametrize(("equity", "bars"), [(0.0, 10), (-5.0, 10), (100.0, 0), (math.nan, 5)])
def test_turnover_is_nan_without_equity_or_bars(trades, equity, bars):
    assert math.isnan(turnover(trades, average_equity=equity, bars=bars, periods_per_year=252))


def test_a_missing_column_is_named(trades):
    with pytest.raises(DataQualityError, match="pnl, is_open") as caught:
        trade_metrics(trades.drop(columns=["pnl", "is_open"]))
    assert caught.value.missing == ["pnl", "is_open"]


def test_a_trade_without_pnl_is_named(trades):
    trades.loc[3, "pnl"] = math.nan
    with pytest.raises(DataQualityError, match="row 3 is nan"):
        trade_metrics(trades)


def test_side_may_be_a_category_or_text(trades):
    as_category = trades.assign(side=pd.Categorical(trades["side"]))
    assert trade_metrics(as_category) == trade_metrics(trades)
