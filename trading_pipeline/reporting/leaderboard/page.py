"""The leaderboard: all results side by side on one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from trading_pipeline.errors import ConfigurationError
from trading_pipeline.reporting.page.cells import label_column, named_instruments, value_cell
from trading_pipeline.reporting.page.layout import (
    Cell,
    Column,
    header,
    html_table,
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
from trading_pipeline.reporting.page.verdict import FEW_TRADES, is_ahead, verdict

__all__ = ["LEADERBOARD_METRICS", "render_leaderboard"]

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
_NUMBERS = (
    "trade_count",
    *LEADERBOARD_METRICS,
    "deflated_sharpe_ratio",
    "plain_deflated_sharpe_ratio",
    "years",
    "minimum_backtest_years",
    "trials",
    "trials_at_creation",
)
Row = Mapping[str, object]


def render_leaderboard(
    rows: Sequence[Row],
    *,
    trials: int | None = None,
    title: str = "Leaderboard",
    cautions: Sequence[str] = (),
) -> str:
    """The index page; equal input gives equal bytes, and the page loads nothing.

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
    ordered = sorted(rows, key=_rank)
    columns = [
        *(Column(head, "text", "text") for head in ("Instrument", "Scenario")),
        Column("Verdict", "text", "text", metric_label("verdict").help),
        Column("Result", "text", "text"),
        *(head for name in _NUMBERS for head in _heads(name)),
        *(Column(head, "text", "text") for head in ("From", "To")),
    ]
    table = html_table(columns, [_row(row) for row in ordered], table_id="results")
    empty = '<p class="muted">There is no result yet.</p>' if not ordered else ""
    body = (
        f"{header(title, _subtitle(len(ordered), trials), _FILTER)}\n"
        f"{warning_box([*cautions, *_cautions(trials), *_spread_of_trials(ordered)])}\n"
        f'<section class="card" style="margin-top:16px">{empty}'
        f'<div class="scroll held">{table}</div></section>'
        "\n<footer>Click a column head to sort. Each return covers the result's own "
        "dates. B&amp;H: buy and hold; of a portfolio, equal weights bought once.</footer>"
    )
    scripts = [
        static_text("page/static/theme.js"),
        static_text("leaderboard/static/leaderboard.js"),
    ]
    return page(title, body, scripts, wide=True)


_FILTER = (
    '<input class="filter" id="filter" type="search" placeholder="Filter" aria-label="Filter rows">'
)


def _rank(row: Row) -> tuple[bool, float, str, str]:
    sharpe = as_number(row.get("sharpe"))
    return sharpe is None, -(sharpe or 0.0), _instrument(row), _text(row, "scenario")


def _row(row: Row) -> list[Cell]:
    words = verdict(row)
    return [
        replace(_words(named_instruments(_instrument(row), 3)), href=_page_path(row)),
        _words(_text(row, "scenario")),
        Cell(words, f"text wrap {_colour(row, words)}", sort=words),
        _words(_text(row, "result_id")[:12]),
        *(cell for name in _NUMBERS for cell in _cells(row, name)),
        _words(format_value(row.get("from_ts"), "time")),
        _words(format_value(row.get("to_ts"), "time")),
    ]


def _colour(row: Row, words: str) -> str:
    """Red for what cannot be believed: worthless, implausible, or kept although it looks ahead."""
    if _text(row, "audit") == "look_ahead_allowed" or words.startswith(_UNBELIEVABLE):
        return "down"
    return "up" if is_ahead(words) else "muted"


_UNBELIEVABLE = ("Worthless", "Implausible", "Not judged: look-ahead")


def _heads(name: str) -> list[Column]:
    """Head of a number's column; the Sharpe ratio is followed by its interval."""
    head = label_column(metric_label(name), sortable=True)
    if name != "sharpe":
        return [head]
    return [head, Column("Sharpe, 90 %", "", "number", interval_words(name))]


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


def _cautions(trials: int | None) -> list[str]:
    tried = (
        "The best of many trials looks good by chance alone"
        if trials is None
        else f"{trials:,} trials have been made so far, and the best of many looks good by chance "
        "alone"
    )
    return [
        f"{tried}; read the verdict before the return.",
        f"A result with fewer than {FEW_TRADES} trades is not judged; of a portfolio of weights, "
        "its rebalances count.",
        *_backtest_length(trials),
    ]


def _backtest_length(trials: int | None) -> list[str]:
    """How long a history must be after so many trials."""
    if trials is None or trials < 2:
        return []
    from trading_pipeline.performance.sharpe_statistics import (
        minimum_backtest_years,
    )  # late: it loads pandas

    return [
        f"{trials:,} trials need {minimum_backtest_years(trials=trials):.1f} years: in fewer, the "
        "best of them without any skill is expected to reach a Sharpe ratio of 1."
    ]


def _spread_of_trials(rows: Sequence[Row]) -> list[str]:
    """Which trials say how far trials differ, by the `variance_basis` of the rows."""
    by_basis: dict[str, list[str]] = {}
    for row in rows:
        basis, instrument = _text(row, "variance_basis"), _instrument(row)
        if basis and instrument not in by_basis.setdefault(basis, []):
            by_basis[basis].append(instrument)
    if not by_basis:
        return []
    told = "; ".join(
        f"{', '.join(sorted(names))}: {basis}" for basis, names in sorted(by_basis.items())
    )
    return [
        "A Sharpe ratio is deflated by how far comparable trials differ, within one instrument, "
        f"since its own mean is the market's and no luck of the search ({told})."
    ]


def _page_path(row: Row) -> str | None:
    path = row.get("tearsheet")
    if is_missing(path):
        return None
    parts = urlsplit(str(path))
    if parts.scheme or parts.netloc or str(path).startswith(("/", "\\")):
        raise ConfigurationError(
            f"The tear sheet of {_instrument(row)} is at {path!r}. Give its path relative to the "
            "leaderboard, so that the folder can be moved.",
            tearsheet=path,
        )
    return str(path)


def _instrument(row: Row) -> str:
    return _text(row, "instruments") or _text(row, "instrument")


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if is_missing(value) else str(value)


def _words(text: str) -> Cell:
    return Cell(text or MISSING, "text", sort="" if text == MISSING else text)
