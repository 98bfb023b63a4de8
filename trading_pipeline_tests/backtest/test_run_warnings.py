"""What a result says beside its numbers: counts and ticks out of range, numbers without meaning."""

from dataclasses import replace

import numpy as np
import pytest

from trading_pipeline.backtest import (
    BacktestSettings,
    Fraction,
    Price,
    Signals,
    run_backtest,
    run_portfolio_backtest,
)
from trading_pipeline.backtest.kernels import codes
from trading_pipeline.backtest.run_warnings import not_finite
from trading_pipeline.backtest.sweep import run_signal_sweep
from trading_pipeline.errors import ConfigurationError, StrategyError
from trading_pipeline.settings.backtest_settings import FixedQuantity
from trading_pipeline_tests.backtest.random_markets import flat_bars, orders_at

BARS = flat_bars(10, 11, 12, 13, 12, 11)
BUY = orders_at(6, buy=[0])
LARGE = [2**31, 2**53 + 1, 2**62, 2**63 - 1]


@pytest.mark.parametrize("bars_held", LARGE)
@pytest.mark.parametrize("exact", [False, True])
def test_a_holding_time_longer_than_any_run_closes_nothing(bars_held, exact):
    others = {"maintenance_margin": 0.1} if exact else {}
    without = run_backtest(BARS, BUY, BacktestSettings(**others))
    settings = BacktestSettings(max_holding_bars=bars_held, **others)
    found = run_backtest(BARS, BUY, settings)
    assert found.equity.tolist() == without.equity.tolist()
    assert found.trades["is_open"].tolist() == [True]
    swept = run_signal_sweep(BARS, [BUY], settings)
    assert swept["final_equity"].tolist() == [without.final_equity]
    together = run_portfolio_backtest({"A": BARS}, {"A": BUY}, settings)
    assert together.equity.tolist() == without.equity.tolist()


@pytest.mark.parametrize("count", LARGE)
def test_other_counts_longer_than_any_run_mean_without_end(count):
    waiting = orders_at(6, buy=[0])
    for field, unlimited in (("time_in_force", "gtc"), ("pyramiding", 100)):
        equity = [
            run_backtest(BARS, waiting, BacktestSettings(**{field: value})).equity.tolist()
            for value in (count, unlimited)
        ]
        assert equity[0] == equity[1], field


@pytest.mark.parametrize("field", ["max_holding_bars", "pyramiding", "time_in_force"])
@pytest.mark.parametrize(
    "count",
    [2**63, 10**30, 10**5000, -(2**70)],
    ids=("64 bits", "31 digits", "5001 digits", "below"),
)
def test_a_count_beyond_64_bits_is_refused_in_a_sentence(field, count):
    with pytest.raises(ConfigurationError, match=rf"'{field}': a whole number is at most 92233"):
        BacktestSettings(**{field: count})


def test_a_tick_larger_than_every_price_is_warned_of():
    settings = BacktestSettings(tick_size=1000.0)
    said = run_backtest(BARS, BUY, settings).warnings[-1]
    assert said.startswith("The tick_size is 1000, and 6 of 6 bars have lower prices (down to 10)")
    together = run_portfolio_backtest({"A": BARS}, {"A": BUY}, settings)
    assert f"A: {said}" in together.warnings


def test_a_tick_larger_than_some_prices_is_warned_of():
    settings = BacktestSettings(tick_size=11.0)
    (said,) = run_backtest(BARS, BUY, settings).warnings
    assert said.startswith("The tick_size is 11, and 1 of 6 bars have lower prices (down to 10)")
    result = run_portfolio_backtest({"A": BARS}, {"A": BUY}, settings)
    assert result.warnings == (f"A: {said}",)


@pytest.mark.parametrize("tick", [0.01, 1.0, 10.0])
def test_a_tick_that_every_price_has_is_no_news(tick):
    assert run_backtest(BARS, BUY, BacktestSettings(tick_size=tick)).warnings == ()


@pytest.mark.parametrize(
    "chosen",
    [
        {"initial_cash": 1e308, "leverage": 1e6, "sizing": FixedQuantity(quantity=1e308)},
        {"multiplier": 1e308, "leverage": 1e308, "sizing": FixedQuantity(quantity=1e10)},
        {
            "initial_cash": 1e300,
            "leverage": 1e10,
            "sizing": FixedQuantity(quantity=1e300),
            "delta": 1e8,
        },
    ],
)
def test_a_result_that_is_not_finite_says_so(chosen):
    settings = BacktestSettings(**chosen)
    alone = run_backtest(BARS, BUY, settings)
    together = run_portfolio_backtest({"A": BARS}, {"A": BUY}, settings)
    for result in (alone, together):
        assert any(said.startswith("Not finite: ") for said in result.warnings), result


def test_a_run_without_trades_or_with_one_bar_or_a_ruin_is_finite_enough():
    idle = Signals.long_only(np.zeros(6, dtype=bool), np.zeros(6, dtype=bool))
    assert run_backtest(BARS, idle).warnings == ()
    assert run_backtest(BARS.iloc[:1], orders_at(1, buy=[0])).warnings == ()
    short = orders_at(3, sell=[0])
    ruined = run_backtest(flat_bars(10, 10, 30), replace(short, entry_short=short.exit_long))
    assert [said[:15] for said in ruined.warnings] == ["The equity fell"]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_each_number_that_a_result_needs_is_looked_at(place, value):
    stats = run_backtest(BARS, BUY).stats.copy()
    assert not_finite(stats) == ()
    stats[(codes.S_FINAL_EQUITY, codes.S_MEAN, codes.S_FEES)[place]] = value
    assert len(not_finite(stats)) == 1


@pytest.mark.parametrize("value", [True, np.bool_(1), np.array([True] * 6)])
def test_truth_values_are_no_levels_sizes_or_priorities(value):
    for level in (Fraction, Price):
        with pytest.raises(StrategyError, match="level is made of True and False"):
            level(value)
    with pytest.raises(StrategyError, match="signals' size is made of True and False"):
        orders_at(6, buy=[0], size=np.ones(6, dtype=bool))
    with pytest.raises(ConfigurationError, match="priority of A is True"):
        run_portfolio_backtest({"A": BARS}, {"A": BUY}, priorities={"A": True})
