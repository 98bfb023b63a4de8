"""The commands `scenarios list` and `show`: what is backtested, from which file, at which costs.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

if TYPE_CHECKING:
    from trading_pipeline.settings.catalog import Catalog
    from trading_pipeline.settings.scenario import ScenarioSpec

__all__ = ["list_scenarios", "scenarios_app", "show_scenario"]

scenarios_app = typer.Typer(
    name="scenarios", help="What is backtested, shipped and your own.", no_args_is_help=True
)
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@scenarios_app.command("list")
def list_scenarios(as_json: _Json = False) -> None:
    """Show every scenario, portfolio and variant, and the file of each."""
    from trading_pipeline.cli.session import print_table, stderr_console

    catalog = _catalog()
    for wrong in catalog.wrong:
        if wrong.name.startswith("scenarios"):
            text = f"Left out: {wrong.error} {wrong.way_out}"
            stderr_console().print(text, markup=False, soft_wrap=True)
    rows = [_row(catalog, each) for each in catalog.all_scenarios.values()]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    shown = ("scenario", "variant", "strategy", "instruments", "origin")
    print_table(shown, [[escape(str(row[name])) for name in shown] for row in rows])


@scenarios_app.command("show")
def show_scenario(
    name: Annotated[str, typer.Argument(help="Name of a scenario, portfolio or variant.")],
    as_json: _Json = False,
) -> None:
    """Print a scenario as a file of its own, in today's keys, with the costs that it has."""
    import yaml

    from trading_pipeline.cli.session import stderr_console
    from trading_pipeline.errors import UnknownNameError, did_you_mean
    from trading_pipeline.settings.scenario_files.default_costs import default_costs_line

    catalog = _catalog()
    scenario = catalog.any_scenario(name)
    if scenario is None:
        variants = [row["scenario"] for row in _rows_of_file(catalog, name)]
        told = f"The file has these: {', '.join(variants)}." if variants else ""
        raise UnknownNameError(
            f"There is no scenario {name!r}. {told or did_you_mean(name, catalog.all_scenarios)}"
            f"{catalog.told_of('scenarios', name)}",
            name=name,
            kind="scenario",
        )
    values = scenario.model_dump(mode="json", exclude_unset=True)
    file = catalog.scenario_files.get(name)
    notes = [file.note if file else "", default_costs_line(scenario.default_costs)]
    if as_json:
        found = {**_row(catalog, scenario), "values": values, "notes": [*filter(None, notes)]}
        typer.echo(json.dumps(found))
        return
    for note in filter(None, notes):
        stderr_console().print(note, markup=False, soft_wrap=True)
    typer.echo(yaml.safe_dump(values, sort_keys=False, allow_unicode=True).rstrip())


def _catalog() -> Catalog:
    from trading_pipeline.settings.catalog import load_catalog
    from trading_pipeline.settings.environment import load_settings

    settings = load_settings()
    return load_catalog(settings.config, settings.default_costs, leave_out=True)


def _rows_of_file(catalog: Catalog, name: str) -> list[dict[str, Any]]:
    file = catalog.scenario_files.get(name)
    return [] if file is None else [_row(catalog, each) for each in file.scenarios]


def _row(catalog: Catalog, scenario: ScenarioSpec) -> dict[str, Any]:
    from trading_pipeline.settings.catalog_files import SHIPPED

    file = catalog.scenario_files.get(scenario.name)
    path = file.path if file else None
    return {
        "scenario": scenario.name,
        "variant": ((file.variants or {}) if file else {}).get(scenario.name, ""),
        "strategy": getattr(scenario, "traded_by", scenario.strategy.type),
        "instruments": ", ".join(scenario.instruments or ("all",)),
        "origin": "shipped" if path is None or path.is_relative_to(SHIPPED) else path.name,
        "file": str(path or ""),
        "default_costs": scenario.default_costs,
        "is_portfolio": scenario.name in catalog.portfolios,
    }
