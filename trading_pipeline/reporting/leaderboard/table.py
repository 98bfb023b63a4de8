"""The table of the leaderboard: rows that can be ticked, columns that can be chosen."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from trading_pipeline.reporting.page.layout import Cell, Column, html_cell, html_head

__all__ = ["ShownColumn", "leaderboard_table"]


@dataclass(frozen=True)
class ShownColumn:
    """A column, the name by which the page's address chooses it, and whether it is shown at
    first."""

    name: str
    head: Column
    is_shown: bool = True


def leaderboard_table(
    columns: Sequence[ShownColumn], rows: Sequence[Sequence[Cell]], ids: Sequence[str]
) -> str:
    """HTML of the table in a box that scrolls by itself, after a column of boxes to tick.

    `ids`: of the results, a row each. On a narrow screen the second column stands below the first.
    """
    heads = "".join(
        html_head(
            column.head, {"data-name": column.name, "data-off": "" if column.is_shown else "1"}
        )
        for column in columns
    )
    lines = "\n".join(_line(row, each) for row, each in zip(rows, ids, strict=True))
    return (
        '<div class="scroll board" tabindex="0" role="region" aria-label="Results">'
        f'<table id="results">\n<thead><tr><td class="tick"></td>{heads}</tr></thead>\n'
        f"<tbody>\n{lines}\n</tbody>\n</table></div>"
    )


def _line(row: Sequence[Cell], result_id: str) -> str:
    first, second, *others = row
    label = html.escape(f"Compare {first.text}, {second.text}")
    below = f'<span class="below">{html.escape(second.text)}</span>'
    cells = html_cell(first).removesuffix("</td>") + below + "</td>"
    cells += "".join(map(html_cell, (second, *others)))
    return (
        f'<tr data-id="{html.escape(result_id)}"><td class="tick">'
        f'<input type="checkbox" aria-label="{label}"></td>{cells}</tr>'
    )
