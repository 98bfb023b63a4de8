"""`results compare`: metrics of several results side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.markup import escape

from trading_pipeline.cli.results.opened import known_results
from trading_pipeline.cli.session import print_table, stdout_console
from trading_pipeline.reporting.page.metric_labels import metric_label
from trading_pipeline.reporting.page.number_format import format_value
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.results.comparison import compared_results
from trading_pipeline.stages.results.export import as_json as json_text

__all__ = ["run_compare"]


def run_compare(beginnings: Sequence[str], *, as_json: bool) -> None:
    """Print the comparison of the results whose ids begin so."""
    settings = load_settings()
    told = compared_results(known_results(), settings.runtime, beginnings)
    if as_json:
        own = ("seq", "row_hash")
        rows = [{k: v for k, v in row.items() if k not in own} for row in told.rows]
        typer.echo(json_text({**asdict(told), "rows": rows}))
        return
    console = stdout_console()
    for note in told.notes:
        console.print(f"[bold yellow]Note:[/] {escape(note)}", soft_wrap=True)
    ids = [str(row["result_id"]) for row in told.rows]
    heads = ["", ids[0]]
    for other in ids[1:]:
        heads += [other, "difference"]
    rows = [["scenario", *_named(told.rows, "scenario")]]
    rows.append(["instrument", *_named(told.rows, "instruments")])
    for key, values in told.settings.items():
        rows.append([key, values[0], *(cell for value in values[1:] for cell in (value, ""))])
    for name, values in told.metrics.items():
        if all(value is None for value in values):
            continue
        label = metric_label(name)
        cells = [format_value(values[0], label.kind)]
        for value, difference in zip(values[1:], told.differences[name][1:], strict=True):
            cells += [format_value(value, label.kind), format_value(difference, label.kind)]
        rows.append([label.label, *cells])
    print_table(heads, [[escape(cell) for cell in row] for row in rows])


def _named(rows: Sequence[dict[str, object]], column: str) -> list[str]:
    first, *others = [str(row[column]) for row in rows]
    return [first, *(cell for value in others for cell in (value, ""))]
