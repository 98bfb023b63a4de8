"""The server: what it answers to a request, and how it is bound to an address."""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from trading_pipeline.errors import ConfigurationError, TradingPipelineError
from trading_pipeline.reporting.page.layout import CONTENT_POLICY
from trading_pipeline.reporting.start_page import render_refusal, render_start_page
from trading_pipeline.stages.report_server.access import TOKEN_LENGTH, Access, is_loopback
from trading_pipeline.stages.report_server.addresses import LOOPBACK, server_version
from trading_pipeline.stages.report_server.pages import (
    STORED_LEADERBOARD,
    page_file,
    report_pages,
)

__all__ = ["LEADERBOARD", "ReportServer", "open_server"]

LEADERBOARD = "leaderboard"
"""Address of the leaderboard that is made anew for each request."""
_TOKEN_HINT = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
_HEADERS = {
    "Content-Security-Policy": (
        f"{CONTENT_POLICY}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_REFUSED = {
    400: ("Bad request", "The request is no request of HTTP that this server understands."),
    401: (
        "A token is needed",
        "This server asks for its token. Add ?token=... to the address once; the browser is known "
        "from then on. A program sends the header Authorization: Bearer ...",
    ),
    403: (
        "Not by this name",
        "This server of your own machine was asked for under another host's name, as a foreign "
        "page would. Open it by 127.0.0.1 or localhost, or set TRADING_PIPELINE_REPORTS_URL to the "
        "address by which it is reached.",
    ),
    404: (
        "No such page",
        "There is no page of that name. Maintenance removes pages of results that newer ones "
        "superseded. The start page lists what there is.",
    ),
    405: ("Only reading", "This server only shows pages: it takes GET and HEAD."),
}


class ReportServer(ThreadingHTTPServer):
    """Serves the pages of one folder; `serve_forever` runs it, `server_close` ends it.

    `leaderboard` makes the page of the leaderboard, or raises an error of the package.
    """

    # A thread that is inside DuckDB when the interpreter ends aborts the process: all are joined.
    daemon_threads = False
    allow_reuse_port = False

    def __init__(
        self,
        family: socket.AddressFamily,
        address: tuple[Any, ...],
        reports: Path,
        leaderboard: Callable[[], str],
        *,
        token: str | None,
        names: Iterable[str],
    ) -> None:
        self.address_family = family
        self.reports = reports
        self.version = server_version(reports)
        self._leaderboard = leaderboard
        self._one_at_a_time = threading.Lock()
        self._readers: set[socket.socket] = set()
        super().__init__(address, _Handler)
        host, self.port = str(self.server_address[0]), int(self.server_address[1])
        self.access = Access.of(host, self.port, token, names)
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def server_bind(self) -> None:
        """Bind without asking the network for the host's full name, as the base class does."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, and know the reader until then."""
        self._readers.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """The reader has its answer."""
        self._readers.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """End the server: silent readers are let go, and an answer that is being made is awaited.

        Not while it serves: `shutdown` comes first, or an interrupt.
        """
        for reader in list(self._readers):
            with suppress(OSError):  # gone a moment ago
                reader.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a reader who went away; anything else is an error to see."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def leaderboard(self) -> str:
        """The leaderboard by all trials of today."""
        with self._one_at_a_time:
            return self._leaderboard()


def open_server(
    reports: Path,
    leaderboard: Callable[[], str],
    *,
    host: str = LOOPBACK,
    port: int = 0,
    token: str | None = None,
    names: Iterable[str] = (),
) -> ReportServer:
    """A server that is bound and not running yet; port 0 takes a free one.

    `names`: further host names by which a server of this machine is reached, such as that of a
    proxy. Raises `ConfigurationError` for an address that cannot be used, for a short token, and
    where others could reach the server and there is no token.
    """
    if token is not None and len(token) < TOKEN_LENGTH:
        raise ConfigurationError(
            f"The token has {len(token)} characters; give one of at least {TOKEN_LENGTH}. This "
            f"makes one: {_TOKEN_HINT}",
            length=len(token),
        )
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM,
                                   flags=socket.AI_PASSIVE)  # fmt: skip
        family, _, _, _, address = found[0]
        if token is None and not is_loopback(str(address[0])):
            raise ConfigurationError(
                f"With --host {host} other machines can reach the reports, so a token is needed "
                "and none is given. Set TRADING_PIPELINE_REPORTS_TOKEN or give --token; this makes "
                f"one: {_TOKEN_HINT}. Or leave --host out: then only this machine reaches them.",
                host=host,
            )
        return ReportServer(family, address, reports, leaderboard, token=token, names=names)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            f"The reports cannot be served at {host} port {port}: {why}. Give another --port or "
            "--host, or end the program that holds the port.",
            host=host,
            port=port,
        ) from error


class _Handler(BaseHTTPRequestHandler):
    """One request. The connection ends with the answer (HTTP/1.0)."""

    server: ReportServer
    timeout = 30.0  # seconds that a reader may be silent
    default_request_version = "HTTP/1.0"  # what is no request is answered with a status too

    def do_GET(self) -> None:
        """Answer, where the reader may read."""
        target = urlsplit(self.path) if self.path.startswith("/") else None
        access = self.server.access
        if not access.is_asked(self.headers.get_all("Host", [])):
            self._refuse(403)
        elif target is None:
            self._refuse(404)
        elif any(map(access.is_token, parse_qs(target.query).get("token", []))):
            self._send(303, b"", {"Set-Cookie": access.cookie, "Location": _here(target.path)})
        elif not access.admits(self.headers.get("Authorization"), self.headers.get("Cookie")):
            self._refuse(401)
        else:
            self._show(target.path.removeprefix("/"))

    do_HEAD = do_GET  # noqa: N815

    def _show(self, address: str) -> None:
        """The page of an address of which the leading slash was taken off."""
        if address == "":
            self._send_page(200, self._start_page())
        elif address == LEADERBOARD:
            try:
                self._send_page(200, self.server.leaderboard())
            except TradingPipelineError as error:
                self._send_page(503, render_refusal("No leaderboard now", str(error)))
        else:
            file = page_file(self.server.reports, address)
            try:
                content = None if file is None else file.read_bytes()
            except OSError:  # removed a moment ago
                content = None
            self._refuse(404) if content is None else self._send(200, content)

    def _start_page(self) -> str:
        reports = self.server.reports
        pages = [
            (page.address, page.kind, page.title, page.written_at) for page in report_pages(reports)
        ]
        stored = page_file(reports, STORED_LEADERBOARD)
        return render_start_page(
            pages, today=LEADERBOARD, stored=None if stored is None else STORED_LEADERBOARD
        )

    def _refuse(self, code: int) -> None:
        others = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "GET, HEAD"}}.get(code, {})
        self._send(code, render_refusal(*_REFUSED[code]).encode(), others)

    def _send_page(self, code: int, page: str) -> None:
        self._send(code, page.encode("utf-8"))

    def _send(self, code: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(code)
        given = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(content))}
        for name, value in {**given, **_HEADERS, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_error(self, code: int, *_: Any, **__: Any) -> None:
        """What the base class refuses: another method (its 501), and what is no request."""
        self._refuse(405 if code == 501 else 400)

    def version_string(self) -> str:
        """Value of the header `Server`."""
        return self.server.version

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a request may hold the token."""


def _here(path: str) -> str:
    """The same page without the query; never another host's, which `//` would begin."""
    return "/" + path.lstrip("/\\")
