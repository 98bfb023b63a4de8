"""Build the tables of docs/glossary.md from the labels that the reports show.

Run `uv run python tools/build_glossary.py` after a change of `metric_labels.py` or
`search_labels.py` in `trading_pipeline/reporting/page/`; a test compares the page with it.
"""

from collections.abc import Iterator
from pathlib import Path

from trading_pipeline.reporting.page.metric_labels import (
    GROUPS,
    LEADERBOARD_LABELS,
    METRIC_LABELS,
    TRADE_LABELS,
    MetricLabel,
)
from trading_pipeline.reporting.page.search_labels import SEARCH_GROUP, SEARCH_LABELS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "glossary.md"
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
UNITS = {
    "percent": "percent",
    "ratio": "ratio",
    "money": "account currency",
    "price": "price",
    "quantity": "units",
    "count": "count",
    "bars": "bars",
    "years": "years",
    "text": "text",
    "time": "time, UTC",
}


def glossary_tables() -> str:
    """Markdown: a table for each group of metrics, a search, the trade list and the leaderboard."""
    labels = [
        *METRIC_LABELS.items(),
        *SEARCH_LABELS.items(),
        *TRADE_LABELS.items(),
        *LEADERBOARD_LABELS.items(),
    ]
    return "\n".join(
        line
        for group in (*GROUPS, SEARCH_GROUP, "Trade list", "Leaderboard")
        for line in _table(group, [(name, label) for name, label in labels if label.group == group])
    )


def _table(group: str, labels: list[tuple[str, MetricLabel]]) -> Iterator[str]:
    yield from ("", f"### {group}", "", "| shown as | name | unit | meaning |", "|---|---|---|---|")
    for name, label in labels:
        short = f" ({label.short})" if label.short else ""
        yield f"| {label.label}{short} | `{name}` | {UNITS[label.kind]} | {label.help} |"


def main() -> None:
    """Write the tables between the two marks of the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{glossary_tables()}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
