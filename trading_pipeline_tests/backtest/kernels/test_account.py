"""The account's loop against the fast loop: equal bit for bit where both can run."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_pipeline.backtest import Fraction, Price, Signals, engine, run_backtest
from trading_pipeline.backtest.settings_vector import rules_of
from trading_pipeline_tests.backtest.random_markets import (
    action,
    bar_rows,
    frame,
    golden_market,
    settings_for,
    signals_for,
    sma_signals,
)

ACTIONS = [action(3, "split", 2.0), action(5, "dividend", 0.5)]


def by_both_loops(bars, signals, chosen, actions=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            engine, "rules_of", lambda given: rules_of(given)._replace(needs_account=False)
        )
        fast = run_backtest(bars, signals, chosen, actions=actions)
        patch.setattr(
            engine, "rules_of", lambda given: rules_of(given)._replace(needs_account=True)
        )
        full = run_backtest(bars, signals, chosen, actions=actions)
    return fast, full


@pytest.mark.slow
@given(data=st.data(), rows=bar_rows(), chosen=settings_for)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_account_with_one_instrument_equals_the_fast_loop_bit_for_bit(data, rows, chosen):
    fast, full = by_both_loops(frame(rows), data.draw(signals_for(rows)), chosen, ACTIONS)
    assert fast.orders.to_dict("list").__repr__() == full.orders.to_dict("list").__repr__()
    for name in ("equity", "cash", "quantity", "trade_rows", "order_rows", "stats"):
        first, second = getattr(fast, name), getattr(full, name)
        np.testing.assert_array_equal(first, second, err_msg=name)
    assert fast.content_hash == full.content_hash


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("with_levels", [False, True])
def test_long_random_markets_are_equal_in_both_loops(seed, with_levels):
    """Positions over many blocks of eight bars, with every kind of level, splits and dividends."""
    rng = np.random.default_rng(seed)
    rows = 1500 + seed
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, 0.003, rows))
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.004, rows)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.004, rows)))
    bars = frame(np.column_stack((open_, high, low, close)))
    levels = {}
    if with_levels:
        levels = {"stop_loss": Fraction(0.06), "take_profit": Fraction(0.2)}
        levels["trailing_stop"] = Price(7.0) if seed % 2 else Fraction(0.08)
    flags = rng.random((4, rows)) < 0.01
    names = ("entry_long", "exit_long", "entry_short", "exit_short")
    signals = Signals(**dict(zip(names, flags, strict=True)), **levels)
    chosen = engine.BacktestSettings(commission_bps=10, slippage_bps=2)
    actions = [action(90, "split", 1.1), action(700, "dividend", 0.5), action(900, "split", 0.9)]
    fast, full = by_both_loops(bars, signals, chosen, actions)
    assert fast.trade_count > 5
    for name in ("equity", "cash", "quantity", "trade_rows", "order_rows", "stats", "holdings"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(full, name), err_msg=name)


@pytest.mark.parametrize("market", ["goog", "sp500"])
@pytest.mark.parametrize("mode", ["long", "long_short"])
def test_golden_runs_are_equal_in_both_loops(market, mode):
    bars = golden_market(market)
    chosen = engine.BacktestSettings(initial_cash=1e6, commission_bps=10)
    fast, full = by_both_loops(bars, sma_signals(bars, 10, 30, mode), chosen)
    assert fast.content_hash == full.content_hash
    assert fast.stats.tobytes() == full.stats.tobytes()
