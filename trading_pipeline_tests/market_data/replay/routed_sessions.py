"""How the real clients are led to the replay server, without a change of theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from trading_pipeline.market_data.sources.yahoo.session import new_http_session
from trading_pipeline_tests.market_data.replay.server import ReplayServer


class ToReplay(HTTPAdapter):
    """Sends every request of a `requests` session to the server."""

    def __init__(self, server: ReplayServer) -> None:
        super().__init__()
        self._server = server

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        request.url = self._server.at(str(request.url))
        return super().send(request, *args, **options)


def curl_session(server: ReplayServer) -> Callable[[float], Any]:
    """A maker of the session that is used in earnest (curl_cffi), led to the server."""

    def make(timeout_seconds: float) -> Any:
        real = type(new_http_session(timeout_seconds))

        class Routed(real):  # type: ignore[misc, valid-type]
            def request(self, method: Any, url: str, *args: Any, **options: Any) -> Any:
                return super().request(method, server.at(url), *args, **options)

        return Routed()

    return make


def requests_session(server: ReplayServer) -> Callable[[float], Any]:
    """A maker of the other session that yfinance takes (requests), led to the server."""

    def make(timeout_seconds: float) -> Any:
        session = requests.Session()
        session.mount("https://", ToReplay(server))
        session.trust_env = False
        return session

    return make
