"""The tear sheet as a whole page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pandas as pd
import pytest

from trading_pipeline.domain.bars import empty_bars
from trading_pipeline.domain.instrument import Instrument
from trading_pipeline.domain.timeframe import Timeframe
from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.market_data.sources.protocol import BarRequest
from trading_pipeline.market_data.sources.synthetic.source import SyntheticSource
from trading_pipeline.reporting.page.layout import static_text
from trading_pipeline.reporting.tearsheet.page import render_tearsheet


class Page(HTMLParser):
    """Everything that could make a browser ask for something, and whether tags are balanced."""

    void = frozenset({"meta", "link", "img", "input", "br", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.requests: list[tuple[str, str]] = []
        self.open_tags: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in self.void:
            self.open_tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            loads = name in ("src", "srcset", "data", "action", "background", "poster")
            if loads or (name == "href" and tag != "a"):
                self.requests.append((tag, value))

    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag


def test_page_asks_for_nothing_and_its_tags_are_balanced(make_report):
    page = Page(render_tearsheet(make_report()))
    assert page.requests == []
    assert page.open_tags == []
    assert len(set(page.ids)) == len(page.ids)


def test_every_element_that_the_script_asks_for_is_there(make_report):
    text = render_tearsheet(make_report())
    own_scripts = text.split("<script>")[1:]
    wanted = set(re.findall(r'getElementById\("([\w-]+)"\)', " ".join(own_scripts)))
    wanted |= set(re.findall(r' chart\("([\w-]+)"\)', own_scripts[-1]))
    assert {"price-chart", "equity-chart", "drawdown-chart", "chart-data", "log", "theme"} <= wanted
    assert wanted - {"instrument"} <= set(Page(text).ids)  # the choice on a portfolio's page


def test_equal_input_gives_equal_bytes(make_report):
    assert render_tearsheet(make_report()) == render_tearsheet(make_report())


def test_head_says_what_the_result_is_and_what_it_was_made_of(make_report):
    text = render_tearsheet(make_report(trials=1234))
    for words in (
        "<h1>sma_crossover on AAPL_1d</h1>",
        "2011-12-28 to 2012-01-05 · 6 bars · USD",
        "<dt>Result</dt><dd><code>3fa9c1d27be4aa00</code>",
        "<dt>Bars</dt><dd><code>abababababab</code>",
        "<dt>Features</dt><dd><code>–</code>",
        "<dt>Run</dt><dd><code>run-17</code>",
        "<dt>Source of bars</dt><dd><code>bundled</code>",
        "<dt>Created at (UTC)</dt><dd><code>2026-01-02 03:04</code>",
        "<dt>fast</dt><dd>10</dd><dt>slow</dt><dd>30</dd>",
        "<dt>Trials so far</dt><dd>1,234</dd>",
    ):
        assert words in text


def test_warnings_stand_before_the_numbers(make_report):
    text = render_tearsheet(make_report(warnings=["Look-ahead: <same_close>."]))
    assert text.index("Look-ahead: &lt;same_close&gt;.") < text.index('class="tiles"')
    assert "Only 2 trades" in text
    assert "A position is still open" in text


def test_result_without_warnings_has_no_box(make_report):
    text = render_tearsheet(make_report(metrics={"sharpe": 1.0, "trade_count": 50.0}))
    assert '<section class="warnings"' not in text


def test_metrics_years_and_trades_are_on_the_page(make_report):
    text = render_tearsheet(make_report())
    assert "2.50 %" in text  # 1025 of 1000
    assert '<td class="text">2011</td><td class="up">1.00 %</td>' in text
    assert "Buy and hold 5.00 %" in text
    assert "stop loss" in text
    for head in ("Returns by month", "Worst drawdowns"):
        assert f"<h2>{head}</h2>" in text


def test_chart_data_is_that_of_the_result(make_report):
    text = render_tearsheet(make_report())
    found = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', text)
    data = json.loads(found.group(1))
    assert data["equity"] == [1000, 1020, 1010, 1030, 1040, 1025]
    assert len(data["markers"]) == 3


def test_without_benchmark_the_page_does_not_speak_of_its_curve(make_report):
    text = render_tearsheet(make_report(benchmark_equity=None, benchmark_metrics={}))
    assert '<span class="benchmark">' not in text


def test_texts_of_people_are_escaped(make_report):
    text = render_tearsheet(
        make_report(
            scenario="</title><img src=x>", parameters={"<i>": "</dd><script>"}, run_id="<u>"
        )
    )
    assert Page(text).requests == []
    assert "<img" not in text


def test_nested_parameters_are_readable(make_report):
    text = render_tearsheet(make_report(parameters={"rule": {"b": 1, "a": [2]}, "none": None}))
    assert "{&quot;a&quot;: [2], &quot;b&quot;: 1}" in text
    assert "<dt>none</dt><dd>–</dd>" in text


def test_no_bars_are_refused_with_the_results_id(make_report):
    with pytest.raises(InsufficientDataError, match=r"3fa9c1d27be4aa00 .* has no bars"):
        render_tearsheet(make_report(bars=empty_bars()))


@pytest.mark.parametrize("name", ["equity", "benchmark_equity"])
def test_curve_on_other_stamps_is_refused(make_report, name):
    report = make_report()
    with pytest.raises(DataQualityError, match="5 values on other stamps than the 6 bars"):
        render_tearsheet(replace(report, **{name: report.equity.iloc[1:]}))


def test_trades_that_lack_a_column_are_refused(make_report):
    report = make_report()
    with pytest.raises(DataQualityError, match="lack the column"):
        render_tearsheet(replace(report, trades=report.trades.drop(columns=["mfe"])))


def test_a_hundred_thousand_bars_and_many_trades_stay_under_the_size(make_report, make_trades):
    instrument = Instrument(
        symbol="SYN", timeframe=Timeframe.M15, source="synthetic", calendar="24/7"
    )
    start = pd.Timestamp("2010-01-01", tz="UTC")
    request = BarRequest(instrument=instrument, start=start, end=start + pd.Timedelta(days=1042))
    bars = SyntheticSource().fetch_bars(request).frame
    assert len(bars) > 100_000
    equity = 1000.0 * bars["close"] / bars["close"].iloc[0]
    stamps = bars.index[:: len(bars) // 6_000].strftime("%Y-%m-%d %H:%M").tolist()
    trades = make_trades([("long", a, b, 1.0) for a, b in pairwise(stamps)])
    text = render_tearsheet(
        make_report(bars=bars, equity=equity, benchmark_equity=equity, trades=trades)
    )
    assert len(text.encode()) < 1_500_000
    assert "Each candle joins 26 bars" in text or "Each candle joins 27 bars" in text


def test_labels_of_an_axis_are_whole_or_left_out():
    from litecharts import getLwcScript

    assert "entireTextOnly" in getLwcScript()  # the library knows the option by this name
    assert "entireTextOnly: true" in static_text("tearsheet/static/tearsheet.js")
