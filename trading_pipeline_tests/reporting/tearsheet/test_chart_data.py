"""The data behind the charts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.corporate_actions import CorporateAction
from trading_pipeline.market_data.adjustments import adjustment_events
from trading_pipeline.reporting.tearsheet.chart_data import chart_data


def build(report, **changes):
    arguments = {
        "initial_equity": report.initial_equity,
        "events": report.events,
        **changes,
    }
    return chart_data(
        report.bars, report.equity, report.benchmark_equity, report.trades, **arguments
    )


def test_one_point_a_bar_while_there_is_room(make_report):
    report = make_report()
    data = build(report)
    assert data["bars_a_point"] == 1
    assert data["time"][0] == 1325030400  # 2011-12-28
    assert data["close"] == [100, 102, 101, 103, 104, 102.5]
    assert data["equity"] == report.equity.tolist()
    assert data["drawdown"] == pytest.approx(
        [0, 0, 1010 / 1020 - 1, 0, 0, 1025 / 1040 - 1], rel=1e-5
    )
    assert data["benchmarkDrawdown"][-1] == 0
    assert data["intraday"] is False


def test_drawdown_counts_from_the_initial_equity(make_report):
    report = make_report(initial_equity=1250.0)
    assert build(report)["drawdown"][0] == pytest.approx(-0.2)


def test_markers_say_point_direction_and_role(make_report):
    # a long opened at the second bar and closed at the fifth, a short opened at the sixth
    assert build(make_report())["markers"] == [[1, 1, 1], [4, -1, 0], [5, -1, 1]]


def test_equal_markers_of_a_point_are_one(make_report, make_trades):
    trades = make_trades([("long", "2011-12-29", "2011-12-30", 1.0)] * 3)
    assert build(make_report(trades=trades))["markers"] == [[1, 1, 1], [2, -1, 0]]


def test_long_series_are_joined_without_losing_extremes(make_report):
    report = make_report()
    data = build(report, most_points=2)
    assert data["bars_a_point"] == 3
    assert data["open"] == [99.5, 102.5]
    assert data["high"] == [103, 105]
    assert data["low"] == [99, 101.5]
    assert data["close"] == [101, 102.5]
    assert data["equity"] == [1010, 1025]
    assert data["drawdown"] == pytest.approx([1010 / 1020 - 1, 1025 / 1040 - 1], rel=1e-5)
    assert data["markers"] == [[0, 1, 1], [1, -1, 0], [1, -1, 1]]


def test_uneven_groups_keep_the_last_bar(make_report):
    data = build(make_report(), most_points=4)
    assert data["bars_a_point"] == 2
    assert len(data["time"]) == 3
    assert build(make_report(), most_points=5)["close"][-1] == 102.5


def test_split_is_no_cliff_in_the_candles(make_report):
    report = make_report()
    bars = report.bars.copy()
    bars.iloc[3:, :4] /= 2.0
    split = CorporateAction(
        instrument="AAPL_1d",
        ex_date=bars.index[3].date(),
        kind="split",
        value=2.0,
        source="test",
        seen_at=pd.Timestamp("2012-01-03", tz="UTC").to_pydatetime(),
    )
    data = build(make_report(bars=bars, events=adjustment_events([split], bars)))
    assert data["close"] == [50, 51, 50.5, 51.5, 52, 51.25]


def test_values_that_json_lacks_become_none(make_report):
    report = make_report()
    equity = report.equity.copy()
    equity.iloc[4:] = np.nan
    data = build(make_report(equity=equity))
    assert data["equity"][4:] == [None, None]
    json.dumps(data, allow_nan=False)


def test_intraday_is_seen_and_log_scale_is_for_large_growth(make_report):
    report = make_report()
    shifted = (report.bars.index + pd.Timedelta(minutes=30)).as_unit("us").rename("ts")
    hourly = make_report(
        bars=report.bars.set_axis(shifted),
        equity=report.equity.set_axis(shifted),
        benchmark_equity=None,
    )
    data = build(hourly)
    assert data["intraday"] is True
    assert data["benchmark"] is None
    assert data["logScale"] is False
    grown = report.equity * np.array([1, 1, 1, 1, 1, 8.0])
    assert build(make_report(equity=grown))["logScale"] is True
    assert build(make_report(equity=grown - 1010.0))["logScale"] is False


def test_no_trades_give_no_markers(make_report, make_trades):
    assert build(make_report(trades=make_trades([])))["markers"] == []


def test_stamps_as_a_database_gives_them_are_placed_alike(make_report):
    report = make_report()
    plain = report.trades.astype({"entry_ts": object, "exit_ts": object})
    plain.loc[1, "exit_ts"] = None
    plain["entry_ts"] = [stamp.tz_convert("America/New_York") for stamp in plain["entry_ts"]]
    assert build(make_report(trades=plain))["markers"] == build(report)["markers"]


def test_trades_that_are_all_open_have_entries_only(make_report, make_trades):
    trades = make_trades([("short", "2011-12-29", None, 1.0)])
    assert build(make_report(trades=trades))["markers"] == [[1, -1, 1]]
