"""What a portfolio's result shows: frames, contributions, metrics, hash."""

import numpy as np
import pandas as pd
import pytest

import trading_pipeline
from trading_pipeline.backtest import (
    BacktestSettings,
    PortfolioResult,
    run_backtest,
    run_portfolio_backtest,
)
from trading_pipeline.performance import METRIC_NAMES
from trading_pipeline.settings.backtest_settings import FixedQuantity
from trading_pipeline_tests.backtest.random_markets import flat_bars, frame, orders_at

TEN = BacktestSettings(initial_cash=1000.0, sizing=FixedQuantity(quantity=10), commission_bps=100)


@pytest.fixture(scope="module")
def result():
    bars = {"A": flat_bars(10, 10, 20, 30, 30), "B": flat_bars(40, 40, 30, 20, 20)}
    orders = {"A": orders_at(5, buy=[0], sell=[2]), "B": orders_at(5, short=[0])}
    return run_portfolio_backtest(bars, orders, TEN)


def test_frames_stand_under_the_accounts_stamps(result):
    assert isinstance(result, PortfolioResult)
    for table in (result.positions, result.position_values, result.weights):
        assert table.index.equals(result.index)
        assert table.columns.tolist() == ["A", "B"]
    assert result.equity_frame().columns.tolist() == ["cash", "position_value", "equity"]
    # 100 of A and 400 of B sold short, fees 1 and 4
    assert result.equity.tolist() == [1000.0, 995.0, 1195.0, 1392.0, 1392.0]
    assert result.position_values.iloc[2].to_dict() == {"A": 200.0, "B": -300.0}
    assert result.weights.iloc[2].to_dict() == {"A": 200 / 1195, "B": -300 / 1195}
    assert result.exposure.iloc[2] == 500 / 1195


def test_trades_and_orders_name_their_instrument(result):
    trades = result.trades
    assert trades.columns[:3].tolist() == ["trade_no", "instrument", "side"]
    assert trades[["instrument", "side", "pnl", "is_open"]].values.tolist() == [
        ["A", "long", 200 - 1 - 3, False], ["B", "short", 200 - 4, True],
    ]  # fmt: skip
    assert result.orders.columns[:2].tolist() == ["order_no", "instrument"]
    assert result.orders["instrument"].tolist() == ["A", "B", "A"]


def test_contributions_add_up_to_the_gain(result):
    table = result.contributions.set_index("instrument")
    assert table.loc["A"].to_dict() == {
        "trades": 1, "pnl": 196.0, "fees": 4.0, "slippage": 0.0, "contribution": 0.196,
    }  # fmt: skip
    assert table["pnl"].sum() == result.final_equity - 1000.0


def test_instrument_that_never_traded_contributes_nothing():
    bars = {"A": flat_bars(10, 10), "B": flat_bars(10, 10)}
    idle = run_portfolio_backtest(bars, {}, TEN)
    assert idle.contributions["pnl"].tolist() == [0.0, 0.0]
    assert idle.trades.empty
    assert "instrument" in idle.trades
    assert idle.orders.empty
    assert idle.final_equity == 1000.0
    assert idle.trade_count == 0


def test_daily_pnl_and_returns_add_up(result):
    assert result.daily["pnl"].sum() == result.final_equity - 1000.0
    assert result.daily["trades"].tolist() == [0, 0, 0, 1, 0]
    assert (1.0 + result.returns).prod() == pytest.approx(1.392)
    assert result.drawdown.iloc[1] == pytest.approx(-0.005)
    assert result.max_drawdown == result.drawdown.min()


def test_metrics_have_every_name_and_count_contracts_at_their_value():
    assert result_metrics({}).keys() == set(METRIC_NAMES)
    plain, futures = result_metrics({}), result_metrics({"A": {"multiplier": 5.0}})
    assert plain["trade_count"] == 1.0
    # five times the value bought, but on another average equity
    assert 4.0 < futures["turnover_annual"] / plain["turnover_annual"] < 5.5


def result_metrics(own):
    bars = {"A": flat_bars(10, 10, 11, 11), "B": flat_bars(10, 10, 10, 10)}
    orders = {"A": orders_at(4, buy=[0])}
    return run_portfolio_backtest(bars, orders, TEN, instrument_settings=own).metrics


def test_excursions_and_holding_times_are_those_of_the_instruments_own_bars():
    rows = [(10, 10, 10, 10), (10, 15, 8, 12), (12, 13, 11, 12), (12, 12, 12, 12)]
    own = frame(rows).iloc[[0, 1, 3]]
    orders = {"A": orders_at(3, buy=[0])}
    together = run_portfolio_backtest({"A": own, "B": frame(rows)}, orders, TEN).trades
    alone = run_backtest(own, orders["A"], TEN).trades
    pd.testing.assert_frame_equal(together.drop(columns="instrument"), alone)


def test_hash_depends_on_what_makes_the_result_and_on_nothing_else():
    bars = {"A": flat_bars(10, 10, 12), "B": flat_bars(10, 10, 12)}
    orders = {"A": orders_at(3, buy=[0])}

    def hash_of(**others):
        return run_portfolio_backtest(bars, orders, TEN, **others).content_hash

    assert hash_of() == hash_of(priorities={"A": 0.0}) == hash_of(actions={})
    differing = {
        hash_of(), hash_of(priorities={"B": 1.0}),
        hash_of(instrument_settings={"B": {"lot_size": 1.0}}),
    }  # fmt: skip
    assert len(differing) == 3


def test_results_cannot_be_written_to(result):
    for name in ("equity", "cash", "quantity", "trade_rows", "order_rows"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(result, name)[0] = np.nan


def test_portfolio_stands_at_the_top_of_the_package():
    assert trading_pipeline.run_portfolio_backtest is run_portfolio_backtest
    assert trading_pipeline.PortfolioResult is PortfolioResult
