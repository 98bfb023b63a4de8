"""Single-instrument runs beside vectorbt on real bars: equity and trade lists to 1e-9.

Where the two agree: fills at the next open, full equity, commission and slippage in bps, long and
long/short, a stop or a target as a fraction of the fill price. Where they do not, by their own
rules: vectorbt looks for stops only after the entry's bar, lets a stop win over an exit that is due
at the same open, and fills a target that is only touched. The first two do not occur in the runs
below, which is checked, and `limit_fill="touch"` settles the third. Its trailing stop leaves the
entry's bar out, too.
"""

import numpy as np
import pytest

from trading_pipeline.backtest import BacktestSettings, run_backtest
from trading_pipeline_tests.backtest.random_markets import golden_market, sma_signals

pytestmark = [
    pytest.mark.validation,
    pytest.mark.slow,  # vectorbt compiles for half a minute
    pytest.mark.filterwarnings("ignore"),
]

CASH, FEES = 1e6, 0.001
BASE = BacktestSettings(initial_cash=CASH, commission_bps=10, limit_fill="touch")
PLAIN = [
    (market, mode, costs)
    for market in ("goog", "sp500")
    for mode in ("long", "long_short")
    for costs in ({}, {"slippage_bps": 5.0}, {"take_profit": 0.12})
]
# Of each market and mode the stops for which the differences named above do not occur.
STOPPED = [
    ("goog", "long", {"stop_loss": 0.04}),
    ("goog", "long", {"stop_loss": 0.04, "take_profit": 0.12}),
    ("sp500", "long", {"stop_loss": 0.055}),
    ("sp500", "long", {"stop_loss": 0.055, "take_profit": 0.12}),
    ("sp500", "long_short", {"stop_loss": 0.085}),
    ("sp500", "long_short", {"stop_loss": 0.085, "take_profit": 0.12}),
]  # fmt: skip


def shifted(flags):
    """Decisions at the bar that they fill in."""
    return np.concatenate(([False], flags[:-1]))


def peer(vbt, bars, signals, mode, chosen):
    """vectorbt's run of the same decisions; always all arguments, so that it compiles once."""
    never = np.zeros(len(bars), dtype=bool)
    exits = shifted(signals.exit_long) if mode == "long" else never
    return vbt.Portfolio.from_signals(
        bars["close"], entries=shifted(signals.entry_long), exits=exits,
        short_entries=shifted(signals.entry_short), short_exits=never,
        upon_opposite_entry="reverse", price=bars["open"], open=bars["open"], high=bars["high"],
        low=bars["low"], size=np.inf, fees=FEES, slippage=chosen.slippage_bps / 1e4, init_cash=CASH,
        freq="1D", sl_stop=chosen.stop_loss or np.nan, tp_stop=chosen.take_profit or np.nan,
        stop_entry_price="fillprice", stop_exit_price="stoplimit",
    )  # fmt: skip


def assert_rules_agree(bars, result, chosen):
    """No stop in its entry's bar, and none that the bar of a due exit would have hit too."""
    trades = result.trades
    by_level = trades["exit_reason"].isin(["stop_loss", "take_profit"])
    assert (trades["entry_ts"] < trades["exit_ts"])[by_level].all()
    due = trades[trades["exit_reason"].isin(["signal", "reversal"])]
    low, high = (bars.loc[due["exit_ts"], name].to_numpy() for name in ("low", "high"))
    entry, long = due["entry_price"].to_numpy(), (due["side"] == "long").to_numpy()
    stop, target = chosen.stop_loss or np.inf, chosen.take_profit or np.inf
    worst, best = (
        np.where(long, entry - low, high - entry),
        np.where(long, high - entry, entry - low),
    )
    assert not (worst >= stop * entry).any()
    assert not ((best >= target * entry) & (chosen.take_profit is not None)).any()
    return int(by_level.sum())


@pytest.mark.parametrize(("market", "mode", "changes"), PLAIN + STOPPED)
def test_equity_and_trades_agree_with_vectorbt(vectorbt, market, mode, changes):
    bars = golden_market(market)
    signals = sma_signals(bars, 10, 30, mode)
    chosen = BASE.model_copy(update=changes)
    ours = run_backtest(bars, signals, chosen)
    theirs = peer(vectorbt, bars, signals, mode, chosen)
    left = assert_rules_agree(bars, ours, chosen)
    assert (left > 0) == bool(chosen.stop_loss or chosen.take_profit)
    np.testing.assert_allclose(ours.equity, theirs.value().to_numpy(), rtol=1e-9)
    records = theirs.trades.records
    trades = ours.trades
    assert len(records) == len(trades)
    index = ours.index
    assert (trades["entry_ts"].to_numpy() == index[records["entry_idx"]].to_numpy()).all()
    closed = ~trades["is_open"].to_numpy()
    exits = index[records["exit_idx"]].to_numpy()
    assert (trades["exit_ts"].to_numpy()[closed] == exits[closed]).all()
    pairs = {"quantity": "size", "entry_price": "entry_price", "exit_price": "exit_price"}
    for name, theirs_name in (pairs | {"pnl": "pnl", "return": "return"}).items():
        scale = np.abs(records[theirs_name]).max()
        np.testing.assert_allclose(
            trades[name], records[theirs_name], rtol=1e-9, atol=1e-9 * scale, err_msg=name
        )
