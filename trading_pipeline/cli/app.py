"""The commands of `trading-pipeline`, and what becomes of errors.

Exit code 0: done; 1: an error, one paragraph on standard error; 2: wrong usage; 130 and 143:
stopped by Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
from rich.console import Console
from rich.markup import escape

from trading_pipeline.cli.datasets_app import datasets_app
from trading_pipeline.cli.models_app import models_app
from trading_pipeline.cli.reports_app import reports_app
from trading_pipeline.cli.results.app import results_app
from trading_pipeline.cli.scenarios_app import scenarios_app
from trading_pipeline.cli.strategies_app import strategies_app
from trading_pipeline.cli.trials_app import trials_app
from trading_pipeline.errors import ConfigurationError, OwnCodeError, TradingPipelineError
from trading_pipeline.stop_signals import raise_if_stopped

__all__ = ["app", "main"]


class _Commands(typer.core.TyperGroup):
    """The commands; code that they run cannot end the program as if all had gone well."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command. `OwnCodeError` for a call of `sys.exit`, which no command makes."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise SystemExit(130) from None  # `stoppable` says so
        except SystemExit as error:
            if isinstance(error.__context__, BrokenPipeError):  # such as a pipe into head
                raise
            raise OwnCodeError(
                f"Code that was run ended the program{_place_of(error)}: SystemExit: {error}. "
                "Leave sys.exit, exit and quit out of files of your own.",
                code=error.code,
            ) from error


