"""The leaderboard: all results side by side on one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.reporting.leaderboard.cautions import cautions_of, instrument_of, text_of
from trading_pipeline.reporting.leaderboard.curves import MOST_CURVES, Curve
from trading_pipeline.reporting.leaderboard.table import ShownColumn, leaderboard_table
from trading_pipeline.reporting.page.cells import label_column, named_instruments, value_cell
from trading_pipeline.reporting.page.layout import (
    Cell,
    Column,
    embedded_json,
    header,
    page,
    static_text,
    warning_box,
)
from trading_pipeline.reporting.page.metric_labels import interval_words, metric_label
from trading_pipeline.reporting.page.number_format import (
    MISSING,
    as_number,
    format_interval,
    format_value,
    is_missing,
)
from trading_pipeline.reporting.page.verdict import is_ahead, verdict

__all__ = ["LEADERBOARD_METRICS", "ranked", "render_leaderboard"]

LEADERBOARD_METRICS: tuple[str, ...] = (
    "total_return",
    "benchmark_total_return",
    "cagr",
    "sharpe",
    "benchmark_sharpe",
    "max_drawdown",
    "benchmark_max_drawdown",
)
"""Metrics that have a column; the rest is on the tear sheets."""
_HELD = "total_return"
"""The metric that stays in sight beside instrument and scenario."""
_NUMBERS = (
    "trade_count",
    *(name for name in LEADERBOARD_METRICS if name != _HELD),
    "deflated_sharpe_ratio",
    "plain_deflated_sharpe_ratio",
    "years",
    "minimum_backtest_years",
    "trials",
    "trials_at_creation",
)
_OFF = frozenset(
    {
        "result",
        "sharpe_interval",
        "plain_deflated_sharpe_ratio",
        "years",
        "minimum_backtest_years",
        "trials",
        "trials_at_creation",
    }
)
"""Columns that are shown once they are chosen."""
ID_CHARACTERS = 12
Row = Mapping[str, object]


def ranked(rows: Sequence[Row]) -> list[Row]:
    """The rows by Sharpe ratio, the highest first, those without one last."""
    return sorted(rows, key=_rank)


def render_leaderboard(
    rows: Sequence[Row],
    *,
    trials: int | None = None,
    title: str = "Leaderboard",
    cautions: Sequence[str] = (),
    curves: Mapping[str, Curve] | None = None,
) -> str:
    """The index page; equal input gives equal bytes, and the page loads nothing.

    Rows that are ticked, at most six, are compared: their equity curves on one chart, indexed to
    100 at the first moment that all of them have, and their columns side by side. What is chosen
    stands in the address of the page.

    Parameters
    ----------
    rows
        One result each, with the columns of `backtest_results` (metrics by name, as fractions) and
        `tearsheet`, the path of its page relative to this one. A missing value is shown as a dash.
    trials
        Number of all trials made so far.
    title
        Heading of the page.
    cautions
        Sentences about all rows, put above the page's own.
    curves
        Equity curves by `result_id`; a row without one is compared by its numbers alone.

    Returns
    -------
    str
        HTML. Rows come ordered by Sharpe ratio, those without one last.

    Raises
    ------
    ConfigurationError
        A `tearsheet` that is not a relative path.

    Examples
    --------
    >>> "Too few trades" in render_leaderboard([{"instrument": "IBM_1d", "trade_count": 3}])
    True
    """
    ordered = ranked(rows)
    table = leaderboard_table(_columns(), [_row(row) for row in ordered], _ids(ordered))
    empty = '<p class="muted">There is no result yet.</p>' if not ordered else ""
    told = warning_box([*cautions, *cautions_of(ordered, trials)])
    drawn = {key[:ID_CHARACTERS]: each for key, each in (curves or {}).items()}
    body = (
        f"<style>{static_text('leaderboard/static/leaderboard.css')}</style>\n"
        f"{header(title, _subtitle(len(ordered), trials), _CONTROLS)}\n"
        f"{told}\n{_COMPARISON}\n"
        f'<section class="card results">{empty}{table}</section>'
        f"\n<footer>{_FOOTER} {_about_curves(ordered, drawn)}</footer>\n"
        f"{embedded_json('curves', drawn)}"
    )
    scripts = [
        static_text("page/static/theme.js"),
        static_text("leaderboard/static/chart.js"),
        static_text("leaderboard/static/leaderboard.js"),
    ]
    return page(title, body, scripts, wide=True)


_CONTROLS = (
    '<input class="filter" id="filter" type="search" placeholder="Filter" aria-label="Filter rows">'
    '<details class="menu" id="columns"><summary>Columns</summary>'
    '<div role="group" aria-label="Columns that are shown"></div></details>'
)
_COMPARISON = (
    '<section class="card" id="comparison" aria-label="Comparison" hidden>'
    '<div class="line"><h2>Comparison</h2><div class="buttons">'
    '<button id="log" type="button" aria-pressed="false">Log scale</button>'
    '<button id="clear" type="button">Untick all</button></div></div>'
    '<p class="note" id="overlap"></p><ul id="legend"></ul>'
    '<div id="chart"><svg></svg></div><p class="note" id="moment" role="status"></p>'
    '<div class="scroll"><table id="metrics"></table></div></section>'
)
_FOOTER = (
    "Tick up to six rows to compare them. Click a column head to sort (by keyboard: Enter or "
    "space). Each return covers the result's own dates. B&amp;H: buy and hold; of a portfolio, "
    "equal weights bought once."
)


def _about_curves(rows: Sequence[Row], curves: Mapping[str, Curve]) -> str:
    missing = len(rows) - sum(each in curves for each in _ids(rows))
    if not rows or not missing:
        return ""
    return (
        f"At most {MOST_CURVES} results, those with the highest Sharpe ratios, carry an equity "
        f"curve here; {missing:,} of {len(rows):,} carry none and are compared by their numbers."
    )


def _ids(rows: Sequence[Row]) -> list[str]:
    return [text_of(row, "result_id")[:ID_CHARACTERS] for row in rows]


def _rank(row: Row) -> tuple[bool, float, str, str]:
    sharpe = as_number(row.get("sharpe"))
    return sharpe is None, -(sharpe or 0.0), instrument_of(row), text_of(row, "scenario")


def _columns() -> list[ShownColumn]:
    """The columns by name; the first three stay in sight."""
    words = {
        "instrument": Column("Instrument", "text", "text"),
        "scenario": Column("Scenario", "text", "text"),
        "verdict": Column("Verdict", "text", "text", metric_label("verdict").help),
        "result": Column("Result", "text", "text"),
        "from": Column("From", "text", "text"),
        "to": Column("To", "text", "text"),
    }
    found = {name: words[name] for name in ("instrument", "scenario")}
    found |= dict(_heads(_HELD)) | {name: words[name] for name in ("verdict", "result")}
    for name in _NUMBERS:
        found |= _heads(name)
    found |= {name: words[name] for name in ("from", "to")}
    return [ShownColumn(name, head, name not in _OFF) for name, head in found.items()]


def _row(row: Row) -> list[Cell]:
    words = verdict(row)
    return [
        replace(_words(named_instruments(instrument_of(row), 3)), href=_page_path(row)),
        _words(text_of(row, "scenario")),
        *_cells(row, _HELD),
        Cell(words, f"text wrap {_colour(row, words)}", sort=words),
        _words(text_of(row, "result_id")[:ID_CHARACTERS]),
        *(cell for name in _NUMBERS for cell in _cells(row, name)),
        _words(format_value(row.get("from_ts"), "time")),
        _words(format_value(row.get("to_ts"), "time")),
    ]


def _colour(row: Row, words: str) -> str:
    """Red for what cannot be believed: worthless, implausible, or kept although it looks ahead."""
    if text_of(row, "audit") == "look_ahead_allowed" or words.startswith(_UNBELIEVABLE):
        return "down"
    return "up" if is_ahead(words) else "muted"


_UNBELIEVABLE = ("Worthless", "Implausible", "Not judged: look-ahead")


def _heads(name: str) -> dict[str, Column]:
    """Head of a number's column; the Sharpe ratio is followed by its interval."""
    head = {name: label_column(metric_label(name), sortable=True)}
    if name == "sharpe":
        head["sharpe_interval"] = Column("Sharpe, 90 %", "", "number", interval_words(name))
    return head


def _cells(row: Row, name: str) -> list[Cell]:
    cell = value_cell(row.get(name), metric_label(name), sortable=True)
    if name != "sharpe":
        return [cell]
    low, high = (as_number(row.get(f"{name}_{bound}")) for bound in ("low", "high"))
    bounds = format_interval(low, high, "ratio")
    return [cell, Cell(bounds or MISSING, sort=repr(low) if bounds else "")]


def _subtitle(results: int, trials: int | None) -> str:
    shown = f"{results:,} result{'' if results == 1 else 's'}"
    return shown if trials is None else f"{shown} · {trials:,} trials so far"


def _page_path(row: Row) -> str | None:
    path = row.get("tearsheet")
    if is_missing(path):
        return None
    parts = urlsplit(str(path))
    if parts.scheme or parts.netloc or str(path).startswith(("/", "\\")):
        raise ConfigurationError(
            f"The tear sheet of {instrument_of(row)} is at {path!r}. Give its path relative to the "
            "leaderboard, so that the folder can be moved.",
            tearsheet=path,
        )
    return str(path)


def _words(text: str) -> Cell:
    return Cell(text or MISSING, "text", sort="" if text == MISSING else text)
