"""The commands of `results`: `list`, `show`, `compare`, `trades`, `export`, `chart`, `reproduce`.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "chart",
    "compare",
    "export",
    "list_results",
    "list_trades",
    "reproduce",
    "results_app",
    "show_result",
]

results_app = typer.Typer(
    name="results",
    help="The stored results: find, compare, export, and run one again.",
    no_args_is_help=True,
)
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_Id = Annotated[str, typer.Argument(help="Id of a result, or how it begins.")]
_Limit = Annotated[int, typer.Option(min=1, help="Rows of a page.")]
_Page = Annotated[int, typer.Option(min=1, help="Number of the page.")]
_Csv = Annotated[
    str | None, typer.Option("--csv", help="Write every row to this file as CSV; - prints it.")
]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
_Local = Annotated[
    bool, typer.Option("--local", help="Times in the zone of the instrument's calendar.")
]
_Zone = Annotated[str | None, typer.Option(help="Times in this zone, such as America/New_York.")]
_Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", "-w", help="A condition on a number, such as 'sharpe>=0.5'; repeatable."
    ),
]
_Ascending = Annotated[bool, typer.Option("--ascending", help="The lowest first.")]


@results_app.command("list")
def list_results(
    instrument: Annotated[
        str | None, typer.Option("--instrument", "-i", help="Id such as AAPL_1d.")
    ] = None,
    scenario: Annotated[str | None, typer.Option(help="Name of a scenario.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Name of a strategy.")] = None,
    since: Annotated[str | None, typer.Option(help="Stored on this day (UTC) or later.")] = None,
    min_trades: Annotated[int | None, typer.Option(min=0, help="At least so many trades.")] = None,
    where: _Where = None,
    newest: Annotated[
        bool, typer.Option("--newest", help="Only the newest of each scenario and instrument.")
    ] = False,
    sort: Annotated[
        str | None, typer.Option(help="A metric, the highest first; else the newest first.")
    ] = None,
    ascending: _Ascending = False,
    limit: _Limit = 20,
    page: _Page = 1,
    csv: _Csv = None,
    overwrite: _Overwrite = False,
    local: _Local = False,
    zone: _Zone = None,
    as_json: _Json = False,
) -> None:
    """Show stored results, the newest first, a page at a time."""
    _require_one("--local", local, "--zone", zone)
    _require_one("--json", as_json, "--csv", csv)
    from trading_pipeline.cli.results.list_command import Output, run_list
    from trading_pipeline.stages.results.asked import between, moment, number_bounds
    from trading_pipeline.storage.stores.result_queries import ResultFilter

    bounds = number_bounds(where or ()) + between("trade_count", "trades", min_trades, None)
    wanted = ResultFilter(
        instrument=instrument,
        scenario=scenario,
        strategy=strategy,
        since=None if since is None else moment(since, "--since"),
        bounds=bounds,
        newest=newest,
        sort=sort,
        ascending=ascending,
    )
    run_list(wanted, Output(limit, page, csv, overwrite, local, zone, as_json))


@results_app.command("show")
def show_result(
    result: _Id, local: _Local = False, zone: _Zone = None, as_json: _Json = False
) -> None:
    """Show a result: metrics with intervals beside the benchmark, lineage, verdict as of today."""
    _require_one("--local", local, "--zone", zone)
    from trading_pipeline.cli.results.show_command import run_show

    run_show(result, local=local, zone=zone, as_json=as_json)


@results_app.command("compare")
def compare(
    results: Annotated[list[str], typer.Argument(help="Ids of two results or more.")],
    as_json: _Json = False,
) -> None:
    """Show the metrics of results side by side, and how each differs from the first."""
    from trading_pipeline.cli.results.compare_command import run_compare

    run_compare(results, as_json=as_json)


@results_app.command("trades")
def list_trades(
    result: _Id,
    side: Annotated[str | None, typer.Option(help="long or short.")] = None,
    instrument: Annotated[
        str | None, typer.Option("--instrument", "-i", help="Of a portfolio: only this one.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="Entered on this day (UTC) or later.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Entered on this day (UTC) or earlier.")
    ] = None,
    min_pnl: Annotated[float | None, typer.Option(help="Profit of at least so much.")] = None,
    max_pnl: Annotated[float | None, typer.Option(help="Profit of at most so much.")] = None,
    exit_reason: Annotated[
        str | None, typer.Option(help="What closed it: signal, stop_loss ...")
    ] = None,
    where: _Where = None,
    sort: Annotated[
        str | None, typer.Option(help="A number such as pnl, the highest first.")
    ] = None,
    ascending: _Ascending = False,
    limit: _Limit = 50,
    page: _Page = 1,
    csv: _Csv = None,
    overwrite: _Overwrite = False,
    local: _Local = False,
    zone: _Zone = None,
    as_json: _Json = False,
) -> None:
    """Show the trades of a result, a page at a time."""
    _require_one("--local", local, "--zone", zone)
    _require_one("--json", as_json, "--csv", csv)
    from trading_pipeline.cli.results.list_command import Output, run_trades
    from trading_pipeline.stages.results.asked import between, number_bounds, time_span
    from trading_pipeline.storage.stores.result_queries import TradeFilter

    bounds = number_bounds(where or ()) + between("pnl", "pnl", min_pnl, max_pnl)
    entered_from, entered_before = time_span(first, last)
    wanted = TradeFilter(
        side=side,
        instrument=instrument,
        exit_reason=exit_reason,
        entered_from=entered_from,
        entered_before=entered_before,
        bounds=bounds,
        sort=sort,
        ascending=ascending,
    )
    run_trades(result, wanted, Output(limit, page, csv, overwrite, local, zone, as_json))


@results_app.command("export")
def export(
    result: _Id,
    to: Annotated[Path, typer.Option("--to", help="Folder; the result's own is made in it.")],
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Tables as Parquet instead of CSV.")
    ] = False,
    overwrite: _Overwrite = False,
    as_json: _Json = False,
) -> None:
    """Write all tables of a result, its metrics and what it was made with into a folder."""
    from trading_pipeline.cli.results.show_command import run_export

    run_export(result, to, as_parquet=parquet, overwrite=overwrite, as_json=as_json)


@results_app.command("chart")
def chart(
    result: _Id,
    first: Annotated[
        str | None, typer.Option("--from", help="First day of the zone, or a moment; it counts.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Day or moment that ends it; it does not count.")
    ] = None,
    tz: Annotated[str, typer.Option(help="Zone of days and stamps: America/New_York ...")] = "UTC",
    max_bars: Annotated[
        int, typer.Option(min=1, help="With more bars each point stands for several.")
    ] = 4_000,
    instrument: Annotated[
        list[str] | None,
        typer.Option("--instrument", "-i", help="Of a portfolio: draw this one; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it to this file instead of printing it.")
    ] = None,
    overwrite: _Overwrite = False,
) -> None:
    """Give a result's candles, volume, lines, fills and equity as JSON, for other charts."""
    from trading_pipeline.cli.results.chart_command import run_chart

    run_chart(
        result,
        first=first,
        last=last,
        zone=tz,
        most_points=max_bars,
        instruments=instrument or (),
        out=out,
        overwrite=overwrite,
    )


@results_app.command("reproduce")
def reproduce(result: _Id, as_json: _Json = False) -> None:
    """Run a result again, storing nothing, and say what differs; exit code 1 where numbers do."""
    from trading_pipeline.cli.results.reproduce_command import run_reproduce

    run_reproduce(result, as_json=as_json)


def _require_one(first: str, one: bool, second: str, other: str | None) -> None:
    """Refuse two options that say the same thing differently."""
    if one and other is not None:
        raise typer.BadParameter(f"Give {first} or {second}, not both.")
