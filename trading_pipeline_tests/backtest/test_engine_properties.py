"""Laws that every backtest obeys, on random markets and settings."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading_pipeline.backtest import BacktestSettings, Fraction, run_backtest, run_signal_sweep
from trading_pipeline_tests.backtest.random_markets import (
    action,
    bar_rows,
    frame,
    golden_market,
    settings_for,
    signals_for,
    sma_signals,
)

FEW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
ACTIONS = [action(3, "split", 2.0), action(5, "dividend", 0.5)]


@given(data=st.data(), rows=bar_rows(), chosen=settings_for)
@FEW
def test_cash_and_position_value_add_up_to_the_equity_exactly(data, rows, chosen):
    result = run_backtest(frame(rows), data.draw(signals_for(rows)), chosen, actions=ACTIONS)
    table = result.equity_frame()
    assert (table["cash"] + table["position_value"]).tolist() == table["equity"].tolist()
    assert table["equity"].iloc[-1] == result.final_equity


@given(data=st.data(), rows=bar_rows(), chosen=settings_for)
@FEW
def test_profits_of_the_trades_add_up_to_the_change_of_equity(data, rows, chosen):
    result = run_backtest(frame(rows), data.draw(signals_for(rows)), chosen, actions=ACTIONS)
    change = result.final_equity - chosen.initial_cash
    assert result.trades["pnl"].sum() == pytest.approx(change, rel=1e-9, abs=1e-6)
    assert result.daily["pnl"].sum() == pytest.approx(change, rel=1e-9, abs=1e-6)
    filled = result.orders.loc[result.orders["filled"] > 0]
    assert filled["fee"].sum() == pytest.approx(result.trades["fees"].sum(), abs=1e-9)
    assert filled["slippage"].sum() == pytest.approx(result.trades["slippage"].sum(), abs=1e-9)


@given(data=st.data(), rows=bar_rows(least=4), chosen=settings_for)
@FEW
def test_run_on_a_prefix_is_the_prefix_of_the_run(data, rows, chosen):
    signals, bars = data.draw(signals_for(rows)), frame(rows)
    cut = data.draw(st.integers(1, len(rows) - 1))
    full = run_backtest(bars, signals, chosen, actions=ACTIONS)
    part = run_backtest(bars.iloc[:cut], signals.head(cut), chosen, actions=ACTIONS)
    assert part.equity.tolist() == full.equity[:cut].tolist()
    settled = part.orders.loc[part.orders["reason"] != "no_next_bar"]
    assert settled.equals(full.orders.iloc[: len(settled)])
    closed = part.trades.loc[~part.trades["is_open"]].drop(columns="is_open")
    assert closed.equals(full.trades.iloc[: len(closed)].drop(columns="is_open"))


@given(data=st.data(), rows=bar_rows(), chosen=settings_for)
@FEW
def test_sweep_equals_the_single_run_bit_for_bit(data, rows, chosen):
    signals = [data.draw(signals_for(rows)) for _ in range(3)]
    bars = frame(rows)
    table = run_signal_sweep(bars, signals, chosen, actions=ACTIONS)
    for row, each in zip(table.itertuples(), signals, strict=True):
        single = run_backtest(bars, each, chosen, actions=ACTIONS)
        moments = single.moments
        ours = [row.final_equity, row.max_drawdown, row.trade_count, row.mean, row.sd]
        theirs = [single.final_equity, single.max_drawdown, single.trade_count]
        theirs += [moments.mean, moments.sd]
        ours += [row.skew, row.kurtosis, row.sharpe]
        theirs += [moments.skew, moments.kurtosis, moments.sharpe]
        assert np.array(ours).tobytes() == np.array(theirs, dtype=float).tobytes()


@given(data=st.data(), rows=bar_rows(), chosen=settings_for)
@FEW
def test_equal_inputs_give_equal_bytes(data, rows, chosen):
    signals, bars = data.draw(signals_for(rows)), frame(rows)
    first = run_backtest(bars, signals, chosen, actions=ACTIONS)
    again = run_backtest(bars.copy(), signals, chosen, actions=ACTIONS)
    assert first.equity.tobytes() == again.equity.tobytes()
    assert first.content_hash == again.content_hash


@given(data=st.data(), rows=bar_rows(), chosen=settings_for)
@FEW
def test_order_log_replays_the_cash_and_no_entry_costs_more_than_the_leverage_allows(
    data, rows, chosen
):
    result = run_backtest(frame(rows), data.draw(signals_for(rows)), chosen)
    cash = chosen.initial_cash
    for order in result.orders.loc[result.orders["filled"] > 0].itertuples():
        notional = order.filled * order.price * chosen.multiplier * chosen.delta
        if order.role == "entry":  # flat at this moment, so the cash is the equity
            assert notional + order.fee <= cash * chosen.leverage * (1 + 1e-9)
        cash -= (notional if order.side == "buy" else -notional) + order.fee
    assert cash == pytest.approx(result.cash[-1], rel=1e-9, abs=1e-6)


@given(data=st.data(), rows=bar_rows(), chosen=settings_for)
@FEW
def test_excursions_hold_the_return_of_the_prices(data, rows, chosen):
    result = run_backtest(frame(rows), data.draw(signals_for(rows)), chosen)
    for trade in result.trades.itertuples():
        sign = 1 if trade.side == "long" else -1
        move = sign * (trade.exit_price / trade.entry_price - 1)
        assert trade.mae - 1e-12 <= min(move, 0) <= max(move, 0) <= trade.mfe + 1e-12


def test_higher_costs_never_leave_more_equity():
    bars = golden_market("goog")
    signals = sma_signals(bars, 10, 30, "long_short")
    finals = [
        run_backtest(bars, signals, BacktestSettings(commission_bps=c, slippage_bps=c)).final_equity
        for c in (0, 1, 5, 20)
    ]
    assert finals == sorted(finals, reverse=True)


def test_pessimism_never_beats_optimism_on_the_same_levels():
    bars = golden_market("sp500")
    signals = sma_signals(bars, 10, 30, "long")
    levels = {"stop_loss": Fraction(0.01), "take_profit": Fraction(0.01)}
    signals = type(signals).long_only(signals.entry_long, signals.exit_long, **levels)
    low, high = (
        run_backtest(bars, signals, BacktestSettings(intrabar=mode)).final_equity
        for mode in ("pessimistic", "optimistic")
    )
    assert low < high


def test_money_scales_with_the_starting_cash():
    bars = golden_market("goog")
    signals = sma_signals(bars, 10, 30, "long_short")
    small = run_backtest(bars, signals, BacktestSettings(initial_cash=1e3, commission_bps=10))
    large = run_backtest(bars, signals, BacktestSettings(initial_cash=1e9, commission_bps=10))
    np.testing.assert_allclose(large.equity, small.equity * 1e6, rtol=1e-11)


def test_mirrored_market_mirrors_long_and_short_without_costs():
    """A short on prices p with fixed quantity earns what a long on 1000 - p earns."""
    rng = np.random.default_rng(5)
    closes = 500 + np.cumsum(rng.normal(0, 5, 300)).round(2)
    opens = np.concatenate(([500.0], closes[:-1])) + rng.normal(0, 1, 300).round(2)
    top = np.maximum(opens, closes) + 1
    bottom = np.minimum(opens, closes) - 2
    bars = frame(list(zip(opens, top, bottom, closes, strict=True)))
    mirror = frame(list(zip(1000 - opens, 1000 - bottom, 1000 - top, 1000 - closes, strict=True)))
    signals = sma_signals(bars, 5, 20, "long")
    from trading_pipeline.backtest import Signals
    from trading_pipeline.settings.backtest_settings import FixedQuantity

    never = np.zeros(300, dtype=bool)
    flipped = Signals(
        entry_long=never,
        exit_long=never,
        entry_short=signals.entry_long,
        exit_short=signals.exit_long,
    )
    settings = BacktestSettings(sizing=FixedQuantity(quantity=3))
    first = run_backtest(bars, signals, settings)
    second = run_backtest(mirror, flipped, settings)
    assert first.trade_count > 3
    np.testing.assert_allclose(first.equity, second.equity, rtol=1e-10)
