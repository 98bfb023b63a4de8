"""The fast loops for portfolios equal the exact loop, bit for bit; what they leave to it."""

from unittest import mock

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestSettings, Signals
from trading_pipeline.backtest.portfolio import run as portfolio
from trading_pipeline.backtest.portfolio.run import run_portfolio_backtest
from trading_pipeline.domain.target_weights import TargetWeights
from trading_pipeline.settings.backtest_settings import FixedQuantity, PercentOfEquity
from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline_tests.backtest.random_markets import action, frame

NAMES = [f"I{number}_1d" for number in range(7)]
PARTS = ("equity", "cash", "quantity", "trade_rows", "order_rows", "stats")


def market(rng, rows):
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, rows)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, 0.01, rows))
    high = np.maximum(open_, close) * 1.01
    low = np.minimum(open_, close) * 0.99
    return frame(np.column_stack((open_, high, low, close)))


def markets(seed, rows=160):
    rng = np.random.default_rng(seed)
    return rng, {name: market(rng, rows) for name in NAMES}


def random_signals(rng, rows):
    flags = rng.random((4, rows)) < np.array([[0.1], [0.05], [0.06], [0.05]])
    names = ("entry_long", "exit_long", "entry_short", "exit_short")
    return Signals(**dict(zip(names, flags, strict=True)))


def by_both_loops(bars, orders, settings, **others):
    """(by the fast loop for these orders, which must take them, by the exact loop)."""
    name = "run_rebalances" if isinstance(orders, TargetWeights) else "run_signals"
    chosen, real = [], getattr(portfolio, name)

    def watched(*inputs):
        chosen.append(real(*inputs))
        return chosen[-1]

    with mock.patch.object(portfolio, name, watched):
        fast = run_portfolio_backtest(bars, orders, settings, **others)
    assert chosen[0] is not None
    with mock.patch.object(portfolio, name, return_value=None):
        full = run_portfolio_backtest(bars, orders, settings, **others)
    # As it is called without a patch, by whichever loop takes it.
    assert_equal(run_portfolio_backtest(bars, orders, settings, **others), full)
    return fast, full


def assert_equal(fast, full):
    for name in PARTS:
        first, second = getattr(fast, name), getattr(full, name)
        np.testing.assert_array_equal(first, second, err_msg=name)
        assert first.tobytes() == second.tobytes() or np.isnan(first).any(), name


def actions_for(name):
    given = [action(40, "split", 2.0), action(40, "dividend", 0.5), action(90, "dividend", 1.0)]
    return [type(each)(**(each.__dict__ | {"instrument": name})) for each in given]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"sizing": PercentOfEquity(percent=0.2), "leverage": 1.5, "commission_bps": 10.0},
        {"sizing": FixedQuantity(quantity=30), "pyramiding": 3, "slippage_bps": 5.0},
        {"allow_short": False, "lot_size": 1.0, "commission_minimum": 5.0, "min_notional": 2000.0},
    ],
)
def test_signal_orders_are_equal_in_both_loops(seed, change):
    rng, bars = markets(seed)
    orders = {name: random_signals(rng, 160) for name in NAMES[:6]}  # one instrument never trades
    actions = {name: actions_for(name) for name in NAMES[1:3]} if seed % 2 else None
    fast, full = by_both_loops(bars, orders, BacktestSettings(**change), actions=actions)
    assert len(fast.trade_rows) > 4
    assert_equal(fast, full)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "rebalancing",
    [None, Rebalancing(calendar="month"), Rebalancing(threshold=0.02), Rebalancing(calendar=5)],
)
def test_target_weights_are_equal_in_both_loops(seed, rebalancing):
    rng, bars = markets(seed)
    index = bars[NAMES[0]].index
    values = rng.normal(0.05, 0.1, (160, 7))
    values[rng.random((160, 7)) < 0.3] = np.nan
    values[rng.random(160) < 0.8] = np.nan
    values[0] = 0.1
    weights = TargetWeights(pd.DataFrame(values, index, columns=NAMES))
    settings = BacktestSettings(
        leverage=3, commission_bps=5, slippage_bps=2, lot_size=0.5 if seed else None
    )
    actions = {NAMES[2]: actions_for(NAMES[2])}
    fast, full = by_both_loops(bars, weights, settings, rebalancing=rebalancing, actions=actions)
    assert len(fast.order_rows) > 20
    assert_equal(fast, full)


def test_ruined_account_is_equal_in_both_loops():
    prices = [10.0, 10.0, 30.0, 40.0, 20.0, 10.0, 10.0, 10.0, 10.0]
    bars = {name: frame([(price,) * 4 for price in prices]) for name in NAMES[:2]}
    short = np.zeros(9, dtype=bool)
    short[0] = True
    never = np.zeros(9, dtype=bool)
    orders = {
        NAMES[0]: Signals(entry_long=never, exit_long=never, entry_short=short, exit_short=never)
    }
    fast, full = by_both_loops(bars, orders, BacktestSettings())
    assert fast.equity.min() < 0
    assert_equal(fast, full)


@pytest.mark.parametrize(
    "change",
    [
        {"fill": "same_close"},
        {"stop_loss": 0.1},
        {"max_holding_bars": 3},
        {"borrow_rate": 0.1},
        {"maximum_participation": 0.1},
        {"maintenance_margin": 0.2},
        {"daily_loss_limit": 100.0},
    ],
)
def test_other_settings_are_left_to_the_general_loop(change):
    rng, bars = markets(1)
    orders = {NAMES[0]: random_signals(rng, 160)}
    with pytest.raises(AssertionError):  # chosen[0] is None
        by_both_loops(bars, orders, BacktestSettings(**change))


def test_markets_with_missing_bars_are_left_to_the_general_loop():
    rng, bars = markets(1)
    bars[NAMES[0]] = bars[NAMES[0]].drop(bars[NAMES[0]].index[5])
    with pytest.raises(AssertionError):
        by_both_loops(bars, {NAMES[1]: random_signals(rng, 160)}, BacktestSettings())
