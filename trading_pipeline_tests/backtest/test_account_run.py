"""How a run of the account's loop reports, stops, and finds room for its logs."""

import threading

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import TargetWeights, run_portfolio_backtest
from trading_pipeline.backtest.account_run import UnitsHeld
from trading_pipeline.errors import RunCancelledError
from trading_pipeline.settings.rebalancing import Rebalancing
from trading_pipeline_tests.conftest import random_bars


@pytest.fixture(scope="module")
def many():
    """Bars that keep the loop busy for a moment, and weights at each of them."""
    bars = {f"I{k}": random_bars(40_000, seed=k, start="1990-01-01", freq="min") for k in range(3)}
    fixed = TargetWeights.fixed(dict.fromkeys(bars, 0.3), bars["I0"].index[0])
    return bars, fixed


def run(many, **others):
    bars, fixed = many
    return run_portfolio_backtest(bars, fixed, rebalancing=Rebalancing(calendar=1), **others)


def test_progress_rises_to_the_number_of_bars_and_changes_no_number(many):
    seen = []
    watched = run(many, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (40_000, 40_000)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    quiet = run(many)
    assert watched.stats.tobytes() == quiet.stats.tobytes()
    assert watched.equity.tobytes() == quiet.equity.tobytes()


def test_cancelled_run_ends_early_and_leaves_no_thread(many):
    with pytest.raises(RunCancelledError, match="of 40000") as caught:
        run(many, cancelled=lambda: True)
    assert caught.value.done < 40_000
    assert not [thread for thread in threading.enumerate() if thread.name == "account"]


def test_error_of_the_callback_ends_the_run_and_is_raised_as_it_is(many):
    def broken(done, total):
        raise LookupError("display is gone")

    with pytest.raises(LookupError, match="display is gone"):
        run(many, progress=broken)
    assert not [thread for thread in threading.enumerate() if thread.name == "account"]


@pytest.mark.parametrize("watched", [True, False])  # by the general loop, by the one for weights
def test_logs_get_all_the_rows_they_need(watched):
    bars = {name: random_bars(400, seed=k) for k, name in enumerate("ABC")}
    fixed = TargetWeights.fixed(dict.fromkeys(bars, 0.3), bars["A"].index[0])
    # one row is known to rebalance, the drifts are many
    result = run_portfolio_backtest(
        bars, fixed, rebalancing=Rebalancing(threshold=1e-4),
        progress=(lambda done, total: None) if watched else None,
    )  # fmt: skip
    assert len(result.orders) > 400
    assert (result.orders["filled"] > 0)[result.orders["ts"].notna()].all()
    moved = pd.Series(result.orders["ts"]).nunique()
    assert moved > 200


def test_units_held_are_laid_out_from_their_first_bar_on():
    held = UnitsHeld(np.array([1, 4]), np.array([[1.0, -2.0], [0.1 + 0.2, 0.0]]))
    table = held.by_bar(6)
    assert table.tolist() == [[0, 0], [1, -2], [1, -2], [1, -2], [0.1 + 0.2, 0], [0.1 + 0.2, 0]]
    assert not table.flags.writeable
    assert held.by_bar(5).tolist() == table[:5].tolist()


def test_units_that_never_change_are_none():
    held = UnitsHeld(np.empty(0, dtype=np.int64), np.empty((0, 3)))
    assert held.by_bar(4).tolist() == np.zeros((4, 3)).tolist()


def test_units_held_can_be_closed_for_writing():
    held = UnitsHeld(np.array([0]), np.array([[1.0]]))
    held.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        held.units[0, 0] = 2.0
    with pytest.raises(ValueError, match="read-only"):
        held.first_bar[0] = 2
