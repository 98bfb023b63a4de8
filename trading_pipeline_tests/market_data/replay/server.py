"""The replay server: providers' real routes answered on 127.0.0.1, with faults on demand.

A request for `https://host/path` is sent to `http://127.0.0.1:<port>/host/path`. What no route
knows is answered 404 and remembered in `unknown`, so that a test can fail on it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

HTML = "<html><head><title>502</title></head><body><h1>Will return shortly</h1></body></html>"


@dataclass(frozen=True)
class Asked:
    """One request as the provider would have seen it."""

    host: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What is sent back: a body (JSON unless it is text) after `delay_seconds`; `drop` sends
    nothing."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    drop: bool = False


FAULTS: dict[str, Answer] = {
    "429": Answer("Too Many Requests", 429, {"Retry-After": "7"}),
    "500 with HTML": Answer(HTML, 500, {"Content-Type": "text/html"}),
    "503": Answer({"message": "maintenance"}, 503),
    "200 with HTML": Answer(HTML, 200, {"Content-Type": "text/html"}),
    "empty body": Answer("", 200),
    "time-out": Answer({}, delay_seconds=0.6),
    "dropped connection": Answer(drop=True),
    "451": Answer({"msg": "not available in your region"}, 451),
    "401": Answer({"message": "unauthorized"}, 401),
}
"""Faults of the transport, by name; those of the data are made by the routes."""
Route = Callable[[Asked], Answer]


class ReplayServer:
    """Routes by host and start of the path; the longest match answers."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.unknown: list[str] = []
        self._routes: dict[str, Route] = {}
        self._faults: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"replay": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the server listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def at(self, url: str) -> str:
        """The same address on this server."""
        parts = urlsplit(url)
        return f"{self.url}/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    def add(self, place: str, route: Route) -> None:
        """Answer every path that begins with `host/path`."""
        self._routes[place] = route

    def fail(self, place: str, *faults: str | Answer) -> None:
        """Let the next requests of a route end in these faults, one each, in turn."""
        answers = [FAULTS[each] if isinstance(each, str) else each for each in faults]
        self._faults.setdefault(place, []).extend(answers)

    def count(self, place: str) -> int:
        """How many requests a route has seen."""
        return sum(f"{each.host}{each.path}".startswith(place) for each in self.asked)

    def close(self) -> None:
        """Stop; requests that still wait are dropped with their threads."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(2.0)

    def answer(self, asked: Asked) -> Answer:
        """The fault that is due, or what the route says."""
        address = f"{asked.host}{asked.path}"
        with self._lock:
            self.asked.append(asked)
            for place, faults in self._faults.items():
                if faults and address.startswith(place):
                    return faults.pop(0)
            places = [place for place in self._routes if address.startswith(place)]
            if not places:
                self.unknown.append(address)
                return Answer({"error": "no such route"}, 404)
            return self._routes[max(places, key=len)](asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    replay: ReplayServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        _, host, *rest = unquote(parts.path).split("/")
        params = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        asked = Asked(host, "/" + "/".join(rest), params, dict(self.headers))
        answer = self.replay.answer(asked)
        if answer.delay_seconds:
            time.sleep(answer.delay_seconds)
        if answer.drop:
            self.close_connection = True
            return
        is_text = isinstance(answer.body, str)
        body = (answer.body if is_text else json.dumps(answer.body)).encode()
        kind = "text/html" if is_text else "application/json"
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **answer.headers}
        try:
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client gave up, as a fault wanted

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
