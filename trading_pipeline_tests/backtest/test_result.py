"""The frames and numbers of a result, against numbers made another way."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from trading_pipeline.backtest import BacktestSettings, run_backtest
from trading_pipeline.settings.backtest_settings import FixedQuantity
from trading_pipeline_tests.backtest.random_markets import (
    flat_bars,
    frame,
    golden_market,
    orders_at,
    sma_signals,
)

COLUMNS = [
    "trade_no",
    "side",
    "quantity",
    "entry_ts",
    "entry_price",
    "exit_ts",
    "exit_price",
    "fees",
    "slippage",
    "pnl",
    "return",
    "bars_held",
    "mfe",
    "mae",
    "exit_reason",
    "is_open",
]


@pytest.fixture(scope="module")
def goog():
    bars = golden_market("goog")
    settings = BacktestSettings(initial_cash=1e6, commission_bps=10)
    return run_backtest(bars, sma_signals(bars, 10, 30, "long_short"), settings)


def test_moments_equal_those_of_scipy(goog):
    returns = goog.returns.to_numpy()
    moments = goog.moments
    assert moments.mean == pytest.approx(returns.mean(), rel=1e-10)
    assert moments.sd == pytest.approx(returns.std(ddof=1), rel=1e-10)
    assert moments.skew == pytest.approx(stats.skew(returns), rel=1e-9)
    assert moments.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)
    assert moments.sharpe == pytest.approx(
        returns.mean() / returns.std(ddof=1) * 252**0.5, rel=1e-10
    )


def test_returns_multiply_to_the_final_equity(goog):
    assert np.prod(1 + goog.returns) * 1e6 == pytest.approx(goog.final_equity, rel=1e-10)


def test_drawdown_reaches_the_deepest_one(goog):
    assert goog.drawdown.min() == pytest.approx(goog.max_drawdown, rel=1e-12)
    assert goog.drawdown.max() == 0.0


def test_run_without_trades_has_no_variance():
    result = run_backtest(flat_bars(10, 11, 12), orders_at(3))
    assert result.equity.tolist() == [100_000.0] * 3
    assert (result.moments.mean, result.moments.sd) == (0.0, 0.0)
    assert np.isnan(result.moments.sharpe)
    assert (len(result.trades), len(result.orders)) == (0, 0)
    assert result.trades.columns.tolist() == COLUMNS


def test_trade_frame_has_the_columns_and_types_of_the_contract(goog):
    trades = goog.trades
    assert trades.columns.tolist() == COLUMNS
    assert str(trades["entry_ts"].dtype) == "datetime64[us, UTC]"
    assert str(trades["exit_ts"].dtype) == "datetime64[us, UTC]"
    assert trades["is_open"].dtype == bool
    assert trades["trade_no"].tolist() == list(range(1, 67))


def test_frames_without_rows_have_the_types_of_frames_with_rows(goog):
    empty = run_backtest(flat_bars(10, 11, 12), orders_at(3))
    assert empty.trades.dtypes.equals(goog.trades.dtypes)
    assert empty.orders.dtypes.equals(goog.orders.dtypes)
    assert empty.daily.dtypes.equals(goog.daily.dtypes)


def test_metrics_are_those_of_the_performance_layer(goog):
    metrics = goog.metrics
    assert metrics["sharpe"] == pytest.approx(goog.moments.sharpe, rel=1e-9)
    assert metrics["max_drawdown"] == pytest.approx(goog.max_drawdown, rel=1e-12)
    assert metrics["trade_count"] == 66
    assert metrics["total_return"] == pytest.approx(goog.final_equity / 1e6 - 1, rel=1e-12)


def test_excursions_by_hand():
    bars = frame([(10,) * 4, (10, 14, 9, 12), (12, 15, 11, 13), (13, 20, 5, 13)])
    settings = BacktestSettings(initial_cash=1000.0, sizing=FixedQuantity(quantity=1))
    trade = run_backtest(bars, orders_at(4, buy=[0], sell=[2]), settings).trades.iloc[0]
    # Sold at the open of the last bar: its high of 20 and low of 5 were not lived through.
    assert (trade["mfe"], trade["mae"]) == (pytest.approx(0.5), pytest.approx(-0.1))


def test_exposure_is_the_share_of_equity_in_the_position():
    settings = BacktestSettings(initial_cash=1000.0, sizing=FixedQuantity(quantity=50))
    result = run_backtest(flat_bars(10, 10, 10), orders_at(3, buy=[0]), settings)
    assert result.exposure.tolist() == [0.0, 0.5, 0.5]


def test_daily_rows_add_the_bars_of_a_date():
    index = pd.date_range("2024-01-01 22:00", periods=5, freq="h", tz="UTC").as_unit("us")
    bars = flat_bars(10, 10, 11, 13, 13).set_axis(index.rename("ts"), axis=0)
    settings = BacktestSettings(
        initial_cash=1000.0, sizing=FixedQuantity(quantity=10), periods_per_year=8760.0
    )
    daily = run_backtest(bars, orders_at(5, buy=[0], sell=[2]), settings).daily
    assert daily["date"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-01", "2024-01-02"]
    assert daily["pnl"].tolist() == [0.0, 30.0]
    assert daily["trades"].tolist() == [0, 1]
    assert daily["target_hit"].tolist() == [False, False]


def test_content_hash_changes_with_what_the_run_did_and_with_its_settings(goog):
    bars = golden_market("goog")
    signals = sma_signals(bars, 10, 30, "long_short")
    other_cost = run_backtest(bars, signals, BacktestSettings(initial_cash=1e6, commission_bps=11))
    other_rule = run_backtest(
        bars,
        sma_signals(bars, 10, 31, "long_short"),
        BacktestSettings(initial_cash=1e6, commission_bps=10),
    )
    hashes = {goog.content_hash, other_cost.content_hash, other_rule.content_hash}
    assert len(hashes) == 3


def test_arrays_of_a_result_cannot_be_changed(goog):
    with pytest.raises(ValueError, match="read-only"):
        goog.equity[0] = 0.0


def test_order_log_names_stamps_and_words():
    result = run_backtest(flat_bars(10, 11, 12), orders_at(3, buy=[0], sell=[1]))
    orders = result.orders
    assert orders["side"].tolist() == ["buy", "sell"]
    assert orders["role"].tolist() == ["entry", "exit"]
    assert orders["reason"].tolist() == ["filled", "signal"]
    assert (orders["ts"] - orders["decided_ts"]).dt.days.tolist() == [1, 1]


def test_short_that_slippage_sold_for_nothing_has_no_return_and_no_excursions():
    chosen = BacktestSettings(
        initial_cash=1000.0, sizing=FixedQuantity(quantity=10), slippage_volume_share=1e5
    )
    result = run_backtest(flat_bars(10, 10, 10), orders_at(3, short=[0]), chosen)
    trade = result.trades.iloc[0]
    assert (trade["entry_price"], trade["pnl"]) == (0.0, -100.0)
    assert trade[["return", "mfe", "mae"]].isna().all()


def test_turnover_counts_the_value_of_a_contract_not_its_price():
    prices = [10.0, 10.0, 11.0, 12.0]
    bars = frame([(price,) * 4 for price in prices])
    signals = orders_at(4, buy=[0])
    found = {}
    for multiplier, delta in ((1.0, 1.0), (50.0, 1.0), (50.0, 0.5)):
        settings = BacktestSettings(
            initial_cash=1e6, sizing=FixedQuantity(quantity=2), multiplier=multiplier, delta=delta
        )
        result = run_backtest(bars, signals, settings)
        found[multiplier * delta] = result.metrics["turnover_annual"]
        value = 2 * 10.0 * multiplier * delta  # of the one entry, at the second open
        years = 3 / 365.25  # from the first stamp to the last
        expected = value / result.equity.mean() / years
        assert result.metrics["turnover_annual"] == pytest.approx(expected, rel=1e-12)
    assert found[50.0] > 40 * found[1.0]
