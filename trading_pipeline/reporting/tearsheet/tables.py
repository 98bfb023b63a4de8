"""This file holds the tables of a tear sheet: headline tiles, metrics, years, trades."""

from __future__ import annotations

import html
from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from trading_pipeline.reporting.page.layout import Cell, Column, html_table
from trading_pipeline.reporting.page.metric_labels import GROUPS, METRIC_LABELS, metric_label
from trading_pipeline.reporting.page.number_format import (
    MISSING,
    NumberKind,
    format_number,
    format_stamp,
    is_missing,
    sign_class,
)

__all__ = [
    "MOST_TRADES",
    "TRADE_COLUMNS",
    "metrics_table",
    "tiles",
    "trades_table",
    "yearly_table",
]

MOST_TRADES = 1_000
"""Trades that are listed; the newest where there are more. All are in the warehouse."""
TRADE_COLUMNS = (
    "trade_no",
    "side",
    "quantity",
    "entry_ts",
    "entry_price",
    "exit_ts",
    "exit_price",
    "fees",
    "pnl",
    "return",
    "bars_held",
    "mfe",
    "mae",
    "exit_reason",
)
_TILES = ("total_return", "cagr", "sharpe", "max_drawdown", "win_rate", "trade_count")
_PREFIX = "benchmark_"
_ONLY_OWN = ("win_rate", "trade_count")
Metrics = Mapping[str, float | None]


def tiles(metrics: Metrics, benchmark: Metrics) -> str:
    """The six numbers that people look at first, buy and hold beneath."""
    parts = []
    for name in _TILES:
        label, value = metric_label(name), metrics.get(name)
        css = sign_class(value) if label.signed else ""
        other = ""
        if name not in _ONLY_OWN and benchmark:
            other = f"Buy and hold {format_number(benchmark.get(name), label.kind)}"
        elif name == "trade_count":
            held = metrics.get("average_bars_held")
            other = f"{format_number(held, 'bars')} bars held on average"
        elif name == "win_rate":
            other = f"Profit factor {format_number(metrics.get('profit_factor'), 'ratio')}"
        parts.append(
            f'<div class="tile" title="{html.escape(label.help)}"><div class="name">'
            f'{html.escape(label.label)}</div><div class="value {css}">'
            f'{format_number(value, label.kind)}</div><div class="other">{other}</div></div>'
        )
    return '<section class="tiles">' + "".join(parts) + "</section>"


def metrics_table(metrics: Metrics, benchmark: Metrics) -> str:
    """All metrics by group, strategy against buy and hold; those unknown to both are left out.

    What the second column says already (`benchmark_sharpe` where it holds `sharpe`) is not repeated.
    """
    order = list(METRIC_LABELS)
    names = sorted(
        {*metrics, *benchmark}, key=lambda name: (order.index(name) if name in order else 999, name)
    )
    rows: list[list[Cell] | str] = []
    for group in GROUPS:
        members = [
            name
            for name in names
            if metric_label(name).group == group
            and not (name.startswith(_PREFIX) and name.removeprefix(_PREFIX) in benchmark)
            and not (is_missing(metrics.get(name)) and is_missing(benchmark.get(name)))
        ]
        if members:
            rows.append(group)
        for name in members:
            label = metric_label(name)
            rows.append(
                [
                    Cell(label.label, "text", title=label.help),
                    _number(metrics.get(name), label.kind, signed=label.signed),
                    _number(benchmark.get(name), label.kind, signed=label.signed),
                ]
            )
    heads = [Column("", "text"), Column("Strategy"), Column("Buy and hold")]
    return html_table(heads, rows)


def yearly_table(years: pd.DataFrame) -> str:
    """The frame of `yearly_returns` as a table."""
    heads = ("Strategy", "Buy & hold", "Difference", "Drawdown", "Trades")
    rows = [
        [
            Cell(str(year), "text"),
            *(
                _number(float(row[name]), "percent", signed=True)
                for name in ("strategy", "benchmark", "difference", "max_drawdown")
            ),
            Cell(str(int(row["trades"]))),
        ]
        for year, row in years.iterrows()
    ]
    return html_table([Column("Year", "text"), *(Column(head) for head in heads)], rows)


def trades_table(trades: pd.DataFrame) -> str:
    """One row a round trip, as traded; an open one has no exit yet."""
    if trades.empty:
        return '<p class="muted">There was no trade.</p>'
    shown = trades.tail(MOST_TRADES)
    note = ""
    if len(shown) < len(trades):
        note = (
            f'<p class="note">The last {len(shown):,} of {len(trades):,} trades; all of them are in '
            "the table trades of the warehouse.</p>"
        )
    heads = [
        Column("No."),
        Column("Side", "text"),
        Column("Quantity"),
        Column("Entry", "text"),
        Column("Price"),
        Column("Exit", "text"),
        Column("Price"),
        Column("Fees"),
        Column("Result"),
        Column("Return"),
        Column("Bars"),
        Column("Best", title="Best move from the entry's price while open"),
        Column("Worst", title="Worst move from the entry's price while open"),
        Column("Closed by", "text"),
    ]
    records = shown.loc[:, list(TRADE_COLUMNS)].to_dict("records")
    table = html_table(heads, [_trade(record) for record in records])
    return f'<div class="scroll tall">{table}</div>{note}'


def _trade(record: Mapping[Hashable, Any]) -> list[Cell]:
    def number(name: str) -> float | None:
        value = record[name]
        return None if is_missing(value) else float(value)

    def stamp(name: str) -> str:
        value = record[name]
        return format_stamp(value if isinstance(value, datetime) else None)

    is_open = is_missing(record["exit_ts"])
    return [
        Cell(format_number(number("trade_no"), "count")),
        Cell(str(record["side"]), "text"),
        Cell(_quantity(number("quantity"))),
        Cell(stamp("entry_ts"), "text"),
        Cell(format_number(number("entry_price"), "price")),
        Cell("open" if is_open else stamp("exit_ts"), "text muted" if is_open else "text"),
        Cell(format_number(number("exit_price"), "price")),
        Cell(format_number(number("fees"), "money")),
        _number(number("pnl"), "money", signed=True),
        _number(number("return"), "percent", signed=True),
        Cell(format_number(number("bars_held"), "bars")),
        _number(number("mfe"), "percent", signed=False),
        _number(number("mae"), "percent", signed=False),
        Cell(str(record["exit_reason"]).replace("_", " "), "text"),
    ]


def _quantity(value: float | None) -> str:
    return MISSING if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def _number(value: float | None, kind: NumberKind, *, signed: bool) -> Cell:
    title = "Not defined for this result" if is_missing(value) else ""
    return Cell(format_number(value, kind), sign_class(value) if signed else "", title=title)
