"""The compiled rules of single events, each by hand."""

import numpy as np
import pytest

from trading_pipeline.backtest import BacktestSettings, Fraction
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.kernels.fills import (
    add_powers,
    affordable_quantity,
    commission,
    exit_trigger,
    fill_at_market,
    return_statistics,
    to_tick,
)
from trading_pipeline.backtest.settings_vector import level_arrays, settings_vector
from trading_pipeline_tests.backtest.random_markets import orders_at


def vector(**settings):
    return settings_vector(BacktestSettings(**settings), orders_at(1))


@pytest.mark.parametrize(
    ("price", "direction", "tick", "expected"),
    [
        (100.071, 1.0, 0.01, 100.08),
        (100.079, -1.0, 0.01, 100.07),
        (100.07, 1.0, 0.01, 100.07),  # on a tick: stays, to the last bit
        (100.07, -1.0, 0.01, 100.07),
        (101.0, 1.0, 2.5, 102.5),
        (101.0, -1.0, 2.5, 100.0),
        (100.071, 1.0, 0.0, 100.071),
    ],
)
def test_price_moves_to_the_next_tick_of_its_direction(price, direction, tick, expected):
    assert to_tick(price, direction, tick) == expected


def test_no_price_stays_no_price():
    assert np.isnan(to_tick(np.nan, 1.0, 0.01))


def test_sale_never_fills_below_zero():
    assert fill_at_market(1.0, -1.0, vector(slippage_price=5.0)) == 0.0


@pytest.mark.parametrize("budget", [3.0, 50.0, 1000.0, 1e7])
@pytest.mark.parametrize(
    "costs",
    [
        {"commission_bps": 25.0},
        {"commission_per_share": 0.1, "commission_minimum": 2.0},
        {"commission_bps": 5.0, "commission_per_order": 1.0, "commission_minimum": 1.5},
        {"commission_bps": 10.0, "multiplier": 20.0},
    ],
)
def test_affordable_quantity_spends_the_budget_to_the_last_cent(budget, costs):
    p = vector(**costs)
    quantity = affordable_quantity(budget, 7.0, p)
    spent = quantity * 7.0 * p[codes.P_POINT] + commission(quantity, 7.0, False, p)
    assert spent == pytest.approx(budget, rel=1e-12)


def test_nothing_is_affordable_below_the_flat_costs():
    assert affordable_quantity(0.5, 10.0, vector(commission_per_order=1.0)) == 0.0


def test_missing_levels_never_trigger():
    code, price = exit_trigger(1.0, 10.0, 99.0, 1.0, np.nan, np.nan, 0, True)
    assert code == 0
    assert np.isnan(price)


@pytest.mark.parametrize(("side", "low", "high"), [(1.0, 95.0, 101.0), (-1.0, 99.0, 105.0)])
def test_stop_is_hit_when_touched(side, low, high):
    stop = 100.0 - side * 5.0
    assert exit_trigger(side, 100.0, high, low, stop, np.nan, 0, False) == (1, stop)


def power_sums(returns):
    sums = np.zeros(32)
    for bar, value in enumerate(returns):
        add_powers(sums, bar, value)
    return sums


def test_each_bar_adds_to_the_lane_of_its_number_modulo_eight():
    sums = power_sums([0.5] + [0.0] * 8 + [2.0, 3.0]).reshape(4, 8)
    assert sums[:, 0].tolist() == [0.5, 0.25, 0.125, 0.0625]
    assert sums[:, 1].tolist() == [2.0, 4.0, 8.0, 16.0]
    assert sums[:, 2].tolist() == [3.0, 9.0, 27.0, 81.0]
    assert not sums[:, 3:].any()


def test_moments_are_those_of_the_returns():
    returns = np.random.default_rng(3).normal(0.001, 0.02, 501)
    mean, sd, skew, kurtosis, sharpe = return_statistics(501, power_sums(returns), 252.0)
    centred = (returns - returns.mean()) / returns.std()
    assert mean == pytest.approx(returns.mean(), rel=1e-12)
    assert sd == pytest.approx(returns.std(ddof=1), rel=1e-12)
    assert skew == pytest.approx((centred**3).mean(), rel=1e-9)
    assert kurtosis == pytest.approx((centred**4).mean(), rel=1e-9)
    assert sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * 252**0.5, rel=1e-12)


def test_equal_returns_have_no_variance():
    mean, sd, skew, kurtosis, sharpe = return_statistics(1000, power_sums([0.001] * 1000), 252.0)
    assert (mean, sd) == (pytest.approx(0.001), 0.0)
    assert np.isnan([skew, kurtosis, sharpe]).all()


def test_one_return_has_no_variance():
    assert np.isnan(return_statistics(1, power_sums([0.1]), 252.0)[4])


def test_levels_of_signals_replace_those_of_the_settings_one_by_one():
    settings = BacktestSettings(stop_loss=0.1, take_profit=0.2)
    stop, target, trail = level_arrays(settings, orders_at(2, stop_loss=Fraction([0.3, np.nan])))
    assert stop[0] == 0.3
    assert np.isnan(stop[1])
    assert target.tolist() == [0.2]
    assert np.isnan(trail).all()


def test_no_level_at_all_is_none():
    assert level_arrays(BacktestSettings(), orders_at(2)) is None
