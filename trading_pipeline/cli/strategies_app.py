"""The commands `strategies list`, `show` and `new`: what can be traded, and a file for one's own.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

if TYPE_CHECKING:
    from trading_pipeline.strategies import StrategyCatalogue

__all__ = ["list_strategies", "new_strategy", "show_strategy", "strategies_app"]

strategies_app = typer.Typer(
    name="strategies", help="Trading rules, shipped and your own.", no_args_is_help=True
)
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@strategies_app.command("list")
def list_strategies(as_json: _Json = False) -> None:
    """Show every strategy, and the files of your own that cannot be used."""
    known = _known()
    rows = [
        {
            "name": name,
            "origin": "own" if name in known.own.files else "shipped",
            "family": known.family(name),
            "gives": _gives(known, name),
            "meaning": _meaning(known, name),
            "file": str(known.own.files.get(name, "")),
            "error": "",
        }
        for name in known.names()
    ]
    rows += [
        {
            "name": each.path.stem,
            "origin": "broken",
            "family": "own",
            "gives": "",
            "meaning": "",
            "file": str(each.path),
            "error": str(each.error),
        }
        for each in known.own.broken
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    rows.sort(key=lambda row: (row["family"], row["name"]))
    columns = [
        (row["family"], row["name"], row["gives"], row["meaning"] or "cannot be used")
        for row in rows
    ]
    _print_table(("family", "strategy", "gives", "meaning"), columns)
    for each in known.own.broken:
        _print(f"[bold red]Error:[/] {escape(str(each.error))}")


@strategies_app.command("show")
def show_strategy(
    name: Annotated[str, typer.Argument(help="Name of the strategy.")], as_json: _Json = False
) -> None:
    """Show a strategy's parameters, its warm-up, the lines of its chart, and where its code is."""
    from trading_pipeline.strategies import parameter_table
    from trading_pipeline.strategies.sample_lines import sample_lines

    known = _known()
    file, line = known.code_place(name)
    parameters = parameter_table(known.get(name).params_type)
    required = any(row.required for row in parameters)
    lines = sample_lines(known, name, None if required else known.validate_params(name, {}))
    document: dict[str, Any] = {
        "name": name,
        "origin": "own" if name in known.own.files else "shipped",
        "family": known.family(name),
        "gives": _gives(known, name),
        "rebalance": _rebalance(known, name),
        "meaning": _meaning(known, name),
        "file": str(file),
        "line": line,
        "warmup_bars": None if required else known.warmup_bars(name, {}),
        "parameters": [asdict(row) for row in parameters],
        "chart_lines": [asdict(row) for row in lines.rows],
        "chart_lines_error": lines.error,
    }
    if as_json:
        typer.echo(json.dumps(document))
        return
    _print(escape(f"{name}: {document['meaning']}"))
    columns = [
        (
            row.name,
            row.type,
            "required" if row.required else _written(row.default),
            row.bounds,
            row.meaning,
        )
        for row in parameters
    ]
    if columns:
        _print_table(("parameter", "type", "default", "bounds", "meaning"), columns)
    else:
        _print("It has no parameters.")
    if document["gives"] == "weights":
        dates = json.dumps(document["rebalance"] or "each bar that gives weights")
        _print(escape(f"Trade it in a scenario with: portfolio: {{strategy: {{type: {name}}}}}"))
        _print(f"It decides at: {dates}; portfolio.rebalance of a scenario says it otherwise.")
    if not required:
        _print(f"Warm-up at the defaults: {document['warmup_bars']} bars")
    for row in lines.rows:
        _print(escape(f"Chart line: {row}"))
    if lines.error and document["gives"] != "weights":
        _print(escape(f"Chart lines cannot be told without data: {lines.error}"))
    _print(escape(f"Code: {file}, line {line}"))


@strategies_app.command("new")
def new_strategy(
    name: Annotated[str, typer.Argument(help="Name of the strategy and of its file.")],
    bar_by_bar: Annotated[
        bool, typer.Option("--bar-by-bar", help="One that decides bar by bar, with `on_bar`.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Write a commented file with a strategy of your own, ready to run and to change."""
    from trading_pipeline.settings.environment import load_settings
    from trading_pipeline.strategies.new_strategy import write_new_strategy

    folder = load_settings().config / "strategies"
    path = write_new_strategy(folder, name, _known(), bar_by_bar=bar_by_bar)
    if as_json:
        typer.echo(json.dumps({"name": name, "file": str(path)}))
        return
    _print(escape(f"Written: {path}"))
    _print(escape(f"Its parameters: trading-pipeline strategies show {name}"))
    _print(escape(f"Trade it in a scenario with: strategy: {{type: {name}}}"))


def _known() -> StrategyCatalogue:
    from trading_pipeline.settings.environment import load_settings
    from trading_pipeline.strategies import own_strategies

    return own_strategies(load_settings().config / "strategies")


def _gives(known: StrategyCatalogue, name: str) -> str:
    """`weights` of all instruments of a portfolio, or `signals` of one instrument."""
    from trading_pipeline.strategies import PortfolioStrategy

    return "weights" if isinstance(known.get(name), PortfolioStrategy) else "signals"


def _rebalance(known: StrategyCatalogue, name: str) -> dict[str, object] | None:
    """When a portfolio strategy acts where a scenario does not say; None for each bar."""
    from trading_pipeline.strategies import PortfolioStrategy

    found = known.get(name)
    if not isinstance(found, PortfolioStrategy):
        return None
    return found.rebalancing.model_dump(mode="json", exclude_none=True) or None


def _meaning(known: StrategyCatalogue, name: str) -> str:
    """First line of the class's docstring."""
    return (type(known.get(name)).__doc__ or "").strip().partition("\n")[0]


def _written(default: object) -> str:
    """A default as a scenario file has it."""
    return default if isinstance(default, str) else json.dumps(default)


def _print_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from trading_pipeline.cli.session import print_table

    print_table(names, [[escape(value) for value in row] for row in rows])


def _print(text: str) -> None:
    from trading_pipeline.cli.session import stdout_console

    stdout_console().print(text, soft_wrap=True)
