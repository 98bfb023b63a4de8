"""The table of drawdowns."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.errors import DataQualityError
from trading_pipeline.performance import summarize
from trading_pipeline.performance.drawdown_table import DRAWDOWN_COLUMNS, drawdown_table


def day(number):
    return pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=number)


def test_two_drawdowns_by_hand_the_deepest_first(make_curve):
    #                  0     1     2     3     4      5     6     7
    equity = make_curve([100, 90, 100, 120, 60.0, 80.0, 60.0, 120])
    table = drawdown_table(equity)
    assert tuple(table.columns) == DRAWDOWN_COLUMNS
    deepest, other = table.to_dict("records")
    assert deepest == {
        "peak_ts": day(3),
        "start_ts": day(4),
        "trough_ts": day(4),  # the first of two equal lows
        "recovery_ts": day(7),
        "depth": -0.5,
        "length_bars": 3,
        "bars_to_trough": 1,
        "bars_to_recovery": 3.0,
    }
    assert other["depth"] == pytest.approx(-0.1)
    assert (other["peak_ts"], other["recovery_ts"]) == (day(0), day(2))
    assert (other["length_bars"], other["bars_to_recovery"]) == (1, 1.0)


def test_a_drawdown_without_recovery_stays_open(make_curve):
    table = drawdown_table(make_curve([100, 110, 99, 88, 99]))
    row = table.iloc[0]
    assert pd.isna(row["recovery_ts"])
    assert np.isnan(row["bars_to_recovery"])
    assert row["trough_ts"] == day(3)
    assert (row["length_bars"], row["bars_to_trough"]) == (3, 2)
    assert row["depth"] == pytest.approx(-0.2)


def test_a_fall_from_the_initial_cash_has_no_peak_bar(make_curve):
    row = drawdown_table(make_curve([90, 100]), initial_equity=100.0).iloc[0]
    assert pd.isna(row["peak_ts"])
    assert (row["start_ts"], row["trough_ts"], row["recovery_ts"]) == (day(0), day(0), day(1))
    assert row["depth"] == pytest.approx(-0.1)


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0, 2.0]])
def test_a_curve_that_never_falls_gives_no_row_but_the_columns(values, make_curve):
    table = drawdown_table(make_curve(values))
    assert table.empty
    assert tuple(table.columns) == DRAWDOWN_COLUMNS
    assert str(table["start_ts"].dtype) == "datetime64[us, UTC]"


def test_top_keeps_the_deepest(make_curve):
    equity = make_curve([100, 95, 100, 80, 100, 90, 100])
    assert drawdown_table(equity, top=2)["depth"].tolist() == pytest.approx([-0.2, -0.1])


@given(st.lists(st.floats(0.7, 1.4), min_size=1, max_size=80))
def test_rows_agree_with_the_summary_and_cover_every_bar_below_a_peak(steps):
    index = pd.date_range("2024-01-01", periods=len(steps), tz="UTC").as_unit("us")
    equity = pd.Series(np.cumprod(steps), index=index)
    table = drawdown_table(equity, initial_equity=1.0)
    metrics = summarize(equity.to_numpy(), periods_per_year=252, initial_equity=1.0)
    peaks = np.maximum.accumulate(np.concatenate(([1.0], equity.to_numpy())))[1:]
    assert table["length_bars"].sum() == (equity.to_numpy() < peaks).sum()
    assert (table["depth"].min() if len(table) else 0.0) == metrics["max_drawdown"]
    longest = table["length_bars"].max() if len(table) else 0
    assert longest == metrics["longest_drawdown_bars"]
    assert table["recovery_ts"].isna().sum() <= 1
    assert (table["start_ts"] <= table["trough_ts"]).all()


def test_naive_stamps_are_refused():
    with pytest.raises(DataQualityError, match="time zone"):
        drawdown_table(pd.Series([1.0, 2.0], index=pd.date_range("2024-01-01", periods=2)))


def test_deepest_of_the_sp500_is_the_crisis_of_2008(index_close):
    from arch.data import sp500

    stamps = pd.DatetimeIndex(sp500.load().index).tz_localize("UTC")
    row = drawdown_table(pd.Series(index_close, index=stamps), top=1).iloc[0]
    assert row["depth"] == pytest.approx(-0.5677538775030555, rel=1e-12)
    assert row["peak_ts"].strftime("%Y-%m-%d") == "2007-10-09"
    assert row["trough_ts"].strftime("%Y-%m-%d") == "2009-03-09"
    assert row["recovery_ts"].strftime("%Y-%m-%d") == "2013-03-28"
