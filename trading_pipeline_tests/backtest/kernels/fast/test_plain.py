"""The comparison of the compiled kernel with the plain-Python oracle."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_pipeline.backtest import BacktestResult, run_backtest
from trading_pipeline_tests.backtest.oracle.engine import Oracle
from trading_pipeline_tests.backtest.random_markets import (
    action,
    bar_rows,
    frame,
    settings_for,
    signals_for,
)

actions_for = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 25), st.just("split"), st.sampled_from([2.0, 0.5, 1.5])),
        st.tuples(st.integers(1, 25), st.just("dividend"), st.sampled_from([0.25, 3.0])),
    ),
    max_size=3,
    unique_by=lambda each: (each[0], each[1]),
)


def compare(data, rows, chosen, actions):
    signals = data.draw(signals_for(rows))
    # The oracle takes splits before dividends of one date from the order of its list.
    known = sorted(actions, key=lambda each: (each[0], each[1] == "dividend"))
    result = run_backtest(
        frame(rows), signals, chosen, actions=[action(*each) for each in reversed(known)]
    )
    oracle = Oracle(rows, signals, chosen, [a for a in known if a[0] < len(rows)]).run()
    same_numbers(result, oracle)
    same_trades(result, oracle)
    same_orders(result, oracle)


def same_numbers(result: BacktestResult, oracle: Oracle) -> None:
    np.testing.assert_allclose(result.equity, oracle.equity, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(result.cash, oracle.cash_path, rtol=1e-9, atol=1e-6)


def same_trades(result: BacktestResult, oracle: Oracle) -> None:
    trades = result.trades
    assert len(trades) == len(oracle.trades)
    for row, expected in zip(trades.itertuples(), oracle.trades, strict=True):
        assert row.side == ("long" if expected["side"] > 0 else "short")
        assert row.entry_ts == result.index[expected["entry_bar"]]
        assert row.exit_reason == expected["exit_reason"]
        assert row.bars_held == expected["bars_held"]
        for name in ("quantity", "entry_price", "exit_price", "fees", "slippage", "pnl"):
            assert getattr(row, name) == pytest.approx(expected[name], rel=1e-9, abs=1e-6), name


def same_orders(result: BacktestResult, oracle: Oracle) -> None:
    orders = result.orders
    assert orders["reason"].tolist() == [each["reason"] for each in oracle.orders]
    for row, expected in zip(orders.itertuples(), oracle.orders, strict=True):
        assert (row.side, row.role, row.kind) == tuple(
            expected[name] for name in ("side", "role", "kind")
        )
        assert row.decided_ts == result.index[expected["decided"]]
        if expected["bar"] is None:
            assert str(row.ts) == "NaT"
        else:
            assert row.ts == result.index[expected["bar"]]
        for name in ("requested", "filled", "price", "fee"):
            wanted = np.nan if expected[name] is None else expected[name]
            assert getattr(row, name) == pytest.approx(wanted, rel=1e-9, abs=1e-6, nan_ok=True)


@given(data=st.data(), rows=bar_rows(), chosen=settings_for, actions=actions_for)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_kernel_equals_the_oracle_on_random_markets_and_settings(data, rows, chosen, actions):
    compare(data, rows, chosen, actions)


@pytest.mark.long
@given(data=st.data(), rows=bar_rows(most=60), chosen=settings_for, actions=actions_for)
@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
def test_kernel_equals_the_oracle_on_many_more_markets(data, rows, chosen, actions):
    compare(data, rows, chosen, actions)
