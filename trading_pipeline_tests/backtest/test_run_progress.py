"""Progress and cancel of single runs, in the plain loop and in the account's."""

import numpy as np
import pytest

from trading_pipeline.backtest import BacktestSettings, run_backtest
from trading_pipeline.errors import RunCancelledError
from trading_pipeline_tests.backtest.random_markets import flat_bars, orders_at

BARS = flat_bars(*range(10, 40))
SIGNALS = orders_at(30, buy=[3], sell=[8])
LOOPS = [BacktestSettings(), BacktestSettings(borrow_rate=0.1)]


@pytest.mark.parametrize("settings", LOOPS)
def test_progress_ends_at_the_number_of_bars_and_changes_no_number(settings):
    seen = []
    watched = run_backtest(
        BARS, SIGNALS, settings, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (30, 30)
    assert watched.content_hash == run_backtest(BARS, SIGNALS, settings).content_hash
    assert np.array_equal(watched.cash, run_backtest(BARS, SIGNALS, settings).cash)


@pytest.mark.parametrize("settings", LOOPS)
def test_run_that_is_told_to_stop_keeps_nothing(settings):
    with pytest.raises(RunCancelledError, match="of 30; nothing of it is kept") as stopped:
        run_backtest(BARS, SIGNALS, settings, cancelled=lambda: True)
    assert stopped.value.total == 30


def test_run_that_may_go_on_is_not_stopped():
    asked = []
    result = run_backtest(BARS, SIGNALS, cancelled=lambda: bool(asked.append(1)))
    assert asked
    assert result.trade_count == 1
