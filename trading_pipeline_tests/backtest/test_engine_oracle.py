"""The comparison of the whole engine with the plain-Python oracle: equal bit for bit."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from trading_pipeline_tests.backtest.oracle.comparison import (
    compare_single,
)
from trading_pipeline_tests.backtest.oracle.markets import (
    actions_of,
    decisions,
    markets,
    whole_settings,
)

#: Multiplies the number of examples of a run by hand.
MORE = int(os.environ.get("ORACLE_EXAMPLES_TIMES", "1"))


def examples(count):
    return settings(
        max_examples=count * MORE, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],  # seeds shrink to nothing simpler
    )  # fmt: skip


def check_one(data, most):
    market = data.draw(markets(most=most))
    chosen = data.draw(whole_settings())
    orders = chosen.sizing.type != "target_weight"
    signals = data.draw(decisions(market, orders=orders))
    compare_single(market.bars, signals, chosen, data.draw(actions_of))


@given(data=st.data())
@examples(600)
def test_engine_equals_the_oracle_on_one_instrument(data):
    check_one(data, most=30)


@pytest.mark.long
@given(data=st.data())
@examples(3000)
def test_engine_equals_the_oracle_on_many_more_markets(data):
    check_one(data, most=60)
