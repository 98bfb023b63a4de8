"""The page of a portfolio, and the picture of its weights."""

import json
import re
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.backtest.portfolio.frames import contribution_frame
from trading_pipeline.errors import DataQualityError
from trading_pipeline.reporting.portfolio.page import PortfolioReport, render_portfolio
from trading_pipeline.reporting.portfolio.price_charts import (
    MOST_PRICE_CHARTS,
    PriceChart,
    charted_instruments,
    price_card,
)
from trading_pipeline.reporting.portfolio.weights_picture import weights_legend, weights_picture
from trading_pipeline.reporting.tearsheet.parts import ShownResult
from trading_pipeline.strategies.chart_lines import ChartLine


@pytest.fixture
def portfolio(make_report):
    """The small report of the tear sheet as a portfolio of two; keywords replace its fields."""

    def build(**changes):
        sheet = make_report()
        shown = {each.name: getattr(sheet, each.name) for each in fields(ShownResult)}
        names = ["A<b>_1d", "B_1d"]
        trades = sheet.trades.assign(instrument=names)
        weights = pd.DataFrame(0.5, index=sheet.equity.index, columns=names)
        own = {
            "trades": trades,
            "instruments": dict.fromkeys(names, "symbol"),
            "weights": weights,
            "contributions": contribution_frame(names, trades, 1000.0),
        }
        return PortfolioReport(**{**shown, **own, **changes})

    return build


def polygons(picture):
    """Edge points of each band by its name."""
    found = re.findall(r'points="([^"]+)"><title>([^<]+)</title>', picture)
    return {
        name: np.array([[float(v) for v in point.split(",")] for point in points.split()])
        for points, name in found
    }


def test_the_page_has_all_parts_and_loads_nothing(portfolio):
    page = render_portfolio(portfolio())
    for text in (
        "Weights",
        "Contributions",
        "Returns by year",
        "Equal weights, held",
        "Provenance",
    ):
        assert text in page
    assert "price-chart" not in page.split("</main>")[0]
    assert page == render_portfolio(portfolio())
    assert not re.findall(r'(?:src|href)="(?!https://www\.tradingview)', page.split("</main>")[0])


def test_names_are_escaped(portfolio):
    page = render_portfolio(portfolio())
    assert "A<b>_1d" not in page
    assert "A&lt;b&gt;_1d" in page


def test_one_chart_shows_the_chosen_instrument_on_the_clock_of_the_account(portfolio, make_report):
    bars = make_report().bars
    values = np.array([np.nan, 1.0, 2.0, 3.0, 4.0, 5.0])
    late = bars.iloc[[1, 2, 4]]  # no bar at the other stamps
    charts = {
        "A<b>_1d": PriceChart(bars=bars, lines=(ChartLine("RSI", values, pane="RSI"),)),
        "B_1d": PriceChart(bars=late, lines=(ChartLine("RSI", values[:3], pane="RSI"),)),
    }
    page = render_portfolio(portfolio(charts=charts))
    choices = re.findall(r"<option>(.*?)</option>", page)
    assert choices == ["A&lt;b&gt;_1d", "B_1d"]
    assert "RSI</span>" in page.split("</main>")[0]
    text = page.split('id="chart-data">')[1].split("</script>")[0]
    data = json.loads(text)
    first, second = (data["instruments"][name] for name in charts)
    assert first["close"] == bars["close"].tolist()
    assert second["close"] == [None, 102, 101, None, 104, None]
    assert second["lines"][0]["values"] == [None, None, 1.0, 1.0, 2.0, 2.0]  # stays between bars
    assert first["markers"] == [[1, 1, 1], [4, -1, 0]]  # its own trades alone
    assert second["markers"] == [[5, -1, 1]]
    assert "have a chart" not in page


def test_the_instruments_that_moved_the_account_most_have_a_chart():
    names = [f"S{number:02}" for number in range(20)]
    moved = pd.DataFrame({"instrument": names, "pnl": [(-1.0) ** n * n for n in range(20)]})
    chosen = charted_instruments(moved)
    assert chosen == names[20 - MOST_PRICE_CHARTS :]
    bars = pd.DataFrame()
    card = price_card({name: PriceChart(bars=bars) for name in chosen}, len(names))
    assert "The 12 of 20 instruments that gained or lost most have a chart." in card
    assert price_card({}, 20) == ""


def test_contributions_are_listed_by_instrument_and_summed(portfolio):
    page = render_portfolio(portfolio())
    table = page.split("<h2>Contributions</h2>")[1].split("</table>")[0]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table)
    assert cells[::6] == ["A&lt;b&gt;_1d", "B_1d", "All"]
    assert cells[5::6] == ["4.00 %", "−1.50 %", "2.50 %"]


def test_trades_say_their_instrument(portfolio):
    trades = render_portfolio(portfolio()).split("<h2>Trades</h2>")[1].split("</table>")[0]
    assert '<th class="text" scope="col">Instrument</th>' in trades
    assert "B_1d" in trades


def test_weights_on_other_stamps_are_refused(portfolio):
    with pytest.raises(DataQualityError, match=r"weights .* have 5 rows on other stamps"):
        render_portfolio(portfolio(weights=portfolio().weights.iloc[1:]))


def days(count):
    return pd.date_range("2024-01-01", periods=count, tz="UTC", name="ts")


def test_bands_are_stacked_in_order_of_size_and_leave_cash():
    weights = pd.DataFrame({"A": 0.2, "B": 0.5}, index=days(3))
    found = polygons(weights_picture(weights))
    assert list(found) == ["B", "A"]
    assert set(found["B"][:, 1]) == {500.0, 1000.0}
    assert set(found["A"][:, 1]) == {300.0, 500.0}
    assert weights_legend(weights).index(">B<") < weights_legend(weights).index(">A<")


def test_shorts_are_stacked_below_zero():
    weights = pd.DataFrame({"A": 1.0, "B": -0.5, "C": -0.5}, index=days(2))
    found = polygons(weights_picture(weights))
    assert set(found["A"][:, 1]) == {0.0, 500.0}
    assert set(found["B"][:, 1]) == {500.0, 750.0}
    assert set(found["C"][:, 1]) == {750.0, 1000.0}


def test_many_instruments_share_a_band_and_long_series_keep_their_ends():
    weights = pd.DataFrame(1.0 / 30.0, index=days(2_001), columns=[f"S{i}" for i in range(30)])
    found = polygons(weights_picture(weights))
    assert len(found) == 10
    assert list(found)[-1] == "all others"
    edge = found["all others"]
    assert len(edge) < 2 * 520
    assert edge[:, 1].min() == pytest.approx(0.0, abs=0.1)
    assert "2029-06-23" in weights_picture(weights)


def test_undefined_weights_after_a_ruin_count_as_nothing():
    weights = pd.DataFrame({"A": [1.0, np.nan]}, index=days(2))
    assert "nan" not in weights_picture(weights)
