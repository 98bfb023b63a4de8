"""`run` in a process of its own, stopped in the middle: nothing torn or doubled, and it goes on."""

import os
import signal
import subprocess
import sys

import pytest

from trading_pipeline.defs.instance import open_instance
from trading_pipeline.settings.environment import load_settings
from trading_pipeline_tests.pipeline_world import World, finished_runtime, pointed_at

PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
from trading_pipeline.cli import main
sys.argv = ["trading-pipeline", "run", "AAPL_1d"]
main()
"""
STOPS = [
    ("", signal.SIGINT, "Ctrl-C"),  # while it is loaded
    ("bars ", signal.SIGINT, "Ctrl-C"),
    ("models/direction ", signal.SIGTERM, "SIGTERM"),
    ("backtest ", signal.SIGINT, "Ctrl-C"),
]


def run(stop_at: str | None, number: int = 0) -> tuple[int, str]:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-c", PROGRAM]
        if stop_at == ""
        else [sys.executable, "-c", PROGRAM],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"]},
    )
    for line in process.stderr:
        if (
            stop_at is not None
            and line.startswith(stop_at or "import time:")
            and (stop_at or line.rstrip().endswith(" typer"))
        ):
            process.send_signal(number)
            break
    rest = [line for line in process.communicate()[1].splitlines() if "import time:" not in line]
    return process.returncode, "\n".join(rest[-1:])


@pytest.mark.slow
def test_a_run_that_is_stopped_again_and_again_ends_as_if_it_had_never_been(fresh_world):
    for stop_at, number, name in STOPS:
        code, said = run(stop_at, number)
        assert (code, said) == (
            128 + number,
            f"Stopped ({name}). What was done is kept; go on with: trading-pipeline run AAPL_1d",
        )
    assert run(None)[0] == 0
    whole = World(finished_runtime())
    with pointed_at(whole.runtime):
        expected = whole.counts(), whole.artifact_hashes("predictions/direction")
    assert (fresh_world.counts(), fresh_world.artifact_hashes("predictions/direction")) == expected
    statuses = [run.status.value for run in open_instance(load_settings()).get_runs()]
    assert 1 <= statuses.count("CANCELED") <= 3  # a stop may come as a run has just ended
    assert set(statuses) == {"CANCELED", "SUCCESS"}
