"""The sweep over signal sets."""

import numpy as np
import pytest

from trading_pipeline.backtest import (
    SWEEP_COLUMNS,
    BacktestSettings,
    Fraction,
    run_backtest,
    run_signal_sweep,
    validate_bars,
)
from trading_pipeline.errors import StrategyError
from trading_pipeline_tests.backtest.random_markets import (
    flat_bars,
    golden_market,
    orders_at,
    sma_signals,
)


def test_rows_keep_the_order_of_the_signals():
    bars = validate_bars(golden_market("goog"))
    pairs = [(5, 20), (10, 30), (20, 60)]
    settings = BacktestSettings(commission_bps=10)
    signals = [sma_signals(bars.frame, *pair, "long") for pair in pairs]
    table = run_signal_sweep(bars, signals, settings)
    finals = [run_backtest(bars, each, settings).final_equity for each in signals]
    assert table["final_equity"].tolist() == finals
    assert table.columns.tolist() == list(SWEEP_COLUMNS)


def test_signal_sets_may_differ_in_their_levels():
    bars = golden_market("goog")
    plain = sma_signals(bars, 10, 30, "long")
    stopped = type(plain).long_only(plain.entry_long, plain.exit_long, stop_loss=Fraction(0.03))
    table = run_signal_sweep(bars, [plain, stopped, plain])
    assert table["final_equity"].iloc[0] == table["final_equity"].iloc[2]
    assert table["final_equity"].iloc[1] == run_backtest(bars, stopped).final_equity


def test_no_signals_give_no_rows():
    table = run_signal_sweep(flat_bars(10, 11), [])
    assert len(table) == 0
    assert table.columns.tolist() == list(SWEEP_COLUMNS)


def test_signals_of_another_length_are_named_by_their_number():
    with pytest.raises(StrategyError, match="Signals number 1 have 3 rows and the bars 2"):
        run_signal_sweep(flat_bars(10, 11), [orders_at(2), orders_at(3)])


def test_counts_are_whole_numbers_and_fees_those_of_the_trades():
    bars = golden_market("sp500")
    settings = BacktestSettings(commission_bps=10)
    signals = sma_signals(bars, 10, 30, "long_short")
    row = run_signal_sweep(bars, [signals], settings).iloc[0]
    single = run_backtest(bars, signals, settings)
    assert row["trade_count"] == 176
    assert row["fees"] == pytest.approx(single.trades["fees"].sum(), rel=1e-12)
    assert row["bars_in_position"] == np.count_nonzero(single.quantity)