app = typer.Typer(
    name="trading-pipeline",
    cls=_Commands,
    help="From market data to audited backtests, as Dagster assets with lineage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(datasets_app)
app.add_typer(models_app)
app.add_typer(reports_app)
app.add_typer(results_app)
app.add_typer(scenarios_app)
app.add_typer(strategies_app)
app.add_typer(trials_app)
universe_app = typer.Typer(
    help="The instruments that are worked on.", no_args_is_help=True, add_completion=False
)
app.add_typer(universe_app, name="universe")
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
    refetch: Annotated[
        bool, typer.Option("--refetch", help="Ask the sources for all bars again, old ones too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring bars, features, models, predictions, backtests and reports up to date."""
    from trading_pipeline.cli.run_command import run_pass

    run_pass(instrument, as_json=as_json, refetch=refetch)


@app.command()
def maintenance(
    keep_days: Annotated[
        float | None,
        typer.Option(min=0.0, help="What is younger than so many days stays (90)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove runs, logs, frames, pages and models that newer ones superseded; results stay."""
    from trading_pipeline.cli.maintenance_command import run_maintenance

    run_maintenance(keep_days, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command()
def backtest(
    file: Annotated[Path, typer.Argument(help="Scenario file, YAML or JSON.")],
    instrument: Instruments = None,
    as_json: Json = False,
) -> None:
    """Run a scenario file, and materialize what it needs where that is missing."""
    from trading_pipeline.cli.backtest_command import run_backtest_file

    run_backtest_file(file, instrument, as_json=as_json)


@app.command()
def optimize(
    study: Annotated[str, typer.Argument(help="Study file, YAML or JSON, or the name of a study.")],
    instrument: Instruments = None,
    measure_test: Annotated[
        bool,
        typer.Option(
            "--measure-test", help="Then measure the best on the test of a frozen study: once."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Search a strategy's parameters; a search that was stopped goes on where it was."""
    from trading_pipeline.cli.optimize_command import run_optimize

    run_optimize(study, instrument, measure_test=measure_test, as_json=as_json)


@app.command()
def audit(
    name: Annotated[str, typer.Argument(help="Feature set, label, strategy, or chart_patterns.")],
    instrument: Annotated[
        list[str],
        typer.Option(
            "--instrument", "-i", help="Id such as AAPL_1d; repeatable for a portfolio's strategy."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Look for values that read the future, on the stored bars; exit code 1 where there are any."""
    from trading_pipeline.cli.audit_command import run_audit

    run_audit(name, instrument, as_json=as_json)


@app.command()
def forecast(
    instrument: Annotated[str, typer.Argument(help="Id such as AAPL_1d.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Name of a model.")
    ] = "autoregressive",
    as_json: Json = False,
) -> None:
    """Forecast the next bars, with a band, a picture, and what the model was worth before."""
    from trading_pipeline.cli.forecast_command import run_forecast

    run_forecast(instrument, model, as_json=as_json)


@app.command("model-card")
def model_card(
    model: Annotated[str, typer.Argument(help="Name of a model.")],
    instrument: Annotated[str, typer.Argument(help="Id such as AAPL_1d.")],
    as_json: Json = False,
) -> None:
    """How good a model's predictions were out of sample: verdict, scores, and a page."""
    from trading_pipeline.cli.model_card_command import run_model_card

    run_model_card(model, instrument, as_json=as_json)


@app.command()
def doctor(
    as_json: Json = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the providers of market data.")
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Verify all that is stored: it must be as written.")
    ] = False,
) -> None:
    """Check Python, packages, TA-Lib, settings, warehouse, Dagster instance and providers."""
    from trading_pipeline.cli.doctor_command import run_doctor

    run_doctor(as_json=as_json, offline=offline, deep=deep)


@universe_app.command("add")
def _universe_add(
    symbol: Annotated[str, typer.Argument(help="Such as AAPL or BTC/USDT.")],
    source: Annotated[
        str | None,
        typer.Option(help="yahoo, ccxt, alpaca, one of yours ...; an archived one keeps its own."),
    ] = None,
    timeframe: Annotated[str, typer.Option(help="1m 5m 15m 30m 1h 4h 1d 1w")] = "1d",
    calendar: Annotated[
        str | None, typer.Option(help="XNYS and the like, 24/7 or 24/5; coins: 24/7, else XNYS.")
    ] = None,
    exchange: Annotated[str | None, typer.Option(help="Of the source ccxt: kraken ...")] = None,
    asset_class: Annotated[
        str | None, typer.Option(help="equity, crypto, index, fx, future.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="USD, or what a coin is priced in.")] = None,
    start: Annotated[
        str | None, typer.Option(help="First day to fetch, YYYY-MM-DD (listed_from).")
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not ask the source whether it has it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add an instrument, or bring an archived one back, after its source was asked for it."""
    from trading_pipeline.cli.universe_command import Wishes, run_universe_add

    wishes = Wishes(source, timeframe, calendar, exchange, asset_class, currency, start)
    run_universe_add(symbol, wishes, check=not no_check, as_json=as_json)


@universe_app.command("list")
def _universe_list(as_json: Json = False) -> None:
    """Show the instruments, archived ones too."""
    from trading_pipeline.cli.universe_command import run_universe_list

    run_universe_list(as_json=as_json)


@universe_app.command("remove")
def _universe_remove(
    instrument: Annotated[str, typer.Argument(help="Id such as AAPL_1d.")],
    as_json: Json = False,
) -> None:
    """Archive an instrument: it is no longer worked on; its bars and results stay."""
    from trading_pipeline.cli.universe_command import run_universe_remove

    run_universe_remove(instrument, as_json=as_json)


def _place_of(error: SystemExit) -> str:
    """Where it was raised, in words; `quit` itself stands in a file of Python."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.endswith("_sitebuiltins.py")]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


def main() -> None:
    """Entry point: errors of the package, and a full disk, become one paragraph and exit code 1."""
    # each attempt would be a line on standard error; the last error says how often it was tried
    logging.getLogger("trading_pipeline.market_data.sources.connection.retry").addHandler(
        logging.NullHandler()
    )
    try:
        app()
    except Exception as error:
        raise_if_stopped()  # what ends in an interruption can look like any error
        told = _told(error)
        if told is None or os.environ.get("TRADING_PIPELINE_DEBUG"):
            raise
        Console(stderr=True, highlight=False).print(f"[bold red]Error:[/] {escape(str(told))}")
        sys.exit(1)


def _told(error: Exception) -> TradingPipelineError | None:
    """The error that is shown in one paragraph; None for one that only a traceback explains.

    A full disk comes out of whatever wrote last: Dagster's storage, the compiler's cache, a
    library.
    """
    from trading_pipeline.settings.environment import load_settings
    from trading_pipeline.storage.disk_space import disk_full_error
    from trading_pipeline.storage.path_failures import folder_error

    if isinstance(error, ConfigurationError) and error.__cause__ is None:
        return error  # not of the disk; and the settings themselves may be what is wrong
    try:
        settings = load_settings()
        full = disk_full_error(error, settings.runtime)
    except (ConfigurationError, OSError):
        return error if isinstance(error, TradingPipelineError) else None
    if full is not None:
        return full
    if isinstance(error, TradingPipelineError):
        return error
    return folder_error(error, settings.runtime, settings.config)
