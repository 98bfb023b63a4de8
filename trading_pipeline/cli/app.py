"""This file holds the commands of `trading-pipeline` and what becomes of errors.

Exit code 0: done; 1: an error, one paragraph on standard error; 2: wrong usage.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trading_pipeline.errors import TradingPipelineError

__all__ = ["app", "main"]

app = typer.Typer(
    name="trading-pipeline",
    help="From market data to audited backtests, as Dagster assets with lineage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Instruments = Annotated[
    list[str] | None, typer.Option("--instrument", "-i", help="Only this instrument; repeatable.")
]


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    if debug:
        os.environ["TRADING_PIPELINE_DEBUG"] = "1"


@app.command()
def demo(as_json: Json = False) -> None:
    """Run the whole pipeline on the bars that come with the package."""
    from trading_pipeline.cli.demo_command import run_demo

    run_demo(as_json=as_json)


@app.command()
def run(
    instrument: Annotated[
        str | None, typer.Argument(help="Id such as AAPL_1d; all if left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring bars, features, models, predictions, backtests and reports up to date."""
    from trading_pipeline.cli.run_command import run_pass

    run_pass(instrument, as_json=as_json)


@app.command()
def backtest(
    file: Annotated[Path, typer.Argument(help="Scenario file, YAML or JSON.")],
    instrument: Instruments = None,
    as_json: Json = False,
) -> None:
    """Run a scenario file, and materialize what it stands on where that is missing."""
    from trading_pipeline.cli.backtest_command import run_backtest_file

    run_backtest_file(file, instrument, as_json=as_json)


@app.command()
def audit(
    name: Annotated[str, typer.Argument(help="Feature set, label, or chart_patterns.")],
    instrument: Annotated[str, typer.Option("--instrument", "-i", help="Id such as AAPL_1d.")],
    as_json: Json = False,
) -> None:
    """Look for values that read the future, on the stored bars; exit code 1 where there are any."""
    from trading_pipeline.cli.audit_command import run_audit

    run_audit(name, instrument, as_json=as_json)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check Python, packages, TA-Lib, the settings, the warehouse and the Dagster instance."""
    from trading_pipeline.cli.doctor_command import run_doctor

    run_doctor(as_json=as_json)


def main() -> None:
    """Entry point: errors of the package become one paragraph and exit code 1."""
    try:
        app()
    except TradingPipelineError as error:
        if os.environ.get("TRADING_PIPELINE_DEBUG"):
            raise
        Console(stderr=True, highlight=False).print(f"[bold red]Error:[/] {_escaped(str(error))}")
        sys.exit(1)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
