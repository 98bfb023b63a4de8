"""The fast loop for target weights equals the exact loop, bit for bit."""

from collections import Counter
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestSettings, Rebalancing, TargetWeights
from trading_pipeline.backtest.account_run import UnitsHeld
from trading_pipeline.backtest.kernels import codes as codes
from trading_pipeline.backtest.portfolio import rebalances as portfolio_rebalances
from trading_pipeline.backtest.portfolio import run as portfolio
from trading_pipeline.backtest.portfolio.rebalances import run_rebalances
from trading_pipeline.backtest.portfolio.run import run_portfolio_backtest
from trading_pipeline.backtest.result_frames import ORDER_REASONS
from trading_pipeline.settings.backtest_settings import (
    PercentAtRisk,
    TargetWeight,
    VolatilityTarget,
)
from trading_pipeline_tests.backtest.kernels.fast.test_portfolio import NAMES, PARTS, markets
from trading_pipeline_tests.backtest.portfolio.test_signals import random_actions
from trading_pipeline_tests.backtest.random_markets import action, flat_bars
from trading_pipeline_tests.backtest.random_weights import weight_run


def taken_by(bars, weights, settings=None, **others):
    """(result, what the loop for weights made of the inputs: None where left to another)."""
    taken = []

    def watched(*inputs):
        taken.append(run_rebalances(*inputs))
        return taken[-1]

    with mock.patch.object(portfolio, "run_rebalances", watched):
        result = run_portfolio_backtest(bars, weights, settings, **others)
    return result, taken[-1] if taken else None


def by_both_ways(bars, weights, settings=None, **others):
    """(by the loop for weights, by the general loop)."""
    fast, run = taken_by(bars, weights, settings, **others)
    assert run is not None
    with mock.patch.object(portfolio, "run_rebalances", return_value=None):
        full = run_portfolio_backtest(bars, weights, settings, **others)
    return fast, full


def assert_same_bits(fast, full):
    for name in PARTS:
        first, second = getattr(fast, name), getattr(full, name)
        np.testing.assert_array_equal(first, second, err_msg=name)
        number = ~np.isnan(first)
        assert (np.signbit(first) == np.signbit(second))[number].all(), name  # 0.0 is not -0.0
    assert fast.content_hash == full.content_hash
    assert fast.warnings == full.warnings


def steady(bars, weight, every=1):
    """The same weight for all instruments at each bar, or at some."""
    index = next(iter(bars.values())).index[::every]
    return TargetWeights(pd.DataFrame(weight, index, columns=list(bars)))


def test_random_runs_are_equal_and_reach_every_order_there_is():
    reasons = Counter()
    for seed in range(220):
        run = weight_run(seed)
        fast, full = by_both_ways(run.bars, run.weights, run.settings, **run.others)
        assert_same_bits(fast, full)
        reasons.update(int(reason) for reason in full.order_rows[:, codes.O_REASON])
        reasons["ruin"] += full.stats[codes.S_FIRST_RUIN] >= 0
        reasons["several exits"] += (np.diff(full.quantity, axis=0) != 0).sum() > len(
            full.trade_rows
        )
    assert min(reasons.values()) > 0
    expected = {
        "filled", "clipped_to_cash", "rounded_to_lot", "below_one_lot", "below_min_notional",
        "no_cash", "no_size", "short_not_allowed", "no_next_bar", "rebalance",
    }  # fmt: skip
    assert expected <= {ORDER_REASONS.get(reason) for reason in reasons}
    assert reasons["ruin"] > 1
    assert reasons["several exits"] > 20


@pytest.mark.long
@pytest.mark.parametrize("block", range(10))
def test_many_more_random_runs_are_equal(block):
    for seed in range(10_000 + 200 * block, 10_200 + 200 * block):
        run = weight_run(seed)
        assert_same_bits(*by_both_ways(run.bars, run.weights, run.settings, **run.others))


def test_weight_too_small_for_its_product_with_the_units_is_equal():
    bars = {NAMES[0]: flat_bars(10.0, 10.0, 11.0, 12.0)}
    index = bars[NAMES[0]].index
    weights = TargetWeights(pd.DataFrame({NAMES[0]: [1e-200, -1e-200, 0.5]}, index[:3]))
    fast, full = by_both_ways(bars, weights)
    assert_same_bits(fast, full)
    assert "exit_unfilled" in fast.orders["reason"].tolist()


