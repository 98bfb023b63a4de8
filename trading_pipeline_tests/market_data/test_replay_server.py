"""Tests of the replay server itself: what it does not know it must not answer."""

from __future__ import annotations

import pytest
import requests

from trading_pipeline_tests.market_data.replay.server import FAULTS, Answer, ReplayServer


@pytest.fixture
def server():
    found = ReplayServer()
    found.add("x.test/a", lambda asked: Answer({"path": asked.path, **asked.params}))
    found.add("x.test/a/deep", lambda _: Answer("deep"))
    yield found
    found.close()


def get(server, url):
    with requests.Session() as session:
        session.trust_env = False
        return session.get(server.at(url), timeout=0.2)


def test_the_longest_route_answers_and_requests_are_kept(server):
    assert get(server, "https://x.test/a/b?q=1").json() == {"path": "/a/b", "q": "1"}
    assert get(server, "https://x.test/a/deep").text == "deep"
    assert server.count("x.test/a") == 2
    assert server.unknown == []


def test_an_unknown_route_is_404_and_remembered(server):
    assert get(server, "https://x.test/b").status_code == 404
    assert get(server, "https://y.test/a").status_code == 404
    assert server.unknown == ["x.test/b", "y.test/a"]


def test_faults_come_once_each_and_in_turn(server):
    server.fail("x.test/a", "429", "500 with HTML")
    first = get(server, "https://x.test/a")
    assert (first.status_code, first.headers["Retry-After"]) == (429, "7")
    assert get(server, "https://x.test/a").status_code == 500
    assert get(server, "https://x.test/a").status_code == 200


def test_time_outs_and_dropped_connections_are_real(server):
    server.fail("x.test/a", "time-out", "dropped connection")
    with pytest.raises(requests.Timeout):
        get(server, "https://x.test/a")
    with pytest.raises(requests.ConnectionError):
        get(server, "https://x.test/a")


def test_every_fault_of_the_design_has_a_name():
    wanted = {"429", "500 with HTML", "200 with HTML", "time-out", "dropped connection"}
    assert wanted <= set(FAULTS)
