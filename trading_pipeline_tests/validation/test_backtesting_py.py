"""Single-instrument runs beside backtesting.py on real bars: finals and trade lists.

backtesting.py trades whole units, so it is given cash of 1e14: a unit is then less than 1e-10 of
the account. Its stops are prices set at the decision, act in the entry's bar too, and win over an
exit that is due at the same open; the last cannot occur in the runs below, which is checked.
"""

import sys
import warnings

import numpy as np
import pytest

from trading_pipeline.backtest import BacktestSettings, Price, run_backtest
from trading_pipeline_tests.backtest.random_markets import golden_market, sma_signals

pytestmark = pytest.mark.filterwarnings("ignore")

CASH = 1e14
RUNS = [
    ("goog", "long", None, None), ("goog", "long_short", None, None), ("sp500", "long", None, None),
    ("sp500", "long_short", None, None), ("goog", "long", 0.06, None),
    ("sp500", "long", 0.06, None), ("goog", "long", 0.06, 0.12), ("sp500", "long", 0.06, 0.12),
]  # fmt: skip


def peer(bars, signals, stop, target):
    """backtesting.py's run of the same decisions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from backtesting import Backtest, Strategy

    everything = 1.0 - sys.float_info.epsilon

    class Decided(Strategy):
        def init(self):
            pass

        def next(self):
            i = len(self.data) - 1
            close = float(self.data.Close[-1])
            levels = {"sl": close * (1 - stop) if stop else None,
                      "tp": close * (1 + target) if target else None}  # fmt: skip
            if signals.exit_long[i]:
                self.position.close()
            if signals.entry_long[i] and not self.position.is_long:
                self.position.close()
                self.buy(size=everything, **levels)
            if signals.entry_short[i] and not self.position.is_short:
                self.position.close()
                self.sell(size=everything)

    frame = bars.rename(columns=str.capitalize).set_axis(bars.index.tz_localize(None))
    test = Backtest(frame, Decided, cash=CASH, commission=0.001, finalize_trades=False)
    return test.run()


@pytest.mark.parametrize(("market", "mode", "stop", "target"), RUNS)
def test_equity_and_trades_agree_with_backtesting_py(market, mode, stop, target):
    bars = golden_market(market)
    signals = sma_signals(bars, 10, 30, mode)
    levels = {}
    close = bars["close"].to_numpy()
    if stop:
        levels["stop_loss"] = Price(close * (1 - stop))
    if target:
        levels["take_profit"] = Price(close * (1 + target))
    ours = run_backtest(
        bars,
        type(signals).long_only(signals.entry_long, signals.exit_long, **levels)
        if mode == "long"
        else signals,
        BacktestSettings(initial_cash=CASH, commission_bps=10, limit_fill="touch"),
    )
    stats = peer(bars, signals, stop, target)
    trades = ours.trades
    left = trades[trades["exit_reason"].isin(["stop_loss", "take_profit"])]
    due = ours.orders[~ours.orders["reason"].isin(["stop_loss", "take_profit"])]
    assert not set(left["exit_ts"]) & set(due.loc[due["role"] == "exit", "ts"])
    assert bool(len(left)) == bool(stop)
    assert (set(left["exit_reason"]) == {"stop_loss", "take_profit"}) == bool(target)
    theirs = stats["_equity_curve"]["Equity"].to_numpy()
    np.testing.assert_allclose(ours.equity, theirs, rtol=1e-9)
    closed = trades[~trades["is_open"]].sort_values(["exit_ts", "entry_ts"])
    done = stats["_trades"].sort_values(["ExitBar", "EntryBar"])
    assert len(closed) == len(done)
    index = ours.index
    assert (closed["entry_ts"].to_numpy() == index[done["EntryBar"]].to_numpy()).all()
    assert (closed["exit_ts"].to_numpy() == index[done["ExitBar"]].to_numpy()).all()
    sides = np.where(closed["side"] == "long", 1.0, -1.0)
    np.testing.assert_allclose(closed["quantity"] * sides, done["Size"], rtol=1e-9)
    np.testing.assert_allclose(closed["entry_price"], done["EntryPrice"], rtol=1e-12)
    np.testing.assert_allclose(closed["exit_price"], done["ExitPrice"], rtol=1e-12)
    np.testing.assert_allclose(closed["pnl"], done["PnL"], rtol=1e-9, atol=1e-9 * CASH)