@pytest.mark.parametrize("every", [1, 2, 3, 7, 8, 9, 16, 17, 30])
def test_bars_between_rebalances_are_marked_however_many_they_are(every):
    rng, bars = markets(every)
    index = bars[NAMES[0]].index[::every]
    weights = TargetWeights(
        pd.DataFrame(rng.dirichlet(np.ones(7), len(index)), index, columns=NAMES)
    )
    fast, full = by_both_ways(bars, weights, BacktestSettings(commission_bps=3))
    assert_same_bits(fast, full)


@pytest.mark.parametrize("threshold", [0.003, 0.006, 0.01, 0.05])
@pytest.mark.parametrize("calendar", [None, 11])
def test_drifts_beyond_the_threshold_are_found_at_the_same_bars(threshold, calendar):
    _, bars = markets(3)
    rules = Rebalancing(calendar=calendar, threshold=threshold)
    fast, full = by_both_ways(bars, steady(bars, 0.14, every=50), rebalancing=rules)
    assert_same_bits(fast, full)
    assert 7 < len(fast.order_rows) < 7 * 160


def test_weights_that_cannot_be_bought_drift_at_each_bar_and_are_equal():
    _, bars = markets(4)
    settings = BacktestSettings(initial_cash=50.0, lot_size=10.0)
    fast, full = by_both_ways(
        bars, steady(bars, 0.1, every=160), settings, rebalancing=Rebalancing(threshold=0.01)
    )
    assert_same_bits(fast, full)
    assert len(fast.order_rows) == 7 * 160


def test_ruined_account_is_equal():
    bars = {name: flat_bars(10, 10, 10, 31, 40, 20, 10, 10, 10) for name in NAMES[:2]}
    fast, full = by_both_ways(bars, steady(bars, -0.5))
    assert fast.equity.min() < 0
    assert "fell to zero" in " ".join(fast.warnings)
    assert_same_bits(fast, full)


@pytest.mark.parametrize("rows", [1, 2])
def test_shortest_markets_are_equal(rows):
    bars = {name: flat_bars(*[10.0] * rows) for name in NAMES[:2]}
    fast, full = by_both_ways(bars, steady(bars, 0.5))
    assert_same_bits(fast, full)
    assert fast.orders["reason"].tolist()[-1] == "no_next_bar" or rows == 2


def test_tables_grow_where_every_position_turns_at_every_bar():
    _, bars = markets(2)
    index = bars[NAMES[0]].index
    turns = np.where(np.arange(160) % 2 == 0, 0.1, -0.1)[:, None] * np.ones(7)
    weights = TargetWeights(pd.DataFrame(turns, index, columns=NAMES))
    longer = []
    real = portfolio_rebalances._longer

    def watched(table):
        longer.append(table.shape[1:])
        return real(table)

    with mock.patch.object(portfolio_rebalances, "_longer", watched):
        fast, full = by_both_ways(bars, weights)
    assert {(codes.T_COUNT,), (codes.O_COUNT,)} <= set(longer)
    assert len(fast.trade_rows) == 159 * 7
    assert_same_bits(fast, full)


def test_units_are_kept_by_rebalance_and_laid_out_when_asked_for():
    bars = {name: flat_bars(10.0, 10.0, 10.0, 20.0, 20.0) for name in ("A_1d", "B_1d")}
    weights = TargetWeights(
        pd.DataFrame({"A_1d": [0.5, 0.25], "B_1d": [0.0, np.nan]}, bars["A_1d"].index[[0, 2]])
    )
    result = run_portfolio_backtest(bars, weights, BacktestSettings(initial_cash=1000.0))
    assert isinstance(result.held, UnitsHeld)
    assert result.held.first_bar.tolist() == [1, 3]
    assert result.quantity.tolist() == [[0, 0], [50, 0], [50, 0], [18.75, 0], [18.75, 0]]
    for values in (result.quantity, result.equity, result.held.units, result.order_rows):
        assert not values.flags.writeable


