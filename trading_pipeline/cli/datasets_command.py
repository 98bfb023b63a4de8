"""What `datasets inspect` and `datasets preview` do and print."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trading_pipeline.datasets import preview_dataset, profile_dataset
from trading_pipeline.datasets.advice import blocked_rows, delimiter_advice, remarks
from trading_pipeline.datasets.profile import DatasetPreview, DatasetProfile
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.dataset_answers import load_answers

__all__ = ["run_inspect", "run_preview"]

_OTHERS = {
    "extra_bar": "stamps outside the calendar",
    "bad_timestamp": "rows whose time stamp cannot be read",
    "extra_cells": "rows with more cells than columns",
    "missing_volume": "rows without a volume (read as 0)",
    "level_shift": "opens at a multiple of the close before",
    "single_hour": "rows of an hour that autumn repeats, of which the file has one pass: the first",
    "unclear_hour": "rows of an hour that autumn repeats, whose order does not tell the pass",
    "skipped_hour": "rows at times that the zone's clock skips in spring",
    "price_rounding": "rows whose high or low is widened by the rounding of 32-bit prices",
}


def run_inspect(
    path: Path, flags: Mapping[str, Any], *, max_bytes: int | None, as_json: bool
) -> None:
    """Profile a file and print it; exit code 1 where it cannot be bars."""
    answers = load_answers(path, flags)
    errors = Console(stderr=True, highlight=False)
    if as_json or not errors.is_terminal:
        profile = profile_dataset(path, answers, max_bytes=max_bytes)
    else:
        with errors.status("reading") as status:
            profile = profile_dataset(
                path,
                answers,
                max_bytes=max_bytes,
                progress=lambda rows: status.update(f"{rows:,} rows read"),
            )
    if as_json:
        typer.echo(json.dumps(profile.to_json(), ensure_ascii=_ascii_only()))
    else:
        _print_profile(profile)
    if not profile.accept:
        raise typer.Exit(1)


def run_preview(path: Path, flags: Mapping[str, Any], *, rows: int, as_json: bool) -> None:
    """Print the first rows of a file."""
    if rows < 1:
        raise ConfigurationError(f"--rows must be 1 or more, was {rows}.", rows=rows)
    shown = preview_dataset(path, load_answers(path, flags), rows=rows)
    if as_json:
        typer.echo(json.dumps(shown.to_json(), ensure_ascii=_ascii_only()))
        return
    console = Console(highlight=False)
    console.print(_preview_table(shown))
    console.print(_form_line(shown), markup=False)


def _print_profile(profile: DatasetProfile) -> None:
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE, show_header=False, padding=(0, 1))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in profile.to_json().items():
        if name not in ("problems", "reason"):
            table.add_row(name, escape(_text(name, value)))
    console.print(table)
    if profile.problems or profile.other_findings:
        found = Table(box=box.SIMPLE, title="Problems", title_justify="left", title_style="bold")
        found.add_column("problem")
        found.add_column("count", justify="right")
        for code, count in sorted(profile.problems.items()):
            found.add_row(code, f"{count:,}")
        for code, count in sorted(profile.other_findings.items()):
            found.add_row(f"{code} ({_OTHERS[code]})", f"{count:,}")
        console.print(found)
    if not profile.accept:
        console.print(f"[bold red]Not accepted:[/] {escape(str(profile.reason))}")
        advice = delimiter_advice(Path(profile.path), profile)
        if advice:
            console.print(escape(advice))
    for sentence in blocked_rows(profile):
        console.print(f"[bold red]Refused by 'add' as it is:[/] {escape(sentence)}")
    for sentence in remarks(profile):
        console.print(f"[bold]Note:[/] {escape(sentence)}")
    for question in profile.open_questions:
        console.print(f"[bold yellow]To decide:[/] {escape(question.message)}")
    if profile.open_questions:
        name = escape(Path(profile.path).name)
        console.print(f"Answer by the flag, or in a file {name}.yaml beside the data.")


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "delimiter":
        return {"\t": "tab"}.get(value, str(value))
    if name == "columns":
        parts = (f"{role}: {_names(each)}" for role, each in value.items())
        return ", ".join(parts) or "-"
    if name == "timestamp":
        return " ".join(str(each) for each in value.values() if each)
    if isinstance(value, list):
        more = f", ... ({len(value)})" if len(value) > 20 else ""
        return ", ".join(map(str, value[:20])) + more if value else "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _names(value: Any) -> str:
    return " + ".join(map(str, value)) if isinstance(value, list) else str(value)


def _preview_table(shown: DatasetPreview) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for position, name in enumerate(shown.names):
        role = shown.roles.get(position)
        heading = escape(_plain(name)) + (f"\n[dim]{role}[/]" if role else "")
        table.add_column(heading, overflow="fold")
    for row in shown.rows:
        table.add_row(*(escape(_plain(cell)) for cell in row[: len(shown.names)]))
    return table


def _form_line(shown: DatasetPreview) -> str:
    mark = "" if shown.delimiter is None else f", split by {_text('delimiter', shown.delimiter)!r}"
    skipped = f", {shown.skip_rows} line(s) skipped" if shown.skip_rows else ""
    return (
        f"{len(shown.rows)} row(s) shown of {shown.size:,} bytes, {shown.encoding}{mark}{skipped}"
    )


def _plain(cell: str) -> str:
    """A cell without control characters, which could move the cursor of a terminal."""
    return "".join(each if each.isprintable() else "\u00b7" for each in cell)


def _ascii_only() -> bool:
    """True where standard output cannot show every letter of a name."""
    return (getattr(sys.stdout, "encoding", None) or "ascii").casefold().replace("-", "") != "utf8"
