"""The golden runs: final equity, drawdown and trade lists that other engines agree on."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import BacktestSettings, run_backtest, run_signal_sweep
from trading_pipeline_tests.backtest.random_markets import golden_market, sma_signals

GOLDEN = Path(__file__).parents[1] / "golden"
RUNS = json.loads((GOLDEN / "engine_finals.json").read_text())["runs"]


def run(market, mode, fill="next_open"):
    bars = golden_market(market)
    settings = BacktestSettings(initial_cash=1e6, commission_bps=10, fill=fill)
    return run_backtest(bars, sma_signals(bars, 10, 30, mode), settings)


@pytest.mark.parametrize("golden", RUNS, ids=lambda g: f"{g['market']}-{g['mode']}-{g['fill']}")
def test_final_equity_trades_and_drawdown_equal_the_golden_numbers(golden):
    result = run(golden["market"], golden["mode"], golden["fill"])
    assert result.final_equity == pytest.approx(golden["final_equity"], rel=1e-9)
    assert result.trade_count == golden["trades"] == len(result.trades)
    assert result.max_drawdown == pytest.approx(golden["max_drawdown"], abs=6e-11)
    assert result.equity[-1] == result.final_equity


@pytest.mark.parametrize("mode", ["long", "long_short"])
@pytest.mark.parametrize("market", ["goog", "sp500"])
def test_trade_list_equals_the_golden_list(market, mode):
    golden = pd.read_csv(GOLDEN / f"trades_{market}_{mode}.csv")
    result = run(market, mode)
    trades, stamps = result.trades, result.index
    assert len(trades) == len(golden)
    assert (trades["entry_ts"].to_numpy() == stamps[golden["entry_idx"]].to_numpy()).all()
    done = golden["status"] == 1
    assert (trades["is_open"].to_numpy() == ~done).all()
    exits = stamps[golden.loc[done, "exit_idx"]]
    assert (trades.loc[done.to_numpy(), "exit_ts"].to_numpy() == exits.to_numpy()).all()
    assert trades.loc[~done.to_numpy(), "exit_ts"].isna().all()
    sides = np.where(golden["direction"] == 0, "long", "short")
    assert trades["side"].tolist() == sides.tolist()
    pairs = {"quantity": "size", "entry_price": "entry_price", "exit_price": "exit_price"}
    pairs |= {"pnl": "pnl", "return": "return"}
    for ours, theirs in pairs.items():
        np.testing.assert_allclose(trades[ours], golden[theirs], rtol=1e-8, err_msg=ours)
    fees = golden["entry_fees"] + golden["exit_fees"]
    np.testing.assert_allclose(trades["fees"], fees, rtol=1e-9)


def test_fill_at_the_same_close_never_happens_by_default():
    canary = next(g for g in RUNS if g["fill"] == "same_close" and g["mode"] == "long")
    bars = golden_market("goog")
    settings = BacktestSettings(initial_cash=1e6, commission_bps=10)
    final = run_backtest(bars, sma_signals(bars, 10, 30, "long"), settings).final_equity
    assert final != pytest.approx(canary["final_equity"], rel=1e-2)


def test_same_close_warns_of_the_look_ahead_and_next_open_does_not():
    assert any("Look-ahead" in text for text in run("goog", "long", "same_close").warnings)
    assert run("goog", "long").warnings == ()


def test_sweep_gives_the_golden_final_too():
    bars = golden_market("goog")
    settings = BacktestSettings(initial_cash=1e6, commission_bps=10)
    table = run_signal_sweep(bars, [sma_signals(bars, 10, 30, "long_short")], settings)
    assert table.loc[0, "final_equity"] == run("goog", "long_short").final_equity
