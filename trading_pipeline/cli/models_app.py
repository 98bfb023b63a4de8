"""The commands of `models`: list, show, verify, compare and prune, on the stored models.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from trading_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from trading_pipeline.stages.models.stored_models import StoredModel
    from trading_pipeline.stages.workspace import Workspace

__all__ = ["compare", "list_models", "models_app", "prune", "show_model", "verify_models"]

models_app = typer.Typer(
    name="models",
    help="The stored models: what each was made of, who forecasts, and whether files are whole.",
    no_args_is_help=True,
)
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_Instrument = Annotated[str | None, typer.Option("--instrument", "-i", help="Id such as AAPL_1d.")]
_Model = Annotated[str | None, typer.Option("--model", "-m", help="Name of a model.")]
_LISTED = ("model", "rows", "held back", "age", "status")


@models_app.command("list")
def list_models(
    instrument: _Instrument = None, model: _Model = None, as_json: _Json = False
) -> None:
    """Show every stored model: rows, held-back score, age of a champion, and who uses it."""
    from trading_pipeline.stages.models.stored_models import headline_score, stored_models

    workspace = _workspace()
    found = stored_models(workspace, instrument=instrument, name=model)
    ages = {each.model_id: _age(workspace, each) for each in found}
    if as_json:
        _echo({"models": [_listed(each, ages[each.model_id]) for each in found]})
        return
    _print_table(
        _LISTED,
        [
            (
                each.model_id,
                f"{each.row['rows']:,}",
                headline_score(each.row["metrics"]),
                "" if ages[each.model_id] is None else f"{ages[each.model_id]:,.0f} d",
                each.status,
            )
            for each in found
        ],
    )
    for each in found:
        if each.decision:
            _print(f"{each.model_id} ({each.status}): {escape(each.decision)}")
    _print(
        f"{len(found)} models; an id begins with name, instrument and refit date. To check their "
        "files: trading-pipeline models verify"
    )


@models_app.command("show")
def show_model(
    model_id: Annotated[str | None, typer.Argument(help="Id of a model, or how it begins.")] = None,
    instrument: _Instrument = None,
    model: _Model = None,
    at: Annotated[
        str | None, typer.Option(help="The model that predicted from this bar, YYYY-MM-DD.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Show what a model was made of: by its id, or the one that predicted from a bar."""
    from trading_pipeline.stages.models.stored_models import find_model, model_at, provenance

    workspace, predicted = _workspace(), None
    if model_id is None:
        if instrument is None or model is None or at is None:
            raise ConfigurationError(
                "Give the id of a model, or --instrument, --model and --at for the one that "
                "predicted from that bar."
            )
        predicted = model_at(workspace, instrument, model, _moment(at))
        model_id = predicted.model_id
    told = provenance(workspace, find_model(workspace, model_id))
    if predicted is not None:
        bar = {"ts": predicted.ts, "known_at": predicted.known_at, **predicted.values}
        told = {"predicted": bar} | told
    if as_json:
        _echo(told)
        return
    _print_table(("", ""), [(name, _shown(value)) for name, value in told.items()])


@models_app.command("verify")
def verify_models(
    model_id: Annotated[
        str, typer.Argument(help="Id of a model or how it begins; all for every one.")
    ] = "all",
    as_json: _Json = False,
) -> None:
    """Hash, check and load the files of models; exit code 1 where one is not as it was saved."""
    from trading_pipeline.stages.models.stored_models import (
        find_model,
        model_fault,
        stored_models,
    )

    workspace = _workspace()
    chosen = stored_models(workspace) if model_id == "all" else [find_model(workspace, model_id)]
    faults = {each.model_id: model_fault(workspace, each) for each in chosen}
    faults = {name: fault for name, fault in faults.items() if fault}
    if as_json:
        _echo({"models": len(chosen), "faults": faults})
    else:
        for fault in faults.values():
            _print(f"[bold red]Fault:[/] {escape(fault)}")
        _print(f"{len(chosen)} models read and loaded, {len(faults)} of them damaged.")
    if faults:
        raise typer.Exit(1)


