"""The list of all pages, and short pages of words."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime

from trading_pipeline.reporting.page.layout import (
    Cell,
    Column,
    card,
    header,
    html_table,
    page,
    static_text,
)
from trading_pipeline.reporting.page.number_format import format_stamp

__all__ = ["MOST_LISTED", "render_refusal", "render_start_page"]

MOST_LISTED = 1_000
"""Pages in the list; the leaderboard leads to all that still count."""
_COLUMNS = (Column("Written (UTC)", "text"), Column("What", "text"), Column("Page", "text"))
_THEME = "page/static/theme.js"


def render_start_page(
    pages: Sequence[tuple[str, str, str, datetime]], *, today: str, stored: str | None
) -> str:
    """The start page.

    Parameters
    ----------
    pages
        Address, kind, title and time of writing (UTC) of each page, the newest first.
    today, stored
        Addresses of the leaderboard made anew, and of the one that the last pass wrote.
    """
    links = [(today, "Leaderboard, by all trials up to now")]
    links += [] if stored is None else [(stored, "Leaderboard, as the last run wrote it")]
    items = "".join(
        f'<li><a href="{html.escape(address)}">{html.escape(text)}</a></li>'
        for address, text in links
    )
    rows = [
        [
            Cell(format_stamp(written_at), "text"),
            Cell(kind, "text"),
            Cell(title, "text", href=address),
        ]
        for address, kind, title, written_at in pages[:MOST_LISTED]
    ]
    table = html_table(_COLUMNS, rows)
    if not rows:
        table = "<p>There is no page yet. Make some: trading-pipeline demo, or run.</p>"
    elif len(pages) > MOST_LISTED:
        table += f'<p class="note">The newest {MOST_LISTED:,} of {len(pages):,} pages.</p>'
    body = (
        f"{header('Reports', _told(len(pages)), '')}\n"
        f'<section class="card" style="margin-top:16px"><ul>{items}</ul></section>\n'
        f"{card('Pages, the newest first', table)}"
    )
    return page("Reports", body, [static_text(_THEME)])


def render_refusal(title: str, words: str) -> str:
    """A page that says why there is no other one, with a link to the start page."""
    said = f'<p>{html.escape(words)}</p><p><a href="/">Start page</a></p>'
    body = f"{header(title, '', '')}\n{card('Reports', said)}"
    return page(title, body, [static_text(_THEME)])


def _told(count: int) -> str:
    return f"{count:,} page{'' if count == 1 else 's'}"
