"""Tests of turns: who comes second waits, is told for whom, and goes on after a kill."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.turns import locks_folder, sweep_workspace, turn_at

ROOT = Path(__file__).parents[2]
HOLD = """
import signal
import sys
from trading_pipeline.settings.environment import load_settings
from trading_pipeline.stages.turns import turn_at
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have both ignored
signal.signal(signal.SIGTERM, signal.SIG_DFL)
with turn_at(load_settings(), "pass", "AAPL_1d"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_RUNTIME_DIR", str(tmp_path))
    return load_settings()


@pytest.fixture
def other(settings):
    """Another process that has the turn at AAPL_1d."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == "held\n"
    with process:
        yield process
        process.kill()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_second_waits_tells_for_whom_once_and_goes_on_when_the_first_ends(
    settings, other, caplog, end
):
    caplog.set_level(logging.DEBUG, logger="trading_pipeline.progress")
    timer = threading.Timer(0.8, other.send_signal, [end])
    timer.start()
    asked = time.monotonic()
    with turn_at(settings, "pass", "AAPL_1d"):
        assert time.monotonic() - asked >= 0.7
    (record,) = caplog.records
    assert record.waiting.startswith(f"waiting for process {other.pid} on ")
    assert "(pass AAPL_1d)" in record.waiting


def test_other_work_does_not_wait(settings, other):
    asked = time.monotonic()
    for kind, what in (("pass", "IBM_1d"), ("bars", "AAPL_1d"), ("pass-AAPL", "1d")):
        with turn_at(settings, kind, what):
            pass
    assert time.monotonic() - asked < 0.5


def test_nothing_is_left_after_turns_errors_and_sweeps(settings, other):
    with pytest.raises(ZeroDivisionError), turn_at(settings, "bars", "odd / name\n" * 40):
        _ = 1 / 0
    assert len(list(locks_folder(settings).iterdir())) == 1
    sweep_workspace(settings)
    assert len(list(locks_folder(settings).iterdir())) == 1  # the other is alive
    other.kill()
    other.wait()
    sweep_workspace(settings)
    assert list(locks_folder(settings).iterdir()) == []


def test_threads_of_one_process_take_turns_too(settings):
    inside, most, guard = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(5):
            with turn_at(settings, "pass", "AAPL_1d"):
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.002)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
