"""Tests of the gate: connections and pace, over threads and processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from trading_pipeline.errors import ConfigurationError, RetryableFetchError
from trading_pipeline.market_data.sources.connection.gate import ProviderGate
from trading_pipeline.market_data.sources.connection.network_source import ProviderConnection

HOLD = """
import sys, time
from pathlib import Path
from trading_pipeline.market_data.sources.connection.gate import ProviderGate
with ProviderGate("yahoo", Path(sys.argv[1])).turn():
    print("held", flush=True)
    time.sleep(60)
"""


class Clock:
    """Time that only sleeping moves."""

    def __init__(self):
        self.now = 1000.0

    def sleep(self, seconds):
        self.now += seconds

    def gate(self, folder, **settings):
        return ProviderGate("yahoo", folder, sleep=self.sleep, clock=lambda: self.now, **settings)


@pytest.mark.parametrize("connections", [1, 2])
def test_no_more_than_the_connections_are_in_at_once(tmp_path, connections):
    inside, most = [], []

    def work():
        gate = ProviderGate("yahoo", tmp_path, connections=connections)
        for _ in range(3):
            with gate.turn():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 12
    assert max(most) <= connections


def test_one_provider_does_not_wait_for_another(tmp_path):
    clock = Clock()
    with clock.gate(tmp_path).turn(), ProviderGate("alpaca", tmp_path, wait_seconds=0.0).turn():
        assert clock.now == 1000.0


def test_a_full_gate_is_given_up_on_with_the_setting_to_raise(tmp_path):
    clock = Clock()
    with (
        clock.gate(tmp_path).turn(),
        pytest.raises(RetryableFetchError, match="TRADING_PIPELINE_SOURCE_CONNECTIONS"),
        clock.gate(tmp_path, wait_seconds=5.0).turn(),
    ):
        pass
    assert clock.now >= 1005.0
    with clock.gate(tmp_path, wait_seconds=0.0).turn():
        pass  # free again


def test_an_error_inside_gives_the_connection_back(tmp_path):
    gate = Clock().gate(tmp_path, wait_seconds=0.0)
    with pytest.raises(ZeroDivisionError), gate.turn():
        _ = 1 / 0
    with gate.turn():
        pass


def test_a_burst_passes_and_then_the_mean_rate_holds(tmp_path):
    clock = Clock()
    moments = []
    for _ in range(20):
        with clock.gate(
            tmp_path, requests_per_minute=60.0
        ).turn():  # a new object, as a new run has
            moments.append(clock.now - 1000.0)
    assert moments[:10] == [0.0] * 10
    assert moments[10:] == pytest.approx([float(n) for n in range(1, 11)])


def test_a_bucket_fills_while_nobody_asks(tmp_path):
    clock = Clock()
    gate = clock.gate(tmp_path, requests_per_minute=60.0)
    for _ in range(10):
        with gate.turn():
            pass
    clock.now += 4.0
    before = clock.now
    for _ in range(4):
        with gate.turn():
            pass
    assert clock.now == before
    with gate.turn():
        pass
    assert clock.now == pytest.approx(before + 1.0)


def test_a_torn_bucket_begins_anew(tmp_path):
    clock = Clock()
    (tmp_path / "yahoo.0.lock").write_text("[1")
    with clock.gate(tmp_path, requests_per_minute=60.0).turn():
        assert clock.now == 1000.0


def test_a_killed_process_gives_its_connection_back(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(RetryableFetchError, match="in use by other runs"),
            ProviderGate("yahoo", tmp_path, wait_seconds=0.05).turn(),
        ):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with ProviderGate("yahoo", tmp_path, wait_seconds=5.0).turn():
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with (
        pytest.raises(ConfigurationError, match="taken"),
        ProviderGate("yahoo", tmp_path / "taken").turn(),
    ):
        pass


def test_waits_between_attempts_do_not_hold_the_connection(tmp_path):
    calls = []

    def call():
        calls.append(1)
        if len(calls) == 1:
            raise RetryableFetchError("busy.")
        return "bars"

    def sleep(_):
        with ProviderGate("yahoo", tmp_path, wait_seconds=0.0).turn():
            calls.append("another run")

    connection = ProviderConnection(gate_folder=tmp_path)
    object.__setattr__(connection.retry, "sleep", sleep)
    assert connection.ask("yahoo", call, what="x") == "bars"
    assert calls == [1, "another run", 1]
