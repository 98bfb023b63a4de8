"""Tests of stops: one line and the exit code of the signal, even where it is swallowed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.{before})
from trading_pipeline.stop_signals import raise_if_stopped, stop_received, stoppable
with stoppable("trading-pipeline run 'my file'"):
    print("ready", flush=True)
"""
SLEEPS = "    time.sleep(30)\n"
SWALLOWS = """
    try:
        time.sleep(30)
    except BaseException:
        pass
    raise_if_stopped()
    print("went on")
"""
FAILS_INSTEAD = """
    try:
        time.sleep(30)
    except BaseException:
        raise RuntimeError("Query interrupted") from None
"""
IN_A_FINALIZER = """
    class Held:
        def __del__(self):
            time.sleep(3)
    held = Held()
    del held
    raise_if_stopped()
    print("went on")
"""


def ended(body: str, *numbers: int, before: str = "default_int_handler") -> tuple[int, str, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD.format(before=before) + body],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == "ready\n"
    for number in numbers:
        process.send_signal(number)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


@pytest.mark.parametrize("body", [SLEEPS, SWALLOWS, FAILS_INSTEAD, IN_A_FINALIZER])
@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_a_signal_ends_the_program_with_one_line_whatever_becomes_of_the_exception(
    body, number, name
):
    code, out, err = ended(body, number)
    assert (code, out) == (128 + number, "")
    line = f"Stopped ({name}). What was done is kept; go on with: trading-pipeline run 'my file'\n"
    assert err == line


def test_an_interrupt_that_the_shell_ignores_stays_ignored_and_termination_still_ends():
    body = "    time.sleep(1)\n    print(stop_received(), flush=True)\n    time.sleep(30)\n"
    code, out, _ = ended(body, signal.SIGINT, signal.SIGTERM, before="SIG_IGN")
    assert (code, out) == (143, "")
    code, out, err = ended("    time.sleep(0.3)\n    print(stop_received())\n", signal.SIGINT,
                           before="SIG_IGN")  # fmt: skip
    assert (code, out, err) == (0, "None\n", "")
