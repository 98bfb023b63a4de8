"""`reports serve` and `reports open`: a server of the pages, and a link to one of them."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

from trading_pipeline.cli.results.opened import known_results
from trading_pipeline.cli.session import stderr_console, stdout_console
from trading_pipeline.errors import ConfigurationError, InsufficientDataError
from trading_pipeline.settings.environment import PipelineSettings, load_settings
from trading_pipeline.stages.report_server.addresses import LOOPBACK, default_port, what_answers
from trading_pipeline.stages.report_server.pages import page_file, report_pages
from trading_pipeline.stages.report_server.server import LEADERBOARD, ReportServer, open_server

__all__ = ["run_open", "run_serve"]

_WAIT_SECONDS = 5.0
"""How long a reader waits at most for a warehouse that a run holds."""


def run_serve(host: str, port: int | None, token: str | None) -> None:
    """Serve until a signal ends the program."""
    settings = load_settings()
    with _server(settings, host, port, token) as server:
        _tell(f"Reports of {settings.runtime}: {server.url}")
        if server.access.token is not None:
            _tell("Add ?token=... to the address once, or send Authorization: Bearer ...")
        if server.access.names is None:
            _tell(
                "Plain HTTP: whoever can read the network between you and this machine can read "
                "the pages and the token. Use a tunnel (ssh -L) or a proxy with TLS there."
            )
        server.serve_forever()


def run_open(what: str | None, port: int | None, *, only_print: bool) -> None:
    """Print the link of a page, and open it; start the server where none answers."""
    settings = load_settings()
    reports, number = _reports(settings), port or default_port(settings.reports_url)
    address = _address(what, reports)
    link = f"http://{LOOPBACK}:{number}/{address}"
    answers = what_answers(number, reports)
    if answers == "another":
        raise ConfigurationError(
            f"Another program answers on port {number}, or a server of other reports than those in "
            f"{reports}. Give another one with --port, or end that program.",
            port=number,
        )
    if only_print or answers == "reports":
        _tell(link)
        if answers == "nothing":
            stderr_console().print("Nothing answers there yet: trading-pipeline reports serve")
        if not only_print:
            _browse(link)
        return
    with _server(settings, LOOPBACK, number, None) as server:
        _tell(link)
        _tell("Serving until Ctrl-C.")
        threading.Thread(
            target=_browse, args=(link,), daemon=True
        ).start()  # may wait for an answer
        server.serve_forever()


def _server(
    settings: PipelineSettings, host: str, port: int | None, token: str | None
) -> ReportServer:
    def leaderboard() -> str:
        from trading_pipeline.stages.reports.leaderboard import leaderboard_now
        from trading_pipeline.stages.workspace import open_workspace

        return leaderboard_now(open_workspace(patient))

    wait = min(settings.warehouse_wait_seconds, _WAIT_SECONDS)
    patient = settings.model_copy(update={"warehouse_wait_seconds": wait})
    kept = settings.reports_token
    return open_server(
        _reports(settings),
        leaderboard,
        host=host,
        port=port or default_port(settings.reports_url),
        token=token if token is not None or kept is None else kept.get_secret_value(),
        names=[urlsplit(settings.reports_url).hostname or ""],
    )


def _reports(settings: PipelineSettings) -> Path:
    return settings.output / "reports"


def _address(what: str | None, reports: Path) -> str:
    """Address of the page below the server's."""
    if what is None:
        return ""
    if what == "leaderboard":
        return LEADERBOARD
    if what == "latest":
        pages = report_pages(reports)
        if pages:
            return pages[0].address
        raise InsufficientDataError(
            f"There is no page in {reports} yet. Make some: trading-pipeline demo, or run.",
            path=str(reports),
        )
    result_id = known_results().resolve(what)
    address = f"{result_id}.html"
    if page_file(reports, address) is None:
        raise InsufficientDataError(
            f"The result {result_id} has no page; pages are made of the newest results. Show its "
            f"numbers with: trading-pipeline results show {result_id}",
            result_id=result_id,
        )
    return address


def _browse(link: str) -> None:
    if not webbrowser.open(link):
        stderr_console().print("No browser could be started here; open the link in yours.")


def _tell(text: str) -> None:
    stdout_console().print(text, markup=False, soft_wrap=True)
