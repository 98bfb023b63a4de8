"""This file holds the tear sheet: one backtest on one self-contained HTML page."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import pandas as pd

from trading_pipeline.domain.hashing import SHOWN_DIGITS
from trading_pipeline.errors import DataQualityError, InsufficientDataError
from trading_pipeline.reporting.page.layout import (
    embedded_json,
    facts,
    page,
    static_text,
)
from trading_pipeline.reporting.page.number_format import MISSING, format_number, format_stamp
from trading_pipeline.reporting.page.plain_warnings import plain_warnings
from trading_pipeline.reporting.tearsheet.chart_data import chart_data
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

    `bars`: as traded (`domain.bars`). `equity`, `benchmark_equity`: account value at each bar's
    close, index of `bars`; the benchmark is buy and hold from the same cash, None where there is
    none. `trades`: a result's trades frame. `metrics`, `benchmark_metrics`: names of
    `performance.METRIC_NAMES` to values. `hashes`: what the result was made of, by name (bars,
    features, predictions, scenario, code); None where the backtest had no such input. `events`: those
    of `adjustment_events`, to draw back-adjusted candles. `trials`: trials made so far. `warnings`:
    sentences of the engine and of the run. `source`: name of the bars' source.
    """

    result_id: str
    instrument: str
    scenario: str
    strategy: str
    parameters: Mapping[str, Any]
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
    settings: Mapping[str, Any] = field(default_factory=dict)
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
    parts = [
        _header(report),
        _warning_box(warned),
        tiles(report.metrics, report.benchmark_metrics),
        *_charts(report, int(data["bars_a_point"])),
        '<div class="columns"><div>',
        _card(
            "Metrics",
            f'<div class="scroll">{metrics_table(report.metrics, report.benchmark_metrics)}</div>',
        ),
        "</div><div>",
        _card("Returns by year", f'<div class="scroll">{yearly_table(years)}</div>'),
        _card("Strategy and settings", facts(_settings(report))),
        _card("What this result was made of", facts(_origin(report), code=True)),
        "</div></div>",
        _card("Trades", trades_table(report.trades)),
        _footer(report),
        embedded_json("chart-data", data),
    ]
    title = f"{report.scenario} on {report.instrument}"
    scripts = [
        static_text("page/static/theme.js"),
        _chart_library(),
        static_text("tearsheet/static/tearsheet.js"),
    ]
    return page(title, "\n".join(part for part in parts if part), scripts)


def _check(report: TearsheetInput) -> None:
    if report.bars.empty:
        raise InsufficientDataError(
            f"The result {report.result_id} of {report.scenario} on {report.instrument} has no bars; "
            "there is nothing to draw.",
            result_id=report.result_id,
        )
    for name, curve in (("equity", report.equity), ("benchmark", report.benchmark_equity)):
        if curve is not None and not curve.index.equals(report.bars.index):
            raise DataQualityError(
                f"The {name} curve of {report.result_id} has {len(curve)} values on other stamps than "
                f"the {len(report.bars)} bars. Give one value at each bar's close.",
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


def _header(report: TearsheetInput) -> str:
    first, last = report.bars.index[0], report.bars.index[-1]
    subtitle = (
        f"{report.strategy} · {format_stamp(first)} to {format_stamp(last)} · "
        f"{len(report.bars):,} bars · {report.currency}"
    )
    return (
        f'<header class="top"><div><h1>{html.escape(report.scenario)} on '
        f'{html.escape(report.instrument)}</h1><p class="subtitle">{html.escape(subtitle)}</p></div>'
        '<div class="buttons"><button id="log" aria-pressed="false" type="button">Log scale</button>'
        '<button id="theme" type="button">Light / dark</button></div></header>'
    )


def _warning_box(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{html.escape(text)}</li>" for text in warnings)
    return f'<section class="warnings" role="note"><ul>{items}</ul></section>'


def _charts(report: TearsheetInput, bars_a_point: int) -> list[str]:
    notes = []
    if report.events is not None and len(report.events):
        notes.append(
            "Candles are adjusted for splits and dividends (back-adjusted); trades are listed as traded."
        )
    if bars_a_point > 1:
        notes.append(f"Each candle joins {bars_a_point} bars; every number is of single bars.")
    held = report.benchmark_equity is not None
    benchmark = '<span class="benchmark">Buy and hold</span>' if held else ""
    curves = f'<div class="legend"><span class="strategy">Strategy</span>{benchmark}</div>'
    marks = (
        '<div class="legend"><span class="long">Buys to open</span><span class="short">Sells to '
        'open</span><span class="muted">Closes</span><em id="markers-hint" hidden>Too many trades to draw: '
        "zoom in to see them.</em></div>"
    )
    note = f'<p class="note">{html.escape(" ".join(notes))}</p>' if notes else ""
    return [
        _card(
            "Price and trades",
            f'{marks}<div class="chart" id="price-chart" style="height:380px"></div>{note}',
        ),
        _card(
            f"Equity ({report.currency})",
            f'{curves}<div class="chart" id="equity-chart" style="height:280px"></div>',
        ),
        _card(
            "Drawdown",
            '<div class="legend"><span class="short">Strategy</span>'
            f'{benchmark}</div><div class="chart" id="drawdown-chart" style="height:180px"></div>',
        ),
    ]


def _settings(report: TearsheetInput) -> list[tuple[str, str]]:
    pairs = [("Strategy", report.strategy)]
    pairs += [(name, _plain(value)) for name, value in sorted(report.parameters.items())]
    pairs.append(
        ("Initial equity", f"{format_number(report.initial_equity, 'money')} {report.currency}")
    )
    pairs += [(name, _plain(value)) for name, value in sorted(report.settings.items())]
    if report.trials is not None:
        pairs.append(("Trials so far", f"{report.trials:,}"))
    return pairs


def _origin(report: TearsheetInput) -> list[tuple[str, str]]:
    pairs = [("Result", report.result_id)]
    for name, value in report.hashes.items():
        pairs.append((name.capitalize(), MISSING if value is None else value[:SHOWN_DIGITS]))
    pairs.append(("Source of bars", report.source or MISSING))
    pairs.append(("Run", report.run_id or MISSING))
    pairs.append(("Made at (UTC)", format_stamp(report.created_at)))
    return pairs


def _plain(value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, sort_keys=True, default=str)
    return MISSING if value is None else str(value)


def _card(title: str, body: str) -> str:
    return f'<section class="card"><h2>{html.escape(title)}</h2>{body}</section>'


def _footer(report: TearsheetInput) -> str:
    return (
        f"<footer>Result {html.escape(report.result_id)}. Past results of a rule on past prices; no "
        'advice. Charts: <a href="https://www.tradingview.com/" rel="noreferrer">TradingView '
        "Lightweight Charts</a> (Apache-2.0).</footer>"
    )


@cache
def _chart_library() -> str:
    from litecharts import getLwcScript  # ships the library's JavaScript; nothing is downloaded

    script: str = getLwcScript()
    return script.removeprefix("<script>").removesuffix("</script>")