@models_app.command("compare")
def compare(
    first: Annotated[str, typer.Argument(help="Id of a model, or its name.")],
    second: Annotated[str, typer.Argument(help="Id of a model, or its name.")],
    instrument: _Instrument = None,
    as_json: _Json = False,
) -> None:
    """Show what differs between two models, their scores, and whether one was better."""
    from dataclasses import asdict

    from trading_pipeline.stages.models.model_comparison import compare_models

    told = compare_models(_workspace(), first, second, instrument)
    if as_json:
        _echo(asdict(told))
        return
    heads = ("", *told.names)
    specs = [(name, *map(_shown, pair)) for name, pair in told.differences.items()]
    _print_table(heads, specs or [("made alike", "", "")])
    nothing = (None, None)
    scores = [
        (
            name,
            *(
                _score(*each)
                for each in zip(pair, told.scores.get(f"{name}_error", nothing), strict=True)
            ),
        )
        for name, pair in told.scores.items()
        if not name.endswith("_error")
    ]
    _print_table(heads, scores)
    _print(escape(told.verdict))


@models_app.command("prune")
def prune(
    keep_days: Annotated[
        float, typer.Option(min=0.0, help="Models younger than so many days stay.")
    ] = 90.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: _Json = False,
) -> None:
    """Remove models that nothing stored names any more, after saying which."""
    from trading_pipeline.stages.models.prune_models import models_to_prune, prune_models

    workspace = _workspace()
    found = models_to_prune(workspace, keep_days=keep_days)
    total = sum(each.size_bytes for each in found)
    if as_json and not (dry_run or yes):
        raise ConfigurationError("With --json nobody can be asked: add --dry-run or --yes.")
    if not as_json:
        for each in found:
            _print(f"{each.model_id}  {each.size_bytes / 1e3:,.0f} kB")
        _print(
            f"{len(found)} models ({total / 1e6:,.1f} MB) are older than {keep_days:g} days, and "
            "no table of fits, prediction, forecast or result names them."
        )
    asked = bool(found) and not dry_run
    if asked and not yes:
        typer.confirm("Remove them?", abort=True)
    gone = prune_models(workspace, found, keep_days=keep_days) if asked else 0
    if as_json:
        models = [each.model_id for each in found]
        _echo({"models": models, "bytes": total, "removed": gone})
    elif asked:
        _print(f"{gone} models removed.")


def _workspace() -> Workspace:
    from trading_pipeline.stages.workspace import open_workspace

    return open_workspace()


def _age(workspace: Workspace, model: StoredModel) -> float | None:
    """Days by which a champion is older than the newest bar."""
    from trading_pipeline.stages.models.live_health import live_health

    if model.status != "champion" or model.row["name"] not in workspace.catalog.models:
        return None
    health = live_health(workspace, model.row["instrument"], model.row["name"])
    return None if health is None else health.age_days


def _listed(model: StoredModel, age_days: float | None) -> dict[str, Any]:
    from trading_pipeline.stages.models.stored_models import headline_score

    names = (
        "model_id",
        "name",
        "instrument",
        "window",
        "rows",
        "train_from",
        "train_to",
        "metrics",
    )
    return {
        **{name: model.row[name] for name in names},
        "refit_date": model.refit_date,
        "score": headline_score(model.row["metrics"]),
        "age_days": age_days,
        "status": model.status,
        "decision": model.decision or None,
        "used_in": list(model.used_in),
    }


def _moment(text: str) -> pd.Timestamp:
    import pandas as pd

    try:
        moment = pd.Timestamp(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is no day; write it as 2012-05-03, or 2012-05-03T14:30 for a bar within one."
        ) from error
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_cell(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return _cell(value)


def _score(value: float | None, error: float | None) -> str:
    return _cell(value) + ("" if value is None or error is None else f" ± {error:.2g}")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(each)}" for name, each in value.items())
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and len(value) == 64:
        return value[:12]  # a hash
    return str(value)


def _echo(document: Mapping[str, object]) -> None:
    typer.echo(json.dumps(document, default=str, sort_keys=True))


def _print_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from trading_pipeline.cli.session import print_table

    print_table(names, [[escape(value) for value in row] for row in rows])


def _print(text: str) -> None:
    from trading_pipeline.cli.session import stdout_console

    stdout_console().print(text, soft_wrap=True)
