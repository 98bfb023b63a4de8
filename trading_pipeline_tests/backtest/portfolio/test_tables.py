"""The prices of several instruments side by side, and how long they are kept."""

import gc
import weakref

import numpy as np
import pytest

from trading_pipeline.backtest.portfolio import tables as portfolio_tables
from trading_pipeline.backtest.portfolio.tables import price_tables
from trading_pipeline.backtest.validated_bars import validate_bars
from trading_pipeline.errors import ConfigurationError
from trading_pipeline_tests.backtest.random_markets import frame


def checked(prices):
    return validate_bars(frame([(price, price + 1.0, price - 1.0, price) for price in prices]))


def test_tables_stand_side_by_side_with_gaps_where_a_bar_is_missing():
    first = checked([10.0, 11.0, 12.0])
    second = validate_bars(first.frame.iloc[[0, 2]] * 2.0)
    tables = price_tables({"A": first, "B": second})
    assert not tables.complete
    np.testing.assert_array_equal(tables.open, [[10.0, 20.0], [11.0, np.nan], [12.0, 24.0]])
    np.testing.assert_array_equal(tables.of("high")[:, 0], [11.0, 12.0, 13.0])
    whole = price_tables({"A": first, "C": first})
    assert whole.complete
    np.testing.assert_array_equal(whole.close, whole.close_by_instrument.T)


def test_the_same_bars_give_the_same_tables_again():
    first, second = checked([10.0, 11.0]), checked([20.0, 21.0])
    tables = price_tables({"A": first, "B": second})
    assert price_tables({"A": first, "B": second}) is tables
    assert price_tables({"B": second, "A": first}) is not tables
    assert price_tables({"A": first, "C": second}) is not tables
    assert price_tables({"A": checked([10.0, 11.0]), "B": second}) is not tables
    with pytest.raises(ValueError, match="read-only"):
        tables.open[0, 0] = 1.0


def test_tables_are_let_go_with_the_first_of_their_bars():
    first, second = checked([10.0, 11.0]), checked([20.0, 21.0])
    gone = weakref.ref(price_tables({"A": first, "B": second}))
    gc.collect()
    assert gone() is not None
    del second
    gc.collect()
    assert gone() is None


def test_only_the_last_few_sets_are_kept():
    each = [checked([float(price), 30.0]) for price in range(10, 18)]
    gone = weakref.ref(price_tables({"A": each[0]}))
    for bars in each:
        price_tables({"B": bars})
    assert gone() is None
    assert len(portfolio_tables._kept) <= 4


def test_instruments_of_two_timeframes_are_refused_each_time():
    bars = checked([10.0, 11.0])
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="one timeframe"):
            price_tables({"A_1d": bars, "B_1h": bars})
