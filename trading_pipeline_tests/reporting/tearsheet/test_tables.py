"""The tables of a tear sheet."""

from __future__ import annotations

import math
import re

import pandas as pd

from trading_pipeline.reporting.tearsheet.tables import (
    MOST_TRADES,
    metrics_table,
    tiles,
    trades_table,
    yearly_table,
)


def cells(text: str) -> list[list[str]]:
    """Texts of the cells of each row of the body."""
    body = text.split("<tbody>")[1]
    return [
        re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr.*?</tr>", body, re.S)
    ]


def test_metrics_stand_in_groups_beside_buy_and_hold():
    text = metrics_table(
        {"sharpe": 0.5, "total_return": -0.1, "win_rate": 0.4},
        {"sharpe": 0.25, "total_return": 0.3},
    )
    assert cells(text) == [
        ["Return"],
        ["Total return", "−10.00 %", "30.00 %"],
        ["Risk"],
        ["Sharpe ratio", "0.500", "0.250"],
        ["Trades"],
        ["Win rate", "40.00 %", "–"],
    ]
    assert '<td class="down">−10.00 %</td>' in text


def test_metrics_unknown_to_both_are_left_out_and_unknown_ones_are_shown():
    rows = cells(metrics_table({"sharpe": math.nan, "my_edge": 2.0}, {"sharpe": None}))
    assert rows == [["Statistics"], ["My edge", "2.000", "–"]]


def test_what_the_second_column_says_is_not_repeated_as_a_row():
    own = {"sharpe": 0.5, "benchmark_sharpe": 0.25, "beta": 0.9}
    assert [row[0] for row in cells(metrics_table(own, {"sharpe": 0.25}))] == [
        "Risk",
        "Sharpe ratio",
        "Versus buy and hold",
        "Beta",
    ]
    assert "Benchmark Sharpe ratio" in metrics_table(own, {})


def test_tiles_name_buy_and_hold_only_where_there_is_one():
    metrics = {"total_return": 0.1, "trade_count": 3.0, "average_bars_held": 4.5}
    assert "Buy and hold 20.00 %" in tiles(metrics, {"total_return": 0.2})
    alone = tiles(metrics, {})
    assert "Buy and hold" not in alone
    assert "Held 4.5 bars on average" in alone


def test_years_are_rows_with_percent():
    frame = pd.DataFrame(
        {
            "strategy": [0.1],
            "benchmark": [math.nan],
            "difference": [math.nan],
            "max_drawdown": [-0.2],
            "trades": [4],
        },
        index=pd.Index([2011], name="year"),
    )
    assert cells(yearly_table(frame)) == [["2011", "10.00 %", "–", "–", "−20.00 %", "4"]]


def test_trades_are_listed_as_traded_and_open_ones_say_so(make_trades):
    text = trades_table(
        make_trades(
            [("long", "2011-12-29", "2012-01-04 15:30", 40.0), ("short", "2012-01-05", None, -15)]
        )
    )
    closed, running = cells(text)
    assert closed[:7] == ["1", "long", "10.5", "2011-12-29", "100.00", "2012-01-04 15:30", "101.25"]
    assert closed[7:] == ["1.50", "40.00", "3.81 %", "3", "2.00 %", "−1.00 %", "stop loss"]
    assert running[5] == "open"
    assert running[8] == "−15.00"


def test_no_trade_is_said_in_words(make_trades):
    assert "There was no trade." in trades_table(make_trades([]))


def test_the_newest_trades_are_listed_where_there_are_too_many(make_trades):
    many = make_trades([("long", "2011-12-29", "2012-01-04", 1.0)] * (MOST_TRADES + 5))
    text = trades_table(many)
    rows = cells(text)
    assert len(rows) == MOST_TRADES
    assert rows[0][0] == "6"
    assert "The last 1,000 of 1,005 trades" in text


def test_headline_metrics_show_their_interval_on_the_tile_and_in_the_table():
    metrics = {"sharpe": 0.52, "sharpe_low": 0.1, "sharpe_high": 0.951, "max_drawdown": -0.2}
    metrics |= {"max_drawdown_low": -0.4213, "max_drawdown_high": -0.15, "win_rate": 0.4}
    rows = cells(metrics_table(metrics, {"sharpe": 0.3}))
    assert ["Sharpe ratio", "0.520", "0.10 to 0.95", "0.300"] in rows
    assert ["Max drawdown", "−20.00 %", "−42.1 % to −15.0 %", "–"] in rows
    assert ["Win rate", "40.00 %", "", "–"] in rows
    assert not any("low" in row[0] for row in rows)
    text = tiles(metrics, {})
    assert '<div class="other">90 %: 0.10 to 0.95</div>' in text
    assert "9 of 10 other histories of the same length" in text


def test_without_an_interval_there_is_no_column_and_no_line_for_one():
    missing = {"sharpe": 0.52, "sharpe_low": None, "sharpe_high": math.nan}
    assert ["Sharpe ratio", "0.520", "–"] in cells(metrics_table(missing, {}))
    assert "90 %:" not in tiles(missing, {})
