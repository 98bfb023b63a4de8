"""Lines of a strategy in the price chart."""

import json
import re

import numpy as np
import pytest

from trading_pipeline.errors import DataQualityError
from trading_pipeline.reporting.tearsheet.chart_data import chart_data
from trading_pipeline.reporting.tearsheet.indicator_lines import lines_legend, panes_below
from trading_pipeline.reporting.tearsheet.page import render_tearsheet
from trading_pipeline.strategies.chart_lines import ChartLine

RAW = np.array([np.nan, 10.0, 20.0, 30.0, 40.0, 50.0])
LINES = (
    ChartLine("SMA <2>", RAW),
    ChartLine("RSI 2", RAW, pane="RSI", levels=(30, 70)),
    ChartLine("RSI", RAW, pane="RSI", style="histogram"),
    ChartLine("Score", RAW, pane="Score", style="step"),
)


def data_of(report, **changes):
    return chart_data(
        report.bars, report.equity, None, report.trades, initial_equity=1000.0, lines=LINES,
        **changes,
    )  # fmt: skip


def test_prices_follow_the_candles_and_other_panes_keep_their_numbers(make_report):
    import pandas as pd

    report = make_report()
    day = report.bars.index[3].normalize()
    split = pd.DataFrame({"ex_date": [day], "split_factor": [2.0], "dividend_factor": [1.0]})
    price, rsi, bars, score = data_of(report, events=split)["lines"]
    assert price["values"] == [None, 5.0, 10.0, 30.0, 40.0, 50.0]  # as the candles before it
    assert rsi["values"] == [None, 10.0, 20.0, 30.0, 40.0, 50.0]
    assert [each["pane"] for each in (price, rsi, bars, score)] == [0, 1, 1, 2]
    assert [each["style"] for each in (price, rsi, bars, score)] == [
        "line", "line", "histogram", "step",
    ]  # fmt: skip
    assert (price["levels"], rsi["levels"]) == ([], [30.0, 70.0])
    assert len({each["color"] for each in (price, rsi, bars, score)}) == 4


def test_a_point_of_several_bars_shows_the_last_of_them(make_report):
    assert data_of(make_report(), most_points=2)["lines"][1]["values"] == [20.0, 50.0]


def test_the_page_has_room_for_each_pane_and_names_every_line(make_report):
    plain, drawn = render_tearsheet(make_report()), render_tearsheet(make_report(lines=LINES))
    heights = [
        re.search(r'id="price-chart" style="height:(\d+)px', page)[1] for page in (plain, drawn)
    ]
    assert [int(height) for height in heights] == [380, 380 + 2 * 110]
    assert panes_below(LINES) == ["RSI", "Score"]
    for words in ("SMA &lt;2&gt;<", "RSI 2 (RSI)<", ">RSI<", ">Score<"):
        assert words in drawn
        assert words in lines_legend(LINES)
    data = re.search(r'id="chart-data"[^>]*>(.*?)</script>', drawn, re.DOTALL)[1]
    assert len(json.loads(data)["lines"]) == 4
    assert '"lines":[]' in plain.replace(" ", "")


def test_why_no_line_is_drawn_stands_below_the_chart(make_report):
    page = render_tearsheet(make_report(lines_note="Lines are not drawn: <no> bars."))
    assert "Lines are not drawn: &lt;no&gt; bars." in page


def test_a_line_on_other_bars_is_refused(make_report):
    with pytest.raises(DataQualityError, match=r"line 'short' of .* has 2 values for 6 bars"):
        render_tearsheet(make_report(lines=(ChartLine("short", RAW[:2]),)))
