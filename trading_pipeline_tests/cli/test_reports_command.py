"""`reports serve` and `reports open`: links, the server that they start, and refusals."""

import functools
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
import webbrowser

import pytest

from trading_pipeline.cli import _without_token
from trading_pipeline.stages.report_server.server import open_server
from trading_pipeline_tests.results_market import market, result_ids, shared_market

__all__ = ["market", "shared_market"]

CROSS_ID = "cross|AAPL_1d"
TOKEN = "a-token-of-the-tests"


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def opened(monkeypatch):
    """Links that a browser was asked to open."""
    links = []
    monkeypatch.setattr(webbrowser, "open", lambda link: links.append(link) or True)
    return links


def test_a_link_is_printed_and_nothing_is_opened(call, shared_market, free_port, opened):
    result_id = result_ids(shared_market)[CROSS_ID]
    server = f"http://127.0.0.1:{free_port}"
    newest = max((shared_market.runtime / "output/reports").glob("*.html"), key=os.path.getmtime)
    for what, address in (
        ((), ""),
        (("leaderboard",), "leaderboard"),
        (("latest",), newest.name),
        ((result_id[:6],), f"{result_id}.html"),
    ):
        ended = call("reports", "open", *what, "--print", "--port", free_port)
        assert (ended.code, ended.out) == (0, f"{server}/{address}\n")
        assert "trading-pipeline reports serve" in ended.error
    assert opened == []


def test_the_browser_opens_a_page_of_the_server_that_answers(call, shared_market, opened):
    reports = shared_market.runtime / "output" / "reports"
    with open_server(reports, str) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        ended = call("reports", "open", "--port", server.port)
        assert (ended.code, ended.out) == (0, f"{server.url}\n")
        assert call("reports", "open", "leaderboard", "--port", server.port, "--print").err == ""
        server.shutdown()
        thread.join()
    assert opened == [server.url]


def test_another_program_on_the_port_is_an_error(call, shared_market, tmp_path, opened):
    with open_server(tmp_path, str) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        ended = call("reports", "open", "--port", server.port)
        server.shutdown()
        thread.join()
    assert ended.code == 1
    assert "a server of other reports" in ended.error
    assert opened == []


def test_a_page_that_is_not_there_is_an_error(call, market, free_port):
    result_id = result_ids(market)[CROSS_ID]
    for path in (market.runtime / "output" / "reports").glob("*.html"):
        path.unlink()
    gone = call("reports", "open", result_id, "--port", free_port)
    assert (gone.code, "has no page" in gone.error) == (1, True)
    assert f"results show {result_id}" in gone.error
    latest = call("reports", "open", "latest", "--port", free_port)
    assert (latest.code, "There is no page in" in latest.error) == (1, True)
    unknown = call("reports", "open", "zz", "--port", free_port)
    assert "no result whose id begins with 'zz'" in unknown.error


def test_others_reach_it_only_with_a_token(call, shared_market, monkeypatch):
    ended = call("reports", "serve", "--host", "0.0.0.0")
    assert ended.code == 1
    assert "a token is needed" in ended.error
    short = call("reports", "serve", "--token", "short")
    assert (short.code, "at least 16" in short.error) == (1, True)
    monkeypatch.setenv("TRADING_PIPELINE_REPORTS_TOKEN", "short")
    kept = call("reports", "serve")
    assert (kept.code, "The token has 5 characters" in kept.error) == (1, True)


@pytest.mark.parametrize("command", [("serve",), ("open", "leaderboard")])
def test_the_server_shows_the_leaderboard_by_all_trials_and_ends_with_one_line(
    shared_market, free_port, command
):
    process = subprocess.Popen(
        [sys.executable, "-c", "from trading_pipeline.cli import main; main()", "reports",
         *command, "--port", str(free_port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BROWSER": "true", "PYTHONUNBUFFERED": "1"},
        # a shell may have started the tests with SIGINT ignored, which a child inherits
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert f"http://127.0.0.1:{free_port}/" in process.stdout.readline()
        address = f"http://127.0.0.1:{free_port}/leaderboard"
        with urllib.request.urlopen(address, timeout=60) as answer:
            page = answer.read().decode("utf-8")
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    for result_id in result_ids(shared_market).values():
        assert f'href="{result_id}.html"' in page
    assert not (shared_market.runtime / "output" / "reports" / "index.html").exists()
    assert process.returncode == 130
    line = err.splitlines()[-1]
    assert line.startswith("Stopped (Ctrl-C). ")
    assert f"trading-pipeline reports {' '.join(command)} --port {free_port}" in line
    assert "Traceback" not in err


def test_the_line_of_a_stop_holds_no_token():
    given = ["reports", "serve", "--token", TOKEN, "--port", "1"]
    assert _without_token(given) == ["reports", "serve", "--token", "***", "--port", "1"]
    assert _without_token([f"--token={TOKEN}"]) == ["--token=***"]
    assert _without_token(["run", "AAPL_1d"]) == ["run", "AAPL_1d"]
