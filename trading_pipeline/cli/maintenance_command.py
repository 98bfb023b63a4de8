"""The command `maintenance`: says what is superseded, asks, and removes it."""

from __future__ import annotations

import json

import typer

from trading_pipeline.cli.session import open_pass, stdout_console
from trading_pipeline.errors import ConfigurationError

__all__ = ["run_maintenance"]


def run_maintenance(keep_days: float | None, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Show what is older than `keep_days` and superseded; remove it after a question or `yes`."""
    if as_json and not (dry_run or yes):
        raise ConfigurationError("With --json nobody can be asked: add --dry-run or --yes.")
    opened = open_pass()
    from trading_pipeline.defs.automation.maintenance import (
        prunable,
        prune,
        shrink_records,
    )

    workspace, instance = opened.workspace, opened.runner.instance
    days = workspace.settings.retention_days if keep_days is None else keep_days
    found = prunable(workspace, instance, keep_days=days)
    if not as_json:
        out = stdout_console()
        out.print(f"Older than {days:g} days:")
        for line in found.lines():
            out.print(f"  {line}")
        out.print("Results, the ledger of trials and the newest of everything stay.")
    asked = bool(found) and not dry_run
    if asked and not yes:
        typer.confirm("Remove them?", abort=True)
    gone = prune(workspace, instance, found, keep_days=days) if asked else {}
    shrunk = shrink_records(instance) if gone.get("runs") else 0
    if as_json:
        told = {
            "keep_days": days,
            "runs": list(found.runs),
            "logs": [str(each) for each in found.logs],
            "files": [str(each.path) for each in found.files],
            "models": [each.model_id for each in found.models],
            "bytes": found.size_bytes,
            "removed": gone,
            "shrunk_bytes": shrunk,
        }
        typer.echo(json.dumps(told, indent=2))
    elif asked:
        removed = ", ".join(f"{count} {kind}" for kind, count in gone.items())
        smaller = f" Dagster's index is {shrunk / 1e6:,.1f} MB smaller." if shrunk else ""
        stdout_console().print(f"Removed {removed}.{smaller}")
