"""`backtest FILE`: register the file's scenarios, bring their data up to date, run them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trading_pipeline.cli.progress_display import show_progress
from trading_pipeline.cli.result_table import variant_table
from trading_pipeline.cli.run_command import print_hindsight, print_results, print_warnings
from trading_pipeline.cli.session import open_pass, stderr_console, stdout_console
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.scenario_registration import registered_scenarios

if TYPE_CHECKING:
    from rich.console import Console

    from trading_pipeline.defs.automation.full_pass import FullPass
    from trading_pipeline.settings.catalog import Catalog
    from trading_pipeline.settings.scenario import ScenarioSpec

__all__ = ["run_backtest_file"]


def run_backtest_file(path: Path, instruments: Sequence[str] | None, *, as_json: bool) -> None:
    """Run the scenarios of a file on their instruments (or on those given); print the results."""
    from trading_pipeline.settings.catalog import load_catalog
    from trading_pipeline.settings.scenario_files.scenario_file import read_scenario_file
    from trading_pipeline.stages.market_data.check_catalog import check_scenario_file
    from trading_pipeline.stages.reports.leaderboard import hindsight_of

    settings, console = load_settings(), stderr_console()
    catalog, file = load_catalog(settings.config, leave_out=True), read_scenario_file(path)
    if file.note:
        console.print(file.note, markup=False, soft_wrap=True)
    check_scenario_file(catalog, file)
    wanted = {
        scenario.name: _instruments_of(scenario, instruments, catalog, file.place_of(scenario.name))
        for scenario in file.scenarios
    }
    with registered_scenarios(path, settings.config):
        full_pass = open_pass()
        with show_progress(console), ExitStack() as new:
            for scenario in file.scenarios:
                new.enter_context(full_pass.new_scenario(scenario))
            full_pass.reference_data()
            for scenario in file.scenarios:
                _run(full_pass, scenario, wanted[scenario.name], console)
            full_pass.leaderboard()
    results = {
        (scenario.name, name)
        for scenario in file.scenarios
        for name in (
            [scenario.instruments_text]
            if isinstance(scenario, PortfolioScenario)
            else wanted[scenario.name]
        )
    }
    newest = full_pass.workspace.results.newest()
    order = [scenario.name for scenario in file.scenarios]
    rows = sorted(
        (row for row in newest if (row["scenario"], row["instruments"]) in results),
        key=lambda row: order.index(row["scenario"]),
    )
    if as_json:
        import typer

        typer.echo(json.dumps(rows, default=str, sort_keys=True))
        return
    if file.variants:
        stdout_console().print(variant_table(file.name, rows, file.variants))
        print_warnings(rows)
    else:
        print_results(rows)
    if not any(isinstance(each, PortfolioScenario) for each in file.scenarios):  # they say it
        print_hindsight(hindsight_of(full_pass.workspace, rows))
    for row in rows:
        page = full_pass.workspace.reports / f"{row['result_id']}.html"
        stdout_console().print(str(page), soft_wrap=True)


def _instruments_of(
    scenario: ScenarioSpec, given: Sequence[str] | None, catalog: Catalog, place: str
) -> list[str]:
    """Instruments that the scenario is run on; typed errors for those that it cannot run on."""
    from trading_pipeline.stages.backtests.scenario_inputs import (
        require_listed,
        require_possible_dates,
    )

    if isinstance(scenario, PortfolioScenario) and given:
        raise ConfigurationError(
            f"{place}: the scenario '{scenario.name}' is a portfolio, which is traded as a whole; "
            "leave --instrument out, or take its key 'portfolio' away.",
            scenario=scenario.name,
        )
    wanted = list(given or scenario.instruments or catalog.instruments)
    for name in wanted:
        catalog.instrument(name)
        require_listed(scenario, name)
        require_possible_dates(catalog, scenario, name, datetime.now(UTC))
    return wanted


def _run(
    full_pass: FullPass, scenario: ScenarioSpec, instruments: Sequence[str], console: Console
) -> None:
    """What the scenario needs on these instruments, and its results."""
    for name in instruments:
        for asset, windows in full_pass.chain_for(name, scenario).items():
            text = f"{name}: {asset} was missing for {windows} window(s)"
            console.print(text, markup=False)
        if not isinstance(scenario, PortfolioScenario):
            full_pass.backtest(name, scenario.name)
    if isinstance(scenario, PortfolioScenario):
        full_pass.portfolio(scenario.name)
