"""The tear sheet: one backtest on one self-contained HTML page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.reporting.page.layout import (
    card,
    embedded_json,
    header,
    page,
    warning_box,
)
from trading_pipeline.reporting.page.number_format import format_stamp
from trading_pipeline.reporting.page.plain_warnings import plain_warnings
from trading_pipeline.reporting.tearsheet.chart_data import bars_a_point, chart_data
from trading_pipeline.reporting.tearsheet.equity_tables import drawdowns_table, monthly_heatmap
from trading_pipeline.reporting.tearsheet.indicator_lines import (
    PANE_HEIGHT,
    lines_legend,
    panes_below,
)
from trading_pipeline.reporting.tearsheet.parts import (
    FOOTER,
    LOG_BUTTON,
    MARKS,
    ShownResult,
    chart_box,
    chart_scripts,
    curve_cards,
    provenance_card,
    settings_card,
)
from trading_pipeline.reporting.tearsheet.tables import (
    HELD,
    TRADE_COLUMNS,
    metrics_table,
    tiles,
    trades_table,
    yearly_table,
)
from trading_pipeline.reporting.tearsheet.yearly_returns import yearly_returns
from trading_pipeline.strategies.chart_lines import ChartLine

__all__ = ["TearsheetInput", "render_tearsheet"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TearsheetInput(ShownResult):
    """What a tear sheet shows, besides what every page of a result does.

    Parameters
    ----------
    instrument
        What was traded.
    bars
        Bars as traded (`domain.bars`), one or more; `equity` is on their index. The benchmark is
        buy and hold from the same cash.
    events
        Events of `adjustment_events`, to draw back-adjusted candles; None draws them as traded.
    lines, lines_note
        Lines of the strategy on the same bars, prices as traded, and why none are drawn.
    """

    instrument: str
    bars: pd.DataFrame
    events: pd.DataFrame | None = None
    lines: Sequence[ChartLine] = ()
    lines_note: str = ""


def render_tearsheet(report: TearsheetInput) -> str:
    """The page as text; equal input gives equal bytes, and nothing on it is loaded from elsewhere.

    Raises `InsufficientDataError` for no bars and `DataQualityError` for an equity curve on other
    stamps than the bars, or trades that lack a column.
    """
    _check(report)
    warned = plain_warnings(
        report.metrics, source=report.source, trials=report.trials, given=report.warnings
    )
    data = chart_data(
        report.bars,
        report.equity,
        report.benchmark_equity,
        report.trades,
        initial_equity=report.initial_equity,
        events=report.events,
        lines=report.lines,
    )
    years = yearly_returns(
        report.equity,
        initial_equity=report.initial_equity,
        benchmark=report.benchmark_equity,
        trades=report.trades,
    )
    title = f"{report.scenario} on {report.instrument}"
    first, last = report.bars.index[0], report.bars.index[-1]
    subtitle = (
        f"{report.strategy} · {format_stamp(first)} to {format_stamp(last)} · "
        f"{len(report.bars):,} bars · {report.currency}"
    )
    metrics = metrics_table(report.metrics, report.benchmark_metrics)
    months = monthly_heatmap(report.equity, initial_equity=report.initial_equity)
    falls = drawdowns_table(report.equity, initial_equity=report.initial_equity)
    parts = [
        header(title, subtitle, LOG_BUTTON),
        warning_box(warned),
        tiles(report.metrics, report.benchmark_metrics),
        *_charts(report),
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


def _check(report: TearsheetInput) -> None:
    if report.bars.empty:
        raise InsufficientDataError(
            f"The result {report.result_id} of {report.scenario} on {report.instrument} has no "
            "bars; there is nothing to draw. Check the scenario's dates.",
            result_id=report.result_id,
        )
    for line in report.lines:
        if len(line) != len(report.bars):
            raise DataQualityError(
                f"The line {line.name!r} of {report.result_id} has {len(line)} values for "
                f"{len(report.bars)} bars. Give one value a bar.",
                result_id=report.result_id,
                line_name=line.name,
            )
    for name, curve in (("equity", report.equity), ("benchmark", report.benchmark_equity)):
        if curve is not None and not curve.index.equals(report.bars.index):
            raise DataQualityError(
                f"The {name} curve of {report.result_id} has {len(curve)} values on other stamps "
                f"than the {len(report.bars)} bars. Give one value at each bar's close.",
                result_id=report.result_id,
                curve=name,
            )
    missing = [column for column in TRADE_COLUMNS if column not in report.trades.columns]
    if missing:
        raise DataQualityError(
            f"The trades of {report.result_id} lack the column(s) {', '.join(missing)}.",
            result_id=report.result_id,
            missing=missing,
        )


def _charts(report: TearsheetInput) -> list[str]:
    notes = []
    if report.events is not None and len(report.events):
        notes.append(
            "Candles are adjusted for splits and dividends (back-adjusted); trades are listed as "
            "traded."
        )
    joined = bars_a_point(len(report.bars))
    if joined > 1:
        notes.append(f"Each candle joins {joined} bars; every number is of single bars.")
    if report.lines_note:
        notes.append(report.lines_note)
    note = f'<p class="note">{html.escape(" ".join(notes))}</p>' if notes else ""
    held = "" if report.benchmark_equity is None else HELD
    height = 380 + PANE_HEIGHT * len(panes_below(report.lines))
    legend = lines_legend(report.lines) + MARKS
    return [
        card("Price and trades", chart_box("price", height, legend) + note),
        *curve_cards(report.currency, held),
    ]
