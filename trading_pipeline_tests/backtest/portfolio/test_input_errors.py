"""The input that a portfolio refuses: names, stamps, weights, settings, actions."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest import (
    BacktestSettings,
    Price,
    Rebalancing,
    TargetWeights,
    run_portfolio_backtest,
)
from trading_pipeline.backtest.portfolio.settings import ACCOUNT_WIDE, instrument_settings_of
from trading_pipeline.errors import (
    ConfigurationError,
    DataQualityError,
    InsufficientDataError,
    StrategyError,
    UnknownNameError,
)
from trading_pipeline_tests.backtest.random_markets import action, flat_bars, orders_at

BARS = {"AAPL_1d": flat_bars(10, 10, 10), "MSFT_1d": flat_bars(10, 10, 10)}
DAYS = BARS["AAPL_1d"].index


def weights(rows, index=DAYS):
    return TargetWeights(pd.DataFrame(rows, index=index[: len(rows)]))


def test_no_instrument_at_all():
    with pytest.raises(InsufficientDataError, match="no instruments"):
        run_portfolio_backtest({}, {})


def test_empty_and_bad_bars_name_the_instrument_and_the_bar():
    with pytest.raises(InsufficientDataError, match=r"^MSFT_1d: There are no bars") as caught:
        run_portfolio_backtest(BARS | {"MSFT_1d": flat_bars()}, {})
    assert caught.value.instrument == "MSFT_1d"
    bad = flat_bars(10, 10, 10)
    bad.loc[DAYS[1], "low"] = -1.0
    with pytest.raises(DataQualityError, match=r"^AAPL_1d: Bar 1 \(2024-01-02.*-1.0") as caught:
        run_portfolio_backtest({"AAPL_1d": bad}, {})
    assert (caught.value.instrument, caught.value.row) == ("AAPL_1d", 1)


@pytest.mark.parametrize(
    "where", ["orders", "weights", "instrument_settings", "actions", "priorities"]
)
def test_unknown_instrument_is_named_with_the_closest_known_one(where):
    orders, others = {}, {}
    if where == "orders":
        orders = {"AAPL_1D": orders_at(3)}
    elif where == "weights":
        orders = weights([{"AAPL_1D": 0.5}])
    else:
        others = {where: {"AAPL_1D": {"priorities": 1.0, "actions": []}.get(where, {})}}
    with pytest.raises(UnknownNameError, match=f"'{where}'.*Did you mean 'AAPL_1d'") as caught:
        run_portfolio_backtest(BARS, orders, **others)
    assert caught.value.instrument == "AAPL_1D"


def test_signals_have_one_row_for_each_of_the_instruments_own_bars():
    with pytest.raises(StrategyError, match=r"^AAPL_1d: The signals have 4 rows and the bars 3"):
        run_portfolio_backtest(BARS, {"AAPL_1d": orders_at(4)})


def test_level_on_the_wrong_side_names_the_instrument():
    orders = {"MSFT_1d": orders_at(3, buy=[1], stop_loss=Price(11.0))}
    with pytest.raises(StrategyError, match=r"^MSFT_1d: Bar 1 .*must lie below"):
        run_portfolio_backtest(BARS, orders)


def test_orders_are_signals_by_instrument_or_target_weights():
    with pytest.raises(ConfigurationError, match="orders are a Signals"):
        run_portfolio_backtest(BARS, orders_at(3))


def test_rebalancing_needs_weights():
    with pytest.raises(ConfigurationError, match="restores target weights"):
        run_portfolio_backtest(BARS, {}, rebalancing=Rebalancing(calendar="day"))


def test_weights_at_a_stamp_that_is_no_bar_name_the_bar_before():
    late = pd.DatetimeIndex([DAYS[1] + pd.Timedelta(hours=5)])
    with pytest.raises(
        StrategyError, match=r"no bar of any instrument; .* is 2024-01-02"
    ) as caught:
        run_portfolio_backtest(BARS, weights([{"AAPL_1d": 0.5}], late))
    assert (caught.value.row, caught.value.ts) == (0, late[0])
    early = pd.DatetimeIndex([DAYS[0] - pd.Timedelta(days=5)])
    with pytest.raises(StrategyError, match="all are later"):
        run_portfolio_backtest(BARS, weights([{"AAPL_1d": 0.5}], early))


def test_weights_may_add_up_to_the_leverage_and_not_beyond_it():
    rows = [{"AAPL_1d": 0.7, "MSFT_1d": -0.3}, {"AAPL_1d": np.nan, "MSFT_1d": 0.5}]
    with pytest.raises(
        StrategyError, match=r"2024-01-02.*add up to 1\.2 .*leverage is 1"
    ) as caught:
        run_portfolio_backtest(BARS, weights(rows))
    assert (caught.value.row, caught.value.value) == (1, pytest.approx(1.2))
    fitting = BacktestSettings(leverage=1.2)
    assert run_portfolio_backtest(BARS, weights(rows), fitting).trade_count == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [("initial_cash", 5.0), ("fill", "same_close"), ("leverage", 2.0), ("maintenance_margin", 0.2),
     ("daily_profit_target", 9.0), ("daily_loss_limit", 9.0), ("cash_rate", 0.1)],
)  # fmt: skip
def test_what_belongs_to_the_account_is_refused_for_an_instrument(field, value):
    assert field in ACCOUNT_WIDE
    for own in ({field: value}, BacktestSettings(**{field: value})):
        with pytest.raises(ConfigurationError, match=f"AAPL_1d have {field}=") as caught:
            run_portfolio_backtest(BARS, {}, instrument_settings={"AAPL_1d": own})
        assert (caught.value.field, caught.value.value) == (field, value)


def test_account_wide_fields_are_settings_and_equal_values_are_no_contradiction():
    assert set(ACCOUNT_WIDE) < set(BacktestSettings.model_fields)
    account = BacktestSettings(initial_cash=5.0)
    own = instrument_settings_of(["A", "B"], account, {"A": {"initial_cash": 5.0, "lot_size": 2.0}})
    assert own["A"].lot_size == 2.0
    assert own["B"] is account


def test_wrong_field_or_value_of_an_instrument_is_explained():
    with pytest.raises(ConfigurationError, match=r"AAPL_1d: .*Did you mean 'lot_size'"):
        run_portfolio_backtest(BARS, {}, instrument_settings={"AAPL_1d": {"lotsize": 1.0}})
    with pytest.raises(ConfigurationError, match=r"AAPL_1d: 'tick_size'.*-1"):
        run_portfolio_backtest(BARS, {}, instrument_settings={"AAPL_1d": {"tick_size": -1.0}})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_priority_is_a_finite_number(value):
    with pytest.raises(ConfigurationError, match="priority of AAPL_1d"):
        run_portfolio_backtest(BARS, {}, priorities={"AAPL_1d": value})


def test_action_of_another_instrument_is_refused():
    wrong = replace(action(1, "split", 2.0), instrument="MSFT_1d")
    with pytest.raises(ConfigurationError, match="given for AAPL_1d hold one of MSFT_1d"):
        run_portfolio_backtest(BARS, {}, actions={"AAPL_1d": [wrong]})
