"""The statistics of an equity curve against pandas and by hand."""

import numpy as np
import pandas as pd
import pytest
from numba import njit

from trading_pipeline.backtest import BacktestSettings
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.equity_statistics import equity_statistics
from trading_pipeline.backtest.kernels.vectors import LANES
from trading_pipeline.backtest.settings_vector import settings_vector
from trading_pipeline_tests.backtest.random_markets import orders_at


@njit
def call(equity, main, sums, stats):
    equity_statistics(equity, main, sums, stats)


def statistics(equity, cash=100.0):
    account = BacktestSettings(initial_cash=cash, periods_per_year=365.0)
    stats = np.full(codes.S_COUNT, -99.0)
    call(
        np.asarray(equity, dtype=float), settings_vector(account, orders_at(1)).copy(),
        np.zeros(4 * LANES), stats,
    )  # fmt: skip
    return stats


def test_moments_are_those_of_the_returns_from_the_starting_cash():
    equity = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 500)))
    stats = statistics(equity)
    returns = pd.Series(np.concatenate(([100.0], equity))).pct_change().dropna()
    assert stats[codes.S_FINAL_EQUITY] == equity[-1]
    assert stats[codes.S_MEAN] == pytest.approx(returns.mean(), rel=1e-9)
    assert stats[codes.S_SD] == pytest.approx(returns.std(), rel=1e-9)
    assert stats[codes.S_SKEW] == pytest.approx(
        (((returns - returns.mean()) / returns.std(ddof=0)) ** 3).mean(), rel=1e-6
    )
    sharpe = returns.mean() / returns.std() * np.sqrt(365.0)
    assert stats[codes.S_SHARPE] == pytest.approx(sharpe, rel=1e-9)
    path = np.concatenate(([100.0], equity))
    falls = path / np.maximum.accumulate(path) - 1
    assert stats[codes.S_MAX_DRAWDOWN] == pytest.approx(falls.min(), rel=1e-12)
    assert stats[codes.S_FIRST_RUIN] == -1


def test_starting_cash_is_the_first_peak():
    assert statistics([80.0, 90.0, 120.0])[codes.S_MAX_DRAWDOWN] == pytest.approx(-0.2)
    assert statistics([110.0, 120.0])[codes.S_MAX_DRAWDOWN] == 0.0


def test_last_fall_counts_though_no_new_peak_ends_it():
    assert statistics([200.0, 150.0])[codes.S_MAX_DRAWDOWN] == -0.25


def test_first_bar_at_zero_or_below_is_the_ruin_and_returns_after_it_are_nan():
    stats = statistics([50.0, -10.0, 20.0])
    assert stats[codes.S_FIRST_RUIN] == 1
    assert np.isnan(stats[codes.S_MEAN])
    assert stats[codes.S_FINAL_EQUITY] == 20.0


def test_equity_that_never_moves_has_no_sharpe():
    stats = statistics([100.0] * 5)
    assert stats[codes.S_MEAN] == 0.0
    assert np.isnan(stats[codes.S_SHARPE])


def test_statistics_of_trades_and_fees_are_left_to_the_loop():
    stats = statistics([100.0, 101.0])
    for place in (codes.S_TRADES, codes.S_ORDERS, codes.S_BARS_IN_POSITION, codes.S_FEES):
        assert stats[place] == -99.0
