"""Returns by year, against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.reporting.tearsheet.yearly_returns import yearly_returns


def curve(values: dict[str, float]) -> pd.Series:
    return pd.Series(list(values.values()), index=pd.DatetimeIndex(list(values), tz="UTC"))


def test_three_years_by_hand(make_trades):
    equity = curve(
        {"2010-03-01": 90.0, "2010-12-31": 120.0, "2011-06-01": 60.0, "2011-12-30": 132.0}
    )
    held = curve(
        {"2010-03-01": 100.0, "2010-12-31": 110.0, "2011-06-01": 121.0, "2011-12-30": 99.0}
    )
    trades = make_trades(
        [
            ("long", "2010-03-01", "2010-12-31", 1.0),
            ("long", "2010-12-31", "2011-06-01", 1.0),
            ("long", "2011-06-01", None, 1.0),
        ]
    )
    table = yearly_returns(equity, initial_equity=100.0, benchmark=held, trades=trades)
    assert table.index.tolist() == [2010, 2011]
    assert table["strategy"].tolist() == pytest.approx([0.2, 0.1])
    assert table["benchmark"].tolist() == pytest.approx([0.1, -0.1])
    assert table["difference"].tolist() == pytest.approx([0.1, 0.2])
    assert table["max_drawdown"].tolist() == pytest.approx([-0.1, -0.5])
    assert table["trades"].tolist() == [1, 1]


def test_without_benchmark_and_trades_their_columns_are_empty():
    table = yearly_returns(curve({"2010-12-31": 120.0}), initial_equity=100.0)
    assert math.isnan(table["benchmark"].iloc[0])
    assert math.isnan(table["difference"].iloc[0])
    assert table["trades"].tolist() == [0]


def test_year_after_ruin_is_not_a_number():
    table = yearly_returns(curve({"2010-12-31": 0.0, "2011-12-30": 5.0}), initial_equity=100.0)
    assert table["strategy"].iloc[0] == -1.0
    assert math.isnan(table["strategy"].iloc[1])


@given(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=60))
def test_years_multiply_up_to_the_whole(values):
    index = pd.date_range("2001-11-15", periods=len(values), freq="29D", tz="UTC")
    table = yearly_returns(pd.Series(values, index=index), initial_equity=50.0)
    assert np.prod(1.0 + table["strategy"]) == pytest.approx(values[-1] / 50.0, rel=1e-9)
    assert (table["max_drawdown"] <= 0.0).all()
