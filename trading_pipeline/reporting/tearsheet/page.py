"""The tear sheet: one backtest on one self-contained HTML page."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

import pandas as pd

from trading_pipeline.domain.hashing import SHOWN_DIGITS
from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.reporting.page.layout import (
    card,
    embedded_json,
    facts,
    header,
    page,
    static_text,
    warning_box,
)
from trading_pipeline.reporting.page.number_format import MISSING, format_number, format_stamp
from trading_pipeline.reporting.page.plain_warnings import plain_warnings
from trading_pipeline.reporting.tearsheet.chart_data import bars_a_point, chart_data
from trading_pipeline.reporting.tearsheet.tables import (
    TRADE_COLUMNS,
    metrics_table,
    tiles,
    trades_table,
    yearly_table,
)
from trading_pipeline.reporting.tearsheet.yearly_returns import yearly_returns

__all__ = ["TearsheetInput", "render_tearsheet"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TearsheetInput:
    """What a tear sheet shows.

    Parameters
    ----------
    result_id, instrument, scenario, strategy, parameters
        What was run, for the head and the facts.
    bars
        Bars as traded (`domain.bars`), one or more.
    equity, benchmark_equity
        Account value at each bar's close, on the index of `bars`. The benchmark is buy and hold
        from the same cash; None where there is none.
    trades
        A result's trades frame.
    metrics, benchmark_metrics
        Values by the names of `performance.METRIC_NAMES`; None or NaN where one is not defined.
    initial_equity, currency
        Account value before the first bar, and its currency.
    events
        Events of `adjustment_events`, to draw back-adjusted candles; None draws them as traded.
    hashes
        Hash of each input of the result by name (bars, features, predictions, scenario, code); None
        where the backtest had no such input.
    settings
        Settings of the scenario to list, by name.
    warnings
        Sentences of the engine and of the run.
    trials
        Trials made when the result was created.
    source
        Name of the source of the bars.
    run_id, created_at
        The run that made the result, and when.
    """

    result_id: str
    instrument: str
    scenario: str
    strategy: str
    parameters: Mapping[str, object]
    bars: pd.DataFrame
    equity: pd.Series
    trades: pd.DataFrame
    metrics: Mapping[str, float | None]
    initial_equity: float
    currency: str = "USD"
    benchmark_equity: pd.Series | None = None
    benchmark_metrics: Mapping[str, float | None] = field(default_factory=dict)
    events: pd.DataFrame | None = None
    hashes: Mapping[str, str | None] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    trials: int | None = None
    source: str | None = None
    run_id: str | None = None
    created_at: datetime | None = None


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
    parts = [
        header(title, subtitle, _LOG_BUTTON),
        warning_box(warned),
        tiles(report.metrics, report.benchmark_metrics),
        *_charts(report),
        '<div class="columns"><div>',
        card("Metrics", f'<div class="scroll tight">{metrics}</div>'),
        "</div><div>",
        card("Returns by year", f'<div class="scroll">{yearly_table(years)}</div>'),
        card("Strategy and settings", facts(_settings(report))),
        card("Provenance", facts(_provenance(report), code=True)),
        "</div></div>",
        card("Trades", trades_table(report.trades)),
        f"<footer>Result {html.escape(report.result_id)}. {_FOOTER}</footer>",
        embedded_json("chart-data", data),
    ]
    scripts = [
        static_text("page/static/theme.js"),
        _chart_library(),
        static_text("tearsheet/static/tearsheet.js"),
    ]
    return page(title, "\n".join(part for part in parts if part), scripts)


_LOG_BUTTON = '<button id="log" aria-pressed="false" type="button">Log scale</button>'
_FOOTER = (
    "Past results of a rule on past prices; not investment advice. Charts: "
    '<a href="https://www.tradingview.com/" rel="noreferrer">TradingView Lightweight Charts</a> '
    "(Apache-2.0)."
)


def _check(report: TearsheetInput) -> None:
    if report.bars.empty:
        raise InsufficientDataError(
            f"The result {report.result_id} of {report.scenario} on {report.instrument} has no "
            "bars; there is nothing to draw. Check the scenario's dates.",
            result_id=report.result_id,
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
    held = report.benchmark_equity is not None
    benchmark = '<span class="benchmark">Buy and hold</span>' if held else ""
    note = f'<p class="note">{html.escape(" ".join(notes))}</p>' if notes else ""
    return [
        card("Price and trades", _chart("price", 380, _MARKS) + note),
        card(
            f"Equity ({report.currency})",
            _chart("equity", 280, f'<span class="strategy">Strategy</span>{benchmark}'),
        ),
        card(
            "Drawdown", _chart("drawdown", 180, f'<span class="short">Strategy</span>{benchmark}')
        ),
    ]


_MARKS = (
    '<span class="long">Long entry</span><span class="short">Short entry</span>'
    '<span class="muted">Exit</span><em id="markers-hint" hidden>Too many trades to draw: zoom in '
    "to see them.</em>"
)


def _chart(name: str, height: int, legend: str) -> str:
    box = f'<div class="chart" id="{name}-chart" style="height:{height}px"></div>'
    return f'<div class="legend">{legend}</div>{box}'


def _settings(report: TearsheetInput) -> list[tuple[str, str]]:
    cash = f"{format_number(report.initial_equity, 'money')} {report.currency}"
    trials = [] if report.trials is None else [("Trials so far", f"{report.trials:,}")]
    return [
        ("Strategy", report.strategy),
        *((name, _plain(value)) for name, value in sorted(report.parameters.items())),
        ("Initial equity", cash),
        *((name, _plain(value)) for name, value in sorted(report.settings.items())),
        *trials,
    ]


def _provenance(report: TearsheetInput) -> list[tuple[str, str]]:
    hashes = (
        (name.capitalize(), MISSING if value is None else value[:SHOWN_DIGITS])
        for name, value in report.hashes.items()
    )
    return [
        ("Result", report.result_id),
        *hashes,
        ("Source of bars", report.source or MISSING),
        ("Run", report.run_id or MISSING),
        ("Created at (UTC)", format_stamp(report.created_at)),
    ]


def _plain(value: object) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, sort_keys=True, default=str)
    return MISSING if value is None else str(value)


@cache
def _chart_library() -> str:
    from litecharts import getLwcScript  # ships the library's JavaScript; nothing is downloaded

    script: str = getLwcScript()
    return script.removeprefix("<script>").removesuffix("</script>")
