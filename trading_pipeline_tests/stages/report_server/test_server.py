"""The server of reports, asked over real connections: what it shows, and all that it refuses."""

import http.client
import os
import socket
import threading
from contextlib import contextmanager

import pytest

from trading_pipeline.errors import ConfigurationError, InsufficientDataError
from trading_pipeline.stages.report_server.addresses import server_version, what_answers
from trading_pipeline.stages.report_server.server import open_server

TOKEN = "a-token-of-the-tests"
SECRET = "<title>secret</title>"
PAGE = "<!DOCTYPE html><html><head><title>cross &amp; more: AAPL_1d</title></head></html>"


@pytest.fixture
def reports(tmp_path):
    """Pages of every kind, and around them files that are none."""
    folder = tmp_path / "runtime" / "output" / "reports"
    for name, modified in (
        ("0123abcd.html", 3),
        ("index.html", 9),
        ("model_cards/AAPL_1d-direction.html", 2),
        ("forecasts/AAPL_1d-multi_ohlc.html", 1),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE, encoding="utf-8")
        os.utime(path, (1_600_000_000 + modified, 1_600_000_000 + modified))
    for secret in ("notes.txt", ".hidden.html", "deep/page.html", "../warehouse.html"):
        (folder / secret).parent.mkdir(exist_ok=True)
        (folder / secret).write_text(SECRET, encoding="utf-8")
    (folder / "link.html").symlink_to(folder.parent / "warehouse.html")
    (folder / "inside.html").symlink_to(folder / "0123abcd.html")
    (folder / "folder.html").mkdir()
    return folder


@contextmanager
def serving(reports, leaderboard=lambda: "today's", **options):
    with open_server(reports, leaderboard, **options) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server, target="/", method="GET", **headers):
    """Status, headers and text of the answer, with headers named as in `X_Y` for `X-Y`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.putrequest(method, target, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode("utf-8")
    finally:
        connection.close()


def said(server, text):
    """All that is answered to bytes as they are, such as no client would send."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as opened:
        opened.sendall(text.encode("latin-1"))
        return b"".join(iter(lambda: opened.recv(65_536), b"")).decode("utf-8")


@pytest.mark.parametrize(
    "address",
    [
        "0123abcd.html",
        "index.html",
        "model_cards/AAPL_1d-direction.html",
        "forecasts/AAPL_1d-multi_ohlc.html",
    ],
)
def test_a_page_is_sent_as_it_was_written_under_a_strict_policy(reports, address):
    with serving(reports) as server:
        status, headers, text = ask(server, f"/{address}?from=dagster")
    assert (status, text) == (200, PAGE)
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_head_has_the_headers_of_get_and_no_text(reports):
    with serving(reports) as server:
        _, got, text = ask(server, "/0123abcd.html")
        status, headers, nothing = ask(server, "/0123abcd.html", "HEAD")
    assert (status, nothing) == (200, "")
    assert headers["Content-Length"] == got["Content-Length"] == str(len(text))


def test_the_start_page_lists_pages_by_their_titles_the_newest_first_and_nothing_else(reports):
    (reports / "0123abcd.html").write_text("<title>&lt;b&gt;bold</title>", encoding="utf-8")
    with serving(reports) as server:
        status, _, text = ask(server)
    assert status == 200
    places = [
        text.index(f'href="{address}"')
        for address in (
            "leaderboard",
            "index.html",
            "0123abcd.html",
            "model_cards/AAPL_1d-direction.html",
            "forecasts/AAPL_1d-multi_ohlc.html",
        )
    ]
    assert places == sorted(places)
    assert "3 pages" in text
    assert "2020-09-13 12:26" in text
    assert "cross &amp; more: AAPL_1d" in text
    assert "&lt;b&gt;bold" in text
    for other in ("notes", "hidden", "secret", "deep", "link.html", "inside.html", "folder.html"):
        assert other not in text


def test_without_any_page_the_start_page_says_how_to_make_some(tmp_path):
    with serving(tmp_path / "none") as server:
        status, _, text = ask(server)
        assert ask(server, "/index.html")[0] == 404
    assert status == 200
    assert "trading-pipeline demo" in text


