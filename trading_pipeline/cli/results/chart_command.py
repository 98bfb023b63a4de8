"""`results chart`: a result as JSON for the charts of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.markup import escape

from trading_pipeline.cli.results.opened import known_results
from trading_pipeline.cli.session import stderr_console
from trading_pipeline.stages.results.asked import chart_span, time_zone
from trading_pipeline.stages.results.export import as_json, write_table
from trading_pipeline.stages.results.result_chart import result_chart
from trading_pipeline.stages.workspace import open_workspace

__all__ = ["run_chart"]


def run_chart(
    beginning: str,
    *,
    first: str | None,
    last: str | None,
    zone: str,
    most_points: int,
    instruments: Sequence[str],
    out: Path | None,
    overwrite: bool,
) -> None:
    """Print the document or write it to a file; notes go to standard error too."""
    time_zone(zone)
    result_id = known_results().resolve(beginning)
    document = result_chart(
        open_workspace(),
        result_id,
        span=lambda zoned, sessions: chart_span(first, last, zoned, sessions=sessions),
        zone=zone,
        most_points=most_points,
        instruments=instruments,
    )
    text = as_json(document)
    if out is None:
        typer.echo(text)
    else:
        write_table(out, f"{text}\n", overwrite=overwrite)
    notes = [*document["notes"], *(each["lines_note"] for each in document["charts"])]
    for note in dict.fromkeys(filter(None, notes)):
        stderr_console().print(escape(note), soft_wrap=True)
    if out is not None:
        points, size = len(document["points"]["time"]), document["resampling"]["bars_a_point"]
        told = f"{out}: {points:,} points of {size} bar{'' if size == 1 else 's'} each."
        stderr_console().print(escape(told), soft_wrap=True)
