"""`results show` and `results export`: all that is known of one result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from trading_pipeline.cli.results.list_command import stamp_text
from trading_pipeline.cli.results.opened import known_results
from trading_pipeline.cli.session import print_table, stdout_console
from trading_pipeline.domain.hashing import SHOWN_DIGITS
from trading_pipeline.domain.instrument import INSTRUMENT_SEPARATOR
from trading_pipeline.reporting.page.metric_labels import metric_label
from trading_pipeline.reporting.page.number_format import MISSING, format_interval, format_value
from trading_pipeline.stages.results.export import as_json as json_text
from trading_pipeline.stages.results.export import export_result
from trading_pipeline.stages.results.local_times import ResultClock
from trading_pipeline.stages.results.shown_result import ShownResult, shown_result
from trading_pipeline.stages.workspace import open_workspace

__all__ = ["run_export", "run_show"]


def run_show(beginning: str, *, local: bool, zone: str | None, as_json: bool) -> None:
    """Print a result."""
    queries = known_results()
    result_id = queries.resolve(beginning)
    clock = ResultClock(queries.instruments_of([result_id]), local, zone)
    shown = shown_result(open_workspace(), result_id)
    first = str(shown.facts["instruments"]).split(INSTRUMENT_SEPARATOR)[0]
    exact = as_json and not local and zone is None
    stamps: dict[str, Any] = {
        name: clock.shown(shown.facts[name], first, exact=exact) for name in ("from_ts", "to_ts")
    }
    stamps["created_at"] = shown.facts["created_at"].astimezone(clock.zone_of(first))
    if as_json:
        told = asdict(shown)
        told["facts"] = {**told["facts"], **stamps}
        typer.echo(json_text(told))
        return
    _print(shown, stamps, clock.told([first]))


def run_export(
    beginning: str, folder: Path, *, as_parquet: bool, overwrite: bool, as_json: bool
) -> None:
    """Write the files of a result and say where they are."""
    result_id = known_results().resolve(beginning)
    made = export_result(
        open_workspace(), result_id, folder, as_parquet=as_parquet, overwrite=overwrite
    )
    files = sorted(path.name for path in made.iterdir())
    if as_json:
        typer.echo(json_text({"result_id": result_id, "folder": str(made), "files": files}))
        return
    _say(f"{made}: {', '.join(files)}")


def _print(shown: ShownResult, stamps: Mapping[str, Any], zone: str) -> None:
    facts = shown.facts
    _say(f"Result {facts['result_id']}: {facts['scenario']} on {facts['instruments']}")
    _say(f"Verdict by the {shown.trials:,} trials made up to now: {shown.verdict}")
    for text in shown.warnings:
        stdout_console().print(f"[bold yellow]Warning:[/] {escape(text)}", soft_wrap=True)
    rows = []
    for name, each in shown.metrics.items():
        label = metric_label(name)
        rows.append(
            [
                label.label,
                format_value(each.value, label.kind),
                format_interval(each.low, each.high, label.kind),
                "" if each.benchmark is None else format_value(each.benchmark, label.kind),
            ]
        )
    print_table(("metric", "value", "90 % interval", "benchmark"), _escaped(rows))
    print_table(("", ""), _escaped(_about(shown, stamps, zone)))
    if shown.folds:
        folds = [
            [
                str(each["model_id"]),
                f"{each['train_from']:%Y-%m-%d} to {each['train_to']:%Y-%m-%d}",
                f"{each['last_label_end']:%Y-%m-%d}",
                f"{each['rows']:,}",
            ]
            for each in shown.folds
        ]
        print_table(("model", "learned from", "last label", "rows"), _escaped(folds))
    if shown.page is not None:
        _say(shown.page)


def _about(shown: ShownResult, stamps: Mapping[str, Any], zone: str) -> list[list[str]]:
    facts = shown.facts
    parameters = ", ".join(f"{name} {_told(value)}" for name, value in shown.parameters.items())
    rows = [
        ["strategy", f"{facts['strategy']} ({parameters})" if parameters else facts["strategy"]],
        ["bars", f"{stamp_text(stamps['from_ts'])} to {stamp_text(stamps['to_ts'])}"],
        ["currency", shown.currency or MISSING],
        ["stored", f"{stamp_text(stamps['created_at'])} {zone}"],
        ["trials then", f"{shown.trials_at_creation:,}"],
        ["audit", f"{facts['audit'] or 'none'}: {facts['audit_note'] or MISSING}"],
    ]
    rows += _settings(shown)
    rows += [
        [f"{name} hash", value[:SHOWN_DIGITS] or MISSING] for name, value in shown.hashes.items()
    ]
    for instrument, models in shown.models.items():
        for name, ids in models.items():
            rows.append(["model", f"{name} on {instrument}: {len(ids)} fits, listed below"])
    if shown.engine_version:
        rows.append(["engine version", shown.engine_version])
    rows.append(["run", str(facts["run_id"])])
    return rows


def _settings(shown: ShownResult) -> list[list[str]]:
    if shown.settings is None:
        return [["settings", "not stored with this result; its hash alone is"]]
    groups = [
        [
            name,
            ", ".join(f"{key} {_told(value)}" for key, value in group.items() if value is not None),
        ]
        for name, group in shown.settings.items()
        if isinstance(group, Mapping) and name != "strategy"
    ]
    if shown.changed_settings is None:
        groups.append(["scenario", "no file has it any more"])
    for key, (then, now) in (shown.changed_settings or {}).items():
        groups.append(["changed since", f"{key}: {then}, its file has {now} now"])
    return [each for each in groups if each[1]]


def _told(value: object) -> str:
    """A value of a setting as a file would have it."""
    return value if isinstance(value, str) else json.dumps(value)


def _escaped(rows: list[list[str]]) -> list[list[str]]:
    return [[escape(str(cell)) for cell in row] for row in rows]


def _say(text: str) -> None:
    stdout_console().print(text, markup=False, soft_wrap=True)
