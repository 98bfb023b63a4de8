"""Pieces of a self-contained page: frame, header, cards, tables, facts.

Every text is escaped here. A page loads nothing, and its policy forbids any request, so that a
report can be mailed.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = [
    "CONTENT_POLICY",
    "Cell",
    "Column",
    "card",
    "embedded_json",
    "facts",
    "header",
    "html_cell",
    "html_head",
    "html_table",
    "page",
    "static_text",
    "warning_box",
]

GRAVE = ("Look-ahead", "Leakage", "Not audited", "Implausible")
"""First words of warnings that are red."""
_REPORTING = resources.files("trading_pipeline.reporting")
CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
)
"""What a page may load: nothing but its own styles, scripts and pictures."""


@dataclass(frozen=True)
class Cell:
    """One cell: its text, CSS classes, the value to sort by, a link, and a hover title."""

    text: str
    css: str = ""
    sort: str | None = None
    href: str | None = None
    title: str = ""


@dataclass(frozen=True)
class Column:
    """Head of a column; `sort` is "number" or "text" where a table can be sorted by it."""

    text: str
    css: str = ""
    sort: str = ""
    title: str = ""


@cache
def static_text(path: str) -> str:
    """Text of a script or style of the reporting package, such as `page/static/page.css`."""
    return (_REPORTING / path).read_text("utf-8")


def page(title: str, body: str, scripts: Sequence[str], *, wide: bool = False) -> str:
    """A whole HTML document with the shared style and theme; `scripts` run in order at its end."""
    width = ' class="wide"' if wide else ""
    blocks = "\n".join(f"<script>{text}</script>" for text in scripts)
    style = static_text("page/static/page.css")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n"
        f"</head>\n<body>\n<main{width}>\n{body}\n</main>\n{blocks}\n</body>\n</html>\n"
    )


def header(title: str, subtitle: str, controls: str) -> str:
    """Title and subtitle beside the page's controls (HTML) and the button of the theme."""
    return (
        f'<header class="top"><div><h1>{html.escape(title)}</h1>'
        f'<p class="subtitle">{html.escape(subtitle)}</p></div><div class="buttons">{controls}'
        '<button id="theme" type="button">Light / dark</button></div></header>'
    )


def warning_box(warnings: Sequence[str]) -> str:
    """What a reader must know before the numbers; empty without warnings.

    What makes the numbers worthless, or keeps them from being believed, is red.
    """
    if not warnings:
        return ""
    items = "".join(
        f"<li{_attribute('class', 'down' if text.startswith(GRAVE) else '')}>"
        f"{html.escape(text)}</li>"
        for text in warnings
    )
    return f'<section class="warnings" role="note"><ul>{items}</ul></section>'


def card(title: str, body: str) -> str:
    """A framed section of HTML under a title."""
    return f'<section class="card"><h2>{html.escape(title)}</h2>{body}</section>'


def html_table(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell] | str], *, table_id: str = ""
) -> str:
    """A table; a row that is a text is the heading of a group."""
    heads = "".join(map(html_head, columns))
    lines = [
        f'<tr class="group"><td colspan="{len(columns)}">{html.escape(row)}</td></tr>'
        if isinstance(row, str)
        else "<tr>" + "".join(map(html_cell, row)) + "</tr>"
        for row in rows
    ]
    return (
        f"<table{_attribute('id', table_id)}>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody>\n</table>"
    )


def facts(pairs: Iterable[tuple[str, str]], *, code: bool = False) -> str:
    """A list of names and values; `code` sets the values, ids or hashes, in a fixed width."""
    opening, closing = ("<dd><code>", "</code></dd>") if code else ("<dd>", "</dd>")
    items = (
        f"<dt>{html.escape(name)}</dt>{opening}{html.escape(value)}{closing}"
        for name, value in pairs
    )
    return f'<dl class="facts">{"".join(items)}</dl>'


def embedded_json(element_id: str, value: object) -> str:
    """Data for a script, in an element of that id; sorted keys, no character that ends a script.

    Raises `ValueError` for NaN and infinity, which JSON does not have.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return f'<script type="application/json" id="{html.escape(element_id)}">{safe}</script>'


def html_head(column: Column, attributes: Mapping[str, str] | None = None) -> str:
    """The head of a column; attributes without a value are left out."""
    given = {
        "class": column.css,
        "data-sort": column.sort,
        **(attributes or {}),
        "title": column.title,
    }
    told = "".join(_attribute(name, value) for name, value in given.items())
    return f'<th{told} scope="col">{html.escape(column.text)}</th>'


def html_cell(cell: Cell) -> str:
    """One cell of a table."""
    shown = html.escape(cell.text)
    if cell.href is not None:
        shown = f'<a href="{html.escape(cell.href)}">{shown}</a>'
    sort = "" if cell.sort is None else f' data-value="{html.escape(cell.sort)}"'
    return f"<td{_attribute('class', cell.css)}{_attribute('title', cell.title)}{sort}>{shown}</td>"


def _attribute(name: str, value: str) -> str:
    return f' {name}="{html.escape(value)}"' if value else ""