@pytest.mark.parametrize(
    "target",
    [
        "/../warehouse.html",
        "/..%2fwarehouse.html",
        "/%2e%2e/warehouse.html",
        "/%2E%2E%2Fwarehouse.html",
        "/model_cards/../../warehouse.html",
        "/model_cards/..%5c..%5cwarehouse.html",
        "/model_cards/../0123abcd.html",
        "/./0123abcd.html",
        "/..\\warehouse.html",
        "//etc/passwd",
        "/etc/passwd",
        "/notes.txt",
        "/.hidden.html",
        "/deep/page.html",
        "/link.html",
        "/inside.html",
        "/folder.html",
        "/model_cards/",
        "/model_cards",
        "/0123abcd.html/",
        "/0123abcd.html%00",
        "/0123abcd.html%00.txt",
        "/%30123abcd.html",
        "/0123abcd",
        "/0123ABCD.html",
        "/" + "a" * 5_000 + ".html",
    ],
)
def test_what_is_no_page_is_not_found(reports, target):
    with serving(reports) as server:
        status, _, text = ask(server, target)
    assert status == 404
    assert "There is no page of that name" in text
    assert SECRET not in text


@pytest.mark.parametrize(
    "line",
    [
        "GET /0123abcd.html\0 HTTP/1.1",
        "GET /\0../warehouse.html HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1",
        "GET http://127.0.0.1/0123abcd.html HTTP/1.1",
        "GET ../warehouse.html HTTP/1.1",
        "GET * HTTP/1.1",
    ],
)
def test_targets_that_no_client_sends_are_not_found(reports, line):
    with serving(reports) as server:
        answer = said(server, f"{line}\r\nHost: localhost\r\n\r\n")
    assert answer.startswith("HTTP/1.0 404 ")
    assert SECRET not in answer
    assert "cross &amp; more" not in answer


def test_folders_that_are_links_hold_no_pages(reports, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "page.html").write_text(SECRET, encoding="utf-8")
    for path in (reports / "forecasts").iterdir():
        path.unlink()
    (reports / "forecasts").rmdir()
    (reports / "forecasts").symlink_to(outside)
    with serving(reports) as server:
        assert ask(server, "/forecasts/page.html")[0] == 404
        assert "page.html" not in ask(server)[2]


def test_a_folder_of_reports_behind_a_link_is_served_all_the_same(reports, tmp_path):
    (tmp_path / "other").symlink_to(reports)
    with serving(tmp_path / "other") as server:
        assert ask(server, "/0123abcd.html")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_only_reading_is_allowed(reports, method):
    with serving(reports) as server:
        status, headers, text = ask(server, "/0123abcd.html", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert "takes GET and HEAD" in text


def test_what_is_no_request_is_refused(reports):
    with serving(reports) as server:
        assert "400" in said(server, "one two three four five\r\n\r\n")
        assert said(server, f"GET /{'a' * 70_000} HTTP/1.1\r\n\r\n").startswith("HTTP/1.0 400 ")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8321",
        "127.0.0.1.evil.example",
        "user@localhost",
        "",
        "[",
        "localhost:x",
    ],
)
def test_a_foreign_name_is_refused_on_this_machine(reports, host):
    with serving(reports) as server:
        status, _, text = ask(server, "/0123abcd.html", Host=host)
    assert status == 403
    assert "TRADING_PIPELINE_REPORTS_URL" in text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "[::1]:8321", "127.0.0.1", "proxy"])
def test_own_names_and_that_of_a_proxy_are_served(reports, host):
    with serving(reports, names=["Proxy"]) as server:
        assert ask(server, "/0123abcd.html", Host=host)[0] == 200


def test_a_request_has_one_host(reports):
    with serving(reports) as server:
        for hosts in ("", "Host: localhost\r\nHost: evil.example\r\n"):
            answer = said(server, f"GET /0123abcd.html HTTP/1.1\r\n{hosts}\r\n")
            assert answer.startswith("HTTP/1.0 403 ")


def test_a_token_is_asked_for_and_taken_from_the_header(reports):
    with serving(reports, token=TOKEN) as server:
        status, headers, text = ask(server, "/0123abcd.html")
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "asks for its token" in text
        for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer ", "Bearer ü"):
            assert ask(server, "/0123abcd.html", Authorization=wrong.encode())[0] == 401
        assert ask(server, "/0123abcd.html", Authorization=f"bearer {TOKEN}")[2] == PAGE
        assert ask(server, "/leaderboard")[0] == 401


