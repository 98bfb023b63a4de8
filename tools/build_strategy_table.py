"""Build the table of docs/strategies.md from the strategies that are shipped.

Run `uv run python tools/build_strategy_table.py` after a change of a shipped strategy; a test
compares the page with it.
"""

import inspect
import json
from pathlib import Path

from trading_pipeline.strategies import SHIPPED, parameter_table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "strategies.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def strategy_table() -> str:
    """Markdown: one row a strategy, by family and name."""
    rows = ["| family | name | idea | parameters | source |", "|---|---|---|---|---|"]
    rows += sorted(map(_row, SHIPPED.names()))
    return "\n".join(rows)


def _row(name: str) -> str:
    kind = type(SHIPPED.get(name))
    text = " ".join(inspect.getdoc(kind).split("\n\n", 1)[-1].split())
    idea = inspect.getdoc(kind).splitlines()[0]
    source = text.partition("Source: ")[2] or text.partition("Sources: ")[2] or "-"
    parameters = ", ".join(
        f"`{row.name}` {_written(row.default)}" for row in parameter_table(kind.params_type)
    )
    return f"| {SHIPPED.family(name)} | `{name}` | {idea} | {parameters or '-'} | {source} |"


def _written(value: object) -> str:
    """A default as YAML has it, texts without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def main() -> None:
    """Write the table between the two marks of the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{strategy_table()}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
