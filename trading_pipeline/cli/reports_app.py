"""The commands `reports serve` and `open`: the pages of reports in a browser.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["open_report", "reports_app", "serve_reports"]

reports_app = typer.Typer(
    name="reports",
    help="The pages of results, models and forecasts, in a browser.",
    no_args_is_help=True,
)
_Port = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Of TRADING_PIPELINE_REPORTS_URL if left out, else 8321."),
]


@reports_app.command("serve")
def serve_reports(
    host: Annotated[
        str, typer.Option(help="Address to bind; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: _Port = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="What a reader must show; better given as TRADING_PIPELINE_REPORTS_TOKEN, since "
            "other users of the machine see arguments."
        ),
    ] = None,
) -> None:
    """Serve the pages under the runtime folder, read-only, until Ctrl-C."""
    from trading_pipeline.cli.reports_command import run_serve

    run_serve(host, port, token)


@reports_app.command("open")
def open_report(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID|leaderboard|latest]",
            help="A result, the leaderboard or the newest page; the start page if left out.",
        ),
    ] = None,
    port: _Port = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the link, and do nothing else.")
    ] = False,
) -> None:
    """Open a page in the browser; serves the pages until Ctrl-C where no server answers yet."""
    from trading_pipeline.cli.reports_command import run_open

    run_open(what, port, only_print=only_print)
