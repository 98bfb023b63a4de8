"""`results reproduce`: a result run again, and what differs."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.markup import escape

from trading_pipeline.cli.results.opened import known_results
from trading_pipeline.cli.session import print_table, stdout_console
from trading_pipeline.domain.hashing import SHOWN_DIGITS
from trading_pipeline.reporting.page.metric_labels import metric_label
from trading_pipeline.reporting.page.number_format import MISSING, format_value
from trading_pipeline.stages.results.export import as_json as json_text
from trading_pipeline.stages.results.reproduction import reproduce
from trading_pipeline.stages.workspace import open_workspace

__all__ = ["run_reproduce"]

_SHOWN_NUMBERS = 12


def run_reproduce(beginning: str, *, as_json: bool) -> None:
    """Run a result again and print what came of it; ends with 1 where the numbers differ."""
    result_id = known_results().resolve(beginning)
    told = reproduce(open_workspace(), result_id)
    if as_json:
        typer.echo(json_text({**asdict(told), "verdict": told.verdict}))
    else:
        console = stdout_console()
        console.print(told.verdict, markup=False, soft_wrap=True)
        for note in told.notes:
            console.print(note, markup=False, soft_wrap=True)
        if told.changes:
            rows = [
                [each.kind, *(text[:SHOWN_DIGITS] or MISSING for text in hashes), each.detail]
                for each in told.changes
                for hashes in [(each.then, each.now)]
            ]
            _table(("changed", "hash then", "hash now", "what is known, and where to look"), rows)
        if told.numbers:
            rows = [
                [label.label, format_value(then, label.kind), format_value(now, label.kind)]
                for name, (then, now) in list(told.numbers.items())[:_SHOWN_NUMBERS]
                for label in [metric_label(name)]
            ]
            _table(("metric", "stored", "now"), rows)
            if len(told.numbers) > _SHOWN_NUMBERS:
                console.print(f"{len(told.numbers)} numbers differ; --json shows all of them.")
    if not told.is_equal:
        raise typer.Exit(1)


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> None:
    print_table(heads, [[escape(cell) for cell in row] for row in rows])
