"""Sharpe ratios that are too good to believe carry a warning, by the length of a bar."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import run_backtest
from trading_pipeline.backtest.plausibility import SharpeLimits, implausible_sharpe
from trading_pipeline.domain.signals import Signals
from trading_pipeline.reporting.page.layout import warning_box
from trading_pipeline_tests.backtest.random_markets import flat_bars


def stamps(frequency, count=30):
    return pd.date_range("2024-01-02", periods=count, freq=frequency, tz="UTC")


@pytest.mark.parametrize(
    ("frequency", "limit"),
    [("W-MON", 4), ("D", 4), ("B", 4), ("4h", 6), ("h", 6), ("30min", 10), ("min", 10)],
)
def test_the_limit_follows_the_length_of_a_bar(frequency, limit):
    assert implausible_sharpe(limit, stamps(frequency)) == ()
    (warning,) = implausible_sharpe(limit + 0.1, stamps(frequency))
    assert warning.startswith("Implausible: an annual Sharpe ratio of ")
    assert f"(above {limit})" in warning


def test_no_ratio_and_negative_ones_are_no_warning():
    for ratio in (np.nan, -9.0, 0.0):
        assert implausible_sharpe(ratio, stamps("D")) == ()


def test_limits_can_be_changed():
    assert implausible_sharpe(7.21, stamps("D"), SharpeLimits(daily=8.0)) == ()
    assert implausible_sharpe(2.5, stamps("D"), SharpeLimits(daily=2.0))


def test_a_result_of_bare_signals_is_warned_about_too():
    bars = flat_bars(*(100.0 * 1.01**day for day in range(40)))
    entry = np.zeros(40, dtype=bool)
    entry[0] = True
    (warning,) = run_backtest(bars, Signals.long_only(entry, ~entry & False)).warnings
    assert warning.startswith("Implausible")


def test_what_takes_the_evidence_away_is_red_on_a_page():
    page = warning_box(["Look-ahead allowed: for a test.", "Only 3 trades."])
    assert page.count('class="down"') == 1
