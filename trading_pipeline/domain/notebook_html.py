"""What notebooks show of a value: a small table, or a whole page inside the notebook.

Every text is escaped, nothing is loaded from elsewhere, and colours are the notebook's own, so that
it reads on light and dark.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trading_pipeline.errors import ConfigurationError

__all__ = ["CHARTS_BY", "PAGE_HEIGHT", "HtmlPage", "html_summary", "html_table"]

_CELL = "padding:2px 12px 2px 0;text-align:left;background:none;color:inherit"
PAGE_HEIGHT = 900
"""Height of a page in a notebook, in pixels."""
CHARTS_BY = "The charts: .show()"
"""How a result that is shown as a table says that it can be drawn."""


@dataclass(frozen=True)
class HtmlPage:
    """A self-contained page: a notebook shows it, and `path` is where it is stored, if it is.

    `height`: of the frame in the notebook, in pixels of the screen; `ConfigurationError` for one
    that is no whole number above 0.

    >>> HtmlPage("<p>a</p>")
    HtmlPage(0.0 kB, not stored)
    """

    html: str
    path: Path | None = None
    height: int = PAGE_HEIGHT

    def __post_init__(self) -> None:
        """Refuse a frame that nothing could be seen in."""
        if type(self.height) is not int or self.height <= 0:
            raise ConfigurationError(
                f"The height of the frame is {self.height!r}. Give pixels of the screen as a whole "
                f"number above 0, such as {PAGE_HEIGHT}.",
                height=self.height,
            )

    def __repr__(self) -> str:
        """Its size and where it is."""
        where = "not stored" if self.path is None else str(self.path)
        return f"HtmlPage({len(self.html.encode()) / 1000:,.1f} kB, {where})"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, which cannot reach the notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts" '
            f'style="width:100%;height:{self.height}px;border:0"></iframe>'
        )


def html_summary(title: str, facts: Sequence[tuple[str, str]], notes: Sequence[str] = ()) -> str:
    """A title, names with values, and sentences that must be read beside them.

    >>> html_summary("a < b", [("Trades", "3")])[:42]
    '<div style="color:inherit"><b>a &lt; b</b>'
    """
    rows = "".join(
        f'<tr style="background:none"><td style="{_CELL};opacity:.75">{html.escape(name)}</td>'
        f'<td style="{_CELL}">{html.escape(value)}</td></tr>'
        for name, value in facts
    )
    told = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    listed = f'<ul style="margin:4px 0">{told}</ul>' if told else ""
    return (
        f'<div style="color:inherit"><b>{html.escape(title)}</b>'
        f'<table style="border-collapse:collapse;margin:4px 0">{rows}</table>{listed}</div>'
    )


def html_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A title above a table of texts."""
    head = "".join(f'<th style="{_CELL}">{html.escape(each)}</th>' for each in heads)
    lines = "".join(
        '<tr style="background:none">'
        + "".join(f'<td style="{_CELL}">{html.escape(cell)}</td>' for cell in row)
        + "</tr>"
        for row in rows
    )
    return (
        f'<div style="color:inherit"><b>{html.escape(title)}</b>'
        '<table style="border-collapse:collapse;margin:4px 0">'
        f'<thead><tr style="background:none">{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )
