"""`audit NAME`: does a feature set, label or strategy read the future, on the stored bars?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from trading_pipeline.cli.session import stdout_console
from trading_pipeline.own_code import not_audited

if TYPE_CHECKING:
    from trading_pipeline.stages.features.audit import AuditOfStored

__all__ = ["run_audit"]

_SHOWN_LINES = 20


def run_audit(name: str, instruments: Sequence[str], *, as_json: bool) -> None:
    """Audit and print; exit code 1 where something was found."""
    from trading_pipeline.stages.backtests.portfolio_audit import audit_stored_on
    from trading_pipeline.stages.market_data.check_catalog import check_catalog
    from trading_pipeline.stages.workspace import open_workspace

    workspace = open_workspace()
    check_catalog(workspace.catalog)
    found = audit_stored_on(workspace, instruments, name)
    if as_json:
        typer.echo(json.dumps(_as_values(found)))
    else:
        _print(found)
    if found.findings:
        raise typer.Exit(1)


def _as_values(found: AuditOfStored) -> dict[str, Any]:
    findings = [
        {key: _value(value) for key, value in asdict(finding).items()} for finding in found.findings
    ]
    return {key: _value(value) for key, value in vars(found).items()} | {"findings": findings}


def _value(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return None  # JSON has no NaN
    return value.isoformat() if hasattr(value, "isoformat") else value


def _print(found: AuditOfStored) -> None:
    from trading_pipeline.features.audits.told_findings import finding_lines

    console = stdout_console()
    on = (
        f"{found.kind} '{found.name}' on {found.bars:,} bars of {found.instrument}, "
        f"{found.first_ts:%Y-%m-%d} to {found.last_ts:%Y-%m-%d}"
    )
    if found.outside:
        where = "market.inputs" if found.kind == "strategy" else "context.inputs"
        told = not_audited(f"The {found.kind} '{found.name}'", found.outside, read_from=where)
        console.print(f"[yellow]{escape(told)}[/]", soft_wrap=True)
    if not found.findings:
        console.print(f"[green]ok[/] {on}: {found.tried}.", soft_wrap=True)
        return
    columns = ", ".join(dict.fromkeys(finding.column for finding in found.findings))
    console.print(
        f"[red]{len(found.findings)} findings[/] {on}. Columns: {columns}.", soft_wrap=True
    )
    lines = finding_lines(found.findings)
    for line in lines[:_SHOWN_LINES]:
        console.print(line, markup=False, soft_wrap=True)
    more = len(lines) - _SHOWN_LINES
    if more > 0:
        console.print(f"... and {more} more kinds; --json lists all findings.")
