"""`backtest FILE`: register the scenario, bring its data up to date, run it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from trading_pipeline.cli.progress_display import show_progress
from trading_pipeline.cli.run_command import print_hindsight, print_results
from trading_pipeline.cli.session import open_pass, stderr_console, stdout_console
from trading_pipeline.errors import ConfigurationError
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.settings.portfolio_scenario import PortfolioScenario
from trading_pipeline.settings.scenario_registration import registered_scenario

__all__ = ["run_backtest_file"]


def run_backtest_file(path: Path, instruments: Sequence[str] | None, *, as_json: bool) -> None:
    """Run the scenario of a file on its instruments (or on those given) and print the results."""
    from trading_pipeline.settings.catalog import load_catalog, read_scenario
    from trading_pipeline.stages.backtests.scenario_inputs import (
        require_listed,
        require_possible_dates,
    )
    from trading_pipeline.stages.market_data.check_catalog import check_scenario, naming_file
    from trading_pipeline.stages.reports.leaderboard import hindsight_of

    settings = load_settings()
    catalog, scenario = load_catalog(settings.config), read_scenario(path)
    with naming_file(path):
        check_scenario(catalog, scenario)
    portfolio = scenario if isinstance(scenario, PortfolioScenario) else None
    if portfolio is not None and instruments:
        raise ConfigurationError(
            f"{path}: the scenario '{scenario.name}' is a portfolio, which is traded as a whole; "
            "leave --instrument out, or take its key 'portfolio' away.",
            scenario=scenario.name,
        )
    wanted = list(instruments or scenario.instruments or catalog.instruments)
    for name in wanted:
        catalog.instrument(name)
        require_listed(scenario, name)
        require_possible_dates(catalog, scenario, name, datetime.now(UTC))
    with registered_scenario(path, settings.config):
        full_pass = open_pass()
        console = stderr_console()
        with show_progress(console), full_pass.new_scenario(scenario):
            full_pass.reference_data()
            for name in wanted:
                missing = full_pass.chain_for(name, scenario)
                for asset, windows in missing.items():
                    text = f"{name}: {asset} was missing for {windows} window(s)"
                    console.print(text, markup=False)
                if portfolio is None:
                    full_pass.backtest(name, scenario.name)
            if portfolio is not None:
                full_pass.portfolio(portfolio.name)
            full_pass.leaderboard()
    results = wanted if portfolio is None else [portfolio.instruments_text]
    rows = [
        row
        for row in full_pass.workspace.results.newest()
        if row["scenario"] == scenario.name and row["instruments"] in results
    ]
    if as_json:
        import typer

        typer.echo(json.dumps(rows, default=str, sort_keys=True))
        return
    print_results(rows)
    if portfolio is None:  # its result says so itself
        print_hindsight(hindsight_of(full_pass.workspace, rows))
    for row in rows:
        page = full_pass.workspace.reports / f"{row['result_id']}.html"
        stdout_console().print(str(page), soft_wrap=True)
