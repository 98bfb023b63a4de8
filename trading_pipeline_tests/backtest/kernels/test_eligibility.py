"""Which loop may run: each thing that can be asked for, and the loops that carry it out."""

from typing import get_args

import numpy as np
import pytest

from trading_pipeline.backtest import BacktestSettings, Fraction, Signals
from trading_pipeline.backtest.kernels.eligibility import (
    CARRIED_OUT,
    Demand,
    Loop,
    demands_of,
    may_run,
    may_run_plain,
)
from trading_pipeline.settings.backtest_settings import (
    FixedCash,
    PercentAtRisk,
    PercentOfEquity,
    TargetWeight,
    VolatilityTarget,
)

NEVER = np.zeros(3, dtype=bool)
SINGLE, SIGNALS, ALL = {"plain", "crossings"}, {"plain", "signals", "weights"}, set(CARRIED_OUT)
BY_SETTINGS = [
    ("same_close", {"fill": "same_close"}, SINGLE),
    ("levels", {"stop_loss": 0.1}, SINGLE),
    ("levels", {"take_profit": 0.1}, SINGLE),
    ("levels", {"trailing_stop": 0.1}, SINGLE),
    ("max_holding", {"max_holding_bars": 3}, SINGLE),
    ("volatility_target", {"sizing": VolatilityTarget(annual_volatility=0.1, lookback_bars=5)},
     SIGNALS),
    ("target_weight", {"sizing": TargetWeight(weight=0.1)}, {"weights"}),
    ("pyramiding", {"pyramiding": 2}, {"signals", "weights"}),
    ("volume", {"maximum_participation": 0.1}, set()),
    ("volume", {"slippage_volume_share": 0.1}, set()),
    ("margin_calls", {"maintenance_margin": 0.2}, set()),
    ("session_close", {"session_close": {"time": "16:00", "zone": "America/New_York"}}, set()),
    ("daily_limits", {"daily_profit_target": 100.0}, set()),
    ("daily_limits", {"daily_loss_limit": 100.0}, set()),
    ("financing", {"borrow_rate": 0.1}, set()),
    ("financing", {"funding_rate": -0.1}, set()),
    ("financing", {"cash_rate": 0.1}, set()),
]  # fmt: skip
BY_SIGNALS = [
    ("levels", {"stop_loss": Fraction(0.1)}, SINGLE),
    ("levels", {"take_profit": Fraction(0.1)}, SINGLE),
    ("levels", {"trailing_stop": Fraction(0.1)}, SINGLE),
    ("resting_orders", {"limit_price": Fraction(0.1)}, set()),
    ("resting_orders", {"stop_price": Fraction(0.1)}, set()),
    ("sizes_by_bar", {"size": np.ones(3)}, SIGNALS),
]


@pytest.mark.parametrize(("demand", "change", "loops"), BY_SETTINGS)
def test_settings_name_what_they_ask_for_and_the_loops_that_carry_it_out(demand, change, loops):
    asked = demands_of(BacktestSettings(**change))
    assert asked == {demand}
    assert {loop for loop in CARRIED_OUT if may_run(loop, [frozenset(), asked])} == loops


@pytest.mark.parametrize(("demand", "change", "loops"), BY_SIGNALS)
def test_signals_name_what_they_ask_for_and_the_loops_that_carry_it_out(demand, change, loops):
    plain, asking = Signals.long_only(NEVER, NEVER), Signals.long_only(NEVER, NEVER, **change)
    assert {loop for loop in CARRIED_OUT if may_run(loop, [], [plain, asking])} == loops
    assert {loop for loop, carried in CARRIED_OUT.items() if demand in carried} == loops
    assert may_run_plain(False, asking) == ("plain" in loops)
    assert not may_run_plain(True, asking)


def test_market_orders_of_whole_positions_are_carried_out_by_every_loop():
    for sizing in (PercentOfEquity(), FixedCash(cash=10.0), PercentAtRisk(percent=0.01)):
        costs = {"commission_bps": 3, "slippage_bps": 2, "lot_size": 1.0, "leverage": 2.0}
        asked = demands_of(BacktestSettings(sizing=sizing, allow_short=False, **costs))
        assert {loop for loop in CARRIED_OUT if may_run(loop, [asked])} == ALL
    assert may_run_plain(False, Signals.long_only(NEVER, NEVER))


@pytest.mark.parametrize("loop", sorted(CARRIED_OUT))
def test_missing_bars_are_left_to_the_exact_loop(loop):
    assert may_run(loop, [frozenset()])
    assert not may_run(loop, [frozenset()], complete=False)


def test_every_demand_has_a_case_and_every_loop_a_row():
    cases = {demand for demand, _, _ in [*BY_SETTINGS, *BY_SIGNALS]} | {"missing_bars"}
    assert cases == set(get_args(Demand))
    assert set(get_args(Loop)) == ALL
