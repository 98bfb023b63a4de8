"""The oracle's comparison on several instruments that share the cash: equal bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.backtest import BacktestSettings, Signals
from trading_pipeline_tests.backtest.oracle.comparison import (
    compare_account,
    days_of,
    desk_of,
    years_of,
)
from trading_pipeline_tests.backtest.oracle.markets import (
    account_settings,
    actions_of,
    decisions,
    instrument_settings,
    shared_markets,
    target_weights,
)
from trading_pipeline_tests.backtest.test_engine_oracle import examples


def shared_desks(data, shared, draw_signals):
    """One desk an instrument, each with settings of its own on one account."""
    account, desks = data.draw(account_settings), []
    for number, (market, present) in enumerate(zip(shared.markets, shared.present, strict=True)):
        chosen = BacktestSettings(**account, **data.draw(instrument_settings))
        signals = draw_signals(market, chosen)
        actions = data.draw(actions_of)
        desks.append(desk_of(number, market.bars, signals, chosen, actions, present))
    return desks


def check_orders(data, most=24):
    def signals_of(market, chosen):
        return data.draw(decisions(market, orders=chosen.sizing.type != "target_weight"))

    shared = data.draw(shared_markets(most=most))
    desks = shared_desks(data, shared, signals_of)
    compare_account(desks, days_of(shared.index, desks[0].settings), years_of(shared.index))


def check_weights(data, most=24):
    def no_signals(market, chosen):
        never = np.zeros(len(market.bars), dtype=bool)
        return Signals.long_only(never, never)

    shared = data.draw(shared_markets(most=most))
    desks = shared_desks(data, shared, no_signals)
    weights, rebalance, threshold = data.draw(target_weights(len(shared.index), len(desks)))
    compare_account(
        desks,
        days_of(shared.index, desks[0].settings),
        years_of(shared.index),
        weights,
        rebalance,
        threshold,
    )


@given(data=st.data())
@examples(150)
def test_account_equals_the_oracle_on_signal_orders_by_priority(data):
    check_orders(data)


@given(data=st.data())
@examples(150)
def test_account_equals_the_oracle_on_target_weights(data):
    check_weights(data)


@pytest.mark.long
@given(data=st.data())
@examples(800)
def test_account_equals_the_oracle_on_many_more_markets(data):
    check_orders(data)
    check_weights(data)
