"""Equity curves that are small enough for a page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.reporting.leaderboard.curves import MOST_POINTS, small_curve


def equity(values, freq="D"):
    index = pd.date_range("2024-01-01", periods=len(values), freq=freq, tz="UTC").as_unit("us")
    return pd.Series(np.asarray(values, dtype=np.float64), index)


def stamps(curve):
    seconds = curve["first"] + curve["unit"] * np.cumsum(curve["steps"])
    return pd.to_datetime(seconds, unit="s", utc=True)


@pytest.mark.parametrize("bars", [2, 3, 299, 300, 301, 599, 600, 601, 12_345])
@pytest.mark.parametrize("freq", ["D", "B", "min"])
def test_points_are_bars_of_the_curve_with_its_first_and_last(bars, freq):
    values = 1e5 * np.exp(np.cumsum(np.random.default_rng(bars).normal(0, 0.01, bars)))
    given = equity(values, freq)
    curve = small_curve(given)
    assert len(curve["values"]) == len(curve["steps"]) <= MOST_POINTS
    assert len(curve["values"]) >= min(bars, MOST_POINTS // 2)
    times = stamps(curve)
    assert (times[0], times[-1]) == (given.index[0], given.index[-1])
    expected = (given / given.iloc[0] * 100.0).reindex(times.as_unit("us"))
    assert curve["values"] == pytest.approx(expected.to_numpy(), abs=0.005)
    assert curve["values"][0] == 100.0


def test_bars_without_equity_are_left_out_and_their_time_stays():
    curve = small_curve(equity([50.0, np.nan, np.inf, 45.0]))
    assert curve["values"] == [100.0, 90.0]
    assert list(stamps(curve)) == [
        pd.Timestamp("2024-01-01", tz="UTC"),
        pd.Timestamp("2024-01-04", tz="UTC"),
    ]


@pytest.mark.parametrize("values", [[], [1.0], [0.0, 1.0], [-5.0, 5.0], [np.nan, 3.0]])
def test_what_cannot_be_indexed_to_its_start_is_no_curve(values):
    assert small_curve(equity(values)) is None
