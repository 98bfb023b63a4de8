"""Daily target statistics, compared with values computed by hand."""

import math

import pandas as pd
import pytest

from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.performance.daily_target_statistics import (
    daily_target_statistics,
    daily_target_table,
)


@pytest.fixture
def daily():
    return pd.DataFrame(
        {
            "date": pd.date_range("2024-01-01", periods=6),
            "pnl": [120.0, 0.0, 130.0, 140.0, -90.0, 60.0],
            "trades": [1, 0, 2, 3, 1, 0],
            "target_hit": [True, False, True, True, False, False],
        }
    )


def test_every_statistic_of_six_days_by_hand(daily):
    found = daily_target_statistics(daily)
    mean = 360 / 6
    deviation = math.sqrt(sum((pnl - mean) ** 2 for pnl in daily["pnl"]) / 5)
    assert found == pytest.approx(
        {
            "days": 6.0,
            "trading_days": 4.0,
            "target_hit_days": 3.0,
            "target_hit_rate": 0.5,
            "target_hit_rate_of_trading_days": 0.75,
            "up_day_rate": 4 / 6,
            "average_pnl": 60.0,
            "median_pnl": 90.0,
            "pnl_deviation": deviation,
            "best_day": 140.0,
            "worst_day": -90.0,
            "average_pnl_on_hit_days": 130.0,
            "average_pnl_on_other_days": -10.0,
            "average_trades": 7 / 6,
            "longest_hit_streak": 2.0,
            "longest_miss_streak": 2.0,
        }
    )


def test_no_day_gives_counts_of_zero_and_nan_elsewhere(daily):
    found = daily_target_statistics(daily.iloc[:0])
    zero = {name for name, value in found.items() if value == 0.0}
    assert zero == {
        "days",
        "trading_days",
        "target_hit_days",
        "longest_hit_streak",
        "longest_miss_streak",
    }
    assert all(math.isnan(value) for name, value in found.items() if name not in zero)


def test_one_day_has_no_deviation(daily):
    found = daily_target_statistics(daily.iloc[:1])
    assert math.isnan(found["pnl_deviation"])
    assert math.isnan(found["average_pnl_on_other_days"])
    assert found["target_hit_rate"] == 1.0


def test_days_that_never_hit_have_no_average_of_hits(daily):
    found = daily_target_statistics(daily.assign(target_hit=False))
    assert math.isnan(found["average_pnl_on_hit_days"])
    assert (found["target_hit_rate"], found["longest_miss_streak"]) == (0.0, 6.0)


def test_missing_column_is_named(daily):
    with pytest.raises(DataQualityError, match="target_hit"):
        daily_target_statistics(daily.drop(columns="target_hit"))


def test_table_counts_days_at_the_target_or_above(daily):
    table = daily_target_table(daily, [60.0, 130.0, 130.01, 1000.0])
    assert table["days"].tolist() == [4, 2, 1, 0]
    assert table["rate"].tolist() == pytest.approx([4 / 6, 2 / 6, 1 / 6, 0.0])
    assert table["target"].tolist() == [60.0, 130.0, 130.01, 1000.0]


def test_table_falls_with_the_target(daily):
    rates = daily_target_table(daily, [float(target) for target in range(1, 200, 10)])["rate"]
    assert rates.is_monotonic_decreasing


def test_table_without_days_has_no_rate(daily):
    table = daily_target_table(daily.iloc[:0], [10.0])
    assert table["days"].tolist() == [0]
    assert table["rate"].isna().all()


@pytest.mark.parametrize("target", [0.0, -1.0, math.nan, math.inf])
def test_a_target_that_is_no_gain_is_refused(daily, target):
    with pytest.raises(ConfigurationError, match="daily target"):
        daily_target_table(daily, [10.0, target])


def test_statistics_of_a_real_result_agree_with_its_daily_frame():
    from trading_pipeline.backtest import BacktestSettings, run_backtest
    from trading_pipeline_tests.backtest.random_markets import golden_market, sma_signals

    bars = golden_market("goog")
    settings = BacktestSettings(initial_cash=1e6)
    result = run_backtest(bars, sma_signals(bars, 10, 30, "long"), settings)
    daily = result.daily.assign(target_hit=result.daily["pnl"] >= 20_000.0)
    found = daily_target_statistics(daily)
    assert found["days"] == len(bars)
    assert found["average_pnl"] * found["days"] == pytest.approx(result.final_equity - 1e6)
    table = daily_target_table(result.daily, [20_000.0])
    assert found["target_hit_days"] == table["days"].iloc[0] > 0
