"""Prices and trades of a portfolio's instruments: one chart, in which the reader chooses one."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from trading_pipeline.reporting.page.layout import card
from trading_pipeline.reporting.tearsheet.chart_data import price_data
from trading_pipeline.reporting.tearsheet.indicator_lines import (
    PANE_HEIGHT,
    lines_legend,
    panes_below,
)
from trading_pipeline.reporting.tearsheet.parts import MARKS, chart_box
from trading_pipeline.strategies.chart_lines import ChartLine

__all__ = ["MOST_PRICE_CHARTS", "PriceChart", "charted_instruments", "price_card", "price_charts"]

MOST_PRICE_CHARTS = 12
"""Instruments whose prices are on a page; each adds up to 300 kB."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PriceChart:
    """What is drawn of one instrument, as in `TearsheetInput`; `bars` are its own, as traded."""

    bars: pd.DataFrame
    events: pd.DataFrame | None = None
    lines: tuple[ChartLine, ...] = ()
    lines_note: str = ""


def charted_instruments(contributions: pd.DataFrame) -> list[str]:
    """The instruments that gained or lost most, at most `MOST_PRICE_CHARTS`, sorted by name.

    `contributions`: columns instrument and pnl, see `PortfolioReport`.
    """
    size = contributions.set_index("instrument")["pnl"].abs()
    most = size.sort_values(ascending=False, kind="stable").index[:MOST_PRICE_CHARTS]
    return sorted(map(str, most))


def price_charts(
    charts: Mapping[str, PriceChart], clock: pd.DatetimeIndex, trades: pd.DataFrame
) -> dict[str, object]:
    """Data of each chart for the page's script, on the clock of the account."""
    return {
        name: price_data(
            chart.bars,
            trades[trades["instrument"] == name],
            clock=clock,
            events=chart.events,
            lines=chart.lines,
        )
        for name, chart in charts.items()
    }


def price_card(charts: Mapping[str, PriceChart], instruments: int) -> str:
    """The card with the choice of an instrument; empty without charts."""
    if not charts:
        return ""
    choices = "".join(f"<option>{html.escape(name)}</option>" for name in charts)
    chooser = f'<select class="choice" id="instrument">{choices}</select>'
    # the strategy is the same, so instruments differ at most in whether it has lines there
    lines = max((chart.lines for chart in charts.values()), key=len)
    notes = []
    if any(chart.events is not None and len(chart.events) for chart in charts.values()):
        notes.append(
            "Candles are adjusted for splits and dividends (back-adjusted); trades are listed as "
            "traded."
        )
    if len(charts) < instruments:
        notes.append(
            f"The {len(charts)} of {instruments} instruments that gained or lost most have a chart."
        )
    notes += dict.fromkeys(chart.lines_note for chart in charts.values() if chart.lines_note)
    height = 380 + PANE_HEIGHT * len(panes_below(lines))
    note = f'<p class="note">{html.escape(" ".join(notes))}</p>' if notes else ""
    box = chart_box("price", height, lines_legend(lines) + MARKS)
    return card("Price and trades", f"<p><label>Instrument {chooser}</label></p>{box}{note}")
