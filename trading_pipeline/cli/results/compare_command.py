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
        own = ("seq", "row_hash", "frames")
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
    lines = [["scenario", *_spread([str(row["scenario"]) for row in told.rows])]]
    lines.append(["instrument", *_spread([str(row["instruments"]) for row in told.rows])])
    lines += [[key, *_spread(texts)] for key, texts in told.settings.items()]
    for name, values in told.metrics.items():
        if all(value is None for value in values):
            continue
        label = metric_label(name)
        cells = [format_value(values[0], label.kind)]
        for value, difference in zip(values[1:], told.differences[name][1:], strict=True):
            cells += [format_value(value, label.kind), format_value(difference, label.kind)]
        lines.append([label.label, *cells])
    print_table(heads, [[escape(cell) for cell in line] for line in lines])


def _spread(texts: Sequence[str]) -> list[str]:
    """Texts in the columns of values, with nothing in those of differences."""
    return [texts[0], *(cell for text in texts[1:] for cell in (text, ""))]
