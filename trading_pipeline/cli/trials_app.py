"""The commands of `trials`: list, show, invalidate, verify and accept-loss, on the ledger.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

if TYPE_CHECKING:
    from trading_pipeline.storage.stores.trial_ledger import TrialLedger

__all__ = [
    "accept_losses",
    "invalidate_trials",
    "list_trials",
    "show_trial",
    "trials_app",
    "verify_trials",
]

trials_app = typer.Typer(
    name="trials",
    help="The ledger of everything that was tried; it only grows.",
    no_args_is_help=True,
)
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_COLUMNS = ("trial", "instrument", "strategy", "sharpe", "status")
_MORE_COLUMNS = ("dates", "from")
_WIDE = 120
"""Characters of a line from which on there is room for all columns."""
_HASHES = ("parameters_hash", "settings_hash", "model_hash", "bars_hash", "code_hash", "chain_hash")
_SHOWN_DIGITS = 12


@trials_app.command("list")
def list_trials(
    instrument: Annotated[
        str | None, typer.Option("--instrument", "-i", help="Id such as AAPL_1d.")
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="Name of a strategy.")] = None,
    study: Annotated[str | None, typer.Option(help="Name of a study.")] = None,
    status: Annotated[str | None, typer.Option(help="ok, undefined, failed or invalid.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many of the newest rows.")] = 50,
    as_json: _Json = False,
) -> None:
    """Show the newest rows, and how many trials they make."""
    ledger = _ledger()
    rows = ledger.listed(
        instrument=instrument, strategy=strategy, study=study, status=status, last=last
    )
    count = ledger.count()
    if as_json:
        _echo({"trials": count, "rows": rows})
        return
    if rows:
        _print_rows(rows)
    _print(f"{len(rows)} rows shown; the ledger counts {count:,} distinct trials.")


@trials_app.command("show")
def show_trial(
    number: Annotated[int, typer.Argument(help="Number of the trial.")], as_json: _Json = False
) -> None:
    """Show a trial and every evaluation of it."""
    ledger = _ledger()
    rows = ledger.rows_about(number)
    if as_json:
        _echo({"trial_no": number, "rows": rows})
        return
    row = next(each for each in rows if each["trial_no"] == number)
    told = {name: row[name] for name in row if row[name] is not None and row[name] != ""}
    cut = {name: str(told[name])[:_SHOWN_DIGITS] for name in _HASHES if name in told}
    _print_table(("", ""), [(name, str(value)) for name, value in (told | cut).items()])
    _print_rows(rows)


@trials_app.command("invalidate")
def invalidate_trials(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of the trials.")],
    reason: Annotated[str, typer.Option(help="What is wrong with them.")],
    as_json: _Json = False,
) -> None:
    """Say that trials are invalid; they stay on record and count, but feed no variance."""
    ledger = _ledger()
    added = ledger.invalidate(numbers, reason=reason)
    if as_json:
        _echo({"added": added, "trials": ledger.count()})
        return
    already = "" if added else " They are invalid already."
    _print(
        f"{added} rows were added to the ledger.{already} It still counts {ledger.count():,} "
        "trials. Next: trading-pipeline run"
    )


@trials_app.command("verify")
def verify_trials(as_json: _Json = False) -> None:
    """Check that no row was changed, removed or moved; exit code 1 where one was."""
    check = _ledger().verify()
    if as_json:
        accepted = {"accepted": list(check.accepted)} if check.accepted else {}
        _echo({"rows": check.rows, "faults": list(check.faults), **accepted})
    elif check.faults:
        for fault in check.faults:
            _print(f"[bold red]Fault:[/] {escape(fault)}")
        _print(
            "Restore the warehouse from a copy; or go on with what is left: run trading-pipeline "
            'run, then put the loss on record: trading-pipeline trials accept-loss --reason "...".'
        )
    elif check.accepted:
        _print(f"{check.rows:,} rows, no fault but those on record:")
    else:
        _print(f"{check.rows:,} rows, none of them changed, removed or moved.")
    for reason in check.accepted if not as_json else ():
        _print(f"Accepted loss: {escape(reason)}")
    if check.faults:
        raise typer.Exit(1)


@trials_app.command("accept-loss")
def accept_losses(
    reason: Annotated[str, typer.Option(help="What happened to the rows.")],
    as_json: _Json = False,
) -> None:
    """Put faults that `verify` finds on record as known, so that work goes on without the rows."""
    ledger = _ledger()
    accepted = ledger.accept_losses(reason)
    if as_json:
        _echo({"accepted": accepted, "trials": ledger.count()})
        return
    _print(
        f"{accepted} fault(s) are on record. The ledger counts the {ledger.count():,} trials that "
        "are left; results were chosen among more. Next: trading-pipeline run"
    )


def _ledger() -> TrialLedger:
    from trading_pipeline.stages.workspace import open_workspace

    return open_workspace().trials


def _print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """A line a row; on a narrow screen without the columns that `trials show` has as well."""
    from trading_pipeline.cli.session import stdout_console

    names = _COLUMNS + (_MORE_COLUMNS if stdout_console().width >= _WIDE else ())
    _print_table(names, [_columns(row)[: len(names)] for row in rows])


def _columns(row: Mapping[str, Any]) -> tuple[str, ...]:
    status = str(row["status"] or "")
    if row["refers_to"] is not None:
        status = f"{status} (trial {row['refers_to']}: {row['reason']})"
    parameters = json.loads(row["parameters"]) if row["parameters"] else {}
    chosen = ", ".join(f"{name} {value}" for name, value in parameters.items())
    return (
        str(row["trial_no"]),
        str(row["instrument"]),
        f"{row['strategy']}: {chosen}" if chosen else str(row["strategy"]),
        "" if row["sharpe"] is None else f"{row['sharpe']:.2f}",
        status,
        str(row["dates"] or ""),
        str(row["study"] or row["fold"] or ""),
    )


def _echo(document: Mapping[str, object]) -> None:
    typer.echo(json.dumps(document, default=str, sort_keys=True))


def _print_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from trading_pipeline.cli.session import print_table

    print_table(names, [[escape(value) for value in row] for row in rows])


def _print(text: str) -> None:
    from trading_pipeline.cli.session import stdout_console

    stdout_console().print(text, soft_wrap=True)