def test_sharpe_of_the_account_counts_its_own_bars_a_year():
    _, bars = markets(6)
    own = {NAMES[-1]: {"periods_per_year": 52.0}, NAMES[0]: {"periods_per_year": 365.0}}
    fast, full = by_both_ways(bars, steady(bars, 0.1), instrument_settings=own)
    plain, _ = by_both_ways(bars, steady(bars, 0.1))
    assert_same_bits(fast, full)
    assert fast.moments.sharpe == plain.moments.sharpe


def test_sizing_and_order_times_of_signals_play_no_part():
    _, bars = markets(1)
    plain, _ = by_both_ways(bars, steady(bars, 0.1))
    for change in (
        {"sizing": TargetWeight(weight=0.4)}, {"sizing": PercentAtRisk(percent=0.1)},
        {"pyramiding": 3}, {"sizing": VolatilityTarget(annual_volatility=0.2, lookback_bars=5)},
        {"time_in_force": "day"},
    ):  # fmt: skip
        fast, full = by_both_ways(bars, steady(bars, 0.1), BacktestSettings(**change))
        assert_same_bits(fast, full)
        assert fast.equity.tobytes() == plain.equity.tobytes()


def test_other_settings_are_left_to_other_loops():
    _, bars = markets(1)
    weights = steady(bars, 0.1, every=20)
    assert taken_by(bars, weights)[1] is not None
    for change in (
        {"fill": "same_close"}, {"stop_loss": 0.1}, {"take_profit": 0.1}, {"trailing_stop": 0.1},
        {"max_holding_bars": 3}, {"borrow_rate": 0.1}, {"funding_rate": 0.1}, {"cash_rate": 0.1},
        {"maximum_participation": 0.1}, {"slippage_volume_share": 0.1}, {"maintenance_margin": 0.2},
        {"daily_loss_limit": 100.0}, {"daily_profit_target": 100.0},
        {"session_close": {"time": "16:00", "zone": "America/New_York"}},
    ):  # fmt: skip
        assert taken_by(bars, weights, BacktestSettings(**change))[1] is None, change
    own = {NAMES[2]: {"stop_loss": 0.1}}
    assert taken_by(bars, weights, instrument_settings=own)[1] is None


def test_missing_bars_are_left_to_the_exact_loop():
    _, bars = markets(1)
    weights = steady(bars, 0.1, every=20)
    short = bars | {NAMES[0]: bars[NAMES[0]].drop(bars[NAMES[0]].index[5])}
    assert taken_by(short, weights)[1] is None
    # An action that falls on none of the bars changes nothing.
    late = action(900, "split", 2.0)
    late = type(late)(**(late.__dict__ | {"instrument": NAMES[2]}))
    result, run = taken_by(bars, weights, actions={NAMES[2]: [late]})
    assert run is not None
    assert result.content_hash == taken_by(bars, weights)[0].content_hash


def test_watched_runs_are_taken_and_change_no_number():
    _, bars = markets(1)
    weights = steady(bars, 0.1, every=20)
    quiet, _ = taken_by(bars, weights)
    for watch in ({"progress": lambda done, total: None}, {"cancelled": lambda: False}):
        watched, run = taken_by(bars, weights, **watch)
        assert run is not None
        assert_same_bits(watched, quiet)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "rebalancing",
    [
        None,
        Rebalancing(calendar=5),
        Rebalancing(threshold=0.01),
        Rebalancing(calendar=11, threshold=0.02),
    ],
)
def test_splits_and_dividends_are_equal(seed, rebalancing):
    rng, bars = markets(seed)
    index = bars[NAMES[0]].index[:: 1 + seed % 7]
    values = rng.normal(0.03, 0.1, (len(index), 7))
    values[rng.random(values.shape) < 0.3] = np.nan
    weights = TargetWeights(pd.DataFrame(values, index, columns=NAMES))
    settings = BacktestSettings(
        leverage=3, commission_bps=5, slippage_bps=2, lot_size=0.5 if seed % 2 else None
    )
    actions = random_actions(rng, NAMES[seed % 3 :])
    fast, full = by_both_ways(bars, weights, settings, rebalancing=rebalancing, actions=actions)
    assert len(fast.order_rows) > 20
    assert_same_bits(fast, full)
