"""How costs change a result."""

import math

import pytest

from trading_pipeline.backtest import BacktestSettings, run_backtest
from trading_pipeline.errors import ConfigurationError, DataQualityError
from trading_pipeline.performance.cost_sensitivity import (
    COST_MULTIPLES,
    break_even_commission,
    cost_sensitivity,
)
from trading_pipeline_tests.backtest.random_markets import flat_bars, golden_market, orders_at
from trading_pipeline_tests.backtest.random_markets import sma_signals as crossover


def goog(**settings):
    bars = golden_market("goog")
    signals = crossover(bars, 10, 30, "long")
    return run_backtest(bars, signals, BacktestSettings(initial_cash=1e6, **settings))


def test_table_of_a_real_backtest_falls_with_the_costs():
    table = cost_sensitivity(
        lambda multiple: goog(commission_bps=10 * multiple, slippage_bps=5 * multiple).metrics
    )
    assert table["cost_multiple"].tolist() == list(COST_MULTIPLES)
    assert table["final_equity"].is_monotonic_decreasing
    assert table["sharpe"].is_monotonic_decreasing
    alone = goog(commission_bps=10, slippage_bps=5).final_equity
    assert table["final_equity"].iloc[1] == alone
    assert set(table["trade_count"]) == {33.0}
    assert all(kind == "float64" for kind in table.dtypes)


def test_no_cost_is_a_multiple_too():
    table = cost_sensitivity(lambda multiple: goog(commission_bps=10 * multiple).metrics, [0.0])
    assert table["final_equity"].tolist() == [goog().final_equity]


def test_break_even_of_one_round_trip_is_the_one_that_can_be_solved():
    # Bought at 100, sold at 104 with everything staked: 104 * (1 - f) / (100 * (1 + f)) = 1.
    bars = flat_bars(100.0, 100.0, 104.0, 104.0)
    signals = orders_at(4, buy=[0], sell=[1])

    def final(commission_bps):
        settings = BacktestSettings(initial_cash=1000.0, commission_bps=commission_bps)
        return run_backtest(bars, signals, settings).final_equity

    found = break_even_commission(final, initial_equity=1000.0, tolerance_bps=1e-6)
    assert found.outcome == "found"
    assert found.commission_bps == pytest.approx(1e4 * 4 / 204, abs=1e-6)


def test_break_even_of_a_real_backtest_leaves_nothing():
    found = break_even_commission(
        lambda bps: goog(commission_bps=bps).final_equity, initial_equity=1e6
    )
    assert found.outcome == "found"
    below = goog(commission_bps=found.commission_bps - 0.01).final_equity
    above = goog(commission_bps=found.commission_bps + 0.01).final_equity
    assert below > 1e6 > above


def test_what_loses_for_free_has_no_break_even():
    found = break_even_commission(lambda bps: 90.0 - bps, initial_equity=100.0)
    assert found.outcome == "loses_without_commission"
    assert math.isnan(found.commission_bps)


def test_what_gains_at_the_ceiling_says_so():
    found = break_even_commission(
        lambda bps: 110.0 - 0.001 * bps, initial_equity=100.0, ceiling_bps=50.0
    )
    assert found.outcome == "gains_at_ceiling"
    assert math.isnan(found.commission_bps)


@pytest.mark.parametrize("final", [100.0, 150.0])
def test_a_fee_that_changes_nothing_is_said_to_be_so(final):
    found = break_even_commission(lambda bps: final, initial_equity=100.0)
    assert found.outcome == "indifferent"
    assert math.isnan(found.commission_bps)


def test_bisection_takes_as_many_runs_as_it_says():
    asked = []

    def final(bps):
        asked.append(bps)
        return 110.0 - bps

    found = break_even_commission(final, initial_equity=100.0)
    assert found.commission_bps == pytest.approx(10.0, abs=0.01)
    assert len(asked) == 2 + 16


def test_a_jump_is_bracketed_where_no_fee_gives_exactly_nothing():
    found = break_even_commission(
        lambda bps: 105.0 if bps < 7.0 else 60.0, initial_equity=100.0, tolerance_bps=0.001
    )
    assert found.commission_bps == pytest.approx(7.0, abs=0.001)


def test_a_rerun_without_an_equity_is_refused():
    with pytest.raises(DataQualityError, match="NaN"):
        break_even_commission(lambda bps: math.nan, initial_equity=100.0)


@pytest.mark.parametrize("field", ["ceiling_bps", "tolerance_bps"])
def test_limits_must_be_above_zero(field):
    with pytest.raises(ConfigurationError, match=field):
        break_even_commission(lambda bps: 1.0, initial_equity=1.0, **{field: 0.0})


@pytest.mark.parametrize("multiple", [-1.0, math.nan, math.inf])
def test_a_multiple_below_zero_is_refused(multiple):
    with pytest.raises(ConfigurationError, match="multiple"):
        cost_sensitivity(lambda _: {}, [multiple])


def test_metrics_that_lack_a_headline_are_named():
    with pytest.raises(DataQualityError, match="max_drawdown"):
        cost_sensitivity(lambda _: {"final_equity": 1.0}, [1.0])
