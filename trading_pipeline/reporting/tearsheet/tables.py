"""The tables of a tear sheet: headline tiles, metrics, years, trades."""

from __future__ import annotations

import html
from collections.abc import Mapping

import pandas as pd

from trading_pipeline.reporting.page.cells import label_column, value_cell
from trading_pipeline.reporting.page.layout import Cell, Column, html_table
from trading_pipeline.reporting.page.metric_labels import (
    GROUPS,
    INTERVAL_WORDS,
    METRIC_LABELS,
    TRADE_LABELS,
    interval_words,
    metric_label,
)
from trading_pipeline.reporting.page.number_format import (
    format_interval,
    format_number,
    format_value,
    is_missing,
    sign_class,
)

__all__ = [
    "HELD",
    "MOST_TRADES",
    "TRADE_COLUMNS",
    "metrics_table",
    "tiles",
    "trades_table",
    "yearly_table",
]

MOST_TRADES = 1_000
"""Trades that are listed; the newest where there are more. All are in the warehouse."""
TRADE_COLUMNS = tuple(TRADE_LABELS)
_TILES = ("total_return", "cagr", "sharpe", "max_drawdown", "win_rate", "trade_count")
_PREFIX = "benchmark_"
_YEAR_COLUMNS = {  # column of `yearly_returns` to the metric that it is, over a year
    "strategy": "total_return",
    "benchmark": "benchmark_total_return",
    "difference": "excess_return",
    "max_drawdown": "max_drawdown",
    "trades": "trade_count",
}
HELD = "Buy and hold"
"""Name of the benchmark of a result on one instrument."""
Metrics = Mapping[str, float | None]


def tiles(metrics: Metrics, benchmark: Metrics, *, held_as: str = HELD) -> str:
    """The six numbers that people look at first, with the benchmark, `held_as`, beneath."""
    beneath = {
        "trade_count": f"Held {format_number(metrics.get('average_bars_held'), 'bars')} bars on "
        "average",
        "win_rate": f"Profit factor {format_number(metrics.get('profit_factor'), 'ratio')}",
    }
    parts = []
    for name in _TILES:
        label, value = metric_label(name), metrics.get(name)
        css = sign_class(value) if label.signed else ""
        held = f"{held_as} {format_value(benchmark.get(name), label.kind)}" if benchmark else ""
        parts.append(
            f'<div class="tile" title="{html.escape(_explained(metrics, name))}"><div class="name">'
            f'{html.escape(label.label)}</div><div class="value {css}">'
            f'{format_value(value, label.kind)}</div><div class="other">'
            f"{beneath.get(name, held)}</div>{_interval_line(metrics, name)}</div>"
        )
    return '<section class="tiles">' + "".join(parts) + "</section>"


def metrics_table(metrics: Metrics, benchmark: Metrics, *, held_as: str = HELD) -> str:
    """All metrics by group, strategy against the benchmark; those unknown to both are left out.

    Where headline metrics of the strategy have an interval, it has a column of its own.

    What the second column already says (`benchmark_sharpe` beside `sharpe`) is not repeated.
    """
    order = {name: place for place, name in enumerate(METRIC_LABELS)}
    names = sorted({*metrics, *benchmark}, key=lambda name: (order.get(name, len(order)), name))
    intervals = {f"{name}_{bound}" for name in METRIC_LABELS for bound in ("low", "high")}
    has_intervals = any(_bounds(metrics, name) for name in METRIC_LABELS)
    rows: list[list[Cell] | str] = []
    for group in GROUPS:
        members = [
            name
            for name in names
            if metric_label(name).group == group
            and name not in intervals
            and not (name.startswith(_PREFIX) and name.removeprefix(_PREFIX) in benchmark)
            and not (is_missing(metrics.get(name)) and is_missing(benchmark.get(name)))
        ]
        if members:
            rows.append(group.replace(HELD.lower(), held_as.lower()))
        for name in members:
            label = metric_label(name)
            own, held = (value_cell(values.get(name), label) for values in (metrics, benchmark))
            bounds = _bounds(metrics, name)
            interval = Cell(bounds, title=interval_words(name) if bounds else "")
            middle = [interval] if has_intervals else []
            rows.append([Cell(label.label, "text", title=label.help), own, *middle, held])
    middle_head = [Column("90 % interval", title=INTERVAL_WORDS)] if has_intervals else []
    heads = [Column("", "text"), Column("Strategy"), *middle_head, Column(held_as)]
    return html_table(heads, rows)


def _bounds(metrics: Metrics, name: str) -> str:
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    return format_interval(low, high, metric_label(name).kind)


def _interval_line(metrics: Metrics, name: str) -> str:
    bounds = _bounds(metrics, name)
    return f'<div class="other">90 %: {html.escape(bounds)}</div>' if bounds else ""


def _explained(metrics: Metrics, name: str) -> str:
    words = metric_label(name).help
    return f"{words}. {interval_words(name)}" if _bounds(metrics, name) else words


def yearly_table(years: pd.DataFrame) -> str:
    """The frame of `yearly_returns` as a table."""
    labels = {column: metric_label(name) for column, name in _YEAR_COLUMNS.items()}
    rows = [
        [Cell(str(year), "text"), *(value_cell(row[name], labels[name]) for name in labels)]
        for year, row in years.iterrows()
    ]
    return html_table([Column("Year", "text"), *map(label_column, labels.values())], rows)


def trades_table(trades: pd.DataFrame) -> str:
    """One row a round trip, as traded, with its instrument where the frame has that column.

    An open one has no exit yet.
    """
    if trades.empty:
        return '<p class="muted">There was no trade.</p>'
    shown = trades.tail(MOST_TRADES)
    note = ""
    if len(shown) < len(trades):
        note = (
            f'<p class="note">The last {len(shown):,} of {len(trades):,} trades; all of them are '
            "in the table trades of the warehouse.</p>"
        )
    whose = "instrument" in shown.columns
    rows = []
    for record in shown.to_dict("records"):
        cells = {name: value_cell(record[name], label) for name, label in TRADE_LABELS.items()}
        if is_missing(record["exit_ts"]):
            cells["exit_ts"] = Cell("open", "text muted")
        instrument = [Cell(str(record["instrument"]), "text")] if whose else []
        rows.append([*instrument, *cells.values()])
    heads = [Column("Instrument", "text")] if whose else []
    heads += [label_column(label) for label in TRADE_LABELS.values()]
    table = html_table(heads, rows)
    return f'<div class="scroll tall">{table}</div>{note}'
