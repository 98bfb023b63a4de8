"""Where the server of reports is by default, and what answers at an address."""

from __future__ import annotations

import hashlib
import http.client
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from trading_pipeline.stages.report_server.access import is_loopback

__all__ = ["LOOPBACK", "SERVER_NAME", "default_port", "server_version", "what_answers"]

LOOPBACK = "127.0.0.1"
SERVER_NAME = "trading-pipeline-reports"
_PORT = 8321
_WAIT_SECONDS = 2.0


def default_port(reports_url: str) -> int:
    """Port of the setting `reports_url` where that is on this machine; else the usual one.

    >>> default_port("http://localhost:9000"), default_port("https://research.example/reports")
    (9000, 8321)
    """
    parts = urlsplit(reports_url)
    name = parts.hostname or ""
    own = parts.scheme == "http" and (name == "localhost" or is_loopback(name))
    return (parts.port or 80) if own else _PORT


def server_version(reports: Path) -> str:
    """What a server calls itself: its name, and a hash of the folder that it serves."""
    digest = hashlib.sha256(str(reports.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{SERVER_NAME}/{digest[:12]}"


def what_answers(port: int, reports: Path) -> Literal["nothing", "reports", "another"]:
    """Whether a server of these reports answers on a port of this machine, or another program."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_WAIT_SECONDS)
    try:
        connection.request("HEAD", "/")
        name = connection.getresponse().getheader("Server", "")
    except ConnectionRefusedError:
        return "nothing"
    except (OSError, http.client.HTTPException):
        return "another"
    finally:
        connection.close()
    return "reports" if name == server_version(reports) else "another"
