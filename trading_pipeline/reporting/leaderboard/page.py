"""This file holds the leaderboard: all results side by side on one self-contained page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.reporting.page.layout import Cell, Column, html_table, page, static_text
from trading_pipeline.reporting.page.metric_labels import metric_label
from trading_pipeline.reporting.page.number_format import (
    MISSING,
    NumberKind,
    format_number,
    format_stamp,
    is_missing,
    sign_class,
)
from trading_pipeline.reporting.page.plain_warnings import FEW_TRADES, verdict

__all__ = ["LEADERBOARD_METRICS", "render_leaderboard"]

LEADERBOARD_METRICS: tuple[tuple[str, str], ...] = (
    ("total_return", "Return"),
    ("benchmark_total_return", "Buy and hold"),
    ("cagr", "Growth a year"),
    ("sharpe", "Sharpe"),
    ("benchmark_sharpe", "Its Sharpe"),
    ("max_drawdown", "Drawdown"),
    ("benchmark_max_drawdown", "Its drawdown"),
)
"""Metrics that have a column, with its head; the rest is on the tear sheets."""


def render_leaderboard(
    rows: Sequence[Mapping[str, Any]], *, trials: int | None = None, title: str = "Leaderboard"
) -> str:
    """The index page; equal input gives equal bytes, and nothing on it is loaded from elsewhere.

    `rows`: one result each, with the columns of `backtest_results` (metrics by name as fractions) and
    `tearsheet`, the path of its page relative to this one. What a row lacks is shown as a dash.
    `trials`: number of trials made so far by anybody. Rows come ordered by Sharpe ratio, those
    without one last. Raises `ConfigurationError` for a `tearsheet` that is not a relative path.

    >>> "Too few trades" in render_leaderboard([{"instrument": "IBM_1d", "trade_count": 3}])
    True
    """
    ordered = sorted(rows, key=_rank)
    columns = [
        Column("Instrument", "text", "text"),
        Column("Scenario", "text", "text"),
        Column("Verdict", "text", "text"),
        Column("Result", "text", "text"),
        Column("Trades", "", "number"),
        *(
            Column(head, "", "number", title=metric_label(name).help)
            for name, head in LEADERBOARD_METRICS
        ),
        Column("Deflated", "", "number", title=metric_label("deflated_sharpe_ratio").help),
        Column("Trials", "", "number", title="Trials made so far, by which the row is judged"),
        Column("Then", "", "number", title="Trials made when this result was created"),
        Column("From", "text", "text"),
        Column("To", "text", "text"),
    ]
    table = html_table(columns, [_row(row) for row in ordered], table_id="results")
    empty = '<p class="muted">There is no result yet.</p>' if not ordered else ""
    body = (
        f'<header class="top"><div><h1>{html.escape(title)}</h1>'
        f'<p class="subtitle">{html.escape(_subtitle(ordered, trials))}</p></div>'
        '<div class="buttons"><input class="filter" id="filter" type="search" '
        'placeholder="Filter" aria-label="Filter rows">'
        '<button id="theme" type="button">Light / dark</button></div></header>\n'
        f'<section class="warnings" role="note"><ul>{_cautions(trials)}</ul></section>\n'
        f'<section class="card" style="margin-top:16px">{empty}<div class="scroll held">{table}</div>'
        "</section>\n<footer>A click on a head sorts. Returns are over each result's own dates.</footer>"
    )
    return page(
        title,
        body,
        wide=True,
        scripts=[
            static_text("page/static/theme.js"),
            static_text("leaderboard/static/leaderboard.js"),
        ],
    )


def _rank(row: Mapping[str, Any]) -> tuple[bool, float, str, str]:
    sharpe = row.get("sharpe")
    missing = sharpe is None or is_missing(sharpe)
    return (
        missing,
        0.0 if missing else -float(str(sharpe)),
        _instrument(row),
        _text(row, "scenario"),
    )


def _row(row: Mapping[str, Any]) -> list[Cell]:
    words = verdict(row)
    good = words.startswith(("Ahead so far", "Stands out"))
    result_id = _text(row, "result_id")
    return [
        _words(_instrument(row), href=_page_path(row)),
        _words(_text(row, "scenario")),
        Cell(words, "text wrap up" if good else "text wrap muted", sort=words),
        _words(result_id[:12]),
        _count(row.get("trade_count")),
        *(_number(row.get(name), name) for name, _ in LEADERBOARD_METRICS),
        _number(row.get("deflated_sharpe_ratio"), "deflated_sharpe_ratio"),
        _count(row.get("trials")),
        _count(row.get("trials_at_creation")),
        _words(_date(row.get("from_ts"))),
        _words(_date(row.get("to_ts"))),
    ]


def _subtitle(rows: Sequence[Mapping[str, Any]], trials: int | None) -> str:
    results = f"{len(rows):,} result{'' if len(rows) == 1 else 's'}"
    return results if trials is None else f"{results} · {trials:,} trials so far"


def _cautions(trials: int | None) -> str:
    tried = (
        "The best of many trials looks good by chance alone"
        if trials is None
        else f"{trials:,} trials have been made so far, and the best of many looks good by chance alone"
    )
    lines = [
        f"{tried}; read the verdict before the return.",
        f"A result with fewer than {FEW_TRADES} trades is not judged.",
    ]
    return "".join(f"<li>{html.escape(line)}</li>" for line in lines)


def _page_path(row: Mapping[str, Any]) -> str | None:
    path = row.get("tearsheet")
    if path is None or is_missing(path):
        return None
    parts = urlsplit(str(path))
    if parts.scheme or parts.netloc or str(path).startswith(("/", "\\")):
        raise ConfigurationError(
            f"The tear sheet of {_instrument(row)} is at {path!r}. Give its path relative to the "
            "leaderboard, so that the folder can be moved.",
            tearsheet=path,
        )
    return str(path)


def _instrument(row: Mapping[str, Any]) -> str:
    return _text(row, "instruments") or _text(row, "instrument")


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None or is_missing(value):
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def _date(value: datetime | None) -> str:
    return "" if value is None or is_missing(value) else format_stamp(pd.Timestamp(value))


def _words(text: str, href: str | None = None) -> Cell:
    return Cell(text or MISSING, "text", sort=text, href=href)


def _count(value: Any) -> Cell:
    return _cell(value, "count", signed=False)


def _number(value: Any, name: str) -> Cell:
    label = metric_label(name)
    return _cell(value, label.kind, signed=label.signed)


def _cell(value: Any, kind: NumberKind, *, signed: bool) -> Cell:
    if value is None or is_missing(value):
        return Cell(MISSING, "", sort="")
    number = float(value)
    return Cell(
        format_number(number, kind), sign_class(number) if signed else "", sort=repr(number)
    )