def test_a_token_in_the_address_becomes_a_cookie_and_leaves_the_address(reports):
    with serving(reports, token=TOKEN) as server:
        assert ask(server, f"/index.html?token={TOKEN}x")[0] == 401
        status, headers, _ = ask(server, f"/index.html?token={TOKEN}")
        assert (status, headers["Location"]) == (303, "/index.html")
        kept, *attributes = headers["Set-Cookie"].split("; ")
        assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)
        assert TOKEN not in headers["Set-Cookie"]
        assert ask(server, "/index.html", Cookie=f"theme=dark; {kept}")[2] == PAGE
        for wrong in (f"{kept}0", kept.split("=")[0] + f"={TOKEN}", "=;=", kept.upper()):
            assert ask(server, "/index.html", Cookie=wrong)[0] == 401
        assert ask(server, f"///evil.example/?token={TOKEN}")[1]["Location"].startswith("/evil")


def test_without_a_token_one_in_the_address_means_nothing(reports):
    with serving(reports) as server:
        status, headers, _ = ask(server, "/index.html?token=")
    assert (status, headers["Set-Cookie"]) == (200, None)


def test_the_leaderboard_is_made_for_each_request_and_says_why_it_cannot_be(reports):
    made = []

    def leaderboard():
        made.append(1)
        if len(made) > 2:
            raise InsufficientDataError("The warehouse is <busy>.")
        return f"made {len(made)}"

    with serving(reports, leaderboard) as server:
        assert [ask(server, "/leaderboard")[2] for _ in range(2)] == ["made 1", "made 2"]
        status, _, text = ask(server, "/leaderboard")
    assert status == 503
    assert "The warehouse is &lt;busy&gt;." in text


def test_others_can_reach_it_only_with_a_long_token(reports):
    for host in ("0.0.0.0", "", "::"):
        with pytest.raises(ConfigurationError, match="a token is needed") as refused:
            open_server(reports, str, host=host)
        assert "TRADING_PIPELINE_REPORTS_TOKEN" in str(refused.value)
    with pytest.raises(ConfigurationError, match="at least 16"):
        open_server(reports, str, token="short")
    with serving(reports, host="0.0.0.0", token=TOKEN) as server:
        assert ask(server, "/0123abcd.html", Host="research.example")[0] == 401
        told = {"Host": "research.example", "Authorization": f"Bearer {TOKEN}"}
        assert ask(server, "/0123abcd.html", **told)[0] == 200


def test_a_port_that_is_taken_is_an_error_with_a_way_out(reports):
    with serving(reports) as server, pytest.raises(ConfigurationError, match="another --port"):
        open_server(reports, str, port=server.port)
    with pytest.raises(ConfigurationError, match="cannot be served at"):
        open_server(reports, str, host="192.0.2.1", token=TOKEN)


def test_what_answers_on_a_port_is_known_from_other_programs(reports, tmp_path):
    with serving(reports, token=TOKEN) as server:
        port = server.port
        assert what_answers(port, reports) == "reports"
        assert what_answers(port, tmp_path) == "another"
    assert what_answers(port, reports) == "nothing"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        thread = threading.Thread(target=lambda: silent.accept()[0].close())
        thread.start()
        assert what_answers(silent.getsockname()[1], reports) == "another"
        thread.join()
    assert str(reports) not in server_version(reports)


def test_readers_are_served_side_by_side(reports):
    with serving(reports) as server, socket.create_connection(("127.0.0.1", server.port)):
        assert ask(server, "/0123abcd.html")[0] == 200  # beside a reader that says nothing


def test_an_end_lets_silent_readers_go_and_waits_for_an_answer_that_is_being_made(reports):
    begun, go_on, answered = threading.Event(), threading.Event(), []

    def leaderboard():
        begun.set()
        assert go_on.wait(30)
        answered.append(True)
        return "late"

    with serving(reports, leaderboard) as server:
        silent = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        asking = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        asking.sendall(b"GET /leaderboard HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert begun.wait(30)
        threading.Timer(0.2, go_on.set).start()
    assert answered == [True]
    with silent, asking:
        assert silent.recv(1) == b""
    assert not [each for each in threading.enumerate() if "process_request" in each.name]
