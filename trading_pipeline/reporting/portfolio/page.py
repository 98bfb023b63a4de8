"""The page of a portfolio: one account of several instruments on one self-contained HTML page."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from trading_pipeline.errors import DataQualityError
from trading_pipeline.reporting.page.cells import label_column, value_cell
from trading_pipeline.reporting.page.layout import (
    Cell,
    Column,
    card,
    embedded_json,
    header,
    html_table,
    page,
    static_text,
    warning_box,
)
from trading_pipeline.reporting.page.metric_labels import TRADE_LABELS, metric_label
from trading_pipeline.reporting.page.number_format import format_stamp
from trading_pipeline.reporting.page.plain_warnings import plain_warnings
from trading_pipeline.reporting.portfolio.price_charts import (
    PriceChart,
    price_card,
    price_charts,
)
from trading_pipeline.reporting.portfolio.weights_picture import weights_legend, weights_picture
from trading_pipeline.reporting.tearsheet.chart_data import curve_data
from trading_pipeline.reporting.tearsheet.equity_tables import drawdowns_table, monthly_heatmap
from trading_pipeline.reporting.tearsheet.parts import (
    FOOTER,
    LOG_BUTTON,
    ShownResult,
    chart_scripts,
    curve_cards,
    provenance_card,
    settings_card,
)
from trading_pipeline.reporting.tearsheet.tables import (
    metrics_table,
    tiles,
    trades_table,
    yearly_table,
)
from trading_pipeline.reporting.tearsheet.yearly_returns import yearly_returns

__all__ = ["BENCHMARK", "PortfolioReport", "render_portfolio"]

BENCHMARK = "Equal weights, held"
"""Name of the benchmark: equal weights of the same instruments, bought once at the same costs."""
_LABELS = {
    "trades": metric_label("trade_count"),
    "pnl": TRADE_LABELS["pnl"],
    "fees": TRADE_LABELS["fees"],
    "slippage": replace(metric_label("total_slippage"), label="Slippage"),
    "contribution": replace(
        metric_label("total_return"),
        label="Contribution",
        short="Contribution",
        help="Profit or loss of the instrument's trades over the starting cash",
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class PortfolioReport(ShownResult):
    """What a portfolio's page shows, besides what every page of a result does.

    Parameters
    ----------
    instruments
        Symbol or name of each instrument by id.
    weights
        Share of each position in the equity (bars, instruments), on the stamps of `equity`.
    contributions
        One row an instrument: instrument, trades, pnl, fees, slippage, contribution.
    charts
        Prices and lines by instrument, of those that have a chart; all stamps among those of
        `equity`.
    """

    instruments: Mapping[str, str]
    weights: pd.DataFrame
    contributions: pd.DataFrame
    charts: Mapping[str, PriceChart] = field(default_factory=dict)


def render_portfolio(report: PortfolioReport) -> str:
    """The page as text; equal input gives equal bytes, and nothing on it is loaded from elsewhere.

    Raises `DataQualityError` for weights or a benchmark on other stamps than the equity.
    """
    for name, given in (("weights", report.weights), ("benchmark", report.benchmark_equity)):
        if given is not None and not given.index.equals(report.equity.index):
            raise DataQualityError(
                f"The {name} of {report.result_id} have {len(given)} rows on other stamps than the "
                f"{len(report.equity)} values of the equity. Give one at each bar's close.",
                result_id=report.result_id,
            )
    warned = plain_warnings(
        report.metrics,
        source=report.source,
        trials=report.trials,
        given=report.warnings,
        benchmark=BENCHMARK,
    )
    years = yearly_returns(
        report.equity,
        initial_equity=report.initial_equity,
        benchmark=report.benchmark_equity,
        trades=report.trades,
    )
    index = report.equity.index
    title = f"{report.scenario}: {len(report.instruments)} instruments"
    subtitle = (
        f"{', '.join(report.instruments)} · {report.strategy} · {format_stamp(index[0])} to "
        f"{format_stamp(index[-1])} · {len(index):,} bars · {report.currency}"
    )
    metrics = metrics_table(report.metrics, report.benchmark_metrics, held_as=BENCHMARK)
    weights = (
        f'<div class="legend">{weights_legend(report.weights)}</div>'
        f"{weights_picture(report.weights)}"
        '<p class="note">Share of the equity at each close, longs above 0 and shorts below. Where '
        "nothing is short, the rest up to 100 % is cash.</p>"
    )
    months = monthly_heatmap(report.equity, initial_equity=report.initial_equity)
    falls = drawdowns_table(report.equity, initial_equity=report.initial_equity)
    data = curve_data(report.equity, report.benchmark_equity, initial_equity=report.initial_equity)
    if report.charts:
        clock = pd.DatetimeIndex(report.equity.index)
        data["instruments"] = price_charts(report.charts, clock, report.trades)
    parts = [
        f"<style>{static_text('portfolio/static/portfolio.css')}</style>",
        header(title, subtitle, LOG_BUTTON),
        warning_box(warned),
        tiles(report.metrics, report.benchmark_metrics, held_as=BENCHMARK),
        price_card(report.charts, len(report.instruments)),
        *curve_cards(report.currency, "" if report.benchmark_equity is None else BENCHMARK),
        card("Weights", weights),
        card("Contributions", f'<div class="scroll">{_contributions(report.contributions)}</div>'),
        card("Returns by month", f'<div class="scroll">{months}</div>'),
        card("Worst drawdowns", f'<div class="scroll">{falls}</div>'),
        '<div class="columns"><div>',
        card("Metrics", f'<div class="scroll tight">{metrics}</div>'),
        "</div><div>",
        card("Returns by year", f'<div class="scroll">{yearly_table(years)}</div>'),
        settings_card(report),
        provenance_card(report),
        "</div></div>",
        card("Trades", trades_table(report.trades)),
        f"<footer>Result {html.escape(report.result_id)}. {FOOTER}</footer>",
        embedded_json("chart-data", data),
    ]
    return page(title, "\n".join(part for part in parts if part), chart_scripts())


def _contributions(frame: pd.DataFrame) -> str:
    """One row an instrument and one for all of them together."""
    together = pd.DataFrame({"instrument": ["All"], **{n: [frame[n].sum()] for n in _LABELS}})
    rows = [
        [
            Cell(str(row["instrument"]), "text"),
            *(value_cell(row[column], label) for column, label in _LABELS.items()),
        ]
        for part in (frame, together)
        for row in part.to_dict("records")
    ]
    heads = [Column("Instrument", "text"), *map(label_column, _LABELS.values())]
    return html_table(heads, rows)
